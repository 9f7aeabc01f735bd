package sem

import (
	"math"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bpfproof/bpfproof/ir"
)

type unsigned interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64
}

type signedInt interface {
	~int8 | ~int16 | ~int32 | ~int64
}

// native computes the algebra's operations with Go's own types of the width: U
// and S are the unsigned and the signed one. It shares no code with Concrete.
func native[U unsigned, S signedInt](op BinOp, x, y uint64) uint64 {
	a, b := U(x), U(y)
	sa, sb := S(a), S(b)
	switch op {
	case Add:
		return uint64(a + b)
	case Sub:
		return uint64(a - b)
	case Mul:
		return uint64(a * b)
	case And:
		return uint64(a & b)
	case Or:
		return uint64(a | b)
	case Xor:
		return uint64(a ^ b)
	case Shl:
		return uint64(a << b) // Go shifts in zeros however far
	case LShr:
		return uint64(a >> b)
	case AShr:
		return uint64(U(sa >> b))
	case UDiv:
		if b == 0 {
			return uint64(^U(0))
		}
		return uint64(a / b)
	case URem:
		if b == 0 {
			return uint64(a)
		}
		return uint64(a % b)
	case SDiv: // SMT-LIB: by the signs, from the unsigned division
		q := U(native[U, S](UDiv, uint64(magnitude[U](sa)), uint64(magnitude[U](sb))))
		if (sa < 0) != (sb < 0) {
			q = -q
		}
		return uint64(q)
	case SRem:
		r := U(native[U, S](URem, uint64(magnitude[U](sa)), uint64(magnitude[U](sb))))
		if sa < 0 {
			r = -r
		}
		return uint64(r)
	}
	panic("no such operation")
}

func magnitude[U unsigned, S signedInt](x S) U {
	if x < 0 {
		return -U(x)
	}
	return U(x)
}

func nativeCmp[U unsigned, S signedInt](op CmpOp, x, y uint64) bool {
	a, b := U(x), U(y)
	sa, sb := S(a), S(b)
	switch op {
	case EQ:
		return a == b
	case NE:
		return a != b
	case ULT:
		return a < b
	case ULE:
		return a <= b
	case UGT:
		return a > b
	case UGE:
		return a >= b
	case SLT:
		return sa < sb
	case SLE:
		return sa <= sb
	case SGT:
		return sa > sb
	case SGE:
		return sa >= sb
	}
	return a&b > 0
}

// host is what Go does at one width.
type host struct {
	w   ir.Width
	bin func(op BinOp, x, y uint64) uint64
	cmp func(op CmpOp, x, y uint64) bool
}

var hosts = []host{
	{ir.W8, native[uint8, int8], nativeCmp[uint8, int8]},
	{ir.W16, native[uint16, int16], nativeCmp[uint16, int16]},
	{ir.W32, native[uint32, int32], nativeCmp[uint32, int32]},
	{ir.W64, native[uint64, int64], nativeCmp[uint64, int64]},
}

// corners are the words around which operations break, at width w.
func corners(w ir.Width) []uint64 {
	list := []uint64{0, 1, 2, 3, 5, 7, w.SignBit() - 1, w.SignBit(), w.SignBit() + 1, w.Mask() - 1, w.Mask(), uint64(w) - 1, uint64(w), uint64(w) + 1, 63, 64, 65}
	for i := range list {
		list[i] &= w.Mask()
	}
	return list
}

func checkPair(t require.TestingT, h host, x, y uint64) {
	for op := Add; op <= AShr; op++ {
		if got, want := (Concrete{}).Bin(op, h.w, x, y), h.bin(op, x, y); got != want {
			require.Equal(t, want, got, "%v%d(%#x, %#x)", op, h.w, x, y)
		}
	}
	for _, op := range CmpOps() {
		if got, want := (Concrete{}).Cmp(op, h.w, x, y) == 1, h.cmp(op, x, y); got != want {
			require.Equal(t, want, got, "%v%d(%#x, %#x)", op, h.w, x, y)
		}
	}
}

