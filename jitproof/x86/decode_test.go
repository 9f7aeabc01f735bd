package x86

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

func TestDecodeRefuses(t *testing.T) {
	tests := []struct{ code, reason string }{
		{"", "not a decodable instruction"},
		{"48", "not a decodable instruction"},
		{"0fff", "not a decodable instruction"},
		{"0fa2", "instruction is not modelled"},                                    // cpuid
		{"9d", "instruction is not modelled"},                                      // popfq
		{"f348ab", "instruction is not modelled"},                                  // rep stosq
		{"660fc8", "bswap of fewer than 32 bits is undefined"},                     // bswap ax
		{"64488b00", "prefix is not modelled"},                                     // fs:
		{"678d0411", "prefix is not modelled"},                                     // 32-bit address
		{"f2c3", "prefix is not modelled"},                                         // bnd ret
		{"66c3", "operand size of a control transfer is not modelled"},             //
		{"66e800000000", "operand size of a control transfer is not modelled"},     // length differs between vendors
		{"6650", "16-bit stack access is not modelled"},                            //
		{"66480fc8", "operand size prefix and REX.W together"},                     //
		{"486689d8", "not a decodable instruction"},                                // REX before 66 has no effect
		{"484889d8", "not a decodable instruction"},                                //
		{"f04889d8", "lock prefix on an instruction that has none"},                // lock mov is #UD
		{"f04801d8", "lock prefix on an instruction that has none"},                // of a register: #UD
		{"f0483903", "lock prefix on an instruction that has none"},                // lock cmp is #UD
		{"63c3", "operands of the extending move are not modelled"},                // movsxd without REX.W
		{"488b0500000000", "base of the address is not a 64-bit general register"}, // rip-relative
		{"488b042500000000", "absolute address without gs, or gs with another, is not modelled"},
		{"65488b00", "absolute address without gs, or gs with another, is not modelled"}, // gs:[rax]
		{"654801d8", "segment override without effect"},                                  // gs add rax, rbx
		{"6590", "prefix is not modelled"},                                               //
		{"65488d042500000000", "operands of lea are not modelled"},                       // lea takes no segment
		{"0fb1ee", "cmpxchg of a register is not modelled: processors differ in its upper half"},
		{"f20faef0", "prefix is not modelled"}, // not mfence
		{"c4e2f5f7c2", "not a decodable instruction"},
		{"c4e2f8f7c2", "instruction is not modelled"}, // bextr
		{"c4e3abf0c105", "VEX.vvvv is not unused"},
		{"f6f1", "operand width is not modelled"}, // div cl
		{"c20800", "return that pops arguments is not modelled"},
	}
	for _, tt := range tests {
		code, err := hex.DecodeString(tt.code)
		require.NoError(t, err)
		_, err = Decode(code, 7)
		var u *UnsupportedError
		require.True(t, errors.As(err, &u), "%s: got %v", tt.code, err)
		require.Equal(t, tt.reason, u.Reason, "%s", tt.code)
		require.Equal(t, 7, u.Off)
		require.NotEmpty(t, u.Text)
	}
}

// FuzzDecode: decoding never panics and never reads past its bytes.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x48, 0x01, 0xd8})
	f.Add([]byte{0xc4, 0xe2, 0xf1, 0xf7, 0xc2})
	f.Fuzz(func(t *testing.T, code []byte) {
		in, err := Decode(code, 0)
		if err == nil && (in.Len < 1 || in.Len > len(code)) {
			t.Fatalf("% x: length %d of %d", code, in.Len, len(code))
		}
	})
}

// TestComparisons shows that the conditions read as comparisons after a
// subtraction or a logic operation are those that the flags say, for all
// operands of 8 bits.
func TestComparisons(t *testing.T) {
	m := Machine[uint64]{A: sem.Concrete{}, Known: KnownWord}
	for _, code := range [][]byte{{0x38, 0xd8}, {0x84, 0xd8}} { // cmp al, bl; test al, bl
		in, err := Decode(code, 0)
		require.NoError(t, err)
		for xy := range uint64(1 << 16) {
			var s State[uint64]
			s.R[RAX], s.R[RBX] = xy>>8, xy&0xff
			_, err := m.Step(&s, in)
			require.NoError(t, err)
			plain := s
			plain.F.cmp = nil
			for c := CondO; c <= CondG; c++ {
				got, err1 := m.condition(&s, Inst{Cond: c})
				want, err2 := m.condition(&plain, Inst{Cond: c})
				if err1 != nil || err2 != nil || got != want {
					require.Failf(t, "differ", "% x, operands %#x, condition %d: got %d want %d (%v, %v)", code, xy, c, got, want, err1, err2)
				}
			}
		}
	}
}

func TestUndefinedFlag(t *testing.T) {
	m := Machine[uint64]{A: sem.Concrete{}, Known: KnownWord}
	var s State[uint64]
	mul, err := Decode([]byte{0x48, 0x0f, 0xaf, 0xc1}, 0)
	require.NoError(t, err)
	_, err = m.Step(&s, mul)
	require.NoError(t, err)
	jz, err := Decode([]byte{0x74, 0x05}, 4)
	require.NoError(t, err)
	require.Equal(t, 11, jz.Target)
	_, err = m.Step(&s, jz)
	require.EqualError(t, err, "x86: step offset 0x4: flag ZF is not defined here")
}

func TestDivideNeedsExtension(t *testing.T) {
	m := Machine[uint64]{A: sem.Concrete{}, Known: KnownWord}
	var s State[uint64]
	s.R[RDX], s.R[RCX] = 1, 3
	div, err := Decode([]byte{0x48, 0xf7, 0xf1}, 0)
	require.NoError(t, err)
	_, err = m.Step(&s, div)
	require.ErrorContains(t, err, "not provably the extension")
	s.R[RDX], s.R[RCX] = 0, 0
	flow, err := m.Step(&s, div)
	require.NoError(t, err)
	require.True(t, flow.Faults && flow.Fault == 1)
}

func TestPartialWrites(t *testing.T) {
	m := Machine[uint64]{A: sem.Concrete{}, Known: KnownWord}
	a := Arg{Kind: ArgReg, Reg: RBX}
	for _, tt := range []struct {
		w    ir.Width
		high bool
		want uint64
	}{{ir.W8, false, 0x11111111111111ff}, {ir.W8, true, 0x111111111111ff11}, {ir.W16, false, 0x11111111111100ff},
		{ir.W32, false, 0xff}, {ir.W64, false, 0xff}} {
		var s State[uint64]
		s.R[RBX] = 0x1111111111111111
		a.Width, a.High = tt.w, tt.high
		m.setRegister(&s, a, 0xff)
		require.Equal(t, tt.want, s.R[RBX], "width %d high %v", tt.w, tt.high)
	}
}
