package kernel

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/wire"
	"github.com/bpfproof/bpfproof/jit"
)

// Observer reads off a live kernel what compiled programs refer to: where its
// functions and maps are, and how it lays out what tail calls go through. It is
// for one goroutine.
type Observer struct {
	facts jit.LinuxFacts
	names map[uint64]string // of functions
	maps  *link.Iter        // nil: maps cannot be listed
}

// thunkBytes is the distance between the thunks of two registers
// (arch/x86/lib/retpoline.S, THUNK aligned to RETPOLINE_THUNK_SIZE).
const thunkBytes = 32

// returnThunks are the kernel's functions that a return may go through: they
// return, with what a processor needs against speculation
// (arch/x86/lib/retpoline.S).
var returnThunks = []string{"__x86_return_thunk", "srso_return_thunk", "srso_alias_return_thunk", "retbleed_return_thunk", "its_return_thunk"}

// jumpThunks are where such functions start that jump to where a register
// points, one for each register.
var jumpThunks = []string{"__x86_indirect_thunk_array", "__x86_indirect_jump_thunk_array"}

// NewObserver reads what does not change as long as the kernel runs. What the
// kernel does not show is 0: without its symbols no call can be judged.
func NewObserver() (*Observer, error) {
	o := &Observer{}
	symbols, names, err := readSymbols()
	if err != nil {
		return nil, fmt.Errorf("kernel: read symbols: %w", err)
	}
	o.names = names
	o.facts.CallBase, o.facts.TimedMayGoto = symbols["__bpf_call_base"], symbols["arch_bpf_timed_may_goto"]
	for _, name := range returnThunks {
		if at := symbols[name]; at != 0 {
			o.facts.Returns = append(o.facts.Returns, at)
		}
	}
	o.facts.Jumps = map[uint64]uint8{}
	for _, name := range jumpThunks {
		for r := range uint8(16) {
			if at := symbols[name]; at != 0 {
				o.facts.Jumps[at+thunkBytes*uint64(r)] = r
			}
		}
	}
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, fmt.Errorf("kernel: read types: %w", err)
	}
	var id int16
	for _, want := range []struct {
		to             *int16
		structure, mem string
	}{{&o.facts.MaxEntries, "bpf_map", "max_entries"}, {&o.facts.ArrayPtrs, "bpf_array", "ptrs"}, {&o.facts.ProgFunc, "bpf_prog", "bpf_func"}, {&id, "bpf_map", "id"}} {
		if *want.to, err = memberOffset(spec, want.structure, want.mem); err != nil {
			return nil, fmt.Errorf("kernel: read types: %w", err)
		}
	}
	o.facts.Members = map[string]int16{}
	for _, name := range jit.LinuxMembers() { // what is not there is not matched
		structure, member, _ := strings.Cut(name, ".")
		if off, err := memberOffset(spec, structure, member); err == nil {
			o.facts.Members[name] = off
		}
	}
	o.maps, _ = listMaps(id) // without it the addresses of maps are not known
	return o, nil
}

// Close gives back what the observer holds.
func (o *Observer) Close() error {
	if o.maps == nil {
		return nil
	}
	return o.maps.Close()
}

// readSymbols returns the addresses of the kernel's functions, which are 0 where
// it hides them, and their names. Of several names for an address the first counts.
func readSymbols() (at map[string]uint64, names map[uint64]string, err error) {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	at, names = map[string]uint64{}, map[uint64]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 || !strings.ContainsAny(fields[1], "tTwW") {
			continue
		}
		addr, err := strconv.ParseUint(fields[0], 16, 64)
		if err != nil {
			return nil, nil, err
		}
		if _, known := at[fields[2]]; !known {
			at[fields[2]] = addr
		}
		if _, known := names[addr]; !known && addr != 0 {
			names[addr] = fields[2]
		}
	}
	return at, names, lines.Err()
}

// memberOffset returns the offset in bytes of a member of a kernel's structure,
// those of its unnamed parts included.
func memberOffset(spec *btf.Spec, structure, member string) (int16, error) {
	var s *btf.Struct
	if err := spec.TypeByName(structure, &s); err != nil {
		return 0, err
	}
	if off, ok := findMember(s.Members, member); ok && off%8 == 0 && off/8 < 1<<15 {
		return int16(off / 8), nil
	}
	return 0, fmt.Errorf("struct %s has no member %s", structure, member)
}

func findMember(members []btf.Member, name string) (bits uint32, ok bool) {
	for _, m := range members {
		if m.Name == name {
			return uint32(m.Offset), true
		}
		var inner []btf.Member
		switch t := btf.UnderlyingType(m.Type).(type) {
		case *btf.Struct:
			inner = t.Members
		case *btf.Union:
			inner = t.Members
		}
		if m.Name != "" {
			continue
		}
		if off, ok := findMember(inner, name); ok {
			return uint32(m.Offset) + off, true
		}
	}
	return 0, false
}

