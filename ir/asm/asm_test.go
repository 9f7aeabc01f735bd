package asm_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bpfproof/bpfproof/internal/filetest"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/wire"
)

func printed(t require.TestingT, p *ir.Program) string {
	var b bytes.Buffer
	require.NoError(t, asm.Print(&b, p))
	return b.String()
}

// TestLLVM compares with the bytes that llvm-mc 19 writes for the same text
// (llvm-mc -triple bpfel -mcpu=v4).
func TestLLVM(t *testing.T) {
	tests := []struct{ text, hex string }{
		{"r0 = 1", "b700000001000000"},
		{"w1 += w2", "0c21000000000000"},
		{"r1 += -5", "07010000fbffffff"},
		{"w1 s>>= 3", "c401000003000000"},
		{"r1 s/= r2", "3f21010000000000"},
		{"w1 s%= 5", "9401010005000000"},
		{"r1 = -r1", "8701000000000000"},
		{"w1 = -w1", "8401000000000000"},
		{"r0 = *(u8 *)(r1 + 0)", "7110000000000000"},
		{"w0 = *(u8 *)(r1 + 0x0)", "7110000000000000"},
		{"r1 = *(s8 *)(r2 - 4)", "9121fcff00000000"},
		{"*(u64 *)(r10 - 8) = r1", "7b1af8ff00000000"},
		{"*(u32 *)(r10 - 0x4) = 0x7", "620afcff07000000"},
		{"r1 = (s8)r2", "bf21080000000000"},
		{"w1 = (s16)w2", "bc21100000000000"},
		{"r1 = (s32)r2", "bf21200000000000"},
		{"r1 = be16 r1", "dc01000010000000"},
		{"r1 = le32 r1", "d401000020000000"},
		{"r1 = bswap32 r1", "d701000020000000"},
		{"if w1 s> 7 goto +2", "6601020007000000"},
		{"if r1 & 7 goto +2", "4501020007000000"},
		{"goto +1", "0500010000000000"},
		{"gotol +1", "0600000001000000"},
		{"may_goto +1", "e500010000000000"},
		{"call 1", "8500000001000000"},
		{"callx r2", "8d02000000000000"},
		{"r1 = 0x123456789abcdef ll", "18010000efcdab890000000067452301"},
		{"lock *(u64 *)(r1 + 0) += r2", "db21000000000000"},
		{"lock *(u32 *)(r1 + 0) += w2", "c321000000000000"},
		{"r2 = atomic_fetch_add((u64 *)(r1 + 0), r2)", "db21000001000000"},
		{"w2 = atomic_fetch_or((u32 *)(r1 + 0), w2)", "c321000041000000"},
		{"r2 = xchg_64(r1 + 0, r2)", "db210000e1000000"},
		{"w2 = xchg32_32(r1 + 0, w2)", "c3210000e1000000"},
		{"r0 = cmpxchg_64(r1 + 0, r0, r2)", "db210000f1000000"},
		{"w0 = cmpxchg32_32(r1 + 0, w0, w2)", "c3210000f1000000"},
		{"r0 = addr_space_cast(r1, 0, 1)", "bf10010001000000"},
		{"r0 = addr_space_cast(r1, 1, 0)", "bf10010000000100"},
		{"exit", "9500000000000000"},
	}
	for _, tt := range tests {
		p, err := asm.Parse("test", tt.text)
		require.NoError(t, err, tt.text)
		raw, err := wire.Encode(p.Insns)
		require.NoError(t, err, tt.text)
		require.Equal(t, tt.hex, fmt.Sprintf("%x", raw), tt.text)
	}
}

