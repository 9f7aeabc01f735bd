package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/golden"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/wire"
)

// TestInstructionsDoc holds docs/instructions.md to the table of operations.
// Every text form in it is read back by the assembler, every encoding by the
// strict decoder.
func TestInstructionsDoc(t *testing.T) {
	var b strings.Builder
	b.WriteString(instructionsHead)
	for _, s := range docSections {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| operation | opcode | dst | src | off | imm | text | meaning | since |\n", s.title, s.text)
		b.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
		for _, row := range ir.Rows() {
			if slices.Contains(s.kinds, row.Kind) {
				b.WriteString(docLine(t, row))
			}
		}
	}
	b.WriteString("\n## Not executed\n\nDecoder, encoder, assembler and printer know these operations; `vm` and `native` refuse a program\n" +
		"that holds one, at load, and the verifier does not accept it but for a kernel whose types it is given.\n\n| operation | reason |\n| --- | --- |\n")
	for _, row := range ir.Rows() {
		if why, refused := refusedRows[row.Name]; refused {
			fmt.Fprintf(&b, "| `%s` | %s |\n", row.Name, why)
		}
	}
	golden.EqualIn(t, "../../docs", "instructions.md", []byte(b.String()))
}

const instructionsHead = `# Instructions

Written by ` + "`go test ./internal/e2e -run TestInstructionsDoc -update`" + ` from the table of operations
(` + "`ir.Rows`" + `), which also drives decoder, encoder, assembler, printer and the choice of semantics. Do not edit.

A slot is 8 bytes: opcode (8 bits), dst (4), src (4), off (16, signed), imm (32, signed), little-endian. A
field column holds the field's name where the operation uses it, and otherwise the only value that the
decoder takes. Texts show r1 as destination, r2 as source, offset 8 (jumps: 3) and immediate 5.

Registers have 64 bits. An operation on 32 bits works on the low halves and leaves 0 in the upper half of its
destination. An immediate is extended by its sign to the operation's width. Below, y stands for the
immediate or the source register. *since* is the instruction set's version, or the Linux release that added
the operation.

Sources: RFC 9669; ` + "`kernel/bpf/core.c` and `kernel/bpf/verifier.c`" + ` of Linux 6.18 for what the RFC does not define.
`

// docSections lists the chapters: every kind of operation is in one.
var docSections = []struct {
	title, text string
	kinds       []ir.Kind
}{
	{"Arithmetic", "Division by zero and shift amounts have a meaning for every operand. Our verifier and that of Linux refuse an\n" +
		"immediate divisor of 0 (`bad-operand: div by zero`) and an immediate shift below 0 or not below the width\n" +
		"(`bad-operand: invalid shift`); the engines execute both.", []ir.Kind{ir.KindALU}},
	{"Byte order", "On a little-endian host.", []ir.Kind{ir.KindSwap}},
	{"Memory", "Addresses are src + off for loads and dst + off for stores.", []ir.Kind{ir.KindLoad, ir.KindStore}},
	{"Atomic memory", "The address is a multiple of the size. Read-modify-write operations that fetch are full barriers.",
		[]ir.Kind{ir.KindAtomic, ir.KindLoadAcquire, ir.KindStoreRelease}},
	{"64-bit immediates", "Two slots: the second one holds the upper half in its immediate (`imm64`) or is all zeros. A program in\n" +
		"memory names a map by its index in the program's list; the loader puts what the wire needs.", []ir.Kind{ir.KindLoadImm}},
	{"Jumps", "Distances count slots from the next instruction.", []ir.Kind{ir.KindJump, ir.KindBranch, ir.KindMayGoto}},
	{"Calls and exit", "Arguments are r1 to r5, the result is r0; a call leaves r1 to r5 undefined and r6 to r10 as they were.",
		[]ir.Kind{ir.KindCall, ir.KindExit}},
	{"Other", "Packet access (deprecated by RFC 9669, section 5.5) and pointers into arenas.", []ir.Kind{ir.KindLoadPacket, ir.KindCast}},
}

