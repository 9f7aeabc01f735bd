package invariant

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// Elements is what Check asks of a domain. One that is an absint.Validator also
// tells which elements are good.
type Elements[E comparable] interface {
	Bottom() E
	absint.Bounder[E]
}

// Check reports whether the set is one that can be read: instructions, frames,
// maps and functions exist in the program, words are elements of the domain that
// have members, spills are where their bytes are. It does not look at what is
// claimed.
func (s *Set[E]) Check(p *ir.Program, d Elements[E]) error {
	c := form[E]{p: p, d: d}
	for i := range s.Records {
		c.frames = len(s.Records[i].State.Frames)
		if err := c.record(&s.Records[i]); err != nil {
			return fmt.Errorf("invariant: check record %d: %w", i, err)
		}
	}
	return nil
}

// form checks one record, of a state of so many frames.
type form[E comparable] struct {
	p      *ir.Program
	d      Elements[E]
	frames int
}

func (c *form[E]) record(rec *Record[E]) error {
	s := &rec.State
	if rec.PC < 0 || rec.PC >= c.p.Slots() || c.p.Insns[rec.PC].Op == ir.OpPad {
		return fmt.Errorf("there is no instruction %d", rec.PC)
	}
	if c.frames == 0 || c.frames > ir.MaxFrames || s.Lock.Held && !c.mapExists(s.Lock.Index) || repeats(s.Refs) {
		return fmt.Errorf("frames, references or lock are not well-formed")
	}
	for k, f := range s.Frames {
		if f == nil || f.Site < Anyone || f.Site < 0 && k > 0 || f.Site >= 0 && !c.calls(f.Site) || len(f.Stack) > ir.StackSize/SlotSize {
			return fmt.Errorf("frame %d is not well-formed", k)
		}
		for n, r := range f.Regs {
			if err := c.reg(r); err != nil {
				return fmt.Errorf("frame %d, r%d: %w", k, n, err)
			}
		}
		for n, sl := range f.Stack {
			if err := c.slot(sl); err != nil {
				return fmt.Errorf("frame %d, slot %d: %w", k, n, err)
			}
		}
	}
	return nil
}

// repeats reports that references are not told apart.
func repeats(refs []uint32) bool {
	for i, r := range refs {
		if r == 0 || slices.Contains(refs[:i], r) {
			return true
		}
	}
	return false
}

// calls reports whether the instruction can make a frame: it calls a function,
// or a helper that takes one.
func (c *form[E]) calls(pc ir.PC) bool {
	if pc >= c.p.Slots() || c.p.Insns[pc].Kind() != ir.KindCall {
		return false
	}
	in := c.p.Insns[pc]
	h, ok := abi.HelperFor(abi.HelperID(in.Imm), c.p.Type)
	return in.Row().Pseudo == ir.CallLocal || in.Row().Pseudo == ir.CallHelper && ok && slices.Contains(h.Args[:], abi.ArgFunc)
}

func (c *form[E]) mapExists(index int32) bool {
	if index < 0 {
		index = ^index
		return int(index) < len(c.p.Maps) && c.p.Maps[index].Inner != nil
	}
	return int(index) < len(c.p.Maps)
}

func (c *form[E]) reg(r *Reg[E]) error {
	if r == nil {
		return fmt.Errorf("there is none")
	}
	ok := true
	switch r.Kind {
	case None:
		return nil
	case Scalar, Ctx, Packet, PacketMeta, PacketEnd, FlowKeys, Buffer:
	case Stack:
		ok = int(r.Frame) < c.frames
	case Map, MapValue, MapKey:
		ok = c.mapExists(r.Index)
	case Object:
		ok = r.Index > 0 && r.Index <= int32(abi.SockStruct)
	case Memory, RingRecord:
		ok = r.Index >= 0
	case Func:
		ok = slices.ContainsFunc(c.p.Funcs, func(f ir.Func) bool { return f.PC == ir.PC(r.Index) })
	default:
		ok = false
	}
	if v, has := c.d.(absint.Validator[E]); !ok || r.Val == c.d.Bottom() || has && !v.Valid(ir.W64, r.Val) {
		return fmt.Errorf("%v is not well-formed", *r)
	}
	return nil
}

func (c *form[E]) slot(sl *Slot[E]) error {
	if sl == nil {
		return fmt.Errorf("there is none")
	}
	if int(sl.Lo)+int(sl.N) > SlotSize {
		return fmt.Errorf("the spill has bytes %d to %d", sl.Lo, int(sl.Lo)+int(sl.N))
	}
	for k, b := range sl.Bytes {
		if inside := k >= int(sl.Lo) && k < int(sl.Lo+sl.N); inside != (b == Spilled) || b > Spilled {
			return fmt.Errorf("byte %d is %d", k, b)
		}
	}
	if sl.N == 0 {
		return nil
	}
	if err := c.reg(&sl.Spill); err != nil {
		return err
	}
	fits := sl.N == SlotSize || sl.Spill.Kind == Scalar && c.d.Bounds(ir.W64, sl.Spill.Val).UMax <= ir.Width(8*sl.N).Mask()
	if sl.Spill.Kind == None || !fits {
		return fmt.Errorf("%v in %d bytes", sl.Spill, sl.N)
	}
	return nil
}
