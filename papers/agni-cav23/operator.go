package agnicav23

import (
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/papers/agni-cav23/linux58"
)

// Operator is an abstract operator of the verifier: And, Or or Sub, or a
// conditional jump, of 64 bits or of the low 32.
type Operator struct {
	Name string
	ALU  ir.ALUOp // NoALU for jumps
	Jump ir.CmpOp
	Half bool
}

// Operators returns what the table is made of: And, Or, Sub and the ten jumps of
// the paper, and JSET, which it leaves out, in both widths.
func Operators() []Operator {
	var ops []Operator
	for _, half := range []bool{false, true} {
		suffix := ""
		if half {
			suffix = "_32"
		}
		for _, op := range []ir.ALUOp{ir.And, ir.Or, ir.Sub} {
			ops = append(ops, Operator{Name: strings.ToUpper(op.String()) + suffix, ALU: op, Half: half})
		}
		for op := ir.JEQ; op <= ir.JSLE; op++ {
			ops = append(ops, Operator{Name: strings.ToUpper(op.String()) + suffix, Jump: op, Half: half})
		}
	}
	return ops
}

// find returns the operator with that name.
func find(name string) (Operator, bool) {
	for _, op := range Operators() {
		if op.Name == name {
			return op, true
		}
	}
	return Operator{}, false
}

// width returns the width that the operator works on.
func (o Operator) width() ir.Width {
	if o.Half {
		return ir.W32
	}
	return ir.W64
}

// Condition says which registers an operator is tried on.
type Condition uint8

// The conditions of the paper. Gen takes every register that contains the word;
// Sro only those that have come out of linux58.Sync, as every register has that
// an arithmetic operation left.
const (
	Gen Condition = iota
	Sro
)

// String returns the paper's name of the condition.
func (c Condition) String() string { return [...]string{"gen", "sro"}[c] }

// Published is a row of the artifact's table: which columns are violated, and
// the seconds that this took its authors on four cores at 2.8 GHz.
type Published struct {
	Violated [5]bool // by linux58.Column
	Seconds  float64
}

// published59 is the table of the artifact's README for Linux 5.9, sections 2.1
// (a) and (b): the operators that are not sound. It says of the other 21 of 36
// that they are. Columns are u64, s64, tnum, u32, s32; x is a violation.
var published59 = []struct {
	op       string
	gen, sro string
	genTime  float64
	sroTime  float64
}{
	{"JNE", "xxxxx", "xxxxx", 192.43, 203.43},
	{"JEQ", "xxxxx", "xxxxx", 89.32, 3911.46},
	{"JLT", "xxxxx", "xxxxx", 55.04, 74.94},
	{"OR_32", "xx-xx", "xx-xx", 5.18, 17.38},
	{"AND", "-x-xx", "---xx", 9.53, 31.16},
	{"JGE", "xxxxx", "xxxxx", 33.15, 120.62},
	{"JGT", "xxxxx", "xxxxx", 42.89, 225.68},
	{"JSGT", "xxxxx", "xxxxx", 28.4, 114.93},
	{"OR", "-x-xx", "---xx", 9.21, 26.93},
	{"SUB", "xxx--", "xxx--", 116.87, 213.83},
	{"AND_32", "xx-xx", "xx-xx", 5.28, 22.71},
	{"JLE", "xxxxx", "xxxxx", 62.81, 103.7},
	{"JSGE", "xxxxx", "xxxxx", 38.35, 95.13},
	{"JSLE", "xxxxx", "xxxxx", 32.33, 79.36},
	{"JSLT", "xxxxx", "xxxxx", 50.91, 71.92},
}

// The artifact's sums for Linux 5.9: violations and unsound operators.
const (
	publishedGen     = 67
	publishedSro     = 65
	publishedUnsound = 15
)

// PublishedFor returns the artifact's row of an operator for Linux 5.9; ok is
// false for JSET, which is not among its 36 operators. Seconds is 0 where it
// does not tell.
func PublishedFor(op Operator, c Condition) (p Published, ok bool) {
	if op.Jump == ir.JSET {
		return Published{}, false
	}
	for _, row := range published59 {
		if row.op != op.Name {
			continue
		}
		marks, seconds := row.gen, row.genTime
		if c == Sro {
			marks, seconds = row.sro, row.sroTime
		}
		for _, column := range linux58.Columns() {
			p.Violated[column] = marks[column] == 'x'
		}
		p.Seconds = seconds
	}
	return p, true
}

// publishedLength returns the length of the program that the artifact found for
// a violation under Sro in Linux 5.9.
func publishedLength(op Operator, column linux58.Column) int {
	switch op.Jump {
	case ir.JSGT, ir.JSGE, ir.JSLT, ir.JSLE:
		return 1
	case ir.JGT, ir.JGE, ir.JLT, ir.JLE:
		if column != linux58.U64 {
			return 1
		}
	}
	if op.ALU == ir.Sub {
		return 1
	}
	return 2
}

// PublishedRows returns the artifact's table of a condition as if it had been
// decided here, without witnesses.
func PublishedRows(c Condition) (rows []Row) {
	for _, op := range Operators() {
		if p, ok := PublishedFor(op, c); ok {
			row := Row{Op: op, Condition: c}
			for i, violated := range p.Violated {
				row.Cells[i].Outcome = outcome(violated)
			}
			rows = append(rows, row)
		}
	}
	return rows
}
