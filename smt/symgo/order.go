package symgo

import (
	"math/big"

	"golang.org/x/tools/go/ssa"
)

// funcInfo is what is known of a function's form.
type funcInfo struct {
	index   map[ssa.Value]int // numbers of parameters, captured variables and results of instructions
	rank    []int             // order in which blocks are run; blocks of a loop follow each other
	loops   map[int]*loop     // by the index of the header
	live    [][]int           // per block: numbers of values that it or later blocks use, in order
	postdom []*big.Int        // per block: those through which every path to a return passes
}

// loop is the set of blocks of a loop, its header included.
type loop struct {
	ordinal int // among the loops of the function, in source order
	blocks  map[int]bool
}

func (p *Program) info(fn *ssa.Function) *funcInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f, ok := p.infos[fn]; ok {
		return f
	}
	f := &funcInfo{index: map[ssa.Value]int{}, loops: map[int]*loop{}}
	number := func(v ssa.Value) { f.index[v] = len(f.index) }
	for _, v := range fn.Params {
		number(v)
	}
	for _, v := range fn.FreeVars {
		number(v)
	}
	for _, b := range fn.Blocks {
		for _, in := range b.Instrs {
			if v, ok := in.(ssa.Value); ok {
				number(v)
			}
		}
	}
	f.order(fn)
	f.findLive(fn)
	f.findPostdom(fn)
	p.infos[fn] = f
	return f
}

// order ranks the blocks by a weak topological order (Bourdoncle 1993): a loop
// is followed by what leaves it. Any order would be right; this one runs every
// block once an iteration.
func (f *funcInfo) order(fn *ssa.Function) {
	o := &orderer{f: f, fn: fn, depth: make([]int, len(fn.Blocks))}
	o.visit(0)
	f.rank = make([]int, len(fn.Blocks))
	for i := range f.rank {
		f.rank[i] = len(fn.Blocks) // not reached
	}
	for i, b := range o.out {
		f.rank[b] = len(o.out) - i
	}
	headers := []int{}
	for _, b := range fn.Blocks { // go/ssa numbers blocks in source order
		if f.loops[b.Index] != nil {
			f.loops[b.Index].ordinal = len(headers)
			headers = append(headers, b.Index)
		}
	}
}

// orderer holds the state of Bourdoncle's algorithm; out is the order, last
// block first.
type orderer struct {
	f     *funcInfo
	fn    *ssa.Function
	depth []int // 0: not visited; settled blocks have a number above all others
	stack []int
	num   int
	out   []int
}

const settled = int(^uint(0) >> 1)

func (o *orderer) visit(b int) int {
	o.stack = append(o.stack, b)
	o.num++
	o.depth[b] = o.num
	head, isLoop := o.num, false
	for _, s := range o.fn.Blocks[b].Succs {
		least := o.depth[s.Index]
		if least == 0 {
			least = o.visit(s.Index)
		}
		if least <= head {
			head, isLoop = least, true
		}
	}
	if head != o.depth[b] {
		return head
	}
	o.depth[b] = settled
	top := o.pop()
	if isLoop {
		l := &loop{blocks: map[int]bool{b: true}}
		for top != b {
			o.depth[top] = 0
			l.blocks[top] = true
			top = o.pop()
		}
		o.f.loops[b] = l
		for _, s := range o.fn.Blocks[b].Succs {
			if o.depth[s.Index] == 0 {
				o.visit(s.Index)
			}
		}
	}
	o.out = append(o.out, b)
	return head
}

func (o *orderer) pop() int {
	top := o.stack[len(o.stack)-1]
	o.stack = o.stack[:len(o.stack)-1]
	return top
}

// findLive lists for each block the values defined outside of it that it or
// later blocks use; what its own phis take belongs to the blocks before.
func (f *funcInfo) findLive(fn *ssa.Function) {
	live := make([]big.Int, len(fn.Blocks))
	for changed := true; changed; {
		changed = false
		for i := len(fn.Blocks) - 1; i >= 0; i-- {
			in := f.liveIn(fn.Blocks[i], live)
			if in.Cmp(&live[i]) != 0 {
				live[i].Set(in)
				changed = true
			}
		}
	}
	f.live = make([][]int, len(fn.Blocks))
	for i := range live {
		for n := range len(f.index) {
			if live[i].Bit(n) != 0 {
				f.live[i] = append(f.live[i], n)
			}
		}
	}
}

func (f *funcInfo) liveIn(b *ssa.BasicBlock, live []big.Int) *big.Int {
	set := new(big.Int)
	for _, s := range b.Succs {
		set.Or(set, &live[s.Index])
	}
	for _, s := range b.Succs {
		for at, p := range s.Preds {
			if p == b {
				f.usePhis(set, s, at)
			}
		}
	}
	for i := len(b.Instrs) - 1; i >= 0; i-- {
		in := b.Instrs[i]
		if v, ok := in.(ssa.Value); ok {
			set.SetBit(set, f.index[v], 0)
		}
		if _, ok := in.(*ssa.Phi); !ok {
			for _, op := range in.Operands(nil) {
				f.use(set, *op)
			}
		}
	}
	return set
}

// usePhis adds what the phis of s take from its predecessor number at.
func (f *funcInfo) usePhis(set *big.Int, s *ssa.BasicBlock, at int) {
	for _, in := range s.Instrs {
		phi, ok := in.(*ssa.Phi)
		if !ok {
			return
		}
		f.use(set, phi.Edges[at])
	}
}

func (f *funcInfo) use(set *big.Int, v ssa.Value) {
	if n, ok := f.index[v]; ok {
		set.SetBit(set, n, 1)
	}
}

// findPostdom solves: a block is passed by every path from itself, and what
// all its successors pass. Blocks that only lead to panics pass everything.
func (f *funcInfo) findPostdom(fn *ssa.Function) {
	all := new(big.Int).Lsh(big.NewInt(1), uint(len(fn.Blocks)))
	all.Sub(all, big.NewInt(1))
	f.postdom = make([]*big.Int, len(fn.Blocks))
	for i := range f.postdom {
		f.postdom[i] = all
	}
	for changed := true; changed; {
		changed = false
		for i := len(fn.Blocks) - 1; i >= 0; i-- {
			b := fn.Blocks[i]
			set := new(big.Int).Set(all)
			if _, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return); ok {
				set.SetInt64(0)
			}
			for _, s := range b.Succs {
				set.And(set, f.postdom[s.Index])
			}
			set.SetBit(set, i, 1)
			if set.Cmp(f.postdom[i]) != 0 {
				f.postdom[i] = set
				changed = true
			}
		}
	}
}
