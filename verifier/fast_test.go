package verifier

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// TestPlain compares plain with the obligations that it stands for, for all
// operations and kinds of operands.
func TestPlain(t *testing.T) {
	ctx, _ := abi.LookupContext(ir.XDP)
	c := checker[reduced.T]{w: newWords[reduced.T](reduced.New()), prog: &ir.Program{Type: ir.XDP}, ctx: ctx}
	kinds := []reg[reduced.T]{{}, number(c.w.top), number(c.w.num(8)), {kind: ctxPtr, val: c.w.zero}, {kind: stackPtr, val: c.w.zero}, {kind: packetEnd, val: c.w.zero}}
	plain := 0
	for _, unprivileged := range []bool{false, true} {
		c.policy.Unprivileged = unprivileged
		for _, row := range ir.Rows() {
			if row.Kind != ir.KindALU && row.Kind != ir.KindBranch {
				continue
			}
			for _, dst := range []ir.Reg{ir.R1, ir.FP} {
				for _, imm := range []int64{0, 1, 31, 32, 63, 64, -1} {
					for i, x := range kinds {
						for j, y := range kinds {
							s := &state[reduced.T]{}
							fr := s.push(-1, 0)
							fr.regs[dst], fr.regs[ir.R2] = x, y
							in := ir.Insn{Op: row.Op, Dst: dst, Src: ir.R2, Imm: imm}
							if !c.plain(fr, in) {
								continue
							}
							plain++
							for _, ob := range obligations(nil, in, ir.XDP) {
								d := c.decide(s, 0, in, &ob)
								require.Equal(t, holds, d.outcome, "%s dst=%v imm=%d operands %d, %d: %s", row.Name, dst, imm, i, j, d.msg)
							}
						}
					}
				}
			}
		}
	}
	require.Greater(t, plain, 1000)
}

// TestOneWay demands that where oneWay tells the way of a comparison, no members
// of its operands go the other one.
func TestOneWay(t *testing.T) {
	d := reduced.New()
	st := stepper[reduced.T]{w: newWords[reduced.T](d)}
	word := rapid.OneOf(rapid.Uint64Range(0, 4), rapid.Uint64Range(1<<31-2, 1<<31+2), rapid.Uint64Range(1<<32-2, 1<<32+2), rapid.Uint64Range(1<<63-2, 1<<63+2), rapid.Uint64())
	known := 0
	rapid.Check(t, func(t *rapid.T) {
		var members [2][]uint64
		s := &state[reduced.T]{}
		fr := s.push(-1, 0)
		for i := range members {
			members[i] = rapid.SliceOfN(word, 1, 3).Draw(t, "members")
			e := d.Bottom()
			for _, x := range members[i] {
				e = d.Join(ir.W64, e, d.Const(ir.W64, x))
			}
			fr.regs[i] = number(e)
		}
		in := ir.Insn{Dst: 0, Src: 1}
		cmp := rapid.SampledFrom([]ir.CmpOp{ir.JEQ, ir.JNE, ir.JGT, ir.JGE, ir.JLT, ir.JLE, ir.JSGT, ir.JSGE, ir.JSLT, ir.JSLE, ir.JSET}).Draw(t, "cmp")
		w := rapid.SampledFrom([]ir.Width{ir.W32, ir.W64}).Draw(t, "width")
		in.Op = ir.OpBranch(cmp, w, ir.X)
		if rapid.Bool().Draw(t, "immediate") {
			in.Op, in.Src, in.Imm = ir.OpBranch(cmp, w, ir.K), 0, int64(int32(members[1][0]))
			members[1] = []uint64{uint64(in.Imm)}
		}
		taken, ok := st.oneWay(fr, in)
		if !ok {
			return
		}
		known++
		for _, x := range members[0] {
			for _, y := range members[1] {
				holds := sem.Cond[uint64](sem.Concrete{}, cmp, w, x&w.Mask(), y&w.Mask()) != 0
				require.Equal(t, holds, taken, "%s %#x, %#x", in.Op, x, y)
			}
		}
	})
	require.Positive(t, known)
}