// TestConcreteIsTheHost: all pairs at width 8, corners and random words above.
func TestConcreteIsTheHost(t *testing.T) {
	for x := range uint64(256) {
		for y := range uint64(256) {
			checkPair(t, hosts[0], x, y)
		}
	}
	for _, h := range hosts {
		for _, x := range corners(h.w) {
			for _, y := range corners(h.w) {
				checkPair(t, h, x, y)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		h := rapid.SampledFrom(hosts).Draw(t, "width")
		x, y := rapid.Uint64().Draw(t, "x")&h.w.Mask(), rapid.Uint64().Draw(t, "y")&h.w.Mask()
		checkPair(t, h, x, y)
	})
}

func TestConcreteRest(t *testing.T) {
	a := Concrete{}
	require.Equal(t, uint64(0xf), a.Const(4, 0xff))
	require.Equal(t, uint64(7), a.Ite(1, 7, 8))
	require.Equal(t, uint64(8), a.Ite(0, 7, 8))
	for _, x := range []uint64{0, 1, 0x7f, 0x80, 0xff, 0x8000, 0xffff, 0x80000000, math.MaxUint64} {
		require.Equal(t, uint64(uint8(x)), a.Resize(x, ir.W64, ir.W8, false))
		require.Equal(t, uint64(uint8(x)), a.Resize(x, ir.W64, ir.W8, true))
		require.Equal(t, uint64(uint8(x)), a.Resize(uint64(uint8(x)), ir.W8, ir.W64, false))
		require.Equal(t, uint64(int8(x)), a.Resize(uint64(uint8(x)), ir.W8, ir.W64, true))
		require.Equal(t, uint64(uint32(int16(x))), a.Resize(uint64(uint16(x)), ir.W16, ir.W32, true))
		require.Equal(t, uint64(int32(x)), a.Resize(uint64(uint32(x)), ir.W32, ir.W64, true))
	}
}

func TestComparisonTables(t *testing.T) {
	for _, op := range CmpOps() {
		for x := range uint64(16) {
			for y := range uint64(16) {
				holds := Concrete{}.Cmp(op, 4, x, y)
				require.Equal(t, holds, Concrete{}.Cmp(op.Flip(), 4, y, x), "%v flipped (%d, %d)", op, x, y)
				if not, ok := op.Not(); ok {
					require.Equal(t, 1-holds, Concrete{}.Cmp(not, 4, x, y), "%v inverted (%d, %d)", op, x, y)
				} else {
					require.Equal(t, SET, op)
				}
			}
		}
	}
}

// TestCorners states section 4.1 of RFC 9669 in numbers.
func TestCorners(t *testing.T) {
	const min32, min64, ones32 = 0x80000000, 1 << 63, 0xffffffff
	const ones = math.MaxUint64
	tests := []struct {
		op   ir.ALUOp
		w    ir.Width
		x, y uint64
		want uint64
	}{
		{ir.Div, ir.W64, 7, 0, 0}, {ir.Div, ir.W32, 7, 0, 0}, {ir.SDiv, ir.W64, 7, 0, 0}, {ir.SDiv, ir.W32, 7, 0, 0},
		{ir.SDiv, ir.W64, min64, 0, 0},
		{ir.Mod, ir.W64, 7, 0, 7}, {ir.Mod, ir.W32, 7, 0, 7}, {ir.SMod, ir.W64, ones, 0, ones}, {ir.SMod, ir.W32, ones32, 0, ones32},
		{ir.SDiv, ir.W64, min64, ones, min64}, {ir.SDiv, ir.W32, min32, ones32, min32},
		{ir.SMod, ir.W64, min64, ones, 0}, {ir.SMod, ir.W32, min32, ones32, 0},
		{ir.SDiv, ir.W64, ^uint64(12), 4, ^uint64(2)},                                 // -13 / 4 = -3
		{ir.SMod, ir.W64, ^uint64(12), 3, ones}, {ir.SMod, ir.W64, 13, ^uint64(2), 1}, // -13 % 3 = -1, 13 % -3 = 1
		{ir.Div, ir.W64, ones, 2, ones >> 1}, {ir.Div, ir.W32, ones32, 2, ones32 >> 1}, // unsigned
		{ir.Lsh, ir.W64, 1, 64, 1}, {ir.Lsh, ir.W64, 1, 65, 2}, {ir.Lsh, ir.W64, 1, ones, min64}, // masked by 63
		{ir.Lsh, ir.W32, 1, 32, 1}, {ir.Lsh, ir.W32, 1, 33, 2}, {ir.Rsh, ir.W32, min32, 63, 1}, // masked by 31
		{ir.Arsh, ir.W64, min64, 127, ones}, {ir.Arsh, ir.W32, min32, 31, ones32}, {ir.Arsh, ir.W32, min32, 32, min32},
		{ir.Neg, ir.W64, 99, min64, min64}, {ir.Neg, ir.W32, 99, min32, min32}, {ir.Neg, ir.W32, 99, 1, ones32},
		{ir.Mov, ir.W32, 1, 2, 2}, {ir.MovSX8, ir.W64, 0, 0x80, ^uint64(0x7f)}, {ir.MovSX8, ir.W32, 0, 0x180, 0xffffff80},
		{ir.MovSX16, ir.W32, 0, 0x7fff, 0x7fff}, {ir.MovSX32, ir.W64, 0, min32, 0xffffffff80000000},
		{ir.Add, ir.W32, ones32, 1, 0}, {ir.Sub, ir.W64, 0, 1, ones}, {ir.Mul, ir.W64, min64, 2, 0}, {ir.Xor, ir.W64, 5, 3, 6},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, ALU(Concrete{}, tt.op, tt.w, tt.x, tt.y), "%v%d(%#x, %#x)", tt.op, tt.w, tt.x, tt.y)
	}
}

