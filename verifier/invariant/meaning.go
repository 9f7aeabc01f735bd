package invariant

import (
	"math"

	"github.com/bpfproof/bpfproof/ir"
)

// Machine is a concrete machine, as far as states speak of it.
type Machine struct {
	Frames []MachineFrame // outermost first
	// Ctx is the address of the context; Data and DataEnd are the packet's bounds,
	// Meta is the address of its metadata.
	Ctx, Data, DataEnd, Meta uint64
	// Objects returns the addresses of the objects of a kind and index other than
	// those above; known is false where that cannot be told, and then a pointer to
	// one of them may be any address but 0.
	Objects func(k Kind, index int32) (addrs []uint64, known bool)
}

// MachineFrame is a frame of a concrete machine. Stack holds the bytes below
// r10, the one just below last.
type MachineFrame struct {
	Site  ir.PC
	Calls uint32 // how often the helper that the frame called, and that is not done, has called back
	Regs  [ir.NumRegs]uint64
	Stack []byte
}

// Members is what Contains asks of a domain.
type Members[E comparable] interface {
	Contains(w ir.Width, e E, x uint64) bool
}

// Contains reports whether the state describes the machine. It says nothing of
// references and locks, which machines do not show.
func (s *State[E]) Contains(d Members[E], m *Machine) bool {
	outer := 0 // frames that the state says nothing of
	if len(s.Frames) > 0 && s.Frames[0].Site == Anyone {
		outer = len(m.Frames) - len(s.Frames)
	}
	if outer < 0 || len(s.Frames)+outer != len(m.Frames) {
		return false
	}
	w := witness[E]{d: d, m: m, outer: outer, links: map[link]uint64{}}
	for i, f := range s.Frames {
		c := &m.Frames[outer+i]
		if f.Site != c.Site && f.Site != Anyone || f.Calls > c.Calls {
			return false
		}
		for n, r := range f.Regs {
			if !w.holds(r, c.Regs[n]) {
				return false
			}
		}
		for n, sl := range f.Stack {
			lo := len(c.Stack) - SlotSize*(n+1)
			if lo < 0 || !w.slot(sl, c.Stack[lo:lo+SlotSize]) {
				return false
			}
		}
	}
	return true
}

// link is something that all places with the same id must agree on.
type link struct {
	id   uint32
	what Kind
}

// witness collects what ids stand for.
type witness[E comparable] struct {
	d     Members[E]
	m     *Machine
	outer int
	links map[link]uint64
}

func (w *witness[E]) agree(id uint32, what Kind, x uint64) bool {
	if id == 0 {
		return true
	}
	old, ok := w.links[link{id, what}]
	w.links[link{id, what}] = x
	return !ok || old == x
}

func (w *witness[E]) slot(sl *Slot[E], bytes []byte) bool {
	for k, b := range sl.Bytes {
		if b == Zero && bytes[k] != 0 {
			return false
		}
	}
	if sl.N == 0 {
		return true
	}
	var x uint64
	for k := int(sl.Lo+sl.N) - 1; k >= int(sl.Lo); k-- {
		x = x<<8 | uint64(bytes[k])
	}
	return w.holds(&sl.Spill, x)
}

// holds reports whether x is what r claims, given what ids stand for so far.
func (w *witness[E]) holds(r *Reg[E], x uint64) bool {
	switch {
	case r.Kind == None:
		return true
	case r.Kind == Scalar:
		return w.d.Contains(ir.W64, r.Val, x) && w.agree(r.ID, Scalar, x-uint64(int64(r.Off)))
	}
	isNull := r.Null && x == 0
	if r.Null {
		var word uint64
		if isNull {
			word = 1
		}
		if !w.agree(r.ID, None, word) {
			return false
		}
	}
	if isNull {
		return true
	}
	addrs, known := w.objects(r)
	if !known {
		return x != 0
	}
	for _, a := range addrs {
		v := x - a - uint64(int64(r.Off))
		if w.d.Contains(ir.W64, r.Val, v) && w.room(r, a, v, x) && (!r.InPacket() || w.variable(r, v)) {
			return true
		}
	}
	return false
}

// variable reports whether v is the variable part of a packet pointer.
func (w *witness[E]) variable(r *Reg[E], v uint64) bool {
	if r.ID == 0 {
		return v == 0
	}
	return w.agree(r.ID, r.Kind, v)
}

// room reports whether the range of a packet pointer holds.
func (w *witness[E]) room(r *Reg[E], object, v, x uint64) bool {
	end := w.m.DataEnd
	if r.Kind == PacketMeta {
		end = w.m.Data
	}
	switch {
	case !r.InPacket() || r.Range == 0:
		return true
	case r.Range == AtEnd:
		return x >= end
	case r.Range == BeyondEnd:
		return x > end
	}
	// In integers: v counts backwards too, and addresses are far below 2^62.
	return int64(v) < math.MaxInt32 && int64(object)+int64(v)+int64(r.Range) <= int64(end)
}

func (w *witness[E]) objects(r *Reg[E]) (addrs []uint64, known bool) {
	switch r.Kind {
	case Ctx:
		return []uint64{w.m.Ctx}, true
	case Stack:
		n := w.outer + int(r.Frame)
		if n >= len(w.m.Frames) {
			return nil, true
		}
		return []uint64{w.m.Frames[n].Regs[ir.FP]}, true
	case Packet:
		return []uint64{w.m.Data}, true
	case PacketMeta:
		return []uint64{w.m.Meta}, true
	case PacketEnd:
		return []uint64{w.m.DataEnd}, true
	}
	if w.m.Objects == nil {
		return nil, false
	}
	return w.m.Objects(r.Kind, r.Index)
}