func docLine(t *testing.T, row ir.Row) string {
	field := func(use ir.Field, name string, fixed int) string {
		if row.Uses&use != 0 {
			return name
		}
		return fmt.Sprint(fixed)
	}
	imm := field(ir.UseImm, "imm", int(row.FixImm))
	if row.Uses&ir.UseImm64 != 0 {
		imm = "imm64"
	}
	text := strings.ReplaceAll(docText(t, row), "|", `\|`)
	return fmt.Sprintf("| `%s` | %#02x | %s | %s | %s | %s | `%s` | %s | %s |\n", row.Name, row.Code, field(ir.UseDst, "dst", 0),
		field(ir.UseSrc, "src", int(row.FixSrc)), field(ir.UseOff, "off", int(row.FixOff)), imm, text,
		strings.ReplaceAll(docMeaning(t, row), "|", `\|`), row.Since)
}

// docText returns the row's text form and checks that it is read back, and that
// its bytes are.
func docText(t *testing.T, row ir.Row) string {
	in := ir.Insn{Op: row.Op}
	set := func(use ir.Field, do func()) {
		if row.Uses&use != 0 {
			do()
		}
	}
	set(ir.UseDst, func() { in.Dst = ir.R1 })
	set(ir.UseSrc, func() { in.Src = ir.R2 })
	set(ir.UseImm, func() { in.Imm = 5 })
	set(ir.UseOff, func() { in.Off = 8 })
	switch row.Kind {
	case ir.KindJump, ir.KindBranch, ir.KindMayGoto:
		set(ir.UseOff, func() { in.Off = 3 })
		if row.Long {
			in.Imm = 3
		}
	case ir.KindLoadImm:
		if _, _, ok := in.Map(); ok {
			in.Imm = 0
			set(ir.UseImm64, func() { in.Imm = 4 << 32 })
		}
	}
	p := &ir.Program{Maps: []*ir.MapSpec{{Name: "m", Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1}}, Insns: []ir.Insn{in}}
	if row.Slots() == 2 {
		p.Insns = append(p.Insns, ir.Pad())
	}
	text := asm.Insn(p, 0)
	back, err := asm.Parse("doc", ".map m array key 4 value 8 entries 1\n"+text)
	require.NoError(t, err, row.Name)
	require.Equal(t, p.Insns, back.Insns, "%s: %s", row.Name, text)
	raw, err := wire.Encode(p.Insns)
	require.NoError(t, err, row.Name)
	require.Equal(t, row.Code, raw[0], row.Name)
	insns, err := wire.Decode(raw)
	require.NoError(t, err, row.Name)
	require.Equal(t, p.Insns, insns, row.Name)
	return text
}

var docALU = map[ir.ALUOp]string{
	ir.Add: "dst = dst + y", ir.Sub: "dst = dst - y", ir.Mul: "dst = dst * y", ir.Or: "dst = dst | y", ir.And: "dst = dst & y",
	ir.Xor: "dst = dst ^ y", ir.Mov: "dst = y", ir.Neg: "dst = -dst",
	ir.Div:  "dst = dst / y, unsigned; 0 if y is 0",
	ir.SDiv: "dst = dst / y, signed, rounded to zero; 0 if y is 0; the least number by -1 is itself",
	ir.Mod:  "dst = dst mod y, unsigned; dst stays if y is 0",
	ir.SMod: "dst = remainder of the signed division, with the sign of dst; dst stays if y is 0; 0 if y is -1",
}

var docShift = map[ir.ALUOp]string{
	ir.Lsh: "dst = dst << (y & %d)", ir.Rsh: "dst = dst >> (y & %d), zeros move in", ir.Arsh: "dst = dst >> (y & %d), copies of the sign move in",
}

var docCmp = map[ir.CmpOp]string{
	ir.JEQ: "dst = y", ir.JNE: "dst ≠ y", ir.JGT: "dst > y, unsigned", ir.JGE: "dst ≥ y, unsigned", ir.JLT: "dst < y, unsigned",
	ir.JLE: "dst ≤ y, unsigned", ir.JSET: "dst & y ≠ 0", ir.JSGT: "dst > y, signed", ir.JSGE: "dst ≥ y, signed",
	ir.JSLT: "dst < y, signed", ir.JSLE: "dst ≤ y, signed",
}

