package kernel

import (
	"strings"
)

// State is what the verifier knows at one place, or what an instruction changed
// of it: the registers and stack slots that are not listed are as before, or
// hold nothing where the state is whole.
type State struct {
	Frame    int         // number of the call frame, 0 for the main program
	Regs     []RegState  // ascending
	Stack    []SlotState // descending
	Refs     []int       // ids of acquired references
	Callback bool        // in a callback ("cb")
	Async    bool        // in an asynchronous callback ("async_cb")
}

// RegState is a register and its value.
type RegState struct {
	Reg   int
	Live  string // of kernels before 6.18: "w" written, "r" read, "D" done
	Value Value
}

// SlotState is 8 bytes of the stack.
type SlotState struct {
	Off  int32  // from the frame's end: -8, -16, ...; of a dynptr, which takes two slots, the lower one
	Live string // as in RegState
	// Types has a letter for each byte from Off+7 down to Off: '?' nothing, 'r' of
	// a spilled register, 'm' any bytes, '0' zero, 'd' dynptr, 'i' iterator, 'f'
	// saved interrupt flag.
	Types  string
	Value  Value // of the spilled register, where Types has an 'r'
	Object *StackObject
}

// StackObject is a dynptr or an iterator on the stack.
type StackObject struct {
	Iterator bool
	Type     string // such as "local" or "num"
	ID       int
	RefID    int
	DynptrID int
	State    string // of an iterator: "active", "drained"
	Depth    int    // of an iterator
}

// Reg returns the value of a register; ok is false if it is not listed.
func (s *State) Reg(r int) (v Value, ok bool) {
	for _, x := range s.Regs {
		if x.Reg == r {
			return x.Value, true
		}
	}
	return Value{}, false
}

// Slot returns the stack slot at an offset; ok is false if it is not listed.
func (s *State) Slot(off int32) (slot SlotState, ok bool) {
	for _, x := range s.Stack {
		if x.Off == off {
			return x, true
		}
	}
	return SlotState{}, false
}

// parseState reads a line that is a state, or says why it is none.
func parseState(text string) (*State, string) {
	c := &cursor{s: text}
	s := c.state()
	return s, c.whyAtEnd()
}

// state takes a state up to the end: each part has a blank before it.
func (c *cursor) state() *State {
	s := &State{}
	c.lit(" ") // parent states are written with two
	if c.lit(" frame") || c.lit("frame") {
		s.Frame = c.id()
		c.want(":")
	}
	for first := true; c.i < len(c.s); first = false {
		if !c.lit(" ") && !first {
			c.fail("no blank")
		}
		switch {
		case c.lit("R"):
			r := RegState{Reg: c.reg(), Live: c.live()}
			c.want("=")
			r.Value = c.value()
			if n := len(s.Regs); n > 0 && s.Regs[n-1].Reg >= r.Reg {
				c.fail("registers are out of order")
			}
			s.Regs = append(s.Regs, r)
		case c.lit("fp"):
			slot := SlotState{Off: c.slot(), Live: c.live()}
			c.want("=")
			c.slotValue(&slot)
			if n := len(s.Stack); n > 0 && s.Stack[n-1].Off <= slot.Off {
				c.fail("stack slots are out of order")
			}
			s.Stack = append(s.Stack, slot)
		case c.lit("refs="):
			s.Refs = append(s.Refs, c.id())
			for c.lit(",") {
				s.Refs = append(s.Refs, c.id())
			}
		case c.lit("async_cb"):
			s.Async = true
		case c.lit("cb"):
			s.Callback = true
		default:
			c.fail("unknown part of a state")
		}
	}
	return s
}

// live takes the marks of older kernels: "_rwD".
func (c *cursor) live() string {
	if !c.lit("_") {
		return ""
	}
	n := 0
	for left := c.left(); n < len(left) && strings.IndexByte("rwD", left[n]) >= 0; n++ {
	}
	if n == 0 {
		c.fail("unknown mark of liveness")
	}
	c.i += n
	return c.s[c.i-n : c.i]
}

const slotTypes = "?rm0dif"

// slotValue takes what a slot holds: eight letters, a register behind the
// letters of the bytes above it, a dynptr or an iterator.
func (c *cursor) slotValue(slot *SlotState) {
	switch {
	case c.lit("dynptr_") && !strings.HasPrefix(c.left(), "ptr("):
		slot.Types = "dddddddd"
		slot.Object = &StackObject{Type: c.until("( ")}
		c.object(slot.Object)
		return
	case c.lit("iter_"):
		slot.Types = "iiiiiiii"
		slot.Object = &StackObject{Iterator: true, Type: c.until("( ")}
		c.object(slot.Object)
		return
	}
	text, n := c.left(), 0
	for n < len(text) && n < 8 && strings.IndexByte(slotTypes, text[n]) >= 0 {
		n++
	}
	end := func(i int) bool { return i >= len(text) || text[i] == ' ' }
	if n == 8 && end(8) {
		slot.Types = text[:8]
		c.i += 8
		return
	}
	// A decimal number begins with at most one zero, so the longest prefix of 7, 6
	// or 4 bytes that leaves a value is the one, but for the zero of "0x".
	for _, above := range []int{7, 6, 4, 0} {
		if above <= n && !end(above) && text[above] != 'x' {
			c.i += above
			slot.Types = text[:above] + "rrrrrrrr"[above:]
			slot.Value = c.value()
			return
		}
	}
	c.fail("empty stack slot")
}

// object takes the attributes of a dynptr or iterator.
func (c *cursor) object(o *StackObject) {
	c.want("(")
	for c.reason == "" && !c.lit(")") {
		switch {
		case c.lit("id="):
			o.ID = c.id()
		case c.lit("ref_id="):
			o.RefID = c.id()
		case c.lit("dynptr_id="):
			o.DynptrID = c.id()
		case c.lit("state="):
			o.State = c.word()
		case c.lit("depth="):
			o.Depth = c.id()
		default:
			c.fail("unknown attribute")
		}
		if c.next() != ')' {
			c.want(",")
		}
	}
}
