package elf

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/special"
	"github.com/bpfproof/bpfproof/ir/wire"
)

// programs fills obj.Programs: one for every function in a program section that
// is not static, with the functions it calls linked in behind it.
func (rd *reader) programs(obj *Object) error {
	at := rd.places()
	for _, name := range inOrder(rd.spec.Programs, at) {
		if rd.static(name) {
			continue // a function that programs beside it call
		}
		p, err := rd.program(rd.spec.Programs[name])
		if err != nil {
			return err
		}
		obj.Programs = append(obj.Programs, p)
	}
	if len(obj.Programs) == 0 {
		return rd.errorf("", "", -1, "no programs: no function lies in a program section such as \"xdp\"")
	}
	return nil
}

// static reports whether a function is local to the object.
func (rd *reader) static(name string) bool {
	s, ok := rd.function(name)
	return ok && elf.ST_BIND(s.Info) == elf.STB_LOCAL
}

// function returns the symbol of a function. Compilers before LLVM 8 gave
// functions no type.
func (rd *reader) function(name string) (elf.Symbol, bool) {
	if rd.functions == nil {
		rd.functions = map[string]elf.Symbol{}
		for _, s := range rd.symbols {
			typ := elf.ST_TYPE(s.Info)
			old, known := rd.functions[s.Name]
			better := !known || elf.ST_TYPE(old.Info) == elf.STT_NOTYPE && typ == elf.STT_FUNC
			if better && (typ == elf.STT_FUNC || typ == elf.STT_NOTYPE) && s.Section != elf.SHN_UNDEF && int(s.Section) < len(rd.file.Sections) {
				rd.functions[s.Name] = s
			}
		}
	}
	s, ok := rd.functions[name]
	return s, ok
}

// linker turns one linked instruction stream into a program.
type linker struct {
	rd    *reader
	prog  *ir.Program
	insns asm.Instructions
	funcs map[string]ir.PC
	// poisoned are calls of weak kernel functions that the kernel does not have.
	poisoned []ir.PC
}

func (rd *reader) program(ps *ebpf.ProgramSpec) (*ir.Program, error) {
	typ, attach, flags, ok := SectionProgram(ps.SectionName)
	if !ok {
		return nil, rd.errorf(ps.SectionName, ps.Name, -1, "unknown program section: its name stands for no program type")
	}
	l := &linker{rd: rd, insns: slices.Clone(ps.Instructions), funcs: map[string]ir.PC{}, prog: &ir.Program{
		Name: ps.Name, Section: ps.SectionName, Type: typ, License: ps.License,
		AttachType: attach, LoadFlags: flags, AttachTo: attachTo(typ, ps.SectionName),
	}}
	if err := l.relocateTypes(ps.ByteOrder); err != nil {
		return nil, err
	}
	l.functions()
	l.globals()
	if err := l.externs(); err != nil {
		return nil, err
	}
	if err := l.references(); err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	if err := l.insns.Marshal(&raw, ps.ByteOrder); err != nil {
		return nil, rd.errorf(ps.SectionName, ps.Name, -1, "%w", err)
	}
	insns, err := wire.Decode(raw.Bytes())
	if err != nil {
		return nil, rd.errorf(ps.SectionName, ps.Name, -1, "%w", err)
	}
	l.prog.Insns = insns
	for _, pc := range l.poisoned {
		insns[pc].Imm = poisonKfunc
	}
	if err := l.prog.Check(); err != nil {
		return nil, rd.errorf(ps.SectionName, ps.Name, -1, "%w", err)
	}
	return l.prog, nil
}

// relocateTypes applies the CO-RE relocations: field offsets, sizes and
// existence as the target kernel has them. What the kernel does not have
// becomes a call of a helper that does not exist, as libbpf does it, so that
// only a program that reaches it is rejected.
func (l *linker) relocateTypes(order binary.ByteOrder) error {
	var relos []*btf.CORERelocation
	var insns []*asm.Instruction
	for it := l.insns.Iterate(); it.Next(); {
		if relo := btf.CORERelocationMetadata(it.Ins); relo != nil {
			relos, insns = append(relos, relo), append(insns, it.Ins)
		}
	}
	if len(relos) == 0 {
		return nil
	}
	kernel, err := l.rd.kernelTypes()
	if err != nil {
		return l.rd.errorf(l.prog.Section, l.prog.Name, -1, "CO-RE relocations need the kernel's BTF: %s", oneLine(err))
	}
	fixups, err := btf.CORERelocate(relos, []*btf.Spec{kernel}, order, l.rd.spec.Types.TypeID)
	if err != nil {
		return l.rd.errorf(l.prog.Section, l.prog.Name, -1, "CO-RE relocation: %s", oneLine(err))
	}
	for i := range fixups {
		if err := fixups[i].Apply(insns[i]); err != nil {
			return l.rd.errorf(l.prog.Section, l.prog.Name, -1, "CO-RE relocation %v: %s", relos[i], oneLine(err))
		}
	}
	return nil
}

