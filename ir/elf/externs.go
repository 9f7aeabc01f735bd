package elf

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"

	"github.com/bpfproof/bpfproof/ir"
)

// ksymsSection is the section of the kernel's functions and variables that an
// object declares. It exists in BTF only.
const ksymsSection = ".ksyms"

// poisonKfunc is what a call of a weak function that the kernel does not have
// becomes: the call of a helper that does not exist, so that only a program
// that reaches it is rejected. libbpf's number for it.
const poisonKfunc = 2002000000

// pseudoBTFVar marks a 64-bit load of a kernel object by BTF id
// (BPF_PSEUDO_BTF_ID).
const pseudoBTFVar = asm.R3

// ksym is a function or variable that the object declares in .ksyms.
type ksym struct {
	name string
	typ  btf.Type // of the declaration; nil for a variable without type
	fn   bool
}

// loadKsyms reads the declarations of .ksyms with their types.
func (rd *reader) loadKsyms() error {
	var err error
	if rd.types, err = rd.indexTypes(); err != nil {
		return err
	}
	if rd.types == nil || !rd.types.declares(ksymsSection) {
		return nil
	}
	types, err := btf.LoadSpecFromReader(bytes.NewReader(rd.types.raw))
	if err != nil {
		return rd.errorf(".BTF", "", -1, "malformed: %s", oneLine(err))
	}
	var ds *btf.Datasec
	if err := types.TypeByName(ksymsSection, &ds); err != nil {
		return rd.errorf(".BTF", "", -1, "malformed: %s", oneLine(err))
	}
	rd.ksyms = map[string]ksym{}
	for _, v := range ds.Vars {
		k := ksym{name: v.Type.TypeName()}
		switch t := v.Type.(type) {
		case *btf.Func:
			k.typ, k.fn = t.Type, true
		case *btf.Var:
			if _, void := btf.UnderlyingType(t.Type).(*btf.Void); !void {
				k.typ = t.Type
			}
		}
		rd.ksyms[k.name] = k
	}
	return nil
}

// weak reports whether something that the object uses and does not define may
// be missing.
func (rd *reader) weak(name string) bool {
	if rd.isWeak == nil {
		rd.isWeak = map[string]bool{}
		for _, s := range rd.symbols {
			if s.Section == elf.SHN_UNDEF && elf.ST_BIND(s.Info) == elf.STB_WEAK {
				rd.isWeak[s.Name] = true
			}
		}
	}
	return rd.isWeak[name]
}

