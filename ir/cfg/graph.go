package cfg

import "github.com/bpfproof/bpfproof/ir"

// BlockID is an index into Graph.Blocks.
type BlockID int32

// None stands for no block.
const None BlockID = -1

// Block is a basic block: the slots [Start, End). It is entered at Start only
// and left after its last instruction only.
type Block struct {
	Start, End ir.PC
	Func       int       // index into Graph.Funcs
	Succs      []BlockID // the fall-through first, then the jump's target; each block once
	Preds      []BlockID // in order of their numbers
}

// Func is one subprogram: the blocks [First, End), entered at First.
type Func struct {
	Name       string
	First, End BlockID
	RPO        []BlockID // reachable blocks in reverse postorder
	WTO        []Element // reachable blocks in weak topological order
	Loops      []Loop    // in order of their heads in WTO: an outer loop before its inner ones
	Callees    []int     // indices into Graph.Funcs of functions called or referred to, ascending
}

// Element is a block in a weak topological order. If Head is set, the elements
// from this one up to position End in Func.WTO are a component with this block
// as its head; otherwise End is the next position.
type Element struct {
	Block BlockID
	Head  bool
	End   int
}

// Loop is a component of the weak topological order: a largest set of blocks
// that reach each other without leaving the loops around it.
type Loop struct {
	Head       BlockID
	Parent     int // index into Func.Loops of the loop around it, -1 if none
	Depth      int // 1 for an outermost loop
	First, End int // its blocks are those of Func.WTO[First:End]
	Backs      []BlockID
	// Reducible reports that Head dominates the loop, which then is the
	// natural loop of the edges from Backs to Head. Otherwise the loop has
	// entries besides Head.
	Reducible bool
}

// Graph is the control flow of a whole program.
type Graph struct {
	Prog   *ir.Program
	Blocks []Block
	Funcs  []Func

	blockOf []BlockID // by PC
	pos     []blockPos
}

// blockPos is what the analyses found out about one block.
type blockPos struct {
	rpo       int32 // position in Func.RPO, -1 if unreachable
	wto       int32 // position in Func.WTO, -1 if unreachable
	loop      int32 // innermost loop, index into Func.Loops, -1 if none
	idom      BlockID
	domIn     int32 // the block dominates those with domIn in [domIn, domOut)
	domOut    int32
	reachable bool
}

// BlockAt returns the block that holds slot pc, None if pc is outside the
// program.
func (g *Graph) BlockAt(pc ir.PC) BlockID {
	if pc < 0 || int(pc) >= len(g.blockOf) {
		return None
	}
	return g.blockOf[pc]
}

// Func returns the subprogram of block b.
func (g *Graph) Func(b BlockID) *Func { return &g.Funcs[g.Blocks[b].Func] }

// Reachable reports whether b can be reached from its subprogram's entry along
// edges.
func (g *Graph) Reachable(b BlockID) bool { return g.pos[b].reachable }

// RPOIndex returns b's position in its subprogram's RPO, -1 if unreachable.
func (g *Graph) RPOIndex(b BlockID) int { return int(g.pos[b].rpo) }

// WTOIndex returns b's position in its subprogram's WTO, -1 if unreachable.
func (g *Graph) WTOIndex(b BlockID) int { return int(g.pos[b].wto) }

// Idom returns the immediate dominator of b, None for an entry and for an
// unreachable block.
func (g *Graph) Idom(b BlockID) BlockID { return g.pos[b].idom }

// Dominates reports whether every path from the entry to b goes through a; a
// block dominates itself. It is false where either is unreachable or they are
// in different subprograms.
func (g *Graph) Dominates(a, b BlockID) bool {
	x, y := &g.pos[a], &g.pos[b]
	return x.reachable && y.reachable && g.Blocks[a].Func == g.Blocks[b].Func &&
		x.domIn <= y.domIn && y.domIn < x.domOut
}

// LoopOf returns the index in Func.Loops of the innermost loop around b, -1 if
// there is none.
func (g *Graph) LoopOf(b BlockID) int { return int(g.pos[b].loop) }

// LoopHead reports whether b is the head of a loop: the places to widen at.
func (g *Graph) LoopHead(b BlockID) bool {
	l := g.pos[b].loop
	return l >= 0 && g.Func(b).Loops[l].Head == b
}

// Terminator returns the PC of b's last instruction.
func (g *Graph) Terminator(b BlockID) ir.PC {
	pc := g.Blocks[b].End - 1
	if g.Prog.Insns[pc].Op == ir.OpPad {
		pc--
	}
	return pc
}
