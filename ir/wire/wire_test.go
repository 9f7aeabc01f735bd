package wire_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/filetest"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/wire"
)

// slotBytes writes a slot field by field, by RFC 9669 section 3 alone.
func slotBytes(code byte, dst, src ir.Reg, off int16, imm int32) []byte {
	b := make([]byte, 8)
	b[0], b[1] = code, byte(dst)|byte(src)<<4
	binary.LittleEndian.PutUint16(b[2:], uint16(off))
	binary.LittleEndian.PutUint32(b[4:], uint32(imm))
	return b
}

// TestKnownBytes compares with what llvm-mc 19 writes, so that table, decoder
// and encoder cannot be wrong together.
func TestKnownBytes(t *testing.T) {
	tests := []struct {
		hex  string
		want ir.Insn
	}{
		{"b7 00 00 00 01 00 00 00", ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Imm: 1}},
		{"3f 21 01 00 00 00 00 00", ir.Insn{Op: ir.OpALU(ir.SDiv, ir.W64, ir.X), Dst: ir.R1, Src: ir.R2}},
		{"07 01 00 00 fb ff ff ff", ir.Insn{Op: ir.OpALU(ir.Add, ir.W64, ir.K), Dst: ir.R1, Imm: -5}},
		{"91 21 fc ff 00 00 00 00", ir.Insn{Op: ir.OpLoad(ir.W8, true), Dst: ir.R1, Src: ir.R2, Off: -4}},
		{"7b 1a f8 ff 00 00 00 00", ir.Insn{Op: ir.OpStore(ir.W64, ir.X), Dst: ir.R10, Src: ir.R1, Off: -8}},
		{"bc 21 10 00 00 00 00 00", ir.Insn{Op: ir.OpALU(ir.MovSX16, ir.W32, ir.X), Dst: ir.R1, Src: ir.R2}},
		{"dc 01 00 00 10 00 00 00", ir.Insn{Op: ir.OpSwap(ir.ToBE, ir.W16), Dst: ir.R1}},
		{"06 00 00 00 01 00 00 00", ir.Insn{Op: ir.OpJump(true), Imm: 1}},
		{"8d 02 00 00 00 00 00 00", ir.Insn{Op: ir.OpCall(ir.CallX), Dst: ir.R2}},
		{"85 10 00 00 ff ff ff ff", ir.Insn{Op: ir.OpCall(ir.CallLocal), Imm: -1}},
		{"c3 21 00 00 e1 00 00 00", ir.Insn{Op: ir.OpAtomic(ir.AtomicXchg, ir.W32, true), Dst: ir.R1, Src: ir.R2}},
		{"bf 10 01 00 01 00 00 00", ir.Insn{Op: ir.OpCast(false), Src: ir.R1}},
		{"18 01 00 00 ef cd ab 89 00 00 00 00 67 45 23 01", ir.Insn{Op: ir.OpLoadImm(ir.PseudoNone), Dst: ir.R1, Imm: 0x123456789abcdef}},
		{"18 11 00 00 03 00 00 00 00 00 00 00 00 00 00 00", ir.Insn{Op: ir.OpLoadImm(ir.PseudoMapFD), Dst: ir.R1, Imm: 3}},
		{"18 21 00 00 03 00 00 00 00 00 00 00 08 00 00 00", ir.Insn{Op: ir.OpLoadImm(ir.PseudoMapValue), Dst: ir.R1, Imm: 8<<32 | 3}},
		{"18 41 00 00 fe ff ff ff 00 00 00 00 00 00 00 00", ir.Insn{Op: ir.OpLoadImm(ir.PseudoFunc), Dst: ir.R1, Imm: -2}},
	}
	for _, tt := range tests {
		var raw []byte
		for _, s := range strings.Fields(tt.hex) {
			var b byte
			_, err := fmt.Sscanf(s, "%02x", &b)
			require.NoError(t, err)
			raw = append(raw, b)
		}
		insns, err := wire.Decode(raw)
		require.NoError(t, err, tt.hex)
		require.Equal(t, tt.want, insns[0], tt.hex)
		back, err := wire.Encode(insns)
		require.NoError(t, err, tt.hex)
		require.Equal(t, raw, back, tt.hex)
	}
}

// values of the fields that tell operations apart, their neighbours, and one
// above each.
var (
	testDsts = []ir.Reg{0, 11}
	testSrcs = []ir.Reg{0, 1, 2, 3, 4, 5, 6, 7, 11}
	testOffs = []int16{0, 1, 2, 8, 9, 16, 32, 33, -1, -32768}
	testImms = []int32{0, 1, 2, 15, 16, 17, 32, 64, 65, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe0, 0xe1, 0xf0, 0xf1,
		0x100, 0x101, 0x110, 0x111, 1 << 16, -1, -1 << 31}
)

