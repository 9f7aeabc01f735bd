package amd64

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
	"github.com/bpfproof/bpfproof/jit/opt"
)

// numRegs is the number of machine registers.
const numRegs = 16

// nowhere stands for no register.
const nowhere = enc.RSP

// emitter writes a segment's values as machine code. Each value lives in one
// register from where it is computed to its last use; constants are put into
// one only where an instruction needs it.
type emitter struct {
	*segments
	*opt.Code
	holds   [numRegs]opt.ID // what each register holds that is needed
	free    uint16          // registers that may be used at all
	left    []int32         // by value: uses to come
	want    []enc.Reg       // by value: where the result that it becomes has to be at the end, or nowhere
	bound   ir.PC           // labels before it are bound
	spilled bool            // there were too few registers
	placed  []enc.Reg       // by value: where it was computed; nil if nobody wants to know
}

// emit appends the segment's code. Where the registers do not suffice it stops
// before it makes a label or a branch.
func (e *emitter) emit() {
	e.left, e.bound = e.Uses(), e.Start
	e.free = e.usable()
	e.aim()
	for r := range e.holds {
		e.holds[r] = opt.None
	}
	for i := range e.Values {
		if v := &e.Values[i]; v.Op == opt.Entry && e.left[i] > 0 {
			e.holds[home(v.Reg)] = opt.ID(i)
		}
	}
	if e.b.dump != nil {
		e.placed = make([]enc.Reg, len(e.Values))
		for i := range e.placed {
			e.placed[i] = nowhere
		}
	}
	e.bind(e.Start)
	for i := range e.Values {
		if e.Values[i].Op != opt.Nop {
			e.bind(e.Values[i].PC)
			e.value(opt.ID(i))
		}
	}
	if !e.spilled {
		e.bind(e.Segment.End - 1)
		e.end()
	}
}

// aim finds, backward, for what the operations that overwrite their operand are
// made of where the last of them has to be at the end.
func (e *emitter) aim() {
	e.want = make([]enc.Reg, len(e.Values))
	for i := range e.want {
		e.want[i] = nowhere
	}
	for r := ir.R0; r < ir.FP; r++ {
		if x := e.Final[r]; x != opt.None && e.want[x] == nowhere {
			e.want[x] = home(r)
		}
	}
	for i := len(e.Values) - 1; i >= 0; i-- {
		v := &e.Values[i]
		if e.want[i] == nowhere || v.A == opt.None || !v.Overwrites() {
			continue
		}
		for _, x := range []opt.ID{v.A, v.B} {
			if x != opt.None && e.want[x] == nowhere && e.Values[x].Op > opt.Const {
				e.want[x] = e.want[i]
				break
			}
		}
	}
}

// usable returns the registers that the function may write: the homes of the
// arguments and r0, those that it saves, and the scratch registers.
func (e *emitter) usable() uint16 {
	set := uint16(1<<scratch0 | 1<<scratch1)
	for r := ir.R0; r <= ir.R5; r++ {
		set |= 1 << home(r)
	}
	for _, r := range e.frame.Saved {
		if enc.Reg(r) != enc.RBP {
			set |= 1 << r
		}
	}
	return set
}

// bind sets the labels of the instructions up to pc.
func (e *emitter) bind(pc ir.PC) {
	for ; e.bound <= pc; e.bound++ {
		if e.p.Insns[e.bound].Op != ir.OpPad {
			e.asm.Bind(jit.Label(e.bound))
		}
	}
}

// where returns the register that holds x, or nowhere.
func (e *emitter) where(x opt.ID) enc.Reg {
	if e.Values[x].Op == opt.FP {
		return enc.RBP
	}
	for r, y := range e.holds {
		if y == x {
			return enc.Reg(r)
		}
	}
	return nowhere
}

// use returns the register that holds x, which it puts there if it is a constant.
func (e *emitter) use(x opt.ID) enc.Reg {
	r := e.where(x)
	if v := &e.Values[x]; r == nowhere && v.Op == opt.Const {
		if r = e.pick(x, nowhere, 0); r != nowhere {
			e.constant(r, uint64(v.Imm))
			e.holds[r] = x
		}
	}
	e.spilled = e.spilled || r == nowhere
	return r
}

