package opt

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/cfg"
)

// layout orders the segments' code so that what is likely to follow a segment is
// behind it: chains of likely successors, each begun at the first segment that is
// in no chain yet.
func (f *Plan) layout(g *cfg.Graph) {
	f.align(g)
	placed := make([]bool, len(f.Segments))
	for head := range f.Segments {
		for i := head; i >= 0 && !placed[i]; {
			placed[i] = true
			f.Order = append(f.Order, i)
			i = f.next(g, i, placed)
		}
	}
}

// next returns the likely successor of segment i that has no place yet, -1 if
// there is none.
func (f *Plan) next(g *cfg.Graph, i int, placed []bool) int {
	s := &f.Segments[i]
	best := -1
	for _, n := range s.succs {
		if !placed[n] && (best < 0 || f.likelier(g, s, n, best)) {
			best = n
		}
	}
	if f.cfg.Off[PassLayout] {
		if best = -1; i+1 < len(placed) && !placed[i+1] {
			return i + 1
		}
	}
	return best
}

// likelier reports whether s is more likely followed by x than by y: by what stays
// in a loop, by what is there for values that differ, and by what is not jumped
// to. A guess: it costs time where it is wrong.
func (f *Plan) likelier(g *cfg.Graph, s *Segment, x, y int) bool {
	if dx, dy := f.depth(g, x), f.depth(g, y); dx != dy {
		return dx > dy
	}
	in := f.p.Insns[f.last(s)]
	taken := f.Segments[x].Start != s.After
	if in.Kind() == ir.KindBranch && in.Row().Cmp == ir.JNE {
		return taken
	}
	return !taken
}

// align marks the heads of loops without loops inside.
func (f *Plan) align(g *cfg.Graph) {
	if f.cfg.Off[PassAlign] {
		return
	}
	for i := range f.Segments {
		b := g.BlockAt(f.Segments[i].Start)
		loop := g.LoopOf(b)
		if loop < 0 || g.Blocks[b].Start != f.Segments[i].Start {
			continue
		}
		loops := g.Func(b).Loops
		inner := loops[loop].Head == b
		for k := range loops {
			inner = inner && loops[k].Parent != loop
		}
		f.Segments[i].Align = inner
	}
}

// depth returns how many loops a segment is in.
func (f *Plan) depth(g *cfg.Graph, i int) int {
	b := g.BlockAt(f.Segments[i].Start)
	if loop := g.LoopOf(b); loop >= 0 {
		return g.Func(b).Loops[loop].Depth
	}
	return 0
}