// TestSpellings reads notations that are never printed.
func TestSpellings(t *testing.T) {
	const maps = ".map hits array key 4 value 8 entries 1\n"
	tests := []struct{ text, want string }{
		{"r0 = *(u8 *)(r1 +0)", "r0 = *(u8 *)(r1 + 0)"},
		{"r0 = *(u8 *)(r1)", "r0 = *(u8 *)(r1 + 0)"},
		{"goto pc-1", "goto pc-1"},
		{"goto -1", "goto pc-1"},
		{"if r1 == 0x0 goto pc+0 ; comment", "if r1 == 0 goto pc+0"},
		{"call bpf_map_lookup_elem#1 # comment", "call map_lookup_elem"},
		{"call bpf_map_lookup_elem", "call map_lookup_elem"},
		{"call unknown#195896080", "call 195896080"},
		{"call 99999 // comment", "call 99999"},
		{"call -1", "call -1"},
		{"call pc+0", "call pc+0"},
		{"call kfunc[7]", "call kfunc[7]"},
		{"call kfunc[7, 2]", "call kfunc[7, 2]"},
		{"r1 = map[hits]", "r1 = map[hits]"},
		{"r1 = map[0]", "r1 = map[hits]"},
		{"r1 = map[hits] + 0", "r1 = map[hits] + 0"},
		{"r1 = map[hits][0]+16", "r1 = map[hits] + 16"},
		{"r1 = map[9]", "r1 = map[9]"},
		{"r1 = map_idx[hits] + 4294967295", "r1 = map_idx[hits] + 4294967295"},
		{"r1 = func[pc+0]", "r1 = func[pc+0]"},
		{"r1 = btf_var[0x500000002]", "r1 = btf_var[0x500000002]"},
		{"r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)", "r2 = atomic_fetch_add((u64 *)(r1 + 0), r2)"},
		{"r2 = atomic_fetch_add((u32 *)(r1 +0), r2)", "w2 = atomic_fetch_add((u32 *)(r1 + 0), w2)"},
		{"r2 = atomic64_xchg((u64 *)(r1 +0), r2)", "r2 = xchg_64(r1 + 0, r2)"},
		{"r0 = atomic_cmpxchg((u32 *)(r1 +0), r0, r2)", "w0 = cmpxchg32_32(r1 + 0, w0, w2)"},
		{"w1 = load_acquire((u8 *)(r2 + 0x10))", "r1 = load_acquire((u8 *)(r2 + 16))"},
		{"store_release((u8 *)(r2 - 1), w1)", "store_release((u8 *)(r2 - 1), r1)"},
		{"r0 = *(u32 *)skb[20]", "r0 = *(u32 *)skb[20]"},
		{"r0 = *(u16 *)skb[r2]", "r0 = *(u16 *)skb[r2 + 0]"},
		{"r0 = *(u16 *)skb[r2 - 4]", "r0 = *(u16 *)skb[r2 - 4]"},
		{"w1 = 0xffffffff", "w1 = -1"},
		{"w1 = 4294967295", "w1 = -1"},
		{"r1 = 0xffffffffffffffff", "r1 = -1"},
		{"r1 = -1 ll", "r1 = 0xffffffffffffffff ll"},
		{"mov %r1, 0xffffffff", "r1 = -1"},
		{"mov32 %r1, %r2", "w1 = w2"},
		{"ldxdw %r2, [%r10-8]", "r2 = *(u64 *)(r10 - 8)"},
		{"lock fetch add32 [%r10-8], %r1", "w1 = atomic_fetch_add((u32 *)(r10 - 8), w1)"},
		{"call %r2", "callx r2"},
		{"jne32 %r0, 15, +0", "if w0 != 15 goto pc+0"},
		{"swap16 %r3", "r3 = bswap16 r3"},
		{"movsx1664 %r3, %r4", "r3 = (s16)r4"},
	}
	for _, tt := range tests {
		p, err := asm.Parse("test", maps+tt.text+"\nexit")
		require.NoError(t, err, tt.text)
		require.Equal(t, tt.want, asm.Insn(p, 0), tt.text)
	}
}

func TestInsnDescribesWhatHasNoText(t *testing.T) {
	p := &ir.Program{Insns: []ir.Insn{{Op: 9999}, {Op: ir.OpLoadImm(0)}, ir.Pad(), {Op: ir.OpExit(), Imm: 1}}}
	require.Equal(t, "(unknown operation 9999)", asm.Insn(p, 0))
	require.Equal(t, "(second slot)", asm.Insn(p, 2))
	require.Equal(t, "(exit: unused immediate 0x1 is not zero)", asm.Insn(p, 3))
	require.Equal(t, "(outside the program)", asm.Insn(p, 4))
	require.Equal(t, "(outside the program)", asm.Insn(p, -1))
	require.EqualError(t, asm.Print(&bytes.Buffer{}, p), "asm: print program: ir: insn 0: unknown operation 9999")
	p.Insns = p.Insns[2:3]
	require.ErrorContains(t, asm.Print(&bytes.Buffer{}, p), "64-bit load and second slot do not go together")
}

func TestErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "x.s:1:1: expected an instruction, found none in the whole text"},
		{"; nothing\n\n", "x.s:2:1: expected an instruction, found none in the whole text"},
		{"r0 =", `x.s:1:5: expected a register, a number or a load, found end of line`},
		{"\tr0 + 1", `x.s:1:5: expected an assignment (= += -= *= /= s/= %= s%= |= &= ^= <<= >>= s>>=), found "+"`},
		{"exit\nr11 = 1", `x.s:2:1: expected an instruction, a label or a directive, found "r11"`},
		{"r0 = r11", `x.s:1:6: expected a register, a number, a load, a map or an operation that returns a value, found "r11"`},
		{"r0 = w1", `x.s:1:6: expected a register of 64 bits, found "w1"`},
		{"w0 += r1", `x.s:1:7: expected a register of 32 bits, found "r1"`},
		{"r0 = 1 2", `x.s:1:8: expected end of line, found "2"`},
		{"r0 = 0xffffffff", `x.s:1:6: immediate 0xffffffff does not fit 32 bits with sign; write the number that is meant, or load it with ll`},
		{"w0 = 4294967296", `x.s:1:6: immediate 4294967296 is above 4294967295`},
		{"w0 = -2147483649", `x.s:1:6: immediate -2147483649 is below -2147483648`},
		{"r0 = 99999999999999999999", `x.s:1:6: expected immediate, found "99999999999999999999": not a decimal or 0x number of 64 bits`},
		{"r0 = 12ab", `x.s:1:6: expected immediate, found "12ab": not a decimal or 0x number of 64 bits`},
		{"r0 = *(u8 *)(r1 + 32768)", `x.s:1:17: offset 32768 is above 32767`},
		{"r0 = *(u7 *)(r1 + 0)", `x.s:1:8: expected a size (u8 u16 u32 u64 s8 s16 s32), found "u7"`},
		{"w0 = *(s8 *)(r1 + 0)", `x.s:1:1: a load that extends the sign fills 64 bits: expected a 64-bit register, found "w0"`},
		{"w0 = *(u64 *)(r1 + 0)", `x.s:1:1: expected a 64-bit register, found "w0"`},
		{"r0 = *(u8 *)(w1 + 0)", `x.s:1:14: expected a 64-bit register, found "w1"`},
		{"*(s8 *)(r1 + 0) = 1", `x.s:1:3: expected an unsigned size (u8 u16 u32 u64), found "s8"`},
		{"w0 = (s32)w1", "x.s:1:1: the instruction set has no such operation"},
		{"lock *(u8 *)(r1 + 0) += r2", "x.s:1:1: the instruction set has no such operation"},
		{"r0 = atomic_add((u64 *)(r1 + 0), r0)", `x.s:1:6: expected a register, a number, a load, a map or an operation that returns a value, found "atomic_add"`},
		{"r3 = xchg_64(r1 + 0, r2)", `x.s:1:22: expected the destination register r3 again, found "r2"`},
		{"r1 = cmpxchg_64(r1 + 0, r0, r2)", "x.s:1:25: compare and exchange compares with r0 and returns the old value in r0"},
		{"r1 = be16 r2", `x.s:1:11: expected the destination register again, found "r2"`},
		{"r0 = addr_space_cast(r1, 1, 1)", "x.s:1:26: a cast leads from address space 0 to 1 or back"},
		{"r0 = addr_space_cast(r1, 2, 0)", "x.s:1:26: an address space 2 is above 1"},
		{"if r1 = 1 goto +1", `x.s:1:7: expected a comparison (== != > >= < <= & s> s>= s< s<=), found "="`},
		{"if r1 == 1 exit", `x.s:1:12: expected "goto", found "exit"`},
		{"goto", "x.s:1:5: expected a label or a distance such as +2 or pc+2, found end of line"},
		{"goto +32768", "x.s:1:6: distance 32768 is above 32767"},
		{"goto out\nexit", `x.s:1:6: label "out" is not defined`},
		{"goto exit\nexit", `x.s:1:6: label "exit" is not defined`},
		{"call nothing", `x.s:1:6: expected a label or the name of a helper, found "nothing"`},
		{"call +2", `x.s:1:6: expected a helper, a label, or a distance such as pc+2, found "+"`},
		{"call map_lookup_elem#2", `x.s:1:6: helper "map_lookup_elem" has number 1, not 2`},
		{"a:\na: exit", `x.s:2:1: label "a" is already at slot 0`},
		{"r1 = map[m]", `x.s:1:10: map "m" is not declared above`},
		{".map m tree", `x.s:1:8: expected a map type, found "tree"`},
		{".map m hash key 4 value 8 entries 1 field lock 0 4", `x.s:1:43: expected a kind of field, found "lock"`},
		{".map m hash key 4 size 4", `x.s:1:19: expected key, value, entries, flags, extra, frozen, opaque, field or inner, found "size"`},
		{".map m hash\n.map m hash", `x.s:2:6: map "m" is already declared`},
		{".map m array_of_maps inner (i array", `x.s:1:36: expected ")", found end of line`},
		{".elem 3 00 00", "x.s:1:7: map 3 is not declared above"},
		{".map m hash\n.elem m 0 00", `x.s:2:9: expected a key in hex, found "0"`},
		{".type xpd", `x.s:1:7: expected a program type, found "xpd"`},
		{".map m hash\n.elem m 00 map n", `x.s:2:16: map "n" is not declared above`},
		{".map m hash\n.elem m 00 map 1", `x.s:2:16: map 1 is not declared above`},
		{".global x", `x.s:1:1: expected .name, .section, .type, .license, .func, .map or .elem, found ".global"`},
		{".func a\n.func b\nexit", `x.s:2:7: function "a" is empty`},
		{".func a\nexit\n.func a\ncall a\nexit", `x.s:4:6: label "a" is ambiguous: it is declared more than once`},
		{"r0 = \"abc", `x.s:1:6: expected a register, a number or a load, found an unfinished string`},
		{"r0 = é", `x.s:1:6: expected a register, a number or a load, found character 'é'`},
		{"ldxb %r0, %r1", `x.s:1:11: expected "[", found "%"`},
		{"mov32 %r0, 2147483648", "x.s:1:12: immediate 2147483648 is above 2147483647"},
		{"lock add [%r10-8]", `x.s:1:18: expected ",", found end of line`},
	}
	for _, tt := range tests {
		_, err := asm.Parse("x.s", tt.text)
		require.EqualError(t, err, tt.want, "text %q", tt.text)
	}
}

