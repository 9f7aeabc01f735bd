package ir

import (
	"iter"
	"sort"
)

// Program is one eBPF program with all that it refers to.
type Program struct {
	Name    string
	Section string // ELF section, "" if the program does not come from an object
	Type    ProgType
	License string
	// AttachType and LoadFlags are expected_attach_type and prog_flags of bpf(2)
	// BPF_PROG_LOAD, 0 if the type needs none.
	AttachType uint32
	LoadFlags  uint32
	// AttachTo names what of the kernel the program is made for where its type
	// demands that (attach_btf_id): a function, a tracepoint, a hook or an iterator,
	// without what the kernel's names of these begin with.
	AttachTo string
	Insns    []Insn     // indexed by PC; see the package comment
	Maps     []*MapSpec // those that instructions name, and those that elements of such maps refer to
	Funcs    []Func     // the program's subprograms in order of PC; Funcs[0] starts at 0
	Lines    []Line     // in order of PC; may be empty
	Externs  []Extern   // in order of PC; may be empty
}

// Extern names the function or variable of the kernel that the call or 64-bit
// load at PC refers to by its BTF id.
type Extern struct {
	PC   PC
	Name string
	ID   uint32
}

// Func is a subprogram: it reaches to the next one's PC or the program's end.
type Func struct {
	Name string
	PC   PC
	// Global is what the function takes and gives if it is global; nil if it is
	// static, or the main program.
	Global *Prototype
}

// Line ties the instructions from PC on to a place in the source.
type Line struct {
	PC     PC
	File   string
	Line   int    // counted from 1
	Column int    // counted from 1
	Text   string // the source line, blanks cut
}

// Slots returns the program's length in slots.
func (p *Program) Slots() PC { return PC(len(p.Insns)) }

// Count returns the number of instructions, a 64-bit load counting once.
func (p *Program) Count() int {
	n := 0
	for range p.All() {
		n++
	}
	return n
}

// All iterates over the instructions with their PCs, passing over padding.
func (p *Program) All() iter.Seq2[PC, Insn] {
	return func(yield func(PC, Insn) bool) {
		for pc, in := range p.Insns {
			if in.Op != OpPad && !yield(PC(pc), in) {
				return
			}
		}
	}
}

// FuncAt returns the index in Funcs of the subprogram that pc belongs to, 0 if
// the program lists none.
func (p *Program) FuncAt(pc PC) int {
	after := sort.Search(len(p.Funcs), func(i int) bool { return p.Funcs[i].PC > pc })
	return max(after-1, 0)
}

// LineAt returns the source line of pc; ok is false if it is not known.
func (p *Program) LineAt(pc PC) (l Line, ok bool) {
	after := sort.Search(len(p.Lines), func(i int) bool { return p.Lines[i].PC > pc })
	if after == 0 {
		return Line{}, false
	}
	return p.Lines[after-1], true
}

// MapSpec describes a map as bpf(2) BPF_MAP_CREATE takes it. Sizes are in
// bytes.
type MapSpec struct {
	Name       string
	Type       MapType
	KeySize    uint32
	ValueSize  uint32
	MaxEntries uint32
	Flags      uint32
	Inner      *MapSpec // of map-in-map kinds
	Contents   []MapElem
	Extra      uint64       // map_extra of bpf(2): hash functions of a bloom filter, address of an arena
	Frozen     bool         // contents never change after load: .rodata
	PinByName  bool         // the map is to outlive the process, under its name (LIBBPF_PIN_BY_NAME)
	Opaque     bool         // values hold kernel objects (lock, timer, kptr), which are no plain bytes
	BTF        any          // type information of the loader that read the map; nil if none
	Fields     []ValueField // where the kernel objects are; all of them if Opaque is not set
}

// MapElem is an initial element of a map. Where the value is a reference, Value
// is nil and one of Map and Program says to what.
type MapElem struct {
	Key, Value []byte
	Map        *MapSpec // of map-in-map kinds
	Program    string   // of a program array: the name of a program of the same object
}
