package main

import (
	"bytes"
	"fmt"
)

// fused are cases for sequences of instructions. A value that one instruction
// makes and the next one takes then stays in a register of the machine, which
// is worth more than the dispatch saved: through memory it takes five cycles.
// Each sequence has its place in the program's code beside those of its single
// instructions, so jumps into it need no care.

func find(name string) binary {
	for _, b := range binaries {
		if b.name == name {
			return b
		}
	}
	panic("gen: no operation " + name)
}

// The operations of each kind of sequence, by name.
var (
	copyX  = []string{"Add", "Sub", "Or", "And", "Xor"}
	copyK  = []string{"Add", "And", "Lsh", "Rsh"}
	shifts = []string{"Lsh", "Rsh"}
	joins  = []string{"Add", "Or", "Xor"}
	pairs  = []string{"Add", "Sub", "Xor"}
	loops  = []string{"JNE", "JLT"}
)

var widths = []int{64, 32}

// jumpK is a jump that may be the last of a sequence, on a register and an
// immediate of w bits.
type jumpK struct {
	name string
	w    int
}

var (
	moveJumps = []jumpK{{"JLT", 64}, {"JNE", 64}, {"JEQ", 64}, {"JNE", 32}, {"JEQ", 32}, {"JGT", 32}}
	loadJumps = []jumpK{{"JNE", 32}, {"JEQ", 32}}
)

// branch returns the jump as text: x is the word compared, n the length of the
// sequence.
func (j jumpK) branch(x string, n int) string {
	for _, c := range compares {
		if c.name == j.name {
			return fmt.Sprintf("if %s {\nfuel -= int64(in.hi & 0xffff)\nin = taken(in)\n} else {\nfuel -= int64(in.hi >> 16)\n%s\n}",
				fmt.Sprintf(c.expr, x, immediate(j.w, "in.imm"), j.w), skip(n))
		}
	}
	panic("gen: no jump " + j.name)
}

func skip(n int) string {
	if n == 2 {
		return "in = next(next(in))"
	}
	return fmt.Sprintf("in = later(in, %d)", n)
}

// fusedOps returns the cases; the comments show the sequences.
func fusedOps() []op {
	var ops []op
	add := func(name, next, format string, args ...any) {
		ops = append(ops, op{name, fmt.Sprintf(format, args...), next})
	}
	for _, w := range widths {
		for _, name := range copyX { // dst = src; dst op= aux
			add(fmt.Sprintf("Copy%s%dX", name, w), skip(2), "%s", find(name).assign(w, "in.dst", word(w, "in.src"), word(w, "in.aux")))
		}
		for _, name := range copyK { // dst = src; dst op= imm
			add(fmt.Sprintf("Copy%s%dK", name, w), skip(2), "%s", find(name).assign(w, "in.dst", word(w, "in.src"), immediate(w, "in.imm")))
		}
		for _, s := range shifts { // dst = src; dst shift= imm; dst op= aux
			for _, j := range joins {
				shifted := fmt.Sprintf(find(s).expr, word(w, "in.src"), immediate(w, "in.imm"), fmt.Sprint(w-1))
				add(fmt.Sprintf("Copy%s%s%d", s, j, w), skip(3), "%s", find(j).assign(w, "in.dst", "("+shifted+")", word(w, "in.aux")))
			}
		}
		for _, a := range pairs { // dst a= src; dst b= aux
			for _, b := range pairs {
				first := fmt.Sprintf(find(a).expr, word(w, "in.dst"), word(w, "in.src"))
				add(fmt.Sprintf("%s%s%d", a, b, w), skip(2), "%s", find(b).assign(w, "in.dst", "("+first+")", word(w, "in.aux")))
			}
		}
		// aux = src; aux >>= imm; dst <<= off; dst |= aux, where dst is src, or with
		// dst = src before the second shift; Left is the same with the shifts exchanged.
		for _, r := range []struct{ name, first, second string }{{"Right", ">>", "<<"}, {"Left", "<<", ">>"}} {
			for _, n := range []int{4, 5} {
				add(fmt.Sprintf("Rotate%s%d_%d", r.name, w, n), skip(n), "x := %[1]s\ny := x %[2]s (uint32(in.imm) & %[4]d)\nr[in.aux] = uint64(y)\nr[in.dst] = uint64(x %[3]s (uint32(in.off) & %[4]d) | y)",
					word(w, "in.src"), r.first, r.second, w-1)
			}
		}
		for _, name := range loops { // dst += int8(src); if dst op imm goto
			add(fmt.Sprintf("Add%s%dK", name, w), outOfFuel, "x := %s + %s\nr[in.dst] = uint64(x)\n%s",
				word(w, "in.dst"), immediate(w, "int8(in.src)"), jumpK{name, w}.branch("x", 2))
		}
	}
	for _, j := range moveJumps {
		add(fmt.Sprintf("Mov%s%dK", j.name, j.w), outOfFuel, "r[in.dst] = r[in.src]\n%s", j.branch(word(j.w, "in.aux"), 2))      // dst = src; if aux op imm goto
		add(fmt.Sprintf("Set%s%dK", j.name, j.w), outOfFuel, "r[in.dst] = uint64(in.src)\n%s", j.branch(word(j.w, "in.aux"), 2)) // dst = a byte; if aux op imm goto
	}
	for _, j := range loadJumps { // dst = *(u8 *)(src + aux); if dst op imm goto
		load := access{window: "read", addr: "r[in.src] + uint64(in.aux)", next: j.branch("x", 2) + "\n" + outOfFuel,
			do: "x := uint32(loadAt8(m.read.mem, off))\nr[in.dst] = uint64(x)"}
		ops = append(ops, load.op(fmt.Sprintf("Load8%s%dK", j.name, j.w)))
	}
	for i, n := range sizes { // [dst = src;] dst += aux; imm = *(dst + off)
		for _, copied := range []int{0, 1} {
			load := access{window: "read", size: i, addr: "base + uint64(int64(in.off))", at: 1 + copied, next: skip(2 + copied),
				do: fmt.Sprintf("r[in.dst] = base\nr[uint8(in.imm)] = uint64(loadAt%d(m.read.mem, off))", n)}
			o := load.op(fmt.Sprintf("LoadAt%d_%d", n, 2+copied))
			o.body = "base := r[in.src] + r[in.aux]\n" + o.body
			ops = append(ops, o)
		}
	}
	add("AddMov", skip(2), "r[in.dst] += uint64(int64(in.imm))\nr[in.aux] = r[in.src]") // dst += imm; aux = src
	add("MovMov", skip(2), "r[in.dst] = r[in.src]\nr[uint8(in.imm)] = r[in.aux]")       // dst = src; imm = aux
	return ops
}

