package main

import (
	"bytes"
	"fmt"
)

// binary is an arithmetic operation: how it reads on words x and y of w bits.
type binary struct {
	name string // as in package ir
	expr string // with %[1]s for x, %[2]s for y
}

// Shift amounts are masked: package decode leaves them as they are. Division
// has a name of its own, for its zero.
var binaries = []binary{
	{"Add", "%[1]s + %[2]s"}, {"Sub", "%[1]s - %[2]s"}, {"Mul", "%[1]s * %[2]s"}, {"Or", "%[1]s | %[2]s"},
	{"And", "%[1]s & %[2]s"}, {"Xor", "%[1]s ^ %[2]s"}, {"Mov", "%[2]s"},
	{"Lsh", "%[1]s << (%[2]s & %[3]s)"}, {"Rsh", "%[1]s >> (%[2]s & %[3]s)"},
	{"Arsh", "uint%[4]d(int%[4]d(%[1]s) >> (%[2]s & %[3]s))"},
	{"Div", "div%[4]d(%[1]s, %[2]s)"}, {"Mod", "mod%[4]d(%[1]s, %[2]s)"},
}

// word returns a register as a word of w bits.
func word(w int, reg string) string {
	if w == 64 {
		return "r[" + reg + "]"
	}
	return "uint32(r[" + reg + "])"
}

// immediate returns the immediate as a word of w bits.
func immediate(w int, field string) string {
	if w == 64 {
		return "uint64(int64(" + field + "))"
	}
	return "uint32(" + field + ")"
}

// assign returns dst = x op y, whose upper half is zero for 32 bits.
func (b binary) assign(w int, dst, x, y string) string {
	mask := "63"
	if w == 32 {
		mask = "31"
	}
	expr := fmt.Sprintf(b.expr, x, y, mask, w)
	if b.name == "Mov" {
		expr = y
	}
	if w == 32 {
		expr = "uint64(" + expr + ")"
	}
	return fmt.Sprintf("r[%s] = %s", dst, expr)
}

// operand returns the second operand: a register or the immediate.
func operand(w int, kind string) string {
	if kind == "X" {
		return word(w, "in.src")
	}
	return immediate(w, "in.imm")
}

func aluOps() []op {
	var ops []op
	for _, b := range binaries {
		for _, w := range []int{64, 32} {
			for _, kind := range []string{"X", "K"} {
				ops = append(ops, op{fmt.Sprintf("%s%d%s", b.name, w, kind),
					b.assign(w, "in.dst", word(w, "in.dst"), operand(w, kind)), after})
			}
		}
	}
	return ops
}

// otherOps are the operations with one operand, and plain jumps.
func otherOps() []op {
	return []op{
		{"Neg64", "r[in.dst] = -r[in.dst]", after},
		{"Neg32", "r[in.dst] = uint64(-uint32(r[in.dst]))", after},
		{"MovSX8_64", "r[in.dst] = uint64(int64(int8(r[in.src])))", after},
		{"MovSX16_64", "r[in.dst] = uint64(int64(int16(r[in.src])))", after},
		{"MovSX32_64", "r[in.dst] = uint64(int64(int32(r[in.src])))", after},
		{"MovSX8_32", "r[in.dst] = uint64(uint32(int32(int8(r[in.src]))))", after},
		{"MovSX16_32", "r[in.dst] = uint64(uint32(int32(int16(r[in.src]))))", after},
		{"Low16", "r[in.dst] = uint64(uint16(r[in.dst]))", after},
		{"Low32", "r[in.dst] = uint64(uint32(r[in.dst]))", after},
		{"Low64", "", after},
		{"Swap16", "r[in.dst] = uint64(bits.ReverseBytes16(uint16(r[in.dst])))", after},
		{"Swap32", "r[in.dst] = uint64(bits.ReverseBytes32(uint32(r[in.dst])))", after},
		{"Swap64", "r[in.dst] = bits.ReverseBytes64(r[in.dst])", after},
		{"Wide", "r[in.dst] = uint64(uint32(in.imm)) | uint64(in.hi)<<32", "in = next(next(in))"},
		{"Jump", "fuel -= int64(in.hi & 0xffff)\nin = taken(in)", outOfFuel},
	}
}