// done counts a use of x; after the last one its registers are free.
func (e *emitter) done(x opt.ID) {
	if x == opt.None {
		return
	}
	if e.left[x]--; e.left[x] > 0 {
		return
	}
	for r, y := range e.holds {
		if y == x {
			e.holds[r] = opt.None
		}
	}
}

// pick returns a free register for x: where it is needed at the end, the
// preferred one, where what becomes of it is needed, the home of the register
// that it is in the bytecode, or any.
func (e *emitter) pick(x opt.ID, prefer enc.Reg, avoid uint16) enc.Reg {
	ok := func(r enc.Reg) bool { return (e.free&^avoid)>>r&1 != 0 && e.holds[r] == opt.None }
	for r := ir.R0; r < ir.FP; r++ {
		if e.Final[r] == x && ok(home(r)) {
			return home(r)
		}
	}
	if prefer != nowhere && ok(prefer) {
		return prefer
	}
	if r := e.want[x]; r != nowhere && ok(r) {
		return r
	}
	if r := e.Values[x].Reg; r < ir.FP && ok(home(r)) && (e.Final[r] == opt.None || e.Final[r] == x) {
		return home(r)
	}
	for _, busy := range []bool{false, true} {
		for r := ir.R0; r < ir.FP; r++ {
			if (e.Final[r] != opt.None) == busy && ok(home(r)) {
				return home(r)
			}
		}
		for _, r := range []enc.Reg{scratch0, scratch1} {
			if ok(r) {
				return r
			}
		}
	}
	return nowhere
}

// fresh is a for an operation that can put its result into any register: not
// where another value has to be at the end.
func (e *emitter) fresh(x opt.ID, a enc.Reg) enc.Reg {
	for r := ir.R0; r < ir.FP; r++ {
		if home(r) == a && e.Final[r] != opt.None && e.Final[r] != x {
			return nowhere
		}
	}
	return a
}

// result picks the register for x, whose operands are done with.
func (e *emitter) result(x opt.ID, prefer enc.Reg, avoid uint16) enc.Reg {
	r := e.pick(x, prefer, avoid)
	if r == nowhere {
		r = e.pick(x, prefer, 0)
	}
	if r == nowhere {
		e.spilled = true
		return scratch0
	}
	if e.left[x] > 0 {
		e.holds[r] = x
	}
	if e.placed != nil {
		e.placed[x] = r
	}
	return r
}

// mem returns the operand for an address.
func (e *emitter) mem(m opt.Mem) enc.Mem {
	at := enc.Mem{Base: e.use(m.Base), Disp: m.Disp}
	if m.Index != opt.None {
		at.Index, at.Scale = e.use(m.Index), m.Scale
	}
	return at
}

func (e *emitter) doneMem(m opt.Mem) {
	e.done(m.Base)
	e.done(m.Index)
}

// moves32 is a move that is known to need the lower half only.
func (e *emitter) move(s enc.Size, dst, src enc.Reg) {
	if dst != src {
		e.asm.Text = enc.MovRR(e.asm.Text, s, dst, src)
	}
}

// value appends the code of one value.
func (e *emitter) value(x opt.ID) {
	v := &e.Values[x]
	if v.In {
		return
	}
	switch v.Op {
	case opt.Entry, opt.FP, opt.Const:
	case opt.Addr:
		e.loadReloc(e.result(x, nowhere, 0), v.Reloc)
	case opt.Load, opt.LoadSigned, opt.Lea:
		e.load(x, v)
	case opt.Store:
		e.store(v)
	case opt.Select:
		e.choose(x, v)
	case opt.Shl, opt.Shr, opt.Sar, opt.Rotl:
		e.shifted(x, v)
	case opt.Copy, opt.Neg, opt.Zext, opt.Sext, opt.Swap:
		e.unary(x, v)
	default:
		if v.B == opt.None {
			e.withImm(x, v)
		} else {
			e.binary(x, v)
		}
	}
}

