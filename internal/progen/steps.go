package progen

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// step is one way to go on; weight 0 means that it cannot be taken here.
type step struct {
	weight int
	do     func(f *function)
}

// block adds steps until none are left. Labels from index base on may get
// their target in it.
func (f *function) block(labels int) {
	for f.left > 0 {
		f.left--
		f.one(labels)
	}
}

// one adds one step.
func (f *function) one(labels int) {
	f.landSome(labels, false)
	steps := f.possible()
	weights := make([]int, len(steps))
	for i, s := range steps {
		weights[i] = s.weight
	}
	steps[f.weighted(weights)].do(f)
}

// possible lists the steps with their weights here.
func (f *function) possible() []step {
	when := func(weight int, need Feature, also bool) int {
		if f.o.Features&need != need || !also {
			return 0
		}
		return weight
	}
	room := f.steps < MaxSteps/2
	open := len(f.labels) < 4 && f.loops < 2
	return []step{
		{30, (*function).arithmetic},
		{4, (*function).constant},
		{20, func(f *function) { f.access(f.regions[f.IntN(len(f.regions))]) }},
		{4, (*function).viaPointer},
		{when(9, Branches, open), (*function).branch},
		{when(3, Branches, open && f.left > 1), (*function).either},
		{when(3, Loops, room && f.loops < 2 && f.left > 1), (*function).loop},
		{when(6, Calls, room && f.loops < 2 && len(f.funcs) > 0), (*function).call},
		{when(4, ArrayMaps, true), func(f *function) { f.mapStep(array) }},
		{when(4, HashMaps, true), func(f *function) { f.mapStep(hash) }},
		{when(4, Globals, true), (*function).global},
		{when(2, Checksum, hasPacket(f.o.Type)), (*function).checksum},
		{when(3, VarOffset|Branches, f.short != nil && f.loops == 0), (*function).farPacket},
		{when(1, 0, f.short != nil), (*function).context},
		{when(1, EarlyExit|Branches, true), (*function).early},
	}
}

// arithmetic adds any operation on numbers.
func (f *function) arithmetic() {
	row := f.row(numeric)
	in := ir.Insn{Op: row.Op, Dst: f.pick(f.numbers &^ f.pinned)}
	if row.ALU == ir.Mov || row.ALU.MovSX() != 0 {
		in.Dst = f.pick(general &^ f.pinned)
	}
	f.operand(&in)
	// The kernel refuses these two; the engines define them, and tests of
	// single instructions cover them.
	switch row.ALU {
	case ir.Lsh, ir.Rsh, ir.Arsh:
		if row.Src == ir.K {
			in.Imm &= int64(row.Width - 1)
		}
	case ir.Div, ir.SDiv, ir.Mod, ir.SMod:
		if row.Src == ir.K && in.Imm == 0 {
			in.Imm = -1
		}
	}
	f.emit(in)
	f.numbers |= setOf(in.Dst)
}

// operand fills the second operand.
func (f *function) operand(in *ir.Insn) {
	switch in.Row().Src {
	case ir.X:
		in.Src = f.number()
	case ir.K:
		in.Imm = f.imm()
	}
}

// The rows to choose among. The slices are never changed.
var (
	numeric   = rowsOf(ir.KindALU, ir.KindSwap)
	branching = rowsOf(ir.KindBranch)
	modifying = rowsOf(ir.KindAtomic)
)

func rowsOf(kinds ...ir.Kind) []*ir.Row {
	rows := ir.Rows()
	var list []*ir.Row
	for i := range rows {
		if slices.Contains(kinds, rows[i].Kind) {
			list = append(list, &rows[i])
		}
	}
	return list
}

// row returns one of the rows that the options allow. The first is of version 1
// or 3 in every list: it is allowed where none of 100 draws is.
func (f *function) row(list []*ir.Row) *ir.Row {
	for range 100 {
		if r := list[f.IntN(len(list))]; r.Since != "v4" || f.has(V4) {
			return r
		}
	}
	return list[0]
}

func (f *function) constant() { f.fresh(f.pick(general &^ f.pinned)) }

func (f *function) width() ir.Width {
	return [...]ir.Width{ir.W8, ir.W16, ir.W32, ir.W64}[f.IntN(4)]
}

// place returns an offset in the region for n bytes.
func (f *function) place(r region, n int, aligned bool) int16 {
	step := 1
	if aligned {
		step = n
	}
	return int16(r.lo + step*f.IntN((r.hi-r.lo-n)/step+1))
}