// rareOps are those that leave the loop.
func rareOps() []op {
	return []op{
		{"PureX", leave + "m.pure(r[in.dst], r[in.src])\n" + comeBack, after},
		{"PureK", leave + "m.pure(r[in.dst], uint64(int64(in.imm)))\n" + comeBack, after},
		{"Slow", leave + "m.slow()\nif m.stop {\nreturn m.fuel\n}\n" + comeBack, after},
		{"Call", leave + "if !m.call() {\nreturn m.fuel\n}\n" + comeBack, ""},
		{"Exit", leave + "if !m.exit() {\nreturn m.fuel\n}\n" + comeBack, ""},
		{"Control", leave + "if !m.control() {\nreturn m.fuel\n}\n" + comeBack, ""},
		{"Stop", "m.pc = m.pcOf(in)\nreturn fuel", ""},
	}
}

// leave and comeBack stand around what is called out of the loop: with nothing
// live across a call, no case pays for saving the loop's variables.
const (
	leave    = "m.in, m.fuel = in, fuel\n"
	comeBack = "in, fuel = m.in, m.fuel"
)

// outOfFuel ends the loop before instructions that are not paid for.
const outOfFuel = "if fuel < 0 {\nreturn m.unpaid(in, fuel)\n}"

// compare is the condition of a jump on words x and y of w bits.
type compare struct{ name, expr string }

var compares = []compare{
	{"JEQ", "%[1]s == %[2]s"}, {"JNE", "%[1]s != %[2]s"}, {"JGT", "%[1]s > %[2]s"}, {"JGE", "%[1]s >= %[2]s"},
	{"JLT", "%[1]s < %[2]s"}, {"JLE", "%[1]s <= %[2]s"}, {"JSET", "%[1]s & %[2]s != 0"},
	{"JSGT", "int%[3]d(%[1]s) > int%[3]d(%[2]s)"}, {"JSGE", "int%[3]d(%[1]s) >= int%[3]d(%[2]s)"},
	{"JSLT", "int%[3]d(%[1]s) < int%[3]d(%[2]s)"}, {"JSLE", "int%[3]d(%[1]s) <= int%[3]d(%[2]s)"},
}

// branch returns the text of a conditional jump.
func (c compare) branch(w int, x, y string) string {
	return "if " + fmt.Sprintf(c.expr, x, y, w) + " {\nfuel -= int64(in.hi & 0xffff)\nin = taken(in)\n} else {\nfuel -= int64(in.hi >> 16)\nin = next(in)\n}"
}

func jumpOps() []op {
	var ops []op
	for _, c := range compares {
		for _, w := range []int{64, 32} {
			for _, kind := range []string{"X", "K"} {
				ops = append(ops, op{fmt.Sprintf("%s%d%s", c.name, w, kind), c.branch(w, word(w, "in.dst"), operand(w, kind)), outOfFuel})
			}
		}
	}
	return ops
}

// tables writes what finds an operation's case.
func tables(b *bytes.Buffer) {
	b.WriteString("// aluCases and jumpCases find the case of an operation.\nvar aluCases = map[aluCase]opcode{\n")
	for _, a := range binaries {
		for _, w := range []int{64, 32} {
			for _, kind := range []string{"X", "K"} {
				fmt.Fprintf(b, "{ir.%s, ir.W%d, ir.%s}: op%s%d%s,\n", a.name, w, kind, a.name, w, kind)
			}
		}
	}
	b.WriteString("}\n\nvar jumpCases = map[jumpCase]opcode{\n")
	for _, c := range compares {
		for _, w := range []int{64, 32} {
			for _, kind := range []string{"X", "K"} {
				fmt.Fprintf(b, "{ir.%s, ir.W%d, ir.%s}: op%s%d%s,\n", c.name, w, kind, c.name, w, kind)
			}
		}
	}
	b.WriteString("}\n")
	b.WriteString("\nvar accessCases = map[accessCase]opcode{\n")
	for _, n := range sizes {
		for _, fp := range []string{"", "FP"} {
			fmt.Fprintf(b, "{ir.KindLoad, ir.W%d, ir.NoSource, false, %v}: opLoad%s%d,\n", n, fp != "", fp, n)
			for _, kind := range []string{"X", "K"} {
				fmt.Fprintf(b, "{ir.KindStore, ir.W%d, ir.%s, false, %v}: opStore%s%d%s,\n", n, kind, fp != "", fp, n, kind)
			}
		}
		if n < 64 {
			fmt.Fprintf(b, "{ir.KindLoad, ir.W%d, ir.NoSource, true, false}: opLoadSX%d,\n", n, n)
		}
	}
	b.WriteString("}\n")
}