func (e *emitter) load(x opt.ID, v *opt.Value) {
	m := e.mem(v.Mem)
	e.doneMem(v.Mem)
	dst := e.result(x, nowhere, 0)
	switch v.Op {
	case opt.Lea:
		e.asm.Text = enc.Lea(e.asm.Text, size(v.W), dst, m)
	case opt.LoadSigned:
		e.asm.Text = enc.LoadSigned(e.asm.Text, size(v.W), dst, m)
	default:
		e.asm.Text = enc.Load(e.asm.Text, size(v.W), dst, m)
	}
}

func (e *emitter) store(v *opt.Value) {
	if v.A != opt.None && e.Values[v.A].In {
		e.change(v)
		return
	}
	m := e.mem(v.Mem)
	if v.A == opt.None {
		e.asm.Text = enc.StoreI(e.asm.Text, size(v.W), m, int32(v.Imm))
	} else {
		e.asm.Text = enc.Store(e.asm.Text, size(v.W), m, e.use(v.A))
		e.done(v.A)
	}
	e.doneMem(v.Mem)
}

var valueOps = [...]enc.ALU{opt.Add: enc.ADD, opt.Sub: enc.SUB, opt.Or: enc.OR, opt.And: enc.AND, opt.Xor: enc.XOR}

// withImm appends A op Imm.
func (e *emitter) withImm(x opt.ID, v *opt.Value) {
	a, s, imm := e.use(v.A), size(v.W), int32(v.Imm)
	e.done(v.A)
	prefer := a
	if v.Op == opt.Mul || v.Op == opt.Add {
		prefer = e.fresh(x, a)
	}
	dst := e.result(x, prefer, 0)
	switch {
	case v.Op == opt.Mul:
		e.asm.Text = enc.ImulRI(e.asm.Text, s, dst, a, imm)
		return
	case v.Op == opt.Add && dst != a:
		e.asm.Text = enc.Lea(e.asm.Text, s, dst, enc.Mem{Base: a, Disp: imm})
		return
	}
	e.move(s, dst, a)
	e.asm.Text = enc.RI(e.asm.Text, valueOps[v.Op], s, dst, imm)
}

// binary appends A op B.
func (e *emitter) binary(x opt.ID, v *opt.Value) {
	if e.Values[v.B].In {
		e.withMem(x, v)
		return
	}
	a, b, s := e.use(v.A), e.use(v.B), size(v.W)
	e.done(v.A)
	e.done(v.B)
	if v.Op == opt.Sub {
		e.subtract(x, a, b, s)
		return
	}
	prefer := a
	if e.holds[a] != opt.None {
		prefer = b
	}
	if v.Op == opt.Add {
		prefer = e.fresh(x, prefer)
	}
	dst := e.result(x, prefer, 0)
	if dst == b {
		a, b = b, a
	}
	switch {
	case v.Op == opt.Add && dst != a && (a != b || s == enc.S64): // twice half a word is not seen to be the same in 64 bits
		e.asm.Text = enc.Lea(e.asm.Text, s, dst, enc.Mem{Base: a, Index: b, Scale: 1})
	case v.Op == opt.Mul:
		e.move(s, dst, a)
		e.asm.Text = enc.ImulRR(e.asm.Text, s, dst, b)
	default:
		e.move(s, dst, a)
		e.asm.Text = enc.RR(e.asm.Text, valueOps[v.Op], s, dst, b)
	}
}

// subtract appends a - b; where the result has to go where b is, it is -b + a.
func (e *emitter) subtract(x opt.ID, a, b enc.Reg, s enc.Size) {
	avoid := uint16(1) << b
	if a == b {
		avoid = 0
	}
	dst := e.result(x, a, avoid)
	if dst == b && a != b {
		e.asm.Text = enc.RR(enc.R(e.asm.Text, enc.NEG, s, dst), enc.ADD, s, dst, a)
		return
	}
	e.move(s, dst, a)
	e.asm.Text = enc.RR(e.asm.Text, enc.SUB, s, dst, b)
}

