package amd64

import (
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
	"github.com/bpfproof/bpfproof/jit/opt"
)

// fused returns the operand for the load x that the instruction does itself, and
// counts the uses of its address.
func (e *emitter) fused(x opt.ID) enc.Mem {
	m := e.mem(e.Values[x].Mem)
	e.done(x)
	e.doneMem(e.Values[x].Mem)
	return m
}

// withMem appends A op B for a B in memory. Where A has to be kept it is copied
// first, to where none of the address is.
func (e *emitter) withMem(x opt.ID, v *opt.Value) {
	a, s := e.use(v.A), size(v.W)
	m := e.mem(e.Values[v.B].Mem)
	e.done(v.A)
	dst := e.result(x, a, 0)
	e.done(v.B)
	e.doneMem(e.Values[v.B].Mem)
	e.move(s, dst, a)
	if v.Op == opt.Mul {
		e.asm.Text = enc.ImulRM(e.asm.Text, s, dst, m)
	} else {
		e.asm.Text = enc.RM(e.asm.Text, valueOps[v.Op], s, dst, m)
	}
}

// change appends the store of what is computed from the word that is there, or of
// a word with its bytes reversed.
func (e *emitter) change(v *opt.Value) {
	op, s := &e.Values[v.A], size(v.W)
	m := e.mem(v.Mem)
	switch {
	case op.Op == opt.Swap:
		e.asm.Text = enc.StoreSwapped(e.asm.Text, s, m, e.use(op.A))
		e.done(op.A)
	case op.B == opt.None:
		e.asm.Text = enc.MI(e.asm.Text, valueOps[op.Op], s, m, int32(op.Imm))
		e.fused(op.A)
	default:
		src := e.use(op.B) // may be a constant, and take a register
		e.asm.Text = enc.MR(e.asm.Text, valueOps[op.Op], s, m, src)
		e.fused(op.A)
		e.done(op.B)
	}
	e.doneMem(v.Mem)
}

// flags appends the comparison at the end of the segment, of registers, an
// immediate, or a word in memory.
func (e *emitter) flags() {
	s, t := size(e.W), e.asm.Text
	switch {
	case e.Values[e.A].In && e.B == opt.None:
		e.asm.Text = enc.MI(t, enc.CMP, s, e.mem(e.Values[e.A].Mem), int32(e.Imm))
	case e.Values[e.A].In:
		e.asm.Text = enc.MR(t, enc.CMP, s, e.mem(e.Values[e.A].Mem), e.use(e.B))
	case e.B == opt.None:
		e.compareValues(e.Cmp, e.W, e.Imm, e.use(e.A), nowhere)
	case e.Values[e.B].In:
		e.asm.Text = enc.RM(t, enc.CMP, s, e.use(e.A), e.mem(e.Values[e.B].Mem))
	default:
		e.compareValues(e.Cmp, e.W, e.Imm, e.use(e.A), e.use(e.B))
	}
}

// compares reports whether the comparison at the end reads the register of x.
func (e *emitter) compares(x opt.ID) bool {
	if e.Code.End != opt.Branches {
		return false
	}
	for _, y := range []opt.ID{e.A, e.B} {
		if y == opt.None {
			continue
		}
		if v := &e.Values[y]; y == x || v.In && (v.Mem.Base == x || v.Mem.Index == x) {
			return true
		}
	}
	return false
}

// ready puts what the comparison at the end reads into registers.
func (e *emitter) ready() {
	for _, y := range []opt.ID{e.A, e.B} {
		switch {
		case y == opt.None:
		case e.Values[y].In:
			e.mem(e.Values[y].Mem)
		default:
			e.use(y)
		}
	}
}