// externs resolves what instructions refer to in the kernel: variables of
// .kconfig become variables of that map, functions and typed variables of
// .ksyms the BTF ids of the kernel, and variables without type their addresses.
func (l *linker) externs() error {
	for it := l.insns.Iterate(); it.Next(); {
		ins, pc := it.Ins, ir.PC(it.Offset)
		var err error
		switch name := ins.Reference(); {
		case ins.IsKfuncCall():
			err = l.kernelCall(ins, pc, name)
		case ins.OpCode.IsDWordLoad() && ins.Src == asm.R0 && name != "":
			if k, ok := l.rd.ksyms[name]; ok {
				err = l.kernelAddress(ins, pc, k)
			}
		case ins.IsLoadFromMap() && ins.Src == asm.PseudoMapValue && name == "":
			err = l.configVariable(ins, pc)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// configVariable makes the load of a .kconfig variable a load of the address in
// its map. The library tells by no means which variable it is, so the
// relocation is looked up.
func (l *linker) configVariable(ins *asm.Instruction, pc ir.PC) error {
	var ds *btf.Datasec
	if l.rd.spec.Types == nil || l.rd.spec.Types.TypeByName(kconfigSection, &ds) != nil {
		return nil
	}
	name := l.relocation(pc)
	for _, v := range ds.Vars {
		if v.Type.TypeName() == name {
			*ins = ins.WithReference(kconfigSection)
			ins.Constant = int64(uint64(v.Offset) << 32)
			return nil
		}
	}
	return nil
}

// relocation returns the name of the undefined symbol that the instruction at
// pc refers to, "" if there is none.
func (l *linker) relocation(pc ir.PC) string {
	section, off := l.origin(pc)
	return l.rd.relocations()[relocPlace{section, off}]
}

// relocPlace is an instruction that has a relocation.
type relocPlace struct {
	section string
	off     int64
}

// relocations returns the names of undefined symbols by the places that refer to
// them, read once.
func (rd *reader) relocations() map[relocPlace]string {
	if rd.relocs != nil {
		return rd.relocs
	}
	rd.relocs = map[relocPlace]string{}
	for _, s := range rd.file.Sections {
		if s.Type != elf.SHT_REL || int(s.Info) >= len(rd.file.Sections) {
			continue
		}
		data, err := s.Data()
		if err != nil {
			continue // the library has read it, or has no use for it
		}
		for ; len(data) >= 16; data = data[16:] {
			n := int(binary.LittleEndian.Uint64(data[8:])>>32) - 1
			if n >= 0 && n < len(rd.symbols) && rd.symbols[n].Section == elf.SHN_UNDEF {
				rd.relocs[relocPlace{rd.file.Sections[s.Info].Name, int64(binary.LittleEndian.Uint64(data))}] = rd.symbols[n].Name
			}
		}
	}
	return rd.relocs
}

var errNotInKernel = errors.New("the kernel has no such symbol, and it is not weak")

// kernelCall resolves the call of a kernel function.
func (l *linker) kernelCall(ins *asm.Instruction, pc ir.PC, name string) error {
	id, err := l.rd.kernelType(l.rd.ksyms[name])
	if err != nil && l.rd.weak(name) && errors.Is(err, errNotInKernel) {
		*ins = ins.WithReference("")
		ins.Src, ins.Offset, ins.Constant = asm.R0, 0, 0 // the library encodes no number as large
		l.poisoned = append(l.poisoned, pc)
		return nil
	}
	if err != nil {
		section, off := l.origin(pc)
		return l.rd.errorf(section, name, off, "kernel function: %w", err)
	}
	*ins = ins.WithReference("")
	ins.Constant, ins.Offset = int64(id), 0
	l.prog.Externs = append(l.prog.Externs, ir.Extern{PC: pc, Name: name, ID: uint32(id)})
	return nil
}

// kernelAddress resolves the load of the address of something in the kernel:
// by BTF id where it has a type, by number where it has none.
func (l *linker) kernelAddress(ins *asm.Instruction, pc ir.PC, k ksym) error {
	var id btf.TypeID
	var addr uint64
	var err error
	if k.typ != nil {
		id, err = l.rd.kernelType(k)
	} else {
		addr, err = l.rd.kernelSymbol(k.name)
	}
	switch {
	case errors.Is(err, errNotInKernel) && l.rd.weak(k.name):
		*ins = ins.WithReference("")
		ins.Constant = 0
		return nil
	case err != nil:
		section, off := l.origin(pc)
		return l.rd.errorf(section, k.name, off, "kernel symbol: %w", err)
	}
	*ins = ins.WithReference("")
	ins.Constant = int64(addr)
	if k.typ != nil {
		ins.Src, ins.Constant = pseudoBTFVar, int64(id)
		l.prog.Externs = append(l.prog.Externs, ir.Extern{PC: pc, Name: k.name, ID: uint32(id)})
	}
	return nil
}

// kernelType returns the BTF id of the kernel's function or variable that the
// declaration stands for. Only vmlinux is searched, not modules. A "___" in the
// name and what follows are the object's own, as for CO-RE.
func (rd *reader) kernelType(k ksym) (btf.TypeID, error) {
	kernel, err := rd.kernelTypes()
	if err != nil {
		return 0, fmt.Errorf("resolving it needs the kernel's BTF: %s", oneLine(err))
	}
	name, _, _ := strings.Cut(k.name, "___")
	list, err := kernel.AnyTypesByName(name)
	if err != nil && !errors.Is(err, btf.ErrNotFound) {
		return 0, errors.New(oneLine(err))
	}
	var mismatch error
	for _, t := range list {
		var typ btf.Type
		switch t := t.(type) {
		case *btf.Func:
			if k.fn {
				typ = t.Type
			}
		case *btf.Var:
			if !k.fn {
				typ = t.Type
			}
		}
		if typ == nil {
			continue
		}
		if err := btf.CheckTypeCompatibility(k.typ, typ); err != nil {
			mismatch = fmt.Errorf("declared with another type than the kernel's: %s: %w", oneLine(err), errNotInKernel)
			continue
		}
		return kernel.TypeID(t)
	}
	if mismatch != nil {
		return 0, mismatch
	}
	return 0, errNotInKernel
}

// kernelTypes returns the types that the object is read against.
func (rd *reader) kernelTypes() (*btf.Spec, error) {
	if rd.opts.Kernel != nil {
		return rd.opts.Kernel, nil
	}
	if rd.running == nil {
		spec, err := btf.LoadKernelSpec() // a copy, which reads anew what it is asked
		if err != nil {
			return nil, err
		}
		rd.running = spec
	}
	return rd.running, nil
}

// kernelSymbol returns an address of the kernel.
func (rd *reader) kernelSymbol(name string) (uint64, error) {
	name, _, _ = strings.Cut(name, "___")
	if rd.opts.Symbols != nil || rd.opts.Kernel != nil {
		if addr := rd.opts.Symbols[name]; addr != 0 {
			return addr, nil
		}
		return 0, errNotInKernel
	}
	if err := rd.readAddresses(); err != nil {
		return 0, err
	}
	switch addr, ok := rd.addrs[name]; {
	case !ok:
		return 0, errNotInKernel
	case addr == 0:
		return 0, errors.New("the running kernel hides its addresses (kptr_restrict)")
	default:
		return addr, nil
	}
}

// readAddresses reads the running kernel's addresses of the symbols that the
// object declares, once. Those of modules are passed over.
func (rd *reader) readAddresses() error {
	if rd.addrs != nil {
		return nil
	}
	wanted := map[string]bool{}
	for name := range rd.ksyms {
		name, _, _ = strings.Cut(name, "___")
		wanted[name] = true
	}
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return fmt.Errorf("addresses of the running kernel: %w", err)
	}
	defer f.Close()
	addrs := map[string]uint64{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 || !wanted[fields[2]] {
			continue
		}
		addr, err := strconv.ParseUint(fields[0], 16, 64)
		if err != nil {
			return fmt.Errorf("addresses of the running kernel: %w", err)
		}
		if _, twice := addrs[fields[2]]; !twice {
			addrs[fields[2]] = addr
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("addresses of the running kernel: %w", err)
	}
	rd.addrs = addrs
	return nil
}
