package explain

import (
	"fmt"
	"math"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/verifier"
)

// fact is what would have met the demand: a condition on one place before the
// last step. Where it is about a number it is an interval, which moves with the
// number along the path.
type fact struct {
	place  verifier.Place
	text   string
	ok     func(v verifier.Value) bool // nil where no value is at fault: the offset is written in the program
	lo, hi int64                       // the interval, if numeric
	num    bool
	never  string // what to say where the value never had the property; "" for the instruction that makes it
}

// between is the condition that a number, or the variable part of a pointer, is
// in an interval.
func between(lo, hi int64) func(verifier.Value) bool {
	return func(v verifier.Value) bool { return v.Kind != "" && v.Bounds.SMin >= lo && v.Bounds.SMax <= hi }
}

// fact returns what the last step needs, nil if its demand is no question of
// values: then the rule is about the instruction itself, or not about one place.
func (w *way) fact(code verifier.Code) *fact {
	last := len(w.path.Steps) - 1
	d := w.path.Failed
	s := w.path.Steps[last]
	if code == verifier.ReturnValue {
		return w.result(s)
	}
	if d.Reg == verifier.NoReg {
		return nil
	}
	f := &fact{place: reg(s.Frame, d.Reg)}
	v := w.path.At(last, f.place)
	off, size := int64(w.p.Insns[s.PC].Off), int64(d.Size)
	if d.Arg == abi.ArgSize || d.Arg == abi.ArgSizeOrZero {
		return w.sizeFact(last, f, code)
	}
	if w.p.Insns[s.PC].Kind() == ir.KindCall {
		off = 0
	}
	return w.memoryFact(f, v, code, off, size)
}

func (w *way) memoryFact(f *fact, v verifier.Value, code verifier.Code, off, size int64) *fact {
	name := f.place.String()
	at := v.Off + off
	switch {
	case code == verifier.UninitRead:
		f.text, f.ok = name+" was written", func(v verifier.Value) bool { return v.Kind != "" }
	case v.Null:
		f.text, f.ok = name+" is not null", func(v verifier.Value) bool { return v.Kind != "" && !v.Null }
	case code == verifier.BadDeref && !v.Pointer:
		f.text, f.ok = name+" is a pointer to memory", func(v verifier.Value) bool { return v.Pointer }
	case code == verifier.PacketBounds && v.Bounds.SMin < 0:
		f.interval(0, math.MaxInt32, name+"'s offset is not negative")
	case code == verifier.PacketBounds && at < 0:
		return nil
	case code == verifier.PacketBounds:
		f.text = fmt.Sprintf("the packet has bytes [%d, %d) from where %s's variable part leads; %d are known to be there", at, at+size, name, max(v.Room, 0))
		f.ok = func(v verifier.Value) bool { return v.Kind == packet && v.Room >= at+size }
		f.never = fmt.Sprintf("no comparison with the packet's end on the path shows that %d bytes are there", at+size)
	case code == verifier.MapValueBounds, code == verifier.MemBounds:
		total := w.total(v)
		if total < 0 {
			return nil
		}
		if v.Bounds.SMin == v.Bounds.SMax {
			f.text = fmt.Sprintf("%d bytes at offset %d lie inside the %d bytes that %s points to", size, at+v.Bounds.SMin, total, name)
			return f
		}
		f.interval(-at, total-size-at, fmt.Sprintf("%d bytes at %s%+d lie inside %d bytes: its variable part is in [%d, %d]", size, name, at, total, -at, total-size-at))
	case code == verifier.StackBounds && v.Bounds.SMin == v.Bounds.SMax:
		f.text = fmt.Sprintf("%d bytes at %d from the frame's top lie in [-%d, 0)", size, at+v.Bounds.SMin, ir.StackSize)
	case code == verifier.StackBounds:
		f.interval(-ir.StackSize-at, -size-at, fmt.Sprintf("%d bytes at %s%+d lie inside the stack: its variable part is in [%d, %d]", size, name, at, -ir.StackSize-at, -size-at))
	case code == verifier.PtrArith && w.path.Failed.Other != verifier.NoReg:
		return w.arithFact(f)
	default:
		return nil
	}
	return f
}

func (f *fact) interval(lo, hi int64, text string) {
	f.text, f.num, f.lo, f.hi, f.ok = text, true, lo, hi, between(lo, hi)
}

// total returns the size of what a pointer points to, -1 if it is not known.
func (w *way) total(v verifier.Value) int64 {
	if v.Map >= 0 {
		return int64(w.p.Maps[v.Map].ValueSize)
	}
	return v.Memory
}

// maxOffset is what a number may be at most to be added to a pointer
// (BPF_MAX_VAR_OFF).
const maxOffset = 1 << 29

// arithFact is about the number that is added to a pointer.
func (w *way) arithFact(f *fact) *fact {
	last := len(w.path.Steps) - 1
	f.place = reg(w.path.Steps[last].Frame, w.path.Failed.Other)
	v := w.path.At(last, f.place)
	if v.Pointer || v.Kind == "" {
		return nil
	}
	f.interval(1-maxOffset, maxOffset-1, f.place.String()+" is a number in (-2^29, 2^29)")
	if f.ok(v) {
		return nil
	}
	return f
}

// sizeFact is about the size that a helper is given, or about the memory before
// it.
func (w *way) sizeFact(last int, f *fact, code verifier.Code) *fact {
	size := w.path.At(last, f.place)
	if code == verifier.HelperArg || size.Kind != "scalar" {
		f.interval(0, maxOffset-1, f.place.String()+" is a number in [0, 2^29)")
		if w.path.Failed.Arg == abi.ArgSize {
			f.interval(1, maxOffset-1, f.place.String()+" is a number in [1, 2^29)")
		}
		return f
	}
	mem := f.place
	mem.Reg--
	v := w.path.At(last, mem)
	if _, known := constant(size); known || v.Bounds.SMin != v.Bounds.SMax {
		f.place = mem
		return w.memoryFact(f, v, code, 0, size.Bounds.SMax)
	}
	room := w.total(v) - v.Off - v.Bounds.SMin
	switch code {
	case verifier.StackBounds:
		room = -v.Off - v.Bounds.SMin
	case verifier.PacketBounds:
		room = v.Room - v.Off
	}
	f.interval(0, room, fmt.Sprintf("%s is at most %d: so many bytes are at %s", f.place, room, mem))
	return f
}

// result is about what the program returns.
func (w *way) result(s verifier.PathStep) *fact {
	f := &fact{place: reg(s.Frame, ir.R0)}
	c, _, loads := abi.ContextFor(w.p.Type, abi.AttachType(w.p.AttachType))
	if c == nil || !loads || s.Frame > 0 {
		return nil
	}
	f.interval(c.RetMin, c.RetMax, fmt.Sprintf("the result is in [%d, %d]", c.RetMin, c.RetMax))
	return f
}
