package cfg

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bpfproof/bpfproof/ir"
)

func branch(off int) ir.Insn {
	return ir.Insn{Op: ir.OpBranch(ir.JEQ, ir.W64, ir.K), Dst: ir.R1, Off: int16(off)}
}
func jump(off int) ir.Insn     { return ir.Insn{Op: ir.OpJump(false), Off: int16(off)} }
func jumpLong(off int) ir.Insn { return ir.Insn{Op: ir.OpJump(true), Imm: int64(off)} }
func mov() ir.Insn             { return ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Imm: 1} }
func exit() ir.Insn            { return ir.Insn{Op: ir.OpExit()} }
func call(off int) ir.Insn     { return ir.Insn{Op: ir.OpCall(ir.CallLocal), Imm: int64(off)} }

func build(t require.TestingT, insns ...ir.Insn) *Graph {
	g, err := Build(&ir.Program{Name: "test", Insns: insns})
	require.NoError(t, err)
	return g
}

func TestBlocks(t *testing.T) {
	g := build(t,
		mov(),                                  // 0
		ir.Insn{Op: ir.OpLoadImm(0)}, ir.Pad(), // 1
		branch(2), // 3 -> 6
		call(4),   // 4 -> 9
		jump(-5),  // 5 -> 1
		branch(0), // 6 -> 7, both ways
		exit(),    // 7
		exit(),    // 8: unreachable
		mov(),     // 9: second function
		exit())    // 10
	starts := []ir.PC{0, 1, 4, 6, 7, 8, 9}
	require.Len(t, g.Blocks, len(starts))
	for i, b := range g.Blocks {
		require.Equal(t, starts[i], b.Start, "block %d", i)
	}
	succs := [][]BlockID{{1}, {2, 3}, {1}, {4}, {}, {}, {}}
	preds := [][]BlockID{{}, {0, 2}, {1}, {1}, {3}, {}, {}}
	for i, b := range g.Blocks {
		require.Equal(t, succs[i], b.Succs, "successors of block %d", i)
		require.Equal(t, preds[i], b.Preds, "predecessors of block %d", i)
	}
	require.Len(t, g.Funcs, 2)
	require.Equal(t, "sub_9", g.Funcs[1].Name)
	require.Equal(t, []int{1}, g.Funcs[0].Callees)
	require.Equal(t, BlockID(6), g.Funcs[1].First)
	require.False(t, g.Reachable(5))
	require.Equal(t, None, g.Idom(5))
	require.Equal(t, []BlockID{0, 1, 3, 4, 2}, g.Funcs[0].RPO)
	require.Equal(t, []Loop{{Head: 1, Parent: -1, Depth: 1, First: 1, End: 3, Backs: []BlockID{2}, Reducible: true}}, g.Funcs[0].Loops)
	require.True(t, g.LoopHead(1))
	require.False(t, g.LoopHead(2))
	require.Equal(t, 0, g.LoopOf(2))
	require.Equal(t, -1, g.LoopOf(3))
	require.Equal(t, BlockID(1), g.BlockAt(2), "padding lies in the block of its load")
	require.Equal(t, None, g.BlockAt(11))
	require.Equal(t, None, g.BlockAt(-1))
	require.Equal(t, ir.PC(3), g.Terminator(1))
}

func TestBuildRefusesMalformed(t *testing.T) {
	_, err := Build(&ir.Program{Insns: []ir.Insn{mov()}})
	require.EqualError(t, err, "ir: insn 0: mov64_k: execution runs off the end of the function")
	_, err = Build(&ir.Program{})
	require.EqualError(t, err, "ir: insn 0: program has no instructions")
}

func TestIrreducible(t *testing.T) {
	// 0 branches into the middle of the loop 1 <-> 2.
	g := build(t, branch(1), branch(1), jump(-2), exit())
	require.Len(t, g.Funcs[0].Loops, 1)
	require.False(t, g.Funcs[0].Loops[0].Reducible)
}

func TestWTOOfBourdoncle(t *testing.T) {
	// The example of the paper: 1 2 (3 4 (5 6) 7) 8; our numbers are one less.
	g := build(t, jump(0), jump(0), branch(4), branch(2), jump(0), branch(-2), jump(-5), exit())
	want := []Element{{0, false, 1}, {1, false, 2}, {2, true, 7}, {3, false, 4}, {4, true, 6}, {5, false, 6}, {6, false, 7}, {7, false, 8}}
	require.Equal(t, want, g.Funcs[0].WTO)
	require.Equal(t, []Loop{
		{Head: 2, Parent: -1, Depth: 1, First: 2, End: 7, Backs: []BlockID{6}, Reducible: true},
		{Head: 4, Parent: 0, Depth: 2, First: 4, End: 6, Backs: []BlockID{5}, Reducible: true},
	}, g.Funcs[0].Loops)
}