func TestFarLabel(t *testing.T) {
	far := strings.Repeat("r0 = 0\n", 40000) + "out: exit"
	_, err := asm.Parse("x.s", "goto out\n"+far)
	require.EqualError(t, err, `x.s:1:6: label "out" is 40000 slots away, out of the reach of 16 bits; gotol reaches further`)
	p, err := asm.Parse("x.s", "gotol out\n"+far)
	require.NoError(t, err)
	require.Equal(t, int64(40000), p.Insns[0].Imm)
}

const example = `.name count
.section "xdp/frags"
.type xdp
.license "Dual BSD/GPL"
.map hits array key 4 value 8 entries 16 flags 0x400
.map .rodata array key 4 value 3 entries 1 frozen
.map "odd name" array_of_maps key 4 value 4 entries 2 inner ("" hash key 8 value 4 entries 9)
.map filter bloom_filter key 0 value 4 entries 7 extra 0x5
.map jumps prog_array key 4 value 4 entries 2
.elem 0 00000000 0100000000000000
.elem 2 01000000 map 0
.elem 4 01000000 program "next one"
	r1 = map[hits]
	r1 = map[.rodata] + 2
	r1 = map["odd name"]
	call map_lookup_elem
	if r0 == 0 goto L9
	call twice
L9:
	r0 = func[twice]
	exit
.func twice
	w0 = w1
	exit
`

