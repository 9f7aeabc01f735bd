package verifier

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/cfg"
)

// findLoops marks the heads of loops and the branches that leave them, and the
// blocks without a way to an exit. A program without loops pays one look at its
// edges.
func (f *flow) findLoops(p *ir.Program) error {
	f.heads, f.leaves = make([]bool, len(p.Insns)), make([]bool, len(p.Insns))
	if !hasLoop(f.graph) {
		return nil
	}
	g, err := cfg.Build(p)
	if err != nil {
		return err
	}
	for b := range g.Blocks {
		if !g.Reachable(cfg.BlockID(b)) {
			continue
		}
		f.heads[g.Blocks[b].Start] = g.LoopHead(cfg.BlockID(b))
		for _, s := range g.Blocks[b].Succs {
			if l := g.LoopOf(cfg.BlockID(b)); l >= 0 && !inLoop(g, s, l) {
				f.leaves[g.Terminator(cfg.BlockID(b))] = true
			}
		}
	}
	f.constants = findConstants(p)
	f.findEndless(p)
	return nil
}

// hasLoop reports whether some reachable edge leads back in reverse postorder.
func hasLoop(g *cfg.Graph) bool {
	for b := range g.Blocks {
		for _, s := range g.Blocks[b].Succs {
			if g.Reachable(cfg.BlockID(b)) && g.RPOIndex(s) <= g.RPOIndex(cfg.BlockID(b)) {
				return true
			}
		}
	}
	return false
}

// inLoop reports whether block b lies in the loop of that index of its function.
func inLoop(g *cfg.Graph, b cfg.BlockID, loop int) bool {
	l := &g.Func(b).Loops[loop]
	at := g.WTOIndex(b)
	return l.First <= at && at < l.End
}

// maxThresholds bounds the constants that are kept.
const maxThresholds = 256

func findConstants(p *ir.Program) []int64 {
	var all []int64
	for _, in := range p.All() {
		row := in.Row()
		compares := row.Kind == ir.KindBranch || row.Kind == ir.KindALU && row.ALU == ir.Mov
		if compares && row.Src == ir.K && len(all) < 3*maxThresholds {
			all = append(all, in.Imm-1, in.Imm, in.Imm+1)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// findEndless marks the blocks from which no way leads to the end of their
// function. What may end the program in the middle counts as an end.
func (f *flow) findEndless(p *ir.Program) {
	g := f.graph
	ends := make([]bool, len(g.Blocks))
	var work []cfg.BlockID
	for b := range g.Blocks {
		for pc := g.Blocks[b].Start; pc < g.Blocks[b].End && !ends[b]; pc++ {
			ends[b] = mayEnd(p.Insns[pc])
		}
		if ends[b] {
			work = append(work, cfg.BlockID(b))
		}
	}
	for len(work) > 0 {
		b := work[len(work)-1]
		work = work[:len(work)-1]
		for _, q := range g.Blocks[b].Preds {
			if !ends[q] {
				ends[q] = true
				work = append(work, q)
			}
		}
	}
	if !slices.Contains(ends, false) {
		return
	}
	f.endless = make([]bool, len(p.Insns))
	for b := range g.Blocks {
		f.endless[g.Blocks[b].Start] = !ends[b]
	}
}

// mayEnd reports whether the instruction may be a function's last.
func mayEnd(in ir.Insn) bool {
	switch row := in.Row(); row.Kind {
	case ir.KindExit, ir.KindLoadPacket:
		return true
	case ir.KindCall:
		return row.Pseudo == ir.CallHelper && abi.HelperID(in.Imm) == abi.TailCall
	}
	return false
}
