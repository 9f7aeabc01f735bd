package soundness

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// Line names what is proved at once: an operation of a domain at a width.
type Line struct {
	Domain string
	Op     string
	Width  ir.Width
}

// String returns the line as in "interval contract.settle at 64 bits".
func (l Line) String() string { return fmt.Sprintf("%s %s at %d bits", l.Domain, l.Op, l.Width) }

func (l Line) compare(m Line) int {
	return cmp.Or(strings.Compare(l.Domain, m.Domain), strings.Compare(l.Op, m.Op), cmp.Compare(l.Width, m.Width))
}

// restOn notes that the proof takes as given what these lines prove.
func (c *calls) restOn(lines ...Line) {
	for _, l := range lines {
		if i, found := slices.BinarySearchFunc(c.rests, l, Line.compare); !found {
			c.rests = slices.Insert(c.rests, i, l)
		}
	}
}

// behind returns the lines that prove what a contract says of a call: those of
// the function's own contract, or, for what the product says of the operations
// of its parts, those of the operations. The width is the first argument that
// is one; functions of tnum without one have 64 bits, and those of other domains
// need aboutLines. A line that no domain has is named all the same: a proof that
// rests on it is none.
func (c *calls) behind(name string, fn *symgo.Function, args []symgo.Value) []Line {
	domain, local := "", ""
	for _, d := range []struct{ name, path string }{{"tnum", tnumPath}, {"interval", intervalPath}, {"tnum+interval", reducedPath}} {
		if s, ok := strings.CutPrefix(name, d.path); ok {
			domain, local = d.name, s
		}
	}
	n := func(i int) uint64 { return c.constant(args, i) }
	w := func(i int) ir.Width { return ir.Width(n(i)) }
	line := func(w ir.Width, format string, parts ...any) []Line {
		return []Line{{domain, fmt.Sprintf(format, parts...), w}}
	}
	switch method, short := strings.CutPrefix(local, "Domain."); {
	case short:
		return c.behindMethod(method, n, w, line)
	case local == "Add" && domain == "tnum": // as Domain.ALU calls it
		return line(w(0), "alu.%v", ir.Add)
	case local == "T.SetAdd": // as Add calls it, which Domain.ALU does not if words are small
		return line(w(1), contractPrefix+"Add")
	case local == "T.SetALU":
		return line(w(2), "alu.%v", ir.ALUOp(n(1)))
	case local == "T.settle": // is told half of the width
		return line(2*w(1), contractPrefix+"settle")
	}
	width := ir.Width(0) // no line has it
	if domain == "tnum" {
		width = ir.W64
	}
	for i := range fn.Params() {
		if fn.Param(i).String() == modulePath+"ir.Width" {
			width = w(i)
			break
		}
	}
	return line(width, contractPrefix+"%s", local[strings.LastIndex(local, ".")+1:])
}

// behindMethod is behind for methods of the domain, whose first argument it is.
func (c *calls) behindMethod(method string, n func(int) uint64, w func(int) ir.Width, line func(ir.Width, string, ...any) []Line) []Line {
	switch method {
	case "ALU":
		return line(w(2), "alu.%v", ir.ALUOp(n(1)))
	case "Cmp":
		return line(w(2), "cmp.%v", sem.CmpOp(n(1)))
	case "Refine":
		return append(line(w(2), "refine.%v", sem.CmpOp(n(1))), line(w(2), "refine.%v.valid", sem.CmpOp(n(1)))...)
	case "Swap":
		return line(ir.W64, "swap.%v%d", ir.SwapOp(n(1)), n(2))
	case "Resize":
		kind := "zext"
		if n(2) > n(3) {
			kind = "trunc"
		} else if n(4) != 0 {
			kind = "sext"
		}
		return line(w(2), "%s.%d.%d", kind, n(2), n(3))
	case "RefineLow":
		return line(w(1), "refine.low%d", n(2))
	case "Const":
		return line(w(1), "const")
	case "Ite": // is not told the width
		return line(c.width, "ite")
	case "Meet", "Join", "Widen", "Leq":
		return line(w(1), "lattice.%s", method)
	}
	return line(ir.W64, contractPrefix+"%s", method)
}

// constant returns the number that the i-th argument is, 0 if it is none.
func (c *calls) constant(args []symgo.Value, i int) uint64 {
	if i < 0 || i >= len(args) {
		return 0
	}
	ts := symgo.Leaves(args[i])
	if len(ts) != 1 {
		return 0
	}
	x, _ := c.b.ConstValue(ts[0])
	return x
}