func TestExample(t *testing.T) {
	p, err := asm.Parse("dir/x.s", example)
	require.NoError(t, err)
	require.NoError(t, p.Check())
	require.Equal(t, example, printed(t, p))
}

func TestLinesAndFuncs(t *testing.T) {
	p, err := asm.Parse("dir/x.s", "; head\nstart: r0 = 1 ll ; note\n\tcall f\n\texit\nf:\texit\n")
	require.NoError(t, err)
	require.Equal(t, "x", p.Name)
	require.Equal(t, []ir.Func{{Name: "x", PC: 0}, {Name: "f", PC: 4}}, p.Funcs)
	require.Equal(t, []ir.Line{
		{PC: 0, File: "dir/x.s", Line: 2, Column: 8, Text: "start: r0 = 1 ll ; note"},
		{PC: 2, File: "dir/x.s", Line: 3, Column: 2, Text: "call f"},
		{PC: 3, File: "dir/x.s", Line: 4, Column: 2, Text: "exit"},
		{PC: 4, File: "dir/x.s", Line: 5, Column: 4, Text: "f:\texit"},
	}, p.Lines)
}

// TestLabelHidesHelper: a function named like a helper is the one called.
func TestLabelHidesHelper(t *testing.T) {
	p, err := asm.Parse("x.s", "call map_lookup_elem\nexit\n.func map_lookup_elem\ncall 1\nexit")
	require.NoError(t, err)
	require.Equal(t, ir.OpCall(ir.CallLocal), p.Insns[0].Op)
	q, err := asm.Parse("x.s", printed(t, p))
	require.NoError(t, err)
	require.Equal(t, p.Insns, q.Insns)
}

// TestListings reads what llvm-objdump 19 and the verifier's log print.
func TestListings(t *testing.T) {
	p, err := asm.Parse("x.s", `
       0:	b7 00 00 00 01 00 00 00	r0 = 0x1
       1:	66 01 02 00 07 00 00 00	if w1 s> 0x7 goto +0x2 <.text+0x20>
       2:	18 01 00 00 ef cd ab 89 00 00 00 00 67 45 23 01	r1 = 0x123456789abcdef ll
       4:	05 00 ff ff 00 00 00 00	goto -0x1 <main>
       5:	95 00 00 00 00 00 00 00	exit
`)
	require.NoError(t, err)
	raw, err := wire.Encode(p.Insns)
	require.NoError(t, err)
	require.Equal(t, "b7000000010000006601020007000000"+"18010000efcdab890000000067452301"+"0500ffff000000009500000000000000", fmt.Sprintf("%x", raw))
	q, err := asm.Parse("x.s", "0: (b7) r0 = 1        ; R0_w=1\n1: (85) call bpf_map_lookup_elem#1\n2: (15) if r0 == 0x0 goto pc+0\n3: (95) exit")
	require.NoError(t, err)
	require.Equal(t, "call map_lookup_elem", asm.Insn(q, 1))
	require.Equal(t, "if r0 == 0 goto pc+0", asm.Insn(q, 2))
	_, err = asm.Parse("x.s", "0: (b7) r0 = 1\n2: (95) exit")
	require.EqualError(t, err, "x.s:2:1: the listing says slot 2, but this is slot 1")
}

// TestConformance assembles every program of the public suite.
func TestConformance(t *testing.T) {
	files := filetest.ConformanceFiles(t, "*.data")
	for _, f := range files {
		p, err := asm.Parse(f.Name, f.Asm)
		require.NoError(t, err)
		require.NoError(t, p.Check(), f.Name)
		raw, err := wire.Encode(p.Insns)
		require.NoError(t, err, f.Name)
		if f.Raw != nil {
			require.Equal(t, f.Raw, raw, f.Name)
		}
		q, err := asm.Parse(f.Name, printed(t, p))
		require.NoError(t, err, f.Name)
		require.Equal(t, p.Insns, q.Insns, f.Name)
	}
	t.Logf("%d programs", len(files))
}

// TestConformanceInvalid demands an error for the suite's malformed texts.
func TestConformanceInvalid(t *testing.T) {
	for _, f := range filetest.ConformanceFiles(t, "negative/invalid_*.data") {
		if f.Name == "invalid_unknown_directive.data" {
			continue // about the file format, not about the text
		}
		_, err := asm.Parse(f.Name, f.Asm)
		require.Error(t, err, f.Name)
		t.Log(err)
	}
}

