package ending

import (
	"math"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/verifier/invariant"
)

// climbing returns the records of a component at whose instruction a register of
// the frame with index depth surely moves one way, if no other record of the
// component moves that register the other way or sets it: runs that stay in the
// component come to these records finitely often, as the register's 64 bits have
// bounds. stays tells whether runs can go on in the component from a record.
func (c *graph[E]) climbing(comp []int32, depth int, stays func(n int32) bool) []int32 {
	var rose, fell, set uint16
	step := make([]int, len(comp)) // the register plus 1, negative where it falls
	for i, n := range comp {
		rec := &c.set.Records[n]
		if len(rec.State.Frames) != depth || !stays(n) {
			continue // callees leave the frame's registers alone
		}
		in := c.prog.Insns[rec.PC]
		switch dir := c.direction(rec, in); {
		case dir > 0:
			rose, step[i] = rose|1<<in.Dst, int(in.Dst)+1
		case dir < 0:
			fell, step[i] = fell|1<<in.Dst, -int(in.Dst)-1
		default:
			set |= sets(in)
		}
	}
	up, down := rose&^(fell|set), fell&^(rose|set)
	var out []int32
	for i, n := range comp {
		if s := step[i]; s > 0 && up>>(s-1)&1 == 1 || s < 0 && down>>(-s-1)&1 == 1 {
			out = append(out, n)
		}
	}
	return out
}

// direction returns 1 if the instruction makes its destination greater, read
// signed, whatever number of the record's state it holds, -1 if smaller, 0 if
// neither is known.
func (c *graph[E]) direction(rec *invariant.Record[E], in ir.Insn) int {
	row := in.Row()
	r := rec.State.Frames[len(rec.State.Frames)-1].Regs[in.Dst]
	if row.Kind != ir.KindALU || row.Src != ir.K || row.ALU != ir.Add && row.ALU != ir.Sub || r.Kind != invariant.Scalar {
		return 0
	}
	d := in.Imm // of 32 bits
	if row.ALU == ir.Sub {
		d = -d
	}
	least, most := int64(math.MinInt64), int64(math.MaxInt64)
	if row.Width == ir.W32 {
		least, most = 0, math.MaxUint32
	}
	b := c.d.Bounds(ir.W64, r.Val)
	switch {
	case b.SMin < least || b.SMax > most:
	case d > 0 && b.SMax <= most-d:
		return 1
	case d < 0 && b.SMin >= least-d:
		return -1
	}
	return 0
}

// sets returns the registers that the instruction may change.
func sets(in ir.Insn) uint16 {
	const called = 1<<ir.R0 | 1<<ir.R1 | 1<<ir.R2 | 1<<ir.R3 | 1<<ir.R4 | 1<<ir.R5
	switch in.Row().Kind {
	case ir.KindStore, ir.KindStoreRelease, ir.KindBranch, ir.KindJump, ir.KindMayGoto, ir.KindExit:
		return 0
	case ir.KindCall, ir.KindLoadPacket:
		return called
	case ir.KindAtomic:
		return 1<<in.Src | 1<<ir.R0
	}
	return 1 << in.Dst
}