// choose appends X where A Cmp B, otherwise Y: one of them goes where the result
// is, then the other follows if the comparison says so.
func (e *emitter) choose(x opt.ID, v *opt.Value) {
	cond, first, second := conditions[v.Cmp], v.Y, v.X
	if e.Values[second].Op == opt.Const && e.Values[first].Op != opt.Const {
		cond, first, second = cond.Not(), v.X, v.Y
	}
	if e.isHome(x, second) && !e.isHome(x, first) {
		cond, first, second = cond.Not(), second, first
	}
	a, b := e.use(v.A), enc.Reg(nowhere)
	avoid := uint16(1) << a
	if v.B != opt.None {
		b = e.use(v.B)
		avoid |= 1 << b
	}
	then, from := e.use(second), enc.Reg(nowhere)
	avoid |= 1 << then
	constant := e.Values[first].Op == opt.Const
	if !constant {
		from = e.use(first)
	}
	for _, y := range []opt.ID{v.A, v.B, v.X, v.Y} {
		e.done(y)
	}
	dst := e.result(x, from, avoid)
	if avoid>>dst&1 != 0 || e.spilled {
		e.spilled = true
		return
	}
	if constant {
		e.constant(dst, uint64(e.Values[first].Imm))
	} else {
		e.move(enc.S64, dst, from)
	}
	e.compareValues(v.Cmp, v.W, v.Imm, a, b)
	e.asm.Text = enc.Cmov(e.asm.Text, cond, enc.S64, dst, then)
}

// isHome reports whether y is where x has to be at the end.
func (e *emitter) isHome(x, y opt.ID) bool {
	for r := ir.R0; r < ir.FP; r++ {
		if e.Final[r] == x && e.holds[home(r)] == y && e.left[y] == 1 {
			return true
		}
	}
	return false
}

var valueShifts = [...]enc.Shift{opt.Shl: enc.SHL, opt.Shr: enc.SHR, opt.Sar: enc.SAR, opt.Rotl: enc.ROL}

// shifted appends shifts and rotations.
func (e *emitter) shifted(x opt.ID, v *opt.Value) {
	a, s, op := e.use(v.A), size(v.W), valueShifts[v.Op]
	if v.B != opt.None {
		b := e.use(v.B)
		e.done(v.A)
		e.done(v.B)
		e.asm.Text = enc.ShiftX(e.asm.Text, op, s, e.result(x, e.fresh(x, a), 0), a, b)
		return
	}
	e.done(v.A)
	prefer := a
	if v.Op == opt.Rotl && e.target.BMI2 {
		prefer = e.fresh(x, a)
	}
	dst := e.result(x, prefer, 0)
	switch {
	case v.Op == opt.Rotl && e.target.BMI2:
		e.asm.Text = enc.RorX(e.asm.Text, s, dst, a, uint8(v.W)-uint8(v.Imm))
	case v.Imm == 0 && s == enc.S32:
		e.asm.Text = enc.MovRR(e.asm.Text, s, dst, a)
	case v.Imm == 0:
		e.move(s, dst, a)
	default:
		e.move(s, dst, a)
		e.asm.Text = enc.ShiftI(e.asm.Text, op, s, dst, uint8(v.Imm))
	}
}

// unary appends the operations of one operand.
func (e *emitter) unary(x opt.ID, v *opt.Value) {
	if e.Values[v.A].In {
		m := e.fused(v.A)
		e.asm.Text = enc.LoadSwapped(e.asm.Text, size(v.W), e.result(x, nowhere, 0), m)
		return
	}
	a, s := e.use(v.A), size(v.W)
	e.done(v.A)
	dst := e.result(x, a, 0)
	t := e.asm.Text
	switch {
	case v.Op == opt.Zext && v.From == ir.W32:
		t = enc.MovRR(t, enc.S32, dst, a)
	case v.Op == opt.Zext && v.From == ir.W64, v.Op == opt.Copy:
		e.move(enc.S64, dst, a)
		return
	case v.Op == opt.Zext:
		t = enc.Movzx(t, size(v.From), dst, a)
	case v.Op == opt.Sext:
		t = enc.Movsx(t, size(v.From), s, dst, a)
	case v.Op == opt.Swap && v.W == ir.W16:
		t = enc.ShiftI(enc.Movzx(t, enc.S16, dst, a), enc.ROL, enc.S16, dst, 8)
	case v.Op == opt.Swap:
		e.move(s, dst, a)
		t = enc.Bswap(e.asm.Text, s, dst)
	default:
		e.move(s, dst, a)
		t = enc.R(e.asm.Text, enc.NEG, s, dst)
	}
	e.asm.Text = t
}