// randomInsn draws the fields of an instruction at pc of a program of n slots,
// with its targets among starts.
func randomInsn(t *rapid.T, r *ir.Row, pc ir.PC, starts []ir.PC, maps int) ir.Insn {
	in := ir.Insn{Op: r.Op}
	if r.Uses&ir.UseDst != 0 {
		in.Dst = ir.Reg(rapid.IntRange(0, 10).Draw(t, "dst"))
	}
	if r.Uses&ir.UseSrc != 0 {
		in.Src = ir.Reg(rapid.IntRange(0, 10).Draw(t, "src"))
	}
	if r.Uses&ir.UseOff != 0 {
		in.Off = rapid.Int16().Draw(t, "off")
	}
	switch {
	case r.Uses&ir.UseImm64 != 0:
		in.Imm = rapid.Int64().Draw(t, "imm")
	case r.Uses&ir.UseImm != 0:
		in.Imm = int64(rapid.Int32().Draw(t, "imm"))
	}
	if _, _, ok := in.Map(); ok {
		in.Imm = in.Imm&^0xffffffff | int64(rapid.IntRange(0, maps-1).Draw(t, "map"))
		if r.Uses&ir.UseImm64 == 0 {
			in.Imm &= 0xffffffff
		}
	}
	if _, ok := in.Target(pc); ok {
		distance := int64(rapid.SampledFrom(starts).Draw(t, "target") - pc - 1)
		if r.Uses&ir.UseOff != 0 {
			in.Off = int16(distance)
		} else {
			in.Imm = distance
		}
	}
	return in
}

