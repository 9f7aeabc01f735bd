package invariant

import (
	"hash/maphash"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// Builder makes a set. What is given to it is copied.
type Builder[E comparable] struct {
	set   *Set[E]
	regs  map[Reg[E]]*Reg[E]
	slots map[Slot[E]]*Slot[E]
	fold  map[uint64][]*Frame[E]
	known map[uint64][]int32
	seed  maphash.Seed
	names map[uint32]uint32
}

// NewBuilder returns a builder of an empty set.
func NewBuilder[E comparable](domain string, policy Policy) *Builder[E] {
	return &Builder[E]{
		set: &Set[E]{Domain: domain, Policy: policy}, regs: map[Reg[E]]*Reg[E]{}, slots: map[Slot[E]]*Slot[E]{},
		fold: map[uint64][]*Frame[E]{}, known: map[uint64][]int32{}, seed: maphash.MakeSeed(), names: map[uint32]uint32{},
	}
}

// Set returns what was added.
func (b *Builder[E]) Set() *Set[E] { return b.set }

// RawFrame is a frame as a builder is given it.
type RawFrame[E comparable] struct {
	Site  ir.PC
	Calls uint32
	Regs  [ir.NumRegs]Reg[E]
	Stack []Slot[E]
}

// Add returns the index of the record of a state, which is a new one unless the
// set has it. Ids may be any numbers.
func (b *Builder[E]) Add(pc ir.PC, frames []RawFrame[E], refs []uint32, lock Lock) int32 {
	clear(b.names)
	var s State[E]
	for i := range frames {
		s.Frames = append(s.Frames, b.frame(&frames[i]))
	}
	for _, r := range refs {
		s.Refs = append(s.Refs, b.name(r))
	}
	lock.ID = b.name(lock.ID)
	s.Lock = lock
	h := b.hash(pc, &s)
	for _, i := range b.known[h] {
		if r := &b.set.Records[i]; r.PC == pc && r.State.equal(&s) {
			return i
		}
	}
	n := int32(len(b.set.Records))
	b.known[h] = append(b.known[h], n)
	b.set.Records = append(b.set.Records, Record[E]{PC: pc, State: s})
	return n
}

// Follow notes that record next follows on record n, unless n is none (-1).
func (b *Builder[E]) Follow(n, next int32) {
	if n < 0 {
		return
	}
	if r := &b.set.Records[n]; !slices.Contains(r.Next, next) {
		r.Next = append(r.Next, next)
	}
}

// name returns the id's number in the state that is being added.
func (b *Builder[E]) name(id uint32) uint32 {
	if id == 0 {
		return 0
	}
	n, ok := b.names[id]
	if !ok {
		n = uint32(len(b.names) + 1)
		b.names[id] = n
	}
	return n
}

func (b *Builder[E]) reg(r Reg[E]) Reg[E] {
	r.ID, r.Ref = b.name(r.ID), b.name(r.Ref)
	return r
}

// frame returns the one copy of a frame.
func (b *Builder[E]) frame(raw *RawFrame[E]) *Frame[E] {
	f := Frame[E]{Site: raw.Site, Calls: raw.Calls}
	for i := range raw.Regs {
		r := b.reg(raw.Regs[i])
		p, ok := b.regs[r]
		if !ok {
			p = &r
			b.regs[r] = p
		}
		f.Regs[i] = p
	}
	for i := range raw.Stack {
		sl := raw.Stack[i]
		if sl.N > 0 {
			sl.Spill = b.reg(sl.Spill)
		}
		p, ok := b.slots[sl]
		if !ok {
			p = &sl
			b.slots[sl] = p
		}
		f.Stack = append(f.Stack, p)
	}
	var h maphash.Hash
	h.SetSeed(b.seed)
	maphash.WriteComparable(&h, f.Site)
	maphash.WriteComparable(&h, f.Calls)
	maphash.WriteComparable(&h, f.Regs)
	for _, p := range f.Stack {
		maphash.WriteComparable(&h, p)
	}
	sum := h.Sum64()
	for _, old := range b.fold[sum] {
		if old.Site == f.Site && old.Calls == f.Calls && old.Regs == f.Regs && slices.Equal(old.Stack, f.Stack) {
			return old
		}
	}
	b.fold[sum] = append(b.fold[sum], &f)
	return &f
}

func (b *Builder[E]) hash(pc ir.PC, s *State[E]) uint64 {
	var h maphash.Hash
	h.SetSeed(b.seed)
	maphash.WriteComparable(&h, pc)
	maphash.WriteComparable(&h, s.Lock)
	for _, f := range s.Frames {
		maphash.WriteComparable(&h, f)
	}
	for _, r := range s.Refs {
		maphash.WriteComparable(&h, r)
	}
	return h.Sum64()
}

// equal compares states of one builder, whose frames are shared.
func (s *State[E]) equal(t *State[E]) bool {
	return s.Lock == t.Lock && slices.Equal(s.Frames, t.Frames) && slices.Equal(s.Refs, t.Refs)
}