// TestEveryOpcode enumerates all 256 opcode bytes with every value of the
// other fields that matters: each slot is written back as it was, or refused
// by a message that names what is wrong with it.
func TestEveryOpcode(t *testing.T) {
	accepted, known := map[ir.Op]int{}, map[byte]bool{}
	for _, r := range ir.Rows() {
		known[r.Code] = true
	}
	for code := range 256 {
		if !known[byte(code)] {
			_, err := wire.Decode(slotBytes(byte(code), 0, 0, 0, 0))
			require.EqualError(t, err, fmt.Sprintf("wire: decode slot 0: unknown opcode 0x%02x", code))
			continue
		}
		for _, dst := range testDsts {
			for _, src := range testSrcs {
				for _, off := range testOffs {
					for _, imm := range testImms {
						checkSlot(t, accepted, slotBytes(byte(code), dst, src, off, imm))
						if t.Failed() {
							return
						}
					}
				}
			}
		}
	}
	for _, r := range ir.Rows() {
		require.NotZero(t, accepted[r.Op], "%s is never decoded", r.Name)
	}
}

func checkSlot(t *testing.T, accepted map[ir.Op]int, raw []byte) {
	if raw[0] == 0x18 {
		raw = append(raw, make([]byte, 8)...)
	}
	insns, err := wire.Decode(raw)
	if err != nil {
		reason := err.Error()
		for _, word := range []string{"non-zero unused source", "non-zero unused offset", "non-zero unused immediate",
			"non-zero unused destination", "register r", "is not one of"} {
			if strings.HasPrefix(reason, "wire: decode slot 0: ") && strings.Contains(reason, word) {
				return
			}
		}
		t.Errorf("% x: refused without naming the field: %s", raw, reason)
		return
	}
	accepted[insns[0].Op]++
	if err := insns[0].Check(0); err != nil {
		t.Errorf("% x: decoded to a malformed instruction: %v", raw, err)
	}
	back, err := wire.Encode(insns)
	if err != nil || string(back) != string(raw) {
		t.Errorf("% x: got % x (%v), want the same bytes", raw, back, err)
	}
}

func TestErrors(t *testing.T) {
	exit := slotBytes(0x95, 0, 0, 0, 0)
	wide := slotBytes(0x18, 1, 0, 0, 5)
	mapFD := slotBytes(0x18, 1, 1, 0, 5)
	tests := []struct {
		name string
		raw  []byte
		want string
	}{
		{"unknown", slotBytes(0xff, 0, 0, 0, 0), "slot 0: unknown opcode 0xff"},
		{"second slot alone", slotBytes(0, 0, 0, 0, 0), "slot 0: unknown opcode 0x00"},
		{"position", append(append([]byte{}, exit...), slotBytes(0xff, 0, 0, 0, 0)...), "slot 1: unknown opcode 0xff"},
		{"odd length", exit[:7], "slot 0: cut: 7 bytes is not a multiple of 8"},
		{"odd length", append(append([]byte{}, exit...), 1), "slot 1: cut: 9 bytes is not a multiple of 8"},
		{"dst", slotBytes(0xb7, 11, 0, 0, 0), "slot 0: mov64_k: destination register r11 does not exist"},
		{"src", slotBytes(0xbf, 0, 15, 0, 0), "slot 0: mov64_x: source register r15 does not exist"},
		{"unused src", slotBytes(0x07, 0, 1, 0, 0), "slot 0: add64_k: non-zero unused source 1"},
		{"unused src r11", slotBytes(0x07, 0, 11, 0, 0), "slot 0: add64_k: non-zero unused source 11"},
		{"unused dst", slotBytes(0x95, 1, 0, 0, 0), "slot 0: exit: non-zero unused destination 1"},
		{"unused off", slotBytes(0x07, 0, 0, -1, 0), "slot 0: add64_k: non-zero unused offset -1"},
		{"unused imm", slotBytes(0x0f, 0, 0, 0, 7), "slot 0: add64_x: non-zero unused immediate 7"},
		{"division", slotBytes(0x3f, 0, 0, 2, 0), "slot 0: opcode 0x3f: offset 2 is not one of 0, 1"},
		{"movsx", slotBytes(0xbc, 0, 0, 32, 0), "slot 0: opcode 0xbc: offset 32 is not one of 0, 8, 16"},
		{"swap", slotBytes(0xdc, 0, 0, 0, 8), "slot 0: opcode 0xdc: immediate 8 is not one of 16, 32, 64"},
		{"call", slotBytes(0x85, 0, 3, 0, 0), "slot 0: opcode 0x85: source 3 is not one of 0, 1, 2"},
		{"load imm", slotBytes(0x18, 0, 7, 0, 0), "slot 0: opcode 0x18: source 7 is not one of 0, 1, 2, 3, 4, 5, 6"},
		{"cut load", wide, "slot 0: ld_imm64: 64-bit load is cut: no second slot"},
		{"second opcode", append(append([]byte{}, wide...), exit...), "slot 1: ld_imm64: second slot of a 64-bit load has non-zero opcode 0x95"},
		{"second dst", append(append([]byte{}, wide...), slotBytes(0, 1, 0, 0, 0)...), "slot 1: ld_imm64: second slot of a 64-bit load has non-zero destination 1"},
		{"second src", append(append([]byte{}, wide...), slotBytes(0, 0, 2, 0, 0)...), "slot 1: ld_imm64: second slot of a 64-bit load has non-zero source 2"},
		{"second off", append(append([]byte{}, wide...), slotBytes(0, 0, 0, 3, 0)...), "slot 1: ld_imm64: second slot of a 64-bit load has non-zero offset 3"},
		{"second imm", append(append([]byte{}, mapFD...), slotBytes(0, 0, 0, 0, 4)...), "slot 1: ld_map_fd: second slot of a 64-bit load has non-zero unused immediate 0x4"},
	}
	for _, tt := range tests {
		_, err := wire.Decode(tt.raw)
		require.EqualError(t, err, "wire: decode "+tt.want, tt.name)
		require.IsType(t, &wire.Error{}, err)
	}
	insns, err := wire.Decode(nil)
	require.NoError(t, err)
	require.Empty(t, insns)
}

