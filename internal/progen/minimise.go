package progen

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// Minimise makes a well-formed program for which fails is true smaller as long
// as it stays true: it removes instructions by delta debugging, turns branches
// into jumps or nothing, calls, loads and operands into constants, shrinks
// constants, and makes do with fewer registers.
// It asks fails at most tries times and is deterministic if fails is. The
// result is p itself or a program for which fails was true; p is not changed.
//
// What fails is asked about is well-formed (ir.Program.Check) and has no
// unreachable instruction, but need not be safe: fails has to ask a verifier
// before it runs anything that does not check accesses.
func Minimise(p *ir.Program, fails func(*ir.Program) bool, tries int) *ir.Program {
	m := &minimiser{best: p, list: units(p), fails: fails, tries: tries}
	for before := -1; before != m.kept; {
		before = m.kept
		m.cut()
		m.simplify()
		m.rename()
	}
	return m.best
}

type minimiser struct {
	best  *ir.Program
	list  []unit // of best
	fails func(*ir.Program) bool
	tries int
	kept  int // steps that succeeded
}

// try keeps the program of the units if it fails as well.
func (m *minimiser) try(list []unit) bool {
	if m.tries <= 0 {
		return false
	}
	p, ok := assemble(m.best, list)
	if !ok || slices.Equal(p.Insns, m.best.Insns) {
		return false
	}
	m.tries--
	if !m.fails(p) {
		return false
	}
	m.best, m.list = p, units(p)
	m.kept++
	return true
}

// cut removes pieces, from half the program down to one instruction.
func (m *minimiser) cut() {
	for size := len(m.list) / 2; size > 0; size /= 2 {
		for end := len(m.list); end > 0 && m.tries > 0; {
			start := max(end-size, 0)
			m.try(remove(m.list, start, end))
			end = min(start, len(m.list))
		}
	}
}

// simplify replaces single instructions by simpler ones.
func (m *minimiser) simplify() {
	for i := len(m.list) - 1; i >= 0; i-- {
		for again := true; again && i < len(m.list); {
			again = false
			for _, u := range simpler(m.list[i]) {
				list := slices.Clone(m.list)
				list[i] = u
				if m.try(list) {
					again = true
					break
				}
			}
		}
	}
}

// rename takes one register for another in the whole program: moves between
// them then do nothing and can be cut.
func (m *minimiser) rename() {
	for from := ir.R9; from > ir.R0; from-- {
		for to := ir.R0; to < from; to++ {
			list := slices.Clone(m.list)
			for i := range list {
				in, uses := &list[i].in, list[i].in.Row().Uses
				if uses&ir.UseDst != 0 && in.Dst == from {
					in.Dst = to
				}
				if uses&ir.UseSrc != 0 && in.Src == from {
					in.Src = to
				}
			}
			if m.try(list) {
				break
			}
		}
	}
}

// simplest are the constants that stand for what is loaded or computed: those
// that most often show what goes wrong at a boundary.
var simplest = [...]int64{0, 1, -1, -1 << 31, 1<<31 - 1, 0x80, 0x8000}

// simpler lists what may stand for a unit, the simplest first. Each is smaller
// in an order without endless descent: kind of instruction, then source, then
// the size of its constants.
func simpler(u unit) []unit {
	var list []unit
	row := u.in.Row()
	add := func(in ir.Insn) { list = append(list, unit{in, none}) }
	constant := func(r ir.Reg) {
		for _, x := range simplest {
			add(ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Dst: r, Imm: x})
		}
	}
	switch row.Kind {
	case ir.KindBranch, ir.KindMayGoto:
		list = append(list, unit{ir.Insn{Op: ir.OpJump(false)}, u.target})
	case ir.KindJump:
		if row.Long {
			list = append(list, unit{ir.Insn{Op: ir.OpJump(false)}, u.target})
		}
	case ir.KindCall:
		constant(ir.R0)
	case ir.KindLoad, ir.KindLoadAcquire, ir.KindSwap:
		constant(u.in.Dst)
	case ir.KindLoadImm:
		if row.Pseudo == ir.PseudoNone {
			add(ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Dst: u.in.Dst})
			if u.in.Imm == int64(int32(u.in.Imm)) {
				add(ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Dst: u.in.Dst, Imm: u.in.Imm})
			}
		}
	case ir.KindALU:
		if row.ALU != ir.Mov {
			constant(u.in.Dst)
			if row.Src == ir.X {
				add(ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.X), Dst: u.in.Dst, Src: u.in.Src})
			}
		} else if row.Width != ir.W64 {
			wide := u.in
			wide.Op = ir.OpALU(ir.Mov, ir.W64, row.Src)
			add(wide)
		}
	}
	list = append(list, byConstant(u)...)
	if row.Uses&(ir.UseImm|ir.UseImm64) != 0 && (u.target == none || !distant(u.in)) && row.Kind != ir.KindCall {
		if _, _, isMap := u.in.Map(); !isMap {
			list = append(list, smaller(u)...)
		}
	}
	return list
}

// byConstant replaces a source register by an immediate.
func byConstant(u unit) []unit {
	row := u.in.Row()
	if row.Src != ir.X {
		return nil
	}
	in := ir.Insn{Dst: u.in.Dst, Off: u.in.Off}
	switch row.Kind {
	case ir.KindALU:
		in.Op = ir.OpALU(row.ALU, row.Width, ir.K)
	case ir.KindStore:
		in.Op = ir.OpStore(row.Width, ir.K)
	case ir.KindBranch:
		in.Op = ir.OpBranch(row.Cmp, row.Width, ir.K)
	}
	if in.Op == 0 {
		return nil
	}
	var list []unit
	for _, x := range simplest {
		in.Imm = x
		list = append(list, unit{in, u.target})
	}
	return list
}

// smaller lists instructions with an immediate nearer to 0.
func smaller(u unit) []unit {
	var list []unit
	x := u.in.Imm
	seen := map[int64]bool{x: true}
	add := func(y int64) {
		if !seen[y] {
			seen[y] = true
			v := u
			v.in.Imm = y
			list = append(list, v)
		}
	}
	if x == 0 {
		return nil
	}
	add(0)
	if x != 1 {
		add(1)
	}
	for shift := 32; shift > 0; shift /= 2 {
		if y := x / (1 << shift); y != 0 && x != -1 {
			add(y)
		}
	}
	if x < -1 {
		add(-1)
	}
	if x < 0 && x != -x && u.in.Row().Uses&ir.UseImm64 == 0 && -x == int64(int32(-x)) {
		add(-x)
	}
	return list
}

// MinimiseBytes makes data for which fails is true simpler as long as it stays
// true: fewer bytes at the end, then zeros, then smaller bytes. It asks fails
// at most tries times; data is not changed.
func MinimiseBytes(data []byte, fails func([]byte) bool, tries int) []byte {
	best := slices.Clone(data)
	try := func(b []byte) bool {
		if tries <= 0 {
			return false
		}
		tries--
		if !fails(b) {
			return false
		}
		best = slices.Clone(b)
		return true
	}
	for n := len(best) / 2; n > 0; n /= 2 {
		for len(best) > n && try(best[:len(best)-n]) {
		}
	}
	for size := len(best); size > 0; size /= 2 {
		for i := 0; i < len(best); i += size {
			b := slices.Clone(best)
			clear(b[i:min(i+size, len(b))])
			if !slices.Equal(b, best) {
				try(b)
			}
		}
	}
	for i := range best {
		for best[i] > 1 {
			b := slices.Clone(best)
			b[i] /= 2
			if !try(b) {
				break
			}
		}
	}
	return best
}