func randomProgram(t *rapid.T) *ir.Program {
	name := rapid.SampledFrom([]string{"a", "main", "L3", "L_4", "L2", "exit", "r1", "map_lookup_elem", "odd name;", "s", "pc", "local", `q"\`, "é", ".text"})
	p := &ir.Program{Name: name.Draw(t, "name"), Section: rapid.SampledFrom([]string{"", "xdp", "tc/x"}).Draw(t, "section"),
		Type: ir.ProgType(rapid.IntRange(0, 40).Draw(t, "type")), License: rapid.SampledFrom([]string{"", "GPL"}).Draw(t, "license")}
	maps := rapid.IntRange(1, 3).Draw(t, "maps")
	for i := range maps {
		m := &ir.MapSpec{Name: rapid.SampledFrom([]string{"m", "n;", ".bss", "1"}).Draw(t, "map") + fmt.Sprint(i), Type: ir.MapType(rapid.IntRange(0, 40).Draw(t, "map type")),
			KeySize: rapid.Uint32().Draw(t, "key"), ValueSize: 8, MaxEntries: rapid.Uint32().Draw(t, "entries"), Flags: rapid.Uint32().Draw(t, "flags"), Frozen: rapid.Bool().Draw(t, "frozen"),
			Opaque: rapid.Bool().Draw(t, "opaque")}
		for off := range uint32(rapid.IntRange(0, 2).Draw(t, "fields")) {
			m.Fields = append(m.Fields, ir.ValueField{Kind: ir.ValueFieldKind(rapid.IntRange(0, 3).Draw(t, "field")), Off: 4 * off, Size: 4})
		}
		if rapid.Bool().Draw(t, "inner") {
			m.Inner = &ir.MapSpec{Name: "", Type: ir.Hash, KeySize: 1}
		}
		if b := rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "bytes"); rapid.Bool().Draw(t, "contents") {
			m.Contents = []ir.MapElem{{Key: b, Value: []byte{1}}}
			if rapid.Bool().Draw(t, "program element") {
				m.Contents = append(m.Contents, ir.MapElem{Key: b, Program: name.Draw(t, "element")})
			}
			if len(p.Maps) > 0 && rapid.Bool().Draw(t, "map element") {
				m.Contents = append(m.Contents, ir.MapElem{Key: b, Map: p.Maps[0]})
			}
			m.Extra = rapid.Uint64().Draw(t, "extra")
		}
		p.Maps = append(p.Maps, m)
	}
	rows := ir.Rows()
	var ops []*ir.Row
	var starts []ir.PC
	slots := ir.PC(0)
	for range rapid.IntRange(1, 20).Draw(t, "count") {
		r := &rows[rapid.IntRange(0, len(rows)-1).Draw(t, "row")]
		ops = append(ops, r)
		starts = append(starts, slots)
		slots += r.Slots()
	}
	for i, r := range ops {
		in := randomInsn(t, r, starts[i], starts, maps)
		if r.Kind == ir.KindLoadPacket {
			in.Dst = 0
		}
		p.Insns = append(p.Insns, in)
		if r.Slots() == 2 {
			p.Insns = append(p.Insns, ir.Pad())
		}
	}
	p.FindFuncs()
	for i := range p.Funcs[1:] {
		p.Funcs[i+1].Name = name.Draw(t, "function")
	}
	return p
}

// TestRoundTrip: what Print writes, Parse reads back, over all rows.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := randomProgram(t)
		text := printed(t, p)
		q, err := asm.Parse("file.s", text)
		require.NoError(t, err, text)
		q.Lines = nil
		require.Equal(t, p, q, text)
	})
}

// TestEveryRowRoundTrips reaches each row at least once, whatever rapid draws.
func TestEveryRowRoundTrips(t *testing.T) {
	rows := ir.Rows()
	for i := range rows {
		p := &ir.Program{Name: "a", Maps: []*ir.MapSpec{{Name: "m"}}, Insns: []ir.Insn{{Op: rows[i].Op}}}
		if rows[i].Slots() == 2 {
			p.Insns = append(p.Insns, ir.Pad())
		}
		p.Insns = append(p.Insns, ir.Insn{Op: ir.OpExit()})
		q, err := asm.Parse("a.s", printed(t, p))
		require.NoError(t, err, rows[i].Name)
		require.Equal(t, p.Insns, q.Insns, rows[i].Name)
	}
}

// FuzzParse: Parse never panics, and what it accepts is printed and read back.
func FuzzParse(f *testing.F) {
	f.Add(example)
	f.Add("mov %r0, 1\nlock fetch add [%r10-8], %r1\njne %r0, 15, exit\nexit")
	f.Add("r0 = xchg_64(r1 + 0, r0)\nr0 = *(u16 *)skb[r2 + 4]\ngoto pc-1")
	f.Add(".func \"a b\"\nexit\n.func a\nr1 = func[\"a b\"]\nexit")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := asm.Parse("a.s", text)
		if err != nil {
			require.IsType(t, &asm.Error{}, err)
			return
		}
		out := printed(t, p)
		q, err := asm.Parse("a.s", out)
		require.NoError(t, err, out)
		p.Lines, q.Lines = nil, nil
		require.Equal(t, p, q, out)
	})
}

func BenchmarkParse(b *testing.B) {
	text := strings.Repeat("\tr2 = *(u8 *)(r1 + 0)\n\tw2 &= 7\n\tif r2 > 7 goto pc+1\n\tr2 += 1\n", 2000) + "\texit\n"
	for b.Loop() {
		if _, err := asm.Parse("bench.s", text); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(8001*float64(b.N)/b.Elapsed().Seconds(), "insns/s")
}

func TestPrintSource(t *testing.T) {
	p, err := asm.Parse("x.s", example)
	require.NoError(t, err)
	p.Lines = []ir.Line{{PC: 0, File: "a.c", Line: 3, Text: "x = y; /* odd */"}, {PC: 2, File: "a.c", Line: 4, Text: "two\nlines\u2028"}, {PC: 2, File: "b.h", Line: 9, Text: ""}}
	var out strings.Builder
	require.NoError(t, asm.PrintSource(&out, p))
	require.Contains(t, out.String(), "\t; x = y; /* odd */ @ a.c:3\n\tr1 = map[hits]\n\t; two lines  @ a.c:4\n\t;  @ b.h:9\n\tr1 = map[.rodata] + 2\n")
	q, err := asm.Parse("x.s", out.String())
	require.NoError(t, err)
	require.Equal(t, p.Insns, q.Insns)
	require.Equal(t, p.Funcs, q.Funcs)
}
