// Package cfg gives the control flow of a program: basic blocks per
// subprogram, edges, reverse postorder, dominators, loops and a weak
// topological order.
//
// It knows where execution can go, not what instructions compute: a branch
// whose condition never holds still has two edges. A call stays inside its
// block; the call graph is in Func.Callees.
//
// # Invariants
//
// Blocks are numbered in order of their first slot, so a subprogram's blocks
// are a range, and every slot of the program, padding included, lies in
// exactly one block. Orders (RPO, WTO) list the blocks reachable from the
// subprogram's entry; the others are in Blocks and have no dominator. All
// results depend on the program alone, and every step is linear in blocks and
// edges, up to the factors of union-find and of path compression: there is no
// recursion, so a chain of a million blocks is no deeper than one of two.
//
//	g, err := cfg.Build(p)
//	for _, b := range g.Funcs[0].RPO { ... g.Blocks[b].Succs ... }
//
// # The weak topological order
//
// A weak topological order (Bourdoncle, "Efficient chaotic iteration
// strategies with widenings", FMPA 1993) lists blocks so that every edge goes
// forward, except edges to the head of a component that holds the edge's
// source; components nest and are contiguous. A fixpoint iteration visits it
// in order, repeats a component until its head is stable, and widens at heads
// only.
//
// Sources: Lengauer and Tarjan, "A fast algorithm for finding dominators in a
// flowgraph", TOPLAS 1979; Ramalingam, "Identifying loops in almost linear
// time", TOPLAS 1999; Kim, Venet and Thakur, "Deterministic parallel fixpoint
// computation", POPL 2020, which builds Bourdoncle's order from such a loop
// forest in almost linear time.
package cfg
