package verifier

import (
	"context"
	"fmt"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// Path is the way on which the walk met what it refused: the instructions from
// the program's entry on, with the state before each. It is made on demand, by
// walking again twice, so that a walk nobody asks about pays nothing.
type Path struct {
	// Steps are the instructions in order; the last one was refused.
	Steps []PathStep
	// Skipped is how many steps before the first were left out, because the path
	// is longer than MaxPath.
	Skipped int
	// Failed is the demand of the last instruction that was not met.
	Failed Demand

	look func(step int, at Place) Value
}

// MaxPath bounds the steps of a Path.
const MaxPath = 20_000

// PathStep is one instruction of a path.
type PathStep struct {
	PC    ir.PC
	Frame int // index of the running function's frame: 0 is the main program's
}

// Demand is an obligation of an instruction, as far as it concerns a register.
type Demand struct {
	Reg   ir.Reg // the register; NoReg if the demand concerns none
	Other ir.Reg // what is stored, added or compared; NoReg if there is none
	Size  int    // bytes of the access that the demand is about, 0 if it is about none
	Write bool   // the access writes
	Arg   abi.Arg
}

// NoReg stands for no register in a Demand.
const NoReg = noReg

// Place is a register of a frame, or eight aligned bytes of its stack.
type Place struct {
	Frame int
	Stack bool
	Reg   ir.Reg // of a register
	Slot  int    // of a stack slot: the bytes [-8(Slot+1), -8 Slot) from r10
}

// String returns "R1", or "fp-8"; with a frame other than the main program's
// in front.
func (p Place) String() string {
	name := fmt.Sprintf("R%d", p.Reg)
	if p.Stack {
		name = fmt.Sprintf("fp-%d", slotSize*(p.Slot+1))
	}
	if p.Frame > 0 {
		return fmt.Sprintf("frame%d:%s", p.Frame, name)
	}
	return name
}

// Value is what a state says of a place, without naming the domain.
type Value struct {
	Kind    string // as in the kernel's log, such as "scalar" or "map_value"; "" if it must not be read
	Pointer bool
	Null    bool   // the pointer may be 0
	Link    uint32 // places with the same number other than 0 know of each other
	Off     int64  // fixed part of a pointer's offset
	Room    int64  // of a packet pointer: bytes known to be there from its object and variable part
	Frame   int    // of a stack pointer
	Map     int    // of a pointer to a map's value or key: index in Program.Maps, -1 if it has none
	Memory  int64  // of a pointer to a block: its size in bytes, -1 if it has none
	Bounds  absint.Bounds
}

// At returns what the state before a step says of a place. A place of a frame
// that is not there has the zero value.
func (p *Path) At(step int, at Place) Value { return p.look(step, at) }

// Path returns the path to what was refused, nil if the verdict is not reject
// or the refusal does not concern one path.
func (r *Report) Path() (*Path, error) {
	if r.Verdict != Reject || r.Invariants == nil || r.Invariants.path == nil {
		return nil, nil
	}
	return r.Invariants.path()
}

// tracer notes the way of every path, or keeps the states of one.
type tracer[E comparable] struct {
	nodes []traceNode
	keep  map[int32]int // the path's nodes and their steps; nil in the first walk
	kept  []state[E]    // by step
}

type traceNode struct {
	pc     ir.PC
	parent int32
}

// visit adds a step and returns its number.
func (t *tracer[E]) visit(pc ir.PC, s *state[E], parent int32) int32 {
	n := int32(len(t.nodes))
	t.nodes = append(t.nodes, traceNode{pc, parent})
	if i, ok := t.keep[n]; ok {
		t.kept[i].copyFrom(s)
	}
	return n
}

// way returns the nodes from the entry to the last one visited.
func (t *tracer[E]) way() []int32 {
	var nodes []int32
	for n := int32(len(t.nodes)) - 1; n >= 0; n = t.nodes[n].parent {
		nodes = append(nodes, n)
	}
	for i, j := 0, len(nodes)-1; i < j; i, j = i+1, j-1 {
		nodes[i], nodes[j] = nodes[j], nodes[i]
	}
	return nodes
}

// path walks twice: to learn which steps lead to the end, and to keep their
// states. Both walks are the same one, since the walk is deterministic.
func (o *over[E]) path(newWalk func() *engine[E]) (*Path, error) {
	first := &tracer[E]{}
	e := newWalk()
	e.emit = &emitter[E]{last: -1, trace: first}
	if err := e.run(context.Background()); err != nil {
		return nil, err
	}
	way := first.way()
	if len(way) == 0 || len(e.findings) == 0 {
		return nil, nil
	}
	p := &Path{Skipped: max(0, len(way)-MaxPath)}
	way = way[p.Skipped:]
	t := &tracer[E]{keep: map[int32]int{}, kept: make([]state[E], len(way))}
	for i, n := range way {
		t.keep[n] = i
	}
	e = newWalk()
	e.emit = &emitter[E]{last: -1, trace: t}
	if err := e.run(context.Background()); err != nil {
		return nil, err
	}
	for i, n := range way {
		p.Steps = append(p.Steps, PathStep{PC: t.nodes[n].pc, Frame: len(t.kept[i].frames) - 1})
	}
	last := len(way) - 1
	p.Failed = e.failed(&t.kept[last], p.Steps[last].PC)
	p.look = func(step int, at Place) Value { return e.value(&t.kept[step], at) }
	return p, nil
}

// failed returns the first demand of the instruction that does not hold in s.
func (e *engine[E]) failed(s *state[E], pc ir.PC) Demand {
	in := e.prog.Insns[pc]
	for _, ob := range obligations(nil, in, e.prog.Type) {
		if d := e.decide(s, pc, in, &ob); d.outcome == violated {
			return demandOf(in, &ob)
		}
	}
	return Demand{Reg: NoReg, Other: NoReg}
}

// demandOf returns an obligation without its rule.
func demandOf(in ir.Insn, ob *obligation) Demand {
	d := Demand{Reg: ob.reg, Other: ob.other, Size: int(ob.size), Write: ob.mode&write != 0, Arg: ob.arg}
	switch ob.rule {
	case ruleModelled, ruleOperand, ruleMapRef, ruleHelper, ruleFrame, ruleHeld:
		d.Reg = NoReg
	}
	switch ob.rule {
	case ruleAccess, ruleArith, ruleLeak, ruleCompare:
	default:
		d.Other = NoReg
	}
	if ob.rule == ruleArith && in.Row().Src != ir.X {
		d.Other = NoReg
	}
	return d
}

// value returns what s says of a place.
func (e *engine[E]) value(s *state[E], at Place) Value {
	if at.Frame < 0 || at.Frame >= len(s.frames) {
		return Value{Map: -1, Memory: -1}
	}
	fr := &s.frames[at.Frame]
	if !at.Stack {
		return e.valueOf(&fr.regs[at.Reg])
	}
	sl := fr.at(at.Slot)
	if sl.n == slotSize || sl.n > 0 && sl.lo == 0 {
		return e.valueOf(&sl.spill)
	}
	r := e.w.fill(&sl, 0, slotSize)
	if sl.bytes == [slotSize]byteKind{} {
		r = reg[E]{}
	}
	return e.valueOf(&r)
}

func (e *engine[E]) valueOf(r *reg[E]) Value {
	v := Value{Map: -1, Memory: -1}
	if r.kind == uninit {
		return v
	}
	v.Kind, v.Pointer, v.Null = r.name(), r.pointer(), r.null
	v.Link, v.Off, v.Frame, v.Bounds = r.id, int64(r.off), int(r.frame), e.w.bounds(r.val)
	switch r.kind {
	case packetPtr, packetMeta:
		v.Room = int64(r.rng)
	case mapValue, mapKey, mapPtr:
		v.Map = int(r.index)
	case memPtr, recordPtr:
		v.Memory = int64(r.index)
	}
	if v.Map < 0 {
		v.Map = -1
	}
	return v
}
