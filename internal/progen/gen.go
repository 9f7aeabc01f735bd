package progen

import (
	"github.com/bpfproof/bpfproof/ir"
)

// New returns the program that the choices and options lead to. It has passed
// ir.Program.Check, its Funcs are filled in, and it has a license for GPL-only
// helpers.
func New(c Choices, o Options) *ir.Program {
	g := &gen{draw: draw{c}, o: o.withDefaults(), p: &ir.Program{Name: "random", Type: o.Type, License: "GPL"}}
	if o.Type == ir.Syscall {
		g.p.LoadFlags = sleepable
	}
	callees := 0
	if g.has(Calls) {
		callees = g.weighted([]int{2, 3, 2, 1})
	}
	// Leaves come first: a function calls only those that are there.
	for range callees {
		g.funcs = append(g.funcs, g.callee())
	}
	main := g.main()
	g.link(main)
	return g.p
}

// sleepable is BPF_F_SLEEPABLE, which the kernel demands of Syscall programs.
const sleepable = 1 << 4

// gen is the making of one program.
type gen struct {
	draw
	o     Options
	p     *ir.Program
	funcs []*function // callees that are ready
	maps  [numMaps]int
}

func (g *gen) has(f Feature) bool { return g.o.Features&f != 0 }

// The maps that a program may have.
const (
	globals = iota
	array
	hash
	numMaps
)

const (
	globalsSize = InputBytes // as for packets, the last 8 bytes are for the result
	arraySize   = 24
	hashSize    = 16
	entries     = 4 // of the array; the hash has twice as many
)

// mapIndex returns the index in Program.Maps of a map, which it adds on first
// use.
func (g *gen) mapIndex(which int) int64 {
	if g.maps[which] == 0 {
		spec := [...]ir.MapSpec{
			globals: {Name: "globals", Type: ir.Array, KeySize: 4, ValueSize: globalsSize, MaxEntries: 1},
			array:   {Name: "array", Type: ir.Array, KeySize: 4, ValueSize: arraySize, MaxEntries: entries},
			hash:    {Name: "hash", Type: ir.Hash, KeySize: 8, ValueSize: hashSize, MaxEntries: 2 * entries},
		}[which]
		g.p.Maps = append(g.p.Maps, &spec)
		g.maps[which] = len(g.p.Maps)
	}
	return int64(g.maps[which] - 1)
}

// link places the main program and the functions that it reaches.
func (g *gen) link(main *function) {
	placed := map[*function]ir.PC{}
	var order []*function
	at := ir.PC(0)
	var place func(f *function)
	place = func(f *function) {
		if _, done := placed[f]; done {
			return
		}
		placed[f] = at
		at += ir.PC(len(f.insns))
		order = append(order, f)
		for _, c := range f.calls {
			place(c.callee)
		}
	}
	place(main)
	for _, f := range order {
		for _, c := range f.calls {
			f.insns[c.at].Imm = int64(placed[c.callee] - placed[f] - ir.PC(c.at) - 1)
		}
		g.p.Insns = append(g.p.Insns, f.insns...)
	}
	g.p.FindFuncs()
	for i := 1; i < len(order) && g.o.Global; i++ {
		g.p.Funcs[i].Global = order[i].prototype()
	}
}

// prototype returns what a callee takes.
func (f *function) prototype() *ir.Prototype {
	t := &ir.Prototype{}
	if f.buffer {
		t.Params = append(t.Params, ir.Param{Kind: ir.ParamMem, Size: bufferSize})
	}
	for range f.args {
		t.Params = append(t.Params, ir.Param{Kind: ir.ParamNumber})
	}
	return t
}

// regSet is a set of registers.
type regSet uint16

func setOf(regs ...ir.Reg) (s regSet) {
	for _, r := range regs {
		s |= 1 << r
	}
	return s
}

func (s regSet) has(r ir.Reg) bool { return s&(1<<r) != 0 }

// clobbered are the registers that a call leaves without a value, argument
// registers without r0.
var clobbered = setOf(ir.R1, ir.R2, ir.R3, ir.R4, ir.R5)

const general regSet = 1<<10 - 1 // r0 to r9

// region is memory that may be accessed at base+lo up to base+hi.
type region struct {
	base    ir.Reg
	lo, hi  int  // bytes from base, lo a multiple of 8
	aligned bool // accesses must be naturally aligned
	atomic  bool // atomic operations are allowed
}

// function is one function in the making. It keeps for the current place which
// registers hold numbers: at a label, those that do on all ways to it.
//
// r0 and r6 hold numbers between any two steps, so there is always one to read.
type function struct {
	*gen
	insns   []ir.Insn
	numbers regSet // registers with a number
	pinned  regSet // registers that must not be written: pointers and counters
	regions []region
	labels  []label
	calls   []call
	args    int  // numbers it takes
	buffer  bool // its first argument is the address of bufferSize bytes of the caller's stack
	stack   int  // bytes of the frame that hold numbers
	short   []int
	left    int // steps to go
	loops   int // loops around
	turns   int // product of their turns
	steps   int // bound of instructions executed so far, callees' included
}

// label is a forward jump that waits for its target.
type label struct {
	at      int // index of the jump
	numbers regSet
}

type call struct {
	at     int
	callee *function
}

func (f *function) emit(in ir.Insn) {
	f.insns = append(f.insns, in)
	if in.Row().Slots() == 2 {
		f.insns = append(f.insns, ir.Pad())
	}
	f.steps += max(f.turns, 1)
}

func (f *function) alu(op ir.ALUOp, dst ir.Reg, imm int64) {
	f.emit(ir.Insn{Op: ir.OpALU(op, ir.W64, ir.K), Dst: dst, Imm: imm})
}

func (f *function) alux(op ir.ALUOp, dst, src ir.Reg) {
	f.emit(ir.Insn{Op: ir.OpALU(op, ir.W64, ir.X), Dst: dst, Src: src})
}

// pick returns a register of the set, which must not be empty.
func (f *function) pick(s regSet) ir.Reg {
	var list []ir.Reg
	for r := range ir.FP {
		if s.has(r) {
			list = append(list, r)
		}
	}
	return list[f.IntN(len(list))]
}

// number returns a register to read.
func (f *function) number() ir.Reg { return f.pick(f.numbers) }

// scratch returns one of r1-r5 to hold a pointer for a while: it is pinned, and
// no number until release.
func (f *function) scratch() ir.Reg {
	r := f.pick(clobbered &^ f.pinned)
	f.hold(r)
	return r
}

func (f *function) hold(r ir.Reg) {
	f.pinned |= setOf(r)
	f.numbers &^= setOf(r)
}

func (f *function) release(r ir.Reg) { f.pinned &^= setOf(r) }

// jump adds a forward jump whose target is set by land.
func (f *function) jump(in ir.Insn) label {
	f.emit(in)
	return label{len(f.insns) - 1, f.numbers}
}

// land makes the current place the target of a jump.
func (f *function) land(l label) {
	d := len(f.insns) - l.at - 1
	if in := &f.insns[l.at]; in.Row().Long {
		in.Imm = int64(d)
	} else {
		in.Off = int16(d)
	}
	f.numbers &= l.numbers
}

// landSome gives labels from index base on their target here, all of them or by
// chance.
func (f *function) landSome(base int, all bool) {
	for i := base; i < len(f.labels); {
		if !all && !f.oneIn(5) {
			i++
			continue
		}
		f.land(f.labels[i])
		f.labels = append(f.labels[:i], f.labels[i+1:]...)
	}
}