// fusedTables writes what finds a sequence's case.
func fusedTables(b *bytes.Buffer) {
	row := func(table, key string, rows func(add func(format string, args ...any))) {
		fmt.Fprintf(b, "\nvar %s = map[%s]opcode{\n", table, key)
		rows(func(format string, args ...any) { fmt.Fprintf(b, format+",\n", args...) })
		b.WriteString("}\n")
	}
	row("copyCases", "aluCase", func(add func(string, ...any)) {
		for _, w := range widths {
			for _, n := range copyX {
				add("{ir.%[1]s, ir.W%[2]d, ir.X}: opCopy%[1]s%[2]dX", n, w)
			}
			for _, n := range copyK {
				add("{ir.%[1]s, ir.W%[2]d, ir.K}: opCopy%[1]s%[2]dK", n, w)
			}
		}
	})
	row("pairCases", "pairCase", func(add func(string, ...any)) {
		for _, w := range widths {
			for _, s := range shifts {
				for _, j := range joins {
					add("{ir.%[1]s, ir.%[2]s, ir.W%[3]d, true}: opCopy%[1]s%[2]s%[3]d", s, j, w)
				}
			}
			for _, x := range pairs {
				for _, y := range pairs {
					add("{ir.%[1]s, ir.%[2]s, ir.W%[3]d, false}: op%[1]s%[2]s%[3]d", x, y, w)
				}
			}
		}
	})
	row("rotateCases", "rotateCase", func(add func(string, ...any)) {
		for _, w := range widths {
			for _, n := range []int{4, 5} {
				add("{ir.Rsh, ir.W%[1]d, %[2]d}: opRotateRight%[1]d_%[2]d", w, n)
				add("{ir.Lsh, ir.W%[1]d, %[2]d}: opRotateLeft%[1]d_%[2]d", w, n)
			}
		}
	})
	row("countCases", "jumpCase", func(add func(string, ...any)) {
		for _, w := range widths {
			for _, n := range loops {
				add("{ir.%[1]s, ir.W%[2]d, ir.K}: opAdd%[1]s%[2]dK", n, w)
			}
		}
	})
	row("loadAtCases", "loadAtCase", func(add func(string, ...any)) {
		for _, n := range sizes {
			add("{ir.W%[1]d, 2}: opLoadAt%[1]d_2", n)
			add("{ir.W%[1]d, 3}: opLoadAt%[1]d_3", n)
		}
	})
	for _, t := range []struct {
		table, name string
		jumps       []jumpK
	}{{"moveJumpCases", "Mov", moveJumps}, {"setJumpCases", "Set", moveJumps}, {"loadJumpCases", "Load8", loadJumps}} {
		row(t.table, "jumpCase", func(add func(string, ...any)) {
			for _, j := range t.jumps {
				add("{ir.%[1]s, ir.W%[2]d, ir.K}: op%[3]s%[1]s%[2]dK", j.name, j.w, t.name)
			}
		})
	}
}