// rfc is section 4.1 for 64-bit and 32-bit words with Go's operators.
func rfc[U unsigned, S signedInt](op ir.ALUOp, x, y uint64, w ir.Width) uint64 {
	a, b := U(x), U(y)
	shift := uint(y) & uint(w-1)
	switch op {
	case ir.Div:
		if b == 0 {
			return 0
		}
		return uint64(a / b)
	case ir.SDiv:
		if b == 0 {
			return 0
		}
		return uint64(U(S(a) / S(b)))
	case ir.Mod:
		if b == 0 {
			return uint64(a)
		}
		return uint64(a % b)
	case ir.SMod:
		if b == 0 {
			return uint64(a)
		}
		return uint64(U(S(a) % S(b)))
	case ir.Lsh:
		return uint64(a << shift)
	case ir.Rsh:
		return uint64(a >> shift)
	case ir.Arsh:
		return uint64(U(S(a) >> shift))
	case ir.Neg:
		return uint64(-b)
	case ir.Mov:
		return uint64(b)
	case ir.MovSX8:
		return uint64(U(int8(y)))
	case ir.MovSX16:
		return uint64(U(int16(y)))
	case ir.MovSX32:
		return uint64(U(int32(y)))
	case ir.Add:
		return uint64(a + b)
	case ir.Sub:
		return uint64(a - b)
	case ir.Mul:
		return uint64(a * b)
	case ir.Or:
		return uint64(a | b)
	case ir.And:
		return uint64(a & b)
	}
	return uint64(a ^ b)
}

// TestResultOfEveryRow runs all arithmetic operations of the table on corner
// and random words, through Result, against Go's operators.
func TestResultOfEveryRow(t *testing.T) {
	check := func(t require.TestingT, r *ir.Row, dst, src uint64, imm int32) {
		in := ir.Insn{Op: r.Op, Dst: ir.R1, Src: ir.R2, Imm: int64(imm)}
		y := src
		switch r.Src {
		case ir.K:
			y = uint64(int64(imm))
		case ir.NoSource:
			y = dst
		}
		want := rfc[uint64, int64](r.ALU, dst, y, r.Width)
		if r.Width == ir.W32 {
			want = rfc[uint32, int32](r.ALU, dst, y, r.Width)
		}
		if got := Result(Concrete{}, in, dst, src); got != want {
			require.Equal(t, want, got, "%s dst=%#x src=%#x imm=%#x", r.Name, dst, src, imm)
		}
	}
	words := append(corners(ir.W64), corners(ir.W32)...)
	words = append(words, 0xffffffff80000000, 0x80000000ffffffff)
	rows := ir.Rows()
	for i := range rows {
		if rows[i].Kind != ir.KindALU {
			continue
		}
		for _, dst := range words {
			for _, src := range words {
				check(t, &rows[i], dst, src, int32(src))
			}
		}
		rapid.Check(t, func(t *rapid.T) {
			check(t, &rows[i], rapid.Uint64().Draw(t, "dst"), rapid.Uint64().Draw(t, "src"), rapid.Int32().Draw(t, "imm"))
		})
	}
}

// TestTakenOfEveryRow does the same for the branches.
func TestTakenOfEveryRow(t *testing.T) {
	words := append(corners(ir.W64), corners(ir.W32)...)
	rows := ir.Rows()
	cmps := map[ir.CmpOp]CmpOp{ir.JEQ: EQ, ir.JNE: NE, ir.JGT: UGT, ir.JGE: UGE, ir.JLT: ULT, ir.JLE: ULE, ir.JSET: SET,
		ir.JSGT: SGT, ir.JSGE: SGE, ir.JSLT: SLT, ir.JSLE: SLE}
	for i := range rows {
		r := &rows[i]
		if r.Kind != ir.KindBranch {
			continue
		}
		for _, dst := range words {
			for _, src := range words {
				y := src
				if r.Src == ir.K {
					y = uint64(int64(int32(src)))
				}
				want := nativeCmp[uint64, int64](cmps[r.Cmp], dst, y)
				if r.Width == ir.W32 {
					want = nativeCmp[uint32, int32](cmps[r.Cmp], dst, y)
				}
				in := ir.Insn{Op: r.Op, Dst: ir.R1, Src: ir.R2, Imm: int64(int32(src))}
				require.Equal(t, want, Taken(Concrete{}, in, dst, src) == 1, "%s dst=%#x src=%#x", r.Name, dst, src)
			}
		}
	}
}