func TestEncodeRefuses(t *testing.T) {
	mov := ir.OpALU(ir.Mov, ir.W64, ir.K)
	wide := ir.Insn{Op: ir.OpLoadImm(ir.PseudoNone)}
	tests := []struct {
		insns []ir.Insn
		want  string
	}{
		{[]ir.Insn{{Op: 9999}}, "slot 0: unknown operation 9999"},
		{[]ir.Insn{{Op: mov}, {Op: mov, Dst: 11}}, "slot 1: mov64_k: destination register r11 does not exist"},
		{[]ir.Insn{{Op: mov, Src: 1}}, "slot 0: mov64_k: unused source r1 is not r0"},
		{[]ir.Insn{{Op: mov, Off: 1}}, "slot 0: mov64_k: unused offset 1 is not zero"},
		{[]ir.Insn{{Op: mov, Imm: 1 << 31}}, "slot 0: mov64_k: immediate 0x80000000 does not fit 32 bits"},
		{[]ir.Insn{ir.Pad()}, "slot 0: second half of a 64-bit load without the first"},
		{[]ir.Insn{wide}, "slot 0: ld_imm64: 64-bit load without its second half"},
		{[]ir.Insn{wide, {Op: mov}}, "slot 0: ld_imm64: 64-bit load without its second half"},
		{[]ir.Insn{wide, {Op: ir.OpPad, Imm: 1}}, "slot 0: ld_imm64: 64-bit load without its second half"},
	}
	for _, tt := range tests {
		_, err := wire.Encode(tt.insns)
		require.EqualError(t, err, "wire: encode "+tt.want)
	}
}

// TestConformanceUnused: the suite's programs with a non-zero unused field are
// refused at their first slot.
func TestConformanceUnused(t *testing.T) {
	files := filetest.ConformanceFiles(t, "negative/unused-*.data")
	require.Len(t, files, 45)
	for _, f := range files {
		require.NotEmpty(t, f.Raw, f.Name)
		_, err := wire.Decode(f.Raw)
		require.Error(t, err, f.Name)
		require.Regexp(t, "slot 0: .*(non-zero unused|is not one of)", err.Error(), f.Name)
	}
}

// FuzzDecode: Decode never panics, and what it accepts is written back byte for
// byte.
func FuzzDecode(f *testing.F) {
	for _, r := range ir.Rows() {
		f.Add(append(slotBytes(r.Code, 0, r.FixSrc, r.FixOff, r.FixImm), make([]byte, 8)...))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		insns, err := wire.Decode(raw)
		if err != nil {
			require.IsType(t, &wire.Error{}, err)
			return
		}
		require.Len(t, insns, len(raw)/wire.SlotSize)
		back, err := wire.Encode(insns)
		require.NoError(t, err)
		require.Equal(t, raw, append([]byte{}, back...))
	})
}

func BenchmarkDecode(b *testing.B) {
	var raw []byte
	rows := ir.Rows()
	for i := range 10_000 {
		r := &rows[i%len(rows)]
		raw = append(raw, slotBytes(r.Code, 0, r.FixSrc, r.FixOff, r.FixImm)...)
		if r.Slots() == 2 {
			raw = append(raw, make([]byte, 8)...)
		}
	}
	insns := 0
	for b.Loop() {
		decoded, err := wire.Decode(raw)
		if err != nil {
			b.Fatal(err)
		}
		insns += len(decoded)
	}
	b.ReportMetric(float64(insns)/b.Elapsed().Seconds(), "insns/s")
}