// randomProgram draws a program of one function in which every slot may jump
// anywhere.
func randomProgram(t *rapid.T) []ir.Insn {
	n := rapid.IntRange(1, 24).Draw(t, "slots")
	insns := make([]ir.Insn, n, n+1)
	for i := range insns {
		to := rapid.IntRange(0, n).Draw(t, "target") - i - 1
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			insns[i] = mov()
		case 1:
			insns[i] = jump(to)
		case 2:
			insns[i] = exit()
		case 3:
			insns[i] = ir.Insn{Op: ir.OpMayGoto(), Off: int16(to)}
		default:
			insns[i] = branch(to)
		}
	}
	return append(insns, exit())
}

// reach returns the blocks reachable from start without entering avoid.
func reach(g *Graph, start, avoid BlockID) map[BlockID]bool {
	seen := map[BlockID]bool{}
	work := []BlockID{start}
	for len(work) > 0 {
		b := work[len(work)-1]
		work = work[:len(work)-1]
		if b == avoid || seen[b] {
			continue
		}
		seen[b] = true
		work = append(work, g.Blocks[b].Succs...)
	}
	return seen
}

// TestAgainstDefinitions compares every result with its definition, computed
// the slow way.
func TestAgainstDefinitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		insns := randomProgram(t)
		g := build(t, insns...)
		f := &g.Funcs[0]
		checkOutline(t, insns, g)
		all := reach(g, 0, None)
		require.Len(t, f.RPO, len(all))
		require.Len(t, f.WTO, len(all))
		for a := range g.Blocks {
			without := reach(g, 0, BlockID(a))
			require.Equal(t, all[BlockID(a)], g.Reachable(BlockID(a)))
			for b := range g.Blocks {
				want := all[BlockID(a)] && all[BlockID(b)] && !without[BlockID(b)]
				require.Equal(t, want, g.Dominates(BlockID(a), BlockID(b)), "does %d dominate %d", a, b)
			}
		}
		checkIdom(t, g, f)
		checkWTO(t, g, f)
		checkLoops(t, g, f)
	})
}

// checkOutline demands that Outline gives what it has as Build does.
func checkOutline(t *rapid.T, insns []ir.Insn, g *Graph) {
	o, err := Outline(&ir.Program{Name: "test", Insns: insns})
	require.NoError(t, err)
	require.Equal(t, g.Blocks, o.Blocks)
	require.Equal(t, g.Funcs[0].RPO, o.Funcs[0].RPO)
	require.Empty(t, o.Funcs[0].WTO)
	for b := range g.Blocks {
		id := BlockID(b)
		require.Equal(t, g.Reachable(id), o.Reachable(id))
		require.Equal(t, g.RPOIndex(id), o.RPOIndex(id))
		require.Equal(t, -1, o.LoopOf(id))
		require.Equal(t, None, o.Idom(id))
	}
}

// checkIdom demands that the immediate dominator is the strict dominator that
// all strict dominators dominate.
func checkIdom(t *rapid.T, g *Graph, f *Func) {
	for _, b := range f.RPO {
		idom := g.Idom(b)
		if b == f.First {
			require.Equal(t, None, idom)
			continue
		}
		require.True(t, idom != b && g.Dominates(idom, b))
		for _, a := range f.RPO {
			if a != b && g.Dominates(a, b) {
				require.True(t, g.Dominates(a, idom), "%d, a dominator of %d, dominates its idom %d", a, b, idom)
			}
		}
	}
}

// checkWTO demands Bourdoncle's definition of every edge u -> v: either u comes
// before v and v heads no component with u in it, or v heads a component with
// u in it.
func checkWTO(t *rapid.T, g *Graph, f *Func) {
	for i, e := range f.WTO {
		require.Equal(t, i, g.WTOIndex(e.Block))
		require.True(t, e.End > i && (e.Head || e.End == i+1))
	}
	for i, outer := range f.WTO {
		for j := i + 1; j < outer.End; j++ {
			require.LessOrEqual(t, f.WTO[j].End, outer.End, "components nest")
		}
	}
	for _, u := range f.RPO {
		for _, v := range g.Blocks[u].Succs {
			pu, pv := g.WTOIndex(u), g.WTOIndex(v)
			inside := f.WTO[pv].Head && pv <= pu && pu < f.WTO[pv].End
			require.True(t, inside != (pu < pv), "edge %d -> %d at positions %d -> %d", u, v, pu, pv)
		}
	}
}