// listing is what the program of listMaps writes of a map: its address and its
// id.
const listing = 16

// listMaps makes an iterator over all maps of the kernel that tells where they
// are: the kernel itself hands their addresses to the iterator's program
// (kernel/bpf/map_iter.c). id is where struct bpf_map has the map's id.
func listMaps(id int16) (*link.Iter, error) {
	code := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R7, asm.R1, 8, asm.DWord), // the map; none at the end
		asm.JEq.Imm(asm.R7, 0, "out"),
		asm.StoreMem(asm.RFP, -16, asm.R7, asm.DWord),
		asm.LoadMem(asm.R1, asm.R7, id, asm.Word),
		asm.StoreMem(asm.RFP, -8, asm.R1, asm.DWord),
		asm.LoadMem(asm.R1, asm.R6, 0, asm.DWord), // the iterator's state
		asm.LoadMem(asm.R1, asm.R1, 0, asm.DWord), // the file that is read
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -listing),
		asm.Mov.Imm(asm.R3, listing),
		asm.FnSeqWrite.Call(),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("out"),
		asm.Return(),
	}
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "map_addresses", Type: ebpf.Tracing, AttachType: ebpf.AttachTraceIter, AttachTo: "bpf_map", License: "GPL", Instructions: code})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return link.AttachIter(link.IterOptions{Program: p})
}

// addresses returns where the kernel's maps are, by their ids.
func (o *Observer) addresses() (map[uint32]uint64, error) {
	if o.maps == nil {
		return nil, nil
	}
	f, err := o.maps.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	found := map[uint32]uint64{}
	for {
		var entry [listing]byte
		switch _, err := io.ReadFull(f, entry[:]); {
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return nil, err
		}
		found[binary.LittleEndian.Uint32(entry[8:])] = binary.LittleEndian.Uint64(entry[:])
	}
}

// Linux returns what the kernel shows of a program, with what its image refers
// to. The error is a *HiddenError where the kernel does not show the image.
func (o *Observer) Linux(p *Program) (*jit.LinuxImage, error) {
	slots, err := p.Translated()
	if err != nil {
		return nil, err
	}
	img, err := p.Image()
	if err != nil {
		return nil, err
	}
	linux := &jit.LinuxImage{Name: p.source.Name, Slots: slots, Text: img.Text, LinuxFacts: o.facts}
	depths := p.report.Stats.StackDepths
	for i, f := range img.Funcs {
		stack := int32(-1)
		if len(depths) == len(img.Funcs) {
			stack = int32(depths[i])
		}
		linux.Funcs = append(linux.Funcs, jit.LinuxFunc{Addr: f.Addr, Off: f.Off, Len: f.Len, Stack: stack})
	}
	for _, l := range img.Lines {
		linux.Lines = append(linux.Lines, jit.LinuxLine{PC: l.PC, Slot: ir.PC(l.Translated)})
	}
	o.callees(linux)
	if linux.Maps, err = o.addresses(); err != nil {
		return nil, fmt.Errorf("kernel: list maps: %w", err)
	}
	linux.Values, err = o.values(p, linux)
	return linux, err
}

// callees names the kernel's functions that the translated program calls by their
// distance from the kernel's own __bpf_call_base.
func (o *Observer) callees(linux *jit.LinuxImage) {
	const opCall, local = 0x85, 1
	linux.Calls = map[uint64]string{}
	for slot := linux.Slots; len(slot) >= wire.SlotSize; slot = slot[wire.SlotSize:] {
		if slot[0] != opCall || slot[1]>>4 == local {
			continue
		}
		addr := o.facts.CallBase + uint64(int64(int32(binary.LittleEndian.Uint32(slot[4:]))))
		if name := o.names[addr]; name != "" {
			linux.Calls[addr] = name
		}
	}
}

// values notes the ids of the program's maps, and returns where the first values of
// array maps are: in struct bpf_array itself (array_map_direct_value_addr in
// kernel/bpf/arraymap.c).
func (o *Observer) values(p *Program, linux *jit.LinuxImage) (map[uint32]uint64, error) {
	found := map[uint32]uint64{}
	for _, m := range p.maps {
		info, err := m.m.Info()
		if err != nil {
			return nil, fmt.Errorf("kernel: read map %q: %w", m.spec.Name, err)
		}
		id, _ := info.ID()
		linux.MapIDs = append(linux.MapIDs, uint32(id))
		if at := linux.Maps[uint32(id)]; at != 0 && m.spec.Type == ir.Array {
			found[uint32(id)] = at + uint64(o.facts.ArrayPtrs)
		}
	}
	return found, nil
}
