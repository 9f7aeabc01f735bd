package amd64

import (
	"math"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jit"
)

// known is, by eBPF register, 1 + the index of the map whose handle it holds
// on every path, or 0.
type known [ir.NumRegs]int32

// tracker finds out where registers hold map handles: a forward analysis in
// which a fact must hold on all paths. Facts at jump targets start unseen and
// only ever lose content, so the rounds end.
type tracker struct {
	p      *ir.Program
	target jit.Target
	at     map[ir.PC]known // by jump target that was reached
	start  map[ir.PC]bool  // functions' entries, where nothing is known
	again  bool
}

// trackMaps returns the lookups that can be inlined with their maps, and the
// facts they rest on: one for each instruction and register where one holds.
func trackMaps(p *ir.Program, target jit.Target) (lookups map[ir.PC]int, hints []jit.Hint) {
	if !mayInline(p, target) {
		return nil, nil
	}
	t := &tracker{p: p, target: target, at: map[ir.PC]known{}, start: map[ir.PC]bool{}, again: true}
	for _, f := range p.Funcs {
		t.start[f.PC] = true
	}
	for t.again {
		t.again = false
		t.walk(func(ir.PC, ir.Insn, known) {})
	}
	lookups = map[ir.PC]int{}
	t.walk(func(pc ir.PC, in ir.Insn, k known) {
		for r, m := range k {
			if m != 0 {
				hints = append(hints, jit.Hint{PC: pc, Reg: ir.Reg(r), Map: int(m - 1)})
			}
		}
		if m := k[ir.R1]; isLookup(in) && m != 0 && inlinable(p.Maps[m-1], target) {
			lookups[pc] = int(m - 1)
		}
	})
	return lookups, hints
}

func isLookup(in ir.Insn) bool {
	row := in.Row()
	return row.Kind == ir.KindCall && row.Pseudo == ir.CallHelper && abi.HelperID(in.Imm) == abi.MapLookupElem
}

// inlinable reports whether the lookup in a map is address arithmetic.
func inlinable(m *ir.MapSpec, target jit.Target) bool {
	if m == nil || m.KeySize != 4 || target.ArrayStride == nil {
		return false
	}
	switch stride := target.ArrayStride(m); {
	case stride == 0 || stride > math.MaxInt32:
		return false
	case m.Type == ir.PerCPUArray && target.ArrayArea != nil:
		area := target.ArrayArea(m)
		return area > 0 && area <= math.MaxInt32
	}
	return m.Type == ir.Array
}

// mayInline spares programs without array lookups the analysis.
func mayInline(p *ir.Program, target jit.Target) bool {
	array := false
	for _, m := range p.Maps {
		array = array || inlinable(m, target)
	}
	if !array {
		return false
	}
	for _, in := range p.Insns {
		if isLookup(in) {
			return true
		}
	}
	return false
}

// walk passes over the program once in order, joining facts at jump targets,
// and shows visit what holds before each instruction that is reached.
func (t *tracker) walk(visit func(ir.PC, ir.Insn, known)) {
	var k known
	reached := false
	for pc, in := range t.p.All() {
		if t.start[pc] {
			k, reached = known{}, true
		} else if at, ok := t.at[pc]; ok {
			if reached {
				t.join(pc, k)
				at = t.at[pc]
			}
			k, reached = at, true
		}
		if !reached {
			continue
		}
		visit(pc, in, k)
		k = after(in, k)
		if target, ok := in.Target(pc); ok && in.Kind() != ir.KindCall && in.Kind() != ir.KindLoadImm {
			t.join(target, k)
		}
		reached = in.FallsThrough()
	}
}

// join meets what is known at a jump target with what one way there brings.
func (t *tracker) join(pc ir.PC, k known) {
	old, ok := t.at[pc]
	met := k
	if ok {
		for r := range met {
			if old[r] != k[r] {
				met[r] = 0
			}
		}
	}
	if !ok || met != old {
		t.at[pc], t.again = met, true
	}
}

// after returns what is known behind an instruction.
func after(in ir.Insn, k known) known {
	row := in.Row()
	switch row.Kind {
	case ir.KindLoadImm:
		k[in.Dst] = 0
		if m, _, ok := in.Map(); ok && (row.Pseudo == ir.PseudoMapFD || row.Pseudo == ir.PseudoMapIdx) {
			k[in.Dst] = int32(m) + 1
		}
	case ir.KindALU:
		moved := row.ALU == ir.Mov && row.Width == ir.W64 && row.Src == ir.X
		if moved {
			k[in.Dst] = k[in.Src]
		} else {
			k[in.Dst] = 0
		}
	case ir.KindSwap, ir.KindCast, ir.KindLoad, ir.KindLoadAcquire:
		k[in.Dst] = 0
	case ir.KindAtomic:
		if row.Atomic == ir.AtomicCmpXchg {
			k[ir.R0] = 0
		} else if row.Fetch {
			k[in.Src] = 0
		}
	case ir.KindLoadPacket, ir.KindCall:
		clear(k[ir.R0 : ir.R5+1])
	}
	return k
}