var docPseudo = map[ir.Pseudo]string{
	ir.PseudoNone: "dst = imm64", ir.PseudoMapFD: "dst = the map with descriptor imm",
	ir.PseudoMapValue: "dst = address of byte (upper imm) of the value of the one-element array with descriptor (lower imm)",
	ir.PseudoBTFVar:   "dst = address of the kernel's variable with BTF id (lower imm), of the module with descriptor (upper imm)",
	ir.PseudoFunc:     "dst = the function at distance imm, for a helper to call back", ir.PseudoMapIdx: "dst = the map at place imm of the load's list",
	ir.PseudoMapIdxV: "dst = address of byte (upper imm) of the value of the one-element array at place (lower imm) of the load's list",
}

var docCall = map[ir.Pseudo]string{
	ir.CallHelper: "r0 = helper number imm of r1 to r5", ir.CallLocal: "call the function at distance imm, which has a stack frame of its own",
	ir.CallKfunc: "r0 = the kernel's function with BTF id imm, of the module at place off of the load's list (0: the kernel itself)",
	ir.CallX:     "call by the register dst",
}

var docAtomic = map[ir.AtomicOp]string{ir.AtomicAdd: "+", ir.AtomicOr: "|", ir.AtomicAnd: "&", ir.AtomicXor: "^"}

// docMeaning returns what an operation does, in a line.
func docMeaning(t *testing.T, row ir.Row) string {
	bits, extended := "", "extended with zeros"
	if row.Width == ir.W32 {
		bits = ", low 32 bits"
	}
	if row.Signed {
		extended = "extended by its sign"
	}
	switch row.Kind {
	case ir.KindALU:
		if from := row.ALU.MovSX(); from != 0 {
			return fmt.Sprintf("dst = low %d bits of src, extended by their sign to %d", from, row.Width)
		}
		if shift, ok := docShift[row.ALU]; ok {
			return fmt.Sprintf(shift, row.Width-1)
		}
		return docALU[row.ALU]
	case ir.KindSwap:
		if row.Swap == ir.ToLE {
			return fmt.Sprintf("dst = low %d bits of dst, extended with zeros", row.Width)
		}
		return fmt.Sprintf("dst = low %d bits of dst with their bytes in reverse order, extended with zeros", row.Width)
	case ir.KindCast:
		if row.ToUser {
			return "dst = src, an arena pointer of the kernel, as user space has it"
		}
		return "dst = src, an arena pointer of user space, as the kernel has it"
	case ir.KindLoadImm:
		return docPseudo[row.Pseudo]
	case ir.KindLoad:
		return fmt.Sprintf("dst = %d bits at src + off, %s", row.Width, extended)
	case ir.KindStore:
		return fmt.Sprintf("%d bits at dst + off = low bits of y", row.Width)
	case ir.KindAtomic:
		return docAtomicMeaning(row)
	case ir.KindLoadAcquire:
		return fmt.Sprintf("dst = %d bits at src + off, extended with zeros; later accesses stay later", row.Width)
	case ir.KindStoreRelease:
		return fmt.Sprintf("%d bits at dst + off = low bits of src; earlier accesses stay earlier", row.Width)
	case ir.KindLoadPacket:
		return fmt.Sprintf("r0 = %d bits of the packet at %s in host order, extended with zeros; the program ends with 0 outside of it", row.Width, map[bool]string{false: "imm", true: "src + imm"}[row.Indirect])
	case ir.KindJump:
		return map[bool]string{false: "jump by off", true: "jump by imm"}[row.Long]
	case ir.KindBranch:
		return "jump by off if " + docCmp[row.Cmp] + bits
	case ir.KindMayGoto:
		return "jump by off once the loop budget of the run is used up"
	case ir.KindCall:
		return docCall[row.Pseudo]
	case ir.KindExit:
		return "return r0 to the caller, or end the program"
	}
	t.Fatalf("%s: kind %d has no meaning in the document", row.Name, row.Kind)
	return ""
}

func docAtomicMeaning(row ir.Row) string {
	w := fmt.Sprintf("%d bits at dst + off", row.Width)
	switch row.Atomic {
	case ir.AtomicXchg:
		return "exchange " + w + " and src, extended with zeros"
	case ir.AtomicCmpXchg:
		return w + " = src if they equal r0; r0 = what was there, extended with zeros"
	}
	text := fmt.Sprintf("%s = themselves %s src", w, docAtomic[row.Atomic])
	if row.Fetch {
		text += "; src = what was there, extended with zeros"
	}
	return text
}