// functions records where the linked functions start and the source lines.
func (l *linker) functions() {
	for it := l.insns.Iterate(); it.Next(); {
		pc := ir.PC(it.Offset)
		if name := it.Ins.Symbol(); name != "" {
			l.funcs[name] = pc
			l.prog.Funcs = append(l.prog.Funcs, ir.Func{Name: name, PC: pc})
			if f := btf.FuncMetadata(it.Ins); f != nil {
				l.rd.funcs[name] = f
			}
		}
		if s, ok := it.Ins.Source().(*btf.Line); ok {
			l.prog.Lines = append(l.prog.Lines, ir.Line{
				PC: pc, File: s.FileName(), Line: int(s.LineNumber()), Column: int(s.LineColumn()), Text: strings.TrimSpace(s.Line()),
			})
		}
	}
}

// references resolves what instructions name: maps to their index in the
// program, functions to their distance. A name that nothing defines is an
// error.
func (l *linker) references() error {
	l.mapsUsed()
	index := map[*ir.MapSpec]int{}
	for i, m := range l.prog.Maps {
		index[m] = i
	}
	for it := l.insns.Iterate(); it.Next(); {
		ins, ref := it.Ins, it.Ins.Reference()
		switch {
		case ins.IsLoadFromMap():
			m := l.rd.byName[ref]
			if m == nil {
				return l.undefined(ir.PC(it.Offset), ref)
			}
			high := int64(0)
			if ins.Src == asm.PseudoMapValue {
				high = ins.Constant &^ 0xffffffff
			}
			ins.Constant = high | int64(index[m])
		case ref == "":
		case ins.IsFunctionReference():
			if _, ok := l.funcs[ref]; !ok {
				return l.undefined(ir.PC(it.Offset), ref)
			}
		default:
			return l.undefined(ir.PC(it.Offset), ref)
		}
	}
	return nil
}

// mapsUsed fills prog.Maps with the maps that the program refers to, and those
// that their elements refer to.
func (l *linker) mapsUsed() {
	used := map[*ir.MapSpec]bool{}
	add := func(m *ir.MapSpec) {
		if m != nil && !used[m] {
			used[m] = true
			l.prog.Maps = append(l.prog.Maps, m)
		}
	}
	for it := l.insns.Iterate(); it.Next(); {
		if it.Ins.IsLoadFromMap() {
			add(l.rd.byName[it.Ins.Reference()])
		}
	}
	for i := 0; i < len(l.prog.Maps); i++ {
		for _, e := range l.prog.Maps[i].Contents {
			add(e.Map)
		}
	}
	slices.SortFunc(l.prog.Maps, func(a, b *ir.MapSpec) int { return cmp.Compare(l.rd.order[a], l.rd.order[b]) })
}

func (l *linker) undefined(pc ir.PC, ref string) error {
	section, off := l.origin(pc)
	if ref == "" {
		return l.rd.errorf(section, "", off, "map load without a relocation that names the map")
	}
	return l.rd.errorf(section, ref, off, "no map, variable or function of that name is defined")
}

// origin returns the section and the offset in it that the slot at pc of the
// linked program comes from.
func (l *linker) origin(pc ir.PC) (section string, offset int64) {
	if len(l.prog.Funcs) > 0 {
		f := l.prog.Funcs[l.prog.FuncAt(pc)]
		if s, ok := l.rd.function(f.Name); ok {
			return l.rd.file.Sections[s.Section].Name, int64(s.Value) + slotBytes*int64(pc-f.PC)
		}
	}
	return l.prog.Section, -1
}

// Names returns the names of the object's programs, in order.
func (o *Object) Names() []string {
	names := make([]string, len(o.Programs))
	for i, p := range o.Programs {
		names[i] = p.Name
	}
	return names
}

// Find returns the programs to work on: all if name is "", otherwise the one
// with that name.
func (o *Object) Find(name string) ([]*ir.Program, error) {
	if name == "" {
		return o.Programs, nil
	}
	if p := o.Program(name); p != nil {
		return []*ir.Program{p}, nil
	}
	return nil, fmt.Errorf("elf: find program %q: %s has only %s", name, o.Name, quoteAll(o.Names()))
}

// globals notes the prototypes of the functions that are global, so that the
// verifier takes them by these and not by their callers.
func (l *linker) globals() {
	for i := range l.prog.Funcs {
		f := &l.prog.Funcs[i]
		if s, ok := l.rd.function(f.Name); ok && elf.ST_VISIBILITY(s.Other) == elf.STV_HIDDEN {
			continue // loaders make such functions static
		}
		if t := l.rd.funcs[f.Name]; i > 0 && t != nil && t.Linkage == btf.GlobalFunc {
			f.Global = special.Prototype(t, l.prog.Type)
		}
	}
}