// checkLoops demands that each loop is strongly connected, and that once the
// heads of all loops around it and its own are taken away only its inner loops
// are.
func checkLoops(t *rapid.T, g *Graph, f *Func) {
	heads := 0
	for i, l := range f.Loops {
		require.True(t, f.WTO[l.First].Head)
		require.Equal(t, l.Head, f.WTO[l.First].Block)
		require.Equal(t, l.End, f.WTO[l.First].End)
		inside := map[BlockID]bool{}
		for _, e := range f.WTO[l.First:l.End] {
			inside[e.Block] = true
			depth := 0
			for k := g.LoopOf(e.Block); k >= 0; k = f.Loops[k].Parent {
				if k == i {
					depth++
				}
			}
			require.Equal(t, 1, depth, "block %d is in loop %d", e.Block, i)
		}
		require.NotEmpty(t, l.Backs)
		entries := 0
		for _, b := range f.RPO {
			for _, s := range g.Blocks[b].Succs {
				if !inside[b] && inside[s] && s != l.Head {
					entries++
				}
			}
		}
		require.Equal(t, entries == 0, l.Reducible, "loop at %d has %d entries besides its head", l.Head, entries)
		for _, e := range f.WTO[l.First:l.End] {
			seen := map[BlockID]bool{}
			work := []BlockID{e.Block}
			for len(work) > 0 {
				b := work[0]
				work = work[1:]
				for _, s := range g.Blocks[b].Succs {
					if inside[s] && !seen[s] {
						seen[s] = true
						work = append(work, s)
					}
				}
			}
			require.True(t, seen[l.Head], "block %d reaches its head %d inside the loop", e.Block, l.Head)
		}
	}
	for _, e := range f.WTO {
		if e.Head {
			heads++
		}
	}
	require.Len(t, f.Loops, heads)
}

// TestLarge builds the shapes that break quadratic or recursive algorithms, at
// the size limit: a quadratic step would run into the test's time limit.
func TestLarge(t *testing.T) {
	for _, tt := range largePrograms() {
		t.Run(tt.name, func(t *testing.T) {
			g := build(t, tt.insns...)
			require.Len(t, g.Funcs[0].WTO, len(g.Funcs[0].RPO))
		})
	}
}

type large struct {
	name  string
	insns []ir.Insn
}

func largePrograms() []large {
	const n = ir.MaxSlots
	chain := make([]ir.Insn, n)
	for i := range chain {
		chain[i] = branch(0)
	}
	chain[n-1] = exit()
	// Half of the slots open a loop, the other half close them inside out.
	nest := make([]ir.Insn, n)
	for i := range nest {
		nest[i] = mov()
		if i >= n/2 {
			to := n - 1 - i
			nest[i] = ir.Insn{Op: ir.OpMayGoto(), Off: int16(max(to-i-1, -1<<15))}
		}
	}
	nest[n-1] = exit()
	// Loops 30,000 deep at a time, each entered by fall-through.
	deep := make([]ir.Insn, n)
	for i := range deep {
		deep[i] = mov()
		if k := i % 30000; k >= 15000 {
			deep[i] = branch(-2*(k-15000) - 2)
		}
	}
	deep[n-1] = exit()
	one := make([]ir.Insn, 0, 8200)
	for i := range 8192 {
		one = append(one, branch(8192-i-1))
	}
	one = append(one, exit())
	back := make([]ir.Insn, 0, 8200)
	for i := range 8192 {
		back = append(back, branch(-i-1))
	}
	back = append(back, exit())
	ladder := make([]ir.Insn, n)
	for i := range ladder {
		ladder[i] = branch(min(1, n-i-2))
		if i%3 == 2 {
			ladder[i] = branch(max(-32768, -i-1))
		}
	}
	ladder[n-1] = exit()
	return []large{{"chain", chain}, {"nest", nest}, {"deep", deep}, {"8192 jumps to one target", one},
		{"8192 jumps back", back}, {"ladder", ladder}}
}

func BenchmarkBuild(b *testing.B) {
	for _, tt := range largePrograms() {
		b.Run("prog="+tt.name, func(b *testing.B) {
			p := &ir.Program{Insns: tt.insns}
			for b.Loop() {
				if _, err := Build(p); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(tt.insns))*float64(b.N)/b.Elapsed().Seconds(), "insns/s")
		})
	}
}