// access adds a load, store or atomic operation on a region.
func (f *function) access(r region) {
	allow := func(weight int, ok bool) int {
		if !ok {
			return 0
		}
		return weight
	}
	ordered := r.atomic && f.has(Ordered)
	switch w := f.width(); f.weighted([]int{8, 4, 4, allow(6, r.atomic && f.has(Atomics)), allow(2, ordered), allow(2, ordered)}) {
	case 0:
		signed := w < ir.W64 && f.has(V4) && f.IntN(3) == 0
		f.load(ir.OpLoad(w, signed), r, r.aligned)
	case 1:
		f.emit(ir.Insn{Op: ir.OpStore(w, ir.X), Dst: r.base, Src: f.number(), Off: f.place(r, w.Bytes(), r.aligned)})
	case 2:
		f.emit(ir.Insn{Op: ir.OpStore(w, ir.K), Dst: r.base, Imm: f.imm(), Off: f.place(r, w.Bytes(), r.aligned)})
	case 3:
		f.atomic(r)
	case 4:
		f.load(ir.OpLoadAcquire(w), r, true)
	case 5:
		f.emit(ir.Insn{Op: ir.OpStoreRelease(w), Dst: r.base, Src: f.number(), Off: f.place(r, w.Bytes(), true)})
	}
}

func (f *function) load(op ir.Op, r region, aligned bool) {
	dst := f.pick(general &^ f.pinned)
	f.emit(ir.Insn{Op: op, Dst: dst, Src: r.base, Off: f.place(r, op.Row().Width.Bytes(), aligned)})
	f.numbers |= setOf(dst)
}

// atomic adds a read-modify-write. cmpxchg compares with r0 and writes it, so
// r0 has to be a number; a fetch writes its source.
func (f *function) atomic(r region) {
	row := f.row(modifying)
	for row.Atomic == ir.AtomicCmpXchg && (!f.numbers.has(ir.R0) || f.pinned.has(ir.R0)) {
		row = ir.OpAtomic(ir.AtomicAdd, row.Width, true).Row()
	}
	in := ir.Insn{Op: row.Op, Dst: r.base, Off: f.place(r, row.Width.Bytes(), true)}
	in.Src = f.pick(f.numbers &^ f.pinned)
	f.emit(in)
}

// viaPointer accesses the stack through another register than r10.
func (f *function) viaPointer() {
	p := f.scratch()
	shift := 8 * f.IntN(f.stack/8+1)
	f.alux(ir.Mov, p, ir.FP)
	f.alu(ir.Add, p, int64(-shift))
	for range 1 + f.IntN(3) {
		f.access(region{base: p, lo: shift - f.stack, hi: shift, aligned: true, atomic: true})
	}
	f.release(p)
}

// condition returns a conditional jump on numbers.
func (f *function) condition() ir.Insn {
	in := ir.Insn{Op: f.row(branching).Op, Dst: f.number()}
	f.operand(&in)
	return in
}

func (f *function) branch() { f.labels = append(f.labels, f.jump(f.condition())) }

// either adds two ways, of which one is taken.
func (f *function) either() {
	other := f.jump(f.condition())
	f.some(1 + f.IntN(3))
	end := f.jump(ir.Insn{Op: ir.OpJump(f.has(V4) && f.IntN(2) == 1)})
	f.numbers = general // what counts is what the jumps to here bring
	f.land(other)
	f.some(1 + f.IntN(3))
	f.land(end)
}

// some adds up to n steps of those that are left. Jumps that are open before
// stay open.
func (f *function) some(n int) {
	labels := len(f.labels)
	for ; n > 0 && f.left > 0; n-- {
		f.left--
		f.one(labels)
	}
}

// early exits under a condition.
func (f *function) early() {
	over := f.jump(f.condition())
	f.alux(ir.Mov, ir.R0, f.number())
	f.emit(ir.Insn{Op: ir.OpExit()})
	f.numbers = general
	f.land(over)
}

// counters lists the ways to count n turns: from, step, and the jump back.
var counters = []struct {
	down bool
	cmp  ir.CmpOp
}{{false, ir.JLT}, {false, ir.JNE}, {false, ir.JSLT}, {true, ir.JNE}, {true, ir.JGT}, {true, ir.JSGT}}

// loop repeats steps a constant number of times, with the counter in r7 or r8.
// What is a number at its head is one at its end.
func (f *function) loop() {
	free := setOf(ir.R7, ir.R8) &^ f.pinned
	if free == 0 {
		f.constant()
		return
	}
	counter, way, turns := f.pick(free), counters[f.IntN(len(counters))], 1+f.IntN(5)
	width := [...]ir.Width{ir.W32, ir.W64}[f.IntN(2)]
	from, to, step := int64(0), int64(turns), int64(1)
	if way.down {
		from, to, step = to, from, -1
	}
	f.alu(ir.Mov, counter, from)
	f.numbers |= setOf(counter)
	f.pinned |= setOf(counter)
	outside, head, labels := f.turns, len(f.insns), len(f.labels)
	atHead := f.numbers
	f.turns, f.loops = max(f.turns, 1)*turns, f.loops+1
	f.some(1 + f.IntN(5))
	f.landSome(labels, true)
	for r := range ir.FP {
		if atHead.has(r) && !f.numbers.has(r) {
			f.fresh(r)
		}
	}
	f.alu(ir.Add, counter, step)
	back := ir.Insn{Op: ir.OpBranch(way.cmp, width, ir.K), Dst: counter, Imm: to}
	back.Off = int16(head - len(f.insns) - 1)
	f.emit(back)
	f.turns, f.loops = outside, f.loops-1
	f.release(counter)
}
