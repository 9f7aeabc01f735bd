package invariant

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
)

// Order compares what states say. It is reused from one comparison to the next
// and not safe for concurrent use.
//
// list is what the ids of a state stand for in the one that it is to include: one
// assignment for all places.
type Order[E comparable] struct {
	d    Words[E]
	list []binding
}

// Words is what Order asks of a domain.
type Words[E comparable] interface {
	absint.Lattice[E]
	absint.Bounder[E]
	Const(w ir.Width, x uint64) E
}

// NewOrder returns the order over the domain's elements.
func NewOrder[E comparable](d Words[E]) *Order[E] { return &Order[E]{d: d} }

// binding says that the old state's id stands for the state's id, the record's
// x being the state's plus delta; or, for numbers, that x is the word itself.
type binding struct {
	old, now uint32
	delta    int64
	word     uint64
	byID     bool // now and delta hold for all places so far
	byWord   bool // word does
}

// bind extends the assignment to a place where the record's old stands for the
// state's now (0 for no link); it reports whether there still is one. Numbers
// that are known need no link to be known to differ by a constant.
func (l *Order[E]) bind(old uint32, b binding) bool {
	b.old = old
	for i := range l.list {
		have := &l.list[i]
		if have.old != old {
			continue
		}
		have.byID = have.byID && b.byID && have.now == b.now && have.delta == b.delta
		have.byWord = have.byWord && b.byWord && have.word == b.word
		return have.byID || have.byWord
	}
	l.list = append(l.list, b)
	return b.byID || b.byWord
}

// same binds ids of pointers and references.
func (l *Order[E]) same(old, now uint32) bool {
	return l.bind(old, binding{now: now, byID: true})
}

// Includes reports that every machine that s describes, old describes too: the
// same frames, each place of old includes that of s, and one choice of what old's
// ids stand for makes all of them true.
func (l *Order[E]) Includes(old *State[E], s *Work[E]) bool {
	if len(old.Frames) != len(s.Frames) || len(old.Refs) != len(s.Refs) ||
		old.Lock.Held != s.Lock.Held || old.Lock.Held && old.Lock.Index != s.Lock.Index {
		return false
	}
	l.list = l.list[:0]
	// A held reference is one of the state's: in order, each stands for one.
	for i, r := range old.Refs {
		if !l.same(r, s.Refs[i]) {
			return false
		}
	}
	if old.Lock.Held && (old.Lock.ID == 0) != (s.Lock.ID == 0) || old.Lock.ID != 0 && !l.same(old.Lock.ID, s.Lock.ID) {
		return false
	}
	for i := len(old.Frames) - 1; i >= 0; i-- {
		if !l.frame(old.Frames[i], &s.Frames[i]) {
			return false
		}
	}
	return true
}

func (l *Order[E]) frame(old *Frame[E], f *RawFrame[E]) bool {
	if old.Site != f.Site || old.Calls > f.Calls {
		return false
	}
	for n, r := range old.Regs {
		if !l.reg(r, &f.Regs[n]) {
			return false
		}
	}
	for n, sl := range old.Stack {
		now := Slot[E]{}
		if n < len(f.Stack) {
			now = f.Stack[n]
		}
		if !l.slot(sl, &now) {
			return false
		}
	}
	return true
}

// reg reports that old includes the register r: it claims nothing, or it is of
// the same kind, says as much of the object, allows all of r's words, and its
// links can be met.
func (l *Order[E]) reg(old, r *Reg[E]) bool {
	if old.Kind == None {
		return true
	}
	if old.Kind != r.Kind || old.Val != r.Val && !l.d.Leq(ir.W64, r.Val, old.Val) {
		return false
	}
	if old.Kind == Scalar {
		if old.ID == 0 {
			return true
		}
		b := l.d.Bounds(ir.W64, r.Val)
		return l.bind(old.ID, binding{now: r.ID, delta: int64(r.Off) - int64(old.Off), byID: r.ID != 0,
			word: b.UMin - uint64(int64(old.Off)), byWord: b.UMin == b.UMax})
	}
	if old.Null != r.Null || old.Frame != r.Frame || old.Index != r.Index || old.Off != r.Off || !room(old.Range, r.Range) {
		return false
	}
	if (old.Ref == 0) != (r.Ref == 0) || old.Ref != 0 && !l.same(old.Ref, r.Ref) {
		return false
	}
	switch {
	case old.InPacket() && old.ID == 0:
		return r.ID == 0
	case old.InPacket():
		return l.same(old.ID, r.ID) // 0 is a variable part that all of them share, too
	}
	return old.ID == 0 || r.ID != 0 && l.same(old.ID, r.ID)
}

// room reports that the range old follows from now.
func room(old, now int32) bool {
	if old < 0 {
		return now <= old
	}
	return old <= max(now, 0)
}

// slot reports that old includes now, byte by byte: zeros are zeros, a spill is
// one at the same place, or zeros that it allows.
func (l *Order[E]) slot(old, now *Slot[E]) bool {
	zero := Reg[E]{Kind: Scalar, Val: l.d.Const(ir.W64, 0)}
	if old.N > 0 && (old.Lo != now.Lo || old.N != now.N) {
		for k := old.Lo; k < old.Lo+old.N; k++ {
			if now.Bytes[k] != Zero {
				return false
			}
		}
		return l.reg(&old.Spill, &zero) && l.zeros(old, now)
	}
	return l.zeros(old, now) && (old.N == 0 || l.reg(&old.Spill, &now.Spill))
}

func (l *Order[E]) zeros(old, now *Slot[E]) bool {
	for k, b := range old.Bytes {
		if b == Zero && now.Bytes[k] != Zero {
			return false
		}
	}
	return true
}