func TestSwap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Uint64().Draw(t, "x")
		want := map[ir.Width][2]uint64{ // as it is, swapped
			ir.W16: {uint64(uint16(x)), uint64(bits.ReverseBytes16(uint16(x)))},
			ir.W32: {uint64(uint32(x)), uint64(bits.ReverseBytes32(uint32(x)))},
			ir.W64: {x, bits.ReverseBytes64(x)},
		}
		for w, results := range want {
			require.Equal(t, results[0], Swap(Concrete{}, ir.ToLE, w, x), "le%d %#x", w, x)
			require.Equal(t, results[1], Swap(Concrete{}, ir.ToBE, w, x), "be%d %#x", w, x)
			require.Equal(t, results[1], Swap(Concrete{}, ir.BSwap, w, x), "bswap%d %#x", w, x)
			in := ir.Insn{Op: ir.OpSwap(ir.BSwap, w)}
			require.Equal(t, results[1], Result(Concrete{}, in, x, 99), "result of bswap%d %#x", w, x)
		}
	})
}

func TestMemoryWords(t *testing.T) {
	a := Concrete{}
	require.Equal(t, uint64(0x0fff), Address(a, uint64(0x1000), -1))
	require.Equal(t, uint64(0x8fff), Address(a, uint64(0x1000), 32767))
	require.Equal(t, uint64(math.MaxUint64), Address(a, uint64(0), -1), "addresses wrap")
	require.Equal(t, uint64(0xff80), Loaded(a, ir.W16, false, uint64(0xff80)))
	require.Equal(t, ^uint64(0x7f), Loaded(a, ir.W16, true, uint64(0xff80)))
	require.Equal(t, uint64(math.MaxUint64), Loaded(a, ir.W64, false, uint64(math.MaxUint64)))
	require.Equal(t, uint64(0x34), Stored(a, ir.W8, uint64(0x1234)))
	require.Equal(t, uint64(0x1234), Stored(a, ir.W64, uint64(0x1234)))
}

// TestAtomic states section 5.3 of RFC 9669.
func TestAtomic(t *testing.T) {
	const old32, old64 = 0xfffffff0, 0xfffffffffffffff0
	src := uint64(0x1_0000_0018) // its upper half does not reach 32 bits of memory
	tests := []struct {
		op       ir.AtomicOp
		w        ir.Width
		old, r0  uint64
		want     uint64
		describe string
	}{
		{ir.AtomicAdd, ir.W32, old32, 0, 8, "wraps at 32 bits"},
		{ir.AtomicAdd, ir.W64, old64, 0, 0x1_0000_0008, "wraps at 64 bits"},
		{ir.AtomicOr, ir.W32, old32, 0, 0xfffffff8, ""},
		{ir.AtomicOr, ir.W64, 0, 0, src, ""},
		{ir.AtomicAnd, ir.W32, old32, 0, 0x10, ""},
		{ir.AtomicAnd, ir.W64, old64, 0, 0x1_0000_0010, ""},
		{ir.AtomicXor, ir.W32, old32, 0, 0xffffffe8, ""},
		{ir.AtomicXor, ir.W64, src, 0, 0, ""},
		{ir.AtomicXchg, ir.W32, old32, 0, 0x18, ""},
		{ir.AtomicXchg, ir.W64, old64, 0, src, ""},
		{ir.AtomicCmpXchg, ir.W32, old32, 0x7_fffffff0, 0x18, "compares the low half of r0"},
		{ir.AtomicCmpXchg, ir.W32, old32, 1, old32, "keeps what differs"},
		{ir.AtomicCmpXchg, ir.W64, old64, old64, src, ""},
		{ir.AtomicCmpXchg, ir.W64, old64, old32, old64, "compares all of r0"},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, Atomic(Concrete{}, tt.op, tt.w, tt.old, src, tt.r0), "%v%d %s", tt.op, tt.w, tt.describe)
	}
}
