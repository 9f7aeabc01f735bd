package cfg

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// Build returns the control flow of p. Where p lists no functions they are
// found as [ir.Program.FindFuncs] does; p itself is not changed. The error is
// that of [ir.Program.Check]: control flow is defined for well-formed programs.
func Build(p *ir.Program) (*Graph, error) {
	return outline(p, true)
}

// Outline returns blocks, edges, calls and the reverse postorder, but neither
// dominators nor loops: Idom is None, Dominates false, LoopOf -1, and Func.WTO
// and Func.Loops are empty. It costs about half of Build.
func Outline(p *ir.Program) (*Graph, error) {
	return outline(p, false)
}

func outline(p *ir.Program, whole bool) (*Graph, error) {
	q := *p
	if len(q.Funcs) == 0 {
		q.FindFuncs()
	}
	if err := q.Check(); err != nil {
		return nil, err
	}
	g := &Graph{Prog: p}
	g.cut(&q)
	g.link(&q)
	g.calls(&q)
	g.pos = make([]blockPos, len(g.Blocks))
	for i := range g.pos {
		g.pos[i] = blockPos{rpo: -1, wto: -1, loop: -1, idom: None}
	}
	for f := range g.Funcs {
		if !whole {
			g.postorder(&g.Funcs[f])
			continue
		}
		d := g.search(&g.Funcs[f])
		g.reverse(d)
		g.dominators(d)
		g.order(d)
	}
	return g, nil
}

// ends reports whether an instruction of kind k ends a block.
func ends(k ir.Kind) bool {
	return k == ir.KindJump || k == ir.KindBranch || k == ir.KindMayGoto || k == ir.KindExit
}

// cut splits the program into blocks.
func (g *Graph) cut(p *ir.Program) {
	leader := make([]bool, p.Slots()+1)
	for _, f := range p.Funcs {
		leader[f.PC] = true
	}
	for i := range p.Insns {
		if !ends(p.Insns[i].Op.Kind()) {
			continue
		}
		leader[i+1] = true
		if target, ok := p.Insns[i].Target(ir.PC(i)); ok {
			leader[target] = true
		}
	}
	g.blockOf = make([]BlockID, p.Slots())
	g.Funcs = make([]Func, 0, len(p.Funcs))
	n := 0
	for _, l := range leader[:p.Slots()] {
		if l {
			n++
		}
	}
	g.Blocks = make([]Block, 0, n)
	for pc := range p.Slots() {
		if leader[pc] {
			if len(g.Funcs) < len(p.Funcs) && p.Funcs[len(g.Funcs)].PC == pc {
				g.Funcs = append(g.Funcs, Func{Name: p.Funcs[len(g.Funcs)].Name, First: BlockID(len(g.Blocks))})
			}
			if len(g.Blocks) > 0 {
				g.Blocks[len(g.Blocks)-1].End = pc
			}
			g.Blocks = append(g.Blocks, Block{Start: pc, Func: len(g.Funcs) - 1})
			g.Funcs[len(g.Funcs)-1].End = BlockID(len(g.Blocks))
		}
		g.blockOf[pc] = BlockID(len(g.Blocks) - 1)
	}
	g.Blocks[len(g.Blocks)-1].End = p.Slots()
}

// link fills Succs and Preds; both are parts of two shared arrays.
func (g *Graph) link(p *ir.Program) {
	succs := make([]BlockID, 0, 2*len(g.Blocks))
	indegree := make([]int, len(g.Blocks))
	for i := range g.Blocks {
		b := &g.Blocks[i]
		start := len(succs)
		last := b.End - 1
		if p.Insns[last].Op == ir.OpPad {
			last--
		}
		in := p.Insns[last]
		if in.FallsThrough() {
			succs = append(succs, g.blockOf[b.End])
		}
		if target, ok := in.Target(last); ok && ends(in.Kind()) {
			if to := g.blockOf[target]; !slices.Contains(succs[start:], to) {
				succs = append(succs, to)
			}
		}
		b.Succs = succs[start:len(succs):len(succs)]
		for _, s := range b.Succs {
			indegree[s]++
		}
	}
	preds := make([]BlockID, len(succs))
	for i, n := range indegree {
		g.Blocks[i].Preds, preds = preds[:0:n], preds[n:]
	}
	for i := range g.Blocks {
		for _, s := range g.Blocks[i].Succs {
			g.Blocks[s].Preds = append(g.Blocks[s].Preds, BlockID(i))
		}
	}
}

// calls fills Callees.
func (g *Graph) calls(p *ir.Program) {
	for i := range p.Insns { // not by All: this looks at programs of a million
		if k := p.Insns[i].Op.Kind(); k != ir.KindCall && k != ir.KindLoadImm {
			continue
		}
		if target, ok := p.Insns[i].Target(ir.PC(i)); ok {
			f := &g.Funcs[p.FuncAt(ir.PC(i))]
			f.Callees = append(f.Callees, p.FuncAt(target))
		}
	}
	for i := range g.Funcs {
		slices.Sort(g.Funcs[i].Callees)
		g.Funcs[i].Callees = slices.Compact(g.Funcs[i].Callees)
	}
}
