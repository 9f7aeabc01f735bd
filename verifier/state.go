package verifier

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// byteKind is what is known of one byte of the stack.
type byteKind uint8

const (
	byteNone  byteKind = iota // never written; anything
	byteMisc                  // written; any number
	byteZero                  // written; 0
	byteSpill                 // part of the slot's spilled register
)

// slotSize is the size of a stack slot in bytes: a register's.
const slotSize = 8

// slot is eight bytes of stack. Index 0 of bytes is the lowest address. The
// bytes [lo, lo+n) are byteSpill, and no others are: they hold, little endian,
// the low n bytes of spill, a scalar that fits them or (n = 8) a pointer. Bytes
// without a spill have spill == reg{} and n == 0.
type slot[E comparable] struct {
	bytes [slotSize]byteKind
	lo, n uint8
	spill reg[E]
}

// frame is one function's registers and stack. Slot i of the stack holds the
// bytes [-8(i+1), -8i) from r10; slots behind the end were never written.
type frame[E comparable] struct {
	regs  [ir.NumRegs]reg[E]
	stack []slot[E]
	fn    int // index in Program.Funcs of the function
	frameID
}

// frameID tells a frame from others, and where it returns to.
type frameID struct {
	site   ir.PC         // the call that made the frame; -1 in the main program, or anyone
	back   *abi.Callback // the frame is a callback's: it returns to the call itself
	held   int           // of a callback: how many references were held when it began
	life   uint32        // this frame, of all that were made
	passes uint32        // how often may_goto was passed in the frame
	inst   uint32        // the run of callbacks that the frame is in, of all there were; 0 for none
	calls  uint32        // of the helper that the frame called: how often it has called back, at least; see engine.callBack
	moves  moves         // what happened to the registers since the path's last checkpoint
	idle   idle
}

// idle counts the laps of the loop that the frame was in last in which no
// comparison that leaves a loop was decided.
type idle struct {
	head    ir.PC
	laps    int32
	decided bool
}

// async reports that the frame is a callback's that runs by itself.
func (f *frameID) async() bool { return f.back != nil && f.back.Async }

// resume returns where the frame returns to in its caller.
func (f *frameID) resume() ir.PC {
	if f.back != nil {
		return f.site
	}
	return f.site + 1
}

// state describes the machine at one instruction: the frames, outermost first,
// the references that the program holds, in the order in which it got them, and
// the lock that it holds.
type state[E comparable] struct {
	frames []frame[E]
	refs   []uint32
	lock   lock
	sect   section
}

// lock names the map value whose lock is held.
type lock struct {
	held  bool
	index int32  // of the map
	id    uint32 // of the pointer to the value; 0 for the only value of a map
}

// holds reports whether the reference is held.
func (s *state[E]) holds(ref uint32) bool { return slices.Contains(s.refs, ref) }

// release gives a reference back: what was good by it is any number.
func (s *state[E]) release(ref uint32, top E) {
	s.drop(ref)
	s.each(func(r *reg[E]) {
		if r.ref == ref {
			*r = number(top)
		}
	})
}

// drop forgets a reference.
func (s *state[E]) drop(ref uint32) {
	if i := slices.Index(s.refs, ref); i >= 0 {
		s.refs = slices.Delete(s.refs, i, i+1)
	}
}

// top returns the frame of the running function.
func (s *state[E]) top() *frame[E] { return &s.frames[len(s.frames)-1] }

// copyFrom makes s equal to t, reusing the memory that s holds.
func (s *state[E]) copyFrom(t *state[E]) {
	if cap(s.frames) < len(t.frames) {
		frames := make([]frame[E], len(t.frames))
		copy(frames, s.frames[:cap(s.frames)]) // with the memory of their stacks
		s.frames = frames
	}
	s.frames = s.frames[:len(t.frames)]
	s.refs = append(s.refs[:0], t.refs...)
	s.lock, s.sect = t.lock, t.sect
	for i := range t.frames {
		stack := append(s.frames[i].stack[:0], t.frames[i].stack...)
		s.frames[i].regs = t.frames[i].regs
		s.frames[i].fn, s.frames[i].frameID = t.frames[i].fn, t.frames[i].frameID
		s.frames[i].stack = stack
	}
}

// cells returns how many registers and stack slots the state holds.
func (s *state[E]) cells() int {
	n := 0
	for i := range s.frames {
		n += ir.NumRegs + len(s.frames[i].stack)
	}
	return n
}

// push adds a frame and returns it, empty.
func (s *state[E]) push(site ir.PC, fn int) *frame[E] {
	n := len(s.frames)
	if n < cap(s.frames) {
		s.frames = s.frames[:n+1]
	} else {
		s.frames = append(s.frames, frame[E]{})
	}
	f := &s.frames[n]
	f.regs = [ir.NumRegs]reg[E]{}
	f.stack = f.stack[:0]
	f.fn, f.frameID = fn, frameID{site: site}
	return f
}

// pop removes the innermost frame.
func (s *state[E]) pop() { s.frames = s.frames[:len(s.frames)-1] }

// each calls f for every register and every spill of all frames.
func (s *state[E]) each(f func(*reg[E])) {
	for i := range s.frames {
		fr := &s.frames[i]
		for j := range fr.regs {
			f(&fr.regs[j])
		}
		for j := range fr.stack {
			if fr.stack[j].n > 0 {
				f(&fr.stack[j].spill)
			}
		}
	}
}
