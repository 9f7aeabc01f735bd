package verifier

import (
	"context"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/verifier/invariant"
)

// emitter collects the states of a walk in the form of package invariant, and
// which follow which. All methods but visit may be called on nil, and then do
// nothing: a walk that nobody wants the states of pays a comparison.
type emitter[E comparable] struct {
	out    *invariant.Builder[E]
	last   int32 // number of the state that the path was in last, -1 at the start
	frames []invariant.RawFrame[E]
	trace  *tracer[E] // notes the ways instead; nil if the states are collected
}

// now returns the number of the state that the path was in last.
func (m *emitter[E]) now() int32 {
	if m == nil {
		return -1
	}
	return m.last
}

// resume says that the path goes on from the state of that number.
func (m *emitter[E]) resume(after int32) {
	if m != nil {
		m.last = after
	}
}

// covered says that the path ended in the state of that number.
func (m *emitter[E]) covered(by int32) {
	if m != nil && m.trace == nil {
		m.out.Follow(m.last, by)
	}
}

// visit adds a state, and notes its number in the path's last checkpoint if that
// was made of it.
func (m *emitter[E]) visit(pc ir.PC, s *state[E], points []checkpoint[E], from int32) {
	if m.trace != nil {
		m.last = m.trace.visit(pc, s, m.last)
		return
	}
	m.frames = m.frames[:0]
	for i := range s.frames {
		m.frames = append(m.frames, exported(&s.frames[i]))
	}
	lock := invariant.Lock{Held: s.lock.held, Index: s.lock.index, ID: s.lock.id}
	n := m.out.Add(pc, m.frames, s.refs, lock)
	m.out.Follow(m.last, n)
	m.last = n
	if from >= 0 && points[from].record < 0 {
		points[from].record = n
	}
}

func exported[E comparable](f *frame[E]) invariant.RawFrame[E] {
	out := invariant.RawFrame[E]{Site: f.site, Calls: f.calls}
	for i := range f.regs {
		out.Regs[i] = exportedReg(&f.regs[i])
	}
	for i := range f.stack {
		sl := &f.stack[i]
		s := invariant.Slot[E]{Lo: sl.lo, N: sl.n}
		for k, b := range sl.bytes {
			s.Bytes[k] = invariant.Byte(b)
		}
		if sl.n > 0 {
			s.Spill = exportedReg(&sl.spill)
		}
		out.Stack = append(out.Stack, s)
	}
	return out
}

// exportedReg relies on the two packages numbering kinds alike; a test compares
// their names.
func exportedReg[E comparable](r *reg[E]) invariant.Reg[E] {
	return invariant.Reg[E]{Kind: invariant.Kind(r.kind), Null: r.null, Frame: r.frame, Index: r.index,
		ID: r.id, Ref: r.ref, Off: r.off, Range: r.rng, Val: r.val}
}

// Data returns the states as data, an *invariant.Set over the domain's elements
// with each state once, or nil if the walk did not take place. Like all of
// Invariants it is made by walking again.
func (v *Invariants) Data() (invariant.Data, error) {
	if v == nil || v.data == nil {
		return nil, nil
	}
	return v.data()
}

// emit walks the program once more and collects the states.
func (o *over[E]) emit(newWalk func() *engine[E], policy Policy) (*invariant.Set[E], error) {
	e := newWalk()
	e.emit = &emitter[E]{last: -1, out: invariant.NewBuilder[E](policy.Domain,
		invariant.Policy{Unprivileged: policy.Unprivileged, StrictAlignment: policy.StrictAlignment})}
	if err := e.run(context.Background()); err != nil {
		return nil, err
	}
	return e.emit.out.Set(), nil
}
