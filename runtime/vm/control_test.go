package vm

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

func parse(t testing.TB, name, text string) *ir.Program {
	t.Helper()
	p, err := asm.Parse(name, text)
	require.NoError(t, err)
	return p
}

func result(t testing.TB, text string, in runtime.Input) (uint64, error) {
	t.Helper()
	prog, _ := loadWith(t, parse(t, "p", text), Options{})
	res, err := prog.Run(t.Context(), in)
	return res.Ret, err
}

// tails loads programs that share the prog_array "tails" of four entries.
func tails(t testing.TB, texts map[string]string) *runtime.Object {
	t.Helper()
	var programs []*ir.Program
	for name, text := range texts {
		programs = append(programs, parse(t, name, ".type xdp\n.map tails prog_array key 4 value 4 entries 4\n"+text))
	}
	slices.SortFunc(programs, func(a, b *ir.Program) int { return int(a.Name[0]) - int(b.Name[0]) })
	obj, err := runtime.Load(t.Context(), programs, runtime.Options{Loader: Loader(Options{}), Unverified: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, obj.Close()) })
	return obj
}

const tailCall = "\nr2 = map[tails]\ncall tail_call\n"

func run(t testing.TB, p *runtime.Program) uint64 {
	t.Helper()
	res, err := p.Run(t.Context(), runtime.Input{Data: make([]byte, 64)})
	require.NoError(t, err)
	return res.Ret
}

func TestTailCall(t *testing.T) {
	counts := ".map counts array key 4 value 8 entries 1\n"
	obj := tails(t, map[string]string{
		// Calls index 1 from a subprogram: b's result comes back to the caller.
		"a": "r6 = 40\ncall sub\nr0 += r6\nexit\n.func sub\nr3 = 1" + tailCall + "r0 = 7\nexit",
		// Tells the registers that a tail call leaves: r1 is the context.
		"b": counts + "r6 = *(u32 *)(r1 + 0)\nr7 = *(u32 *)(r1 + 4)\nr7 -= r6\nr0 = r7\nexit",
		// Calls itself until the limit, counting in a map of its own.
		"c": counts + "r6 = r1\n*(u32 *)(r10 - 4) = 0\nr1 = map[counts]\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nif r0 == 0 goto out\n" +
			"r7 = *(u64 *)(r0 + 0)\nr7 += 1\n*(u64 *)(r0 + 0) = r7\nr1 = r6\nr3 = 2" + tailCall + "r0 = r7\nexit\nout:\nr0 = 0\nexit",
	})
	a, b, c := obj.Program("a"), obj.Program("b"), obj.Program("c")
	require.EqualValues(t, 47, run(t, a), "no program at the index: execution falls through")
	require.NoError(t, obj.SetTail("tails", 1, b))
	require.NoError(t, obj.SetTail("tails", 2, c))
	require.EqualValues(t, 40+64, run(t, a))
	require.EqualValues(t, abi.TailCallLimit+1, run(t, c), "33 calls follow the first run")
	require.EqualValues(t, 2*(abi.TailCallLimit+1), run(t, c), "every run has its own limit")

	array := obj.Map("tails")
	key := binary.NativeEndian.AppendUint32(nil, 1)
	got, err := array.Lookup(key)
	require.NoError(t, err)
	require.EqualValues(t, 2, binary.NativeEndian.Uint32(got), "the program's number")
	require.NoError(t, array.Delete(key))
	require.EqualValues(t, 47, run(t, a))
	require.ErrorIs(t, array.Delete(key), unix.ENOENT)
	require.ErrorIs(t, array.Update(key, got, 0), unix.EINVAL)
	require.ErrorIs(t, obj.SetTail("tails", 4, b), unix.E2BIG)
	require.ErrorIs(t, obj.SetTail("none", 0, b), unix.EINVAL)
	require.ErrorIs(t, obj.SetTail("tails", 0, nil), unix.EINVAL)
}

// Calls that find no program do not count (emit_bpf_tail_call_indirect).
func TestTailCallMissesDoNotCount(t *testing.T) {
	obj := tails(t, map[string]string{
		"a": "r6 = r1\nr7 = 100\nagain:\nr1 = r6\nr3 = 3" + tailCall + "r7 += -1\nif r7 != 0 goto again\nr1 = r6\nr3 = 9" + tailCall + "r1 = r6\nr3 = 1" + tailCall + "r0 = 0\nexit",
		"b": "r0 = 5\nexit",
	})
	require.NoError(t, obj.SetTail("tails", 1, obj.Program("b")))
	require.EqualValues(t, 5, run(t, obj.Program("a")))
}

func TestTailCallFaults(t *testing.T) {
	obj := tails(t, map[string]string{"a": "r3 = 1" + tailCall + "r0 = 0\nexit", "b": "r1 = 0\nr0 = *(u64 *)(r1 + 0)\nexit"})
	require.NoError(t, obj.SetTail("tails", 1, obj.Program("b")))
	_, err := obj.Program("a").Run(t.Context(), runtime.Input{Data: make([]byte, 64)})
	require.EqualError(t, err, `vm: program "b": insn 1: load of 8 bytes at 0x0: outside the program's memory`)
	_, err = result(t, ".type xdp\n.map a array key 4 value 4 entries 1\nr3 = 0\nr2 = map[a]\ncall tail_call\nr0 = 0\nexit", runtime.Input{Data: make([]byte, 64)})
	require.ErrorContains(t, err, `helpers: tail_call: map "a" is a array, not a prog_array`)
	_, err = result(t, ".type xdp\nr3 = 0\nr2 = 5\ncall tail_call\nr0 = 0\nexit", runtime.Input{Data: make([]byte, 64)})
	require.ErrorContains(t, err, "0x5 is no map of the program")

	other := parse(t, "skb", ".type sched_cls\n.map tails prog_array key 4 value 4 entries 4\nr2 = map[tails]\nr0 = 0\nexit")
	xdp := parse(t, "xdp", ".type xdp\n.map tails prog_array key 4 value 4 entries 4\nr2 = map[tails]\nr0 = 0\nexit")
	mixed, err := runtime.Load(t.Context(), []*ir.Program{other, xdp}, runtime.Options{Loader: Loader(Options{}), Unverified: true})
	require.NoError(t, err)
	defer mixed.Close()
	require.ErrorIs(t, mixed.SetTail("tails", 0, mixed.Program("xdp")), unix.EINVAL)
}

func TestMayGoto(t *testing.T) {
	// Two of them share the frame's budget, and a call has one of its own.
	got, err := result(t, "r0 = 0\nagain:\nmay_goto out\nmay_goto out\nr0 += 1\ngoto again\nout:\nexit", runtime.Input{})
	require.NoError(t, err)
	require.EqualValues(t, abi.MayGotoLimit/2, got)
	require.Equal(t, got, byReference(t, "r0 = 0\nagain:\nmay_goto out\nmay_goto out\nr0 += 1\ngoto again\nout:\nexit"))
	got, err = result(t, "call sub\nr6 = r0\ncall sub\nr0 += r6\nexit\n.func sub\nr0 = 0\nagain:\nmay_goto out\nr0 += 1\ngoto again\nout:\nexit", runtime.Input{})
	require.NoError(t, err)
	require.EqualValues(t, 2*abi.MayGotoLimit, got)
}

func TestLoop(t *testing.T) {
	const head = "r1 = %N\nr2 = func[body]\nr3 = r10\nr3 += -8\nr4 = %F\n*(u64 *)(r10 - 8) = 0\nr6 = 1000\ncall 181\nr1 = *(u64 *)(r10 - 8)\nr1 <<= 32\nr0 += r1\nexit\n"
	const body = ".func body\n*(u64 *)(r10 - 8) = r1\nr1 = *(u64 *)(r10 - 8)\nr3 = *(u64 *)(r2 + 0)\nr3 += r1\n*(u64 *)(r2 + 0) = r3\nr6 = 5\nr0 = 0\nif r1 != 6 goto out\nr0 = 1\nout:\nexit"
	tests := []struct {
		n, flags string
		want     uint64
	}{
		{"0", "0", 0}, {"1", "0", 1}, {"5", "0", 10<<32 | 5}, {"7", "0", 21<<32 | 7}, {"100", "0", 21<<32 | 7},
		{"5", "1", errno(unix.EINVAL)}, {"8388609", "0", errno(unix.E2BIG)}, {"-1", "0", errno(unix.E2BIG)},
	}
	for _, tt := range tests {
		text := head + body
		for old, s := range map[string]string{"%N": tt.n, "%F": tt.flags} {
			text = strings.ReplaceAll(text, old, s)
		}
		got, err := result(t, text, runtime.Input{})
		require.NoError(t, err)
		require.Equal(t, tt.want, got, "%+v", tt)
		require.Equal(t, tt.want, byReference(t, text), "%+v", tt)
	}
	for text, want := range map[string]string{
		"r1 = 3\nr2 = 4\nr3 = 0\nr4 = 0\ncall 181\nexit":                                       "vm: insn 4: helpers: 0x4 is no function of the program",
		"r1 = 3\nr2 = func[f]\nr2 += 1\nr3 = 0\nr4 = 0\ncall 181\nexit\n.func f\nr0 = 0\nexit": "is no function of the program",
	} {
		_, err := result(t, text, runtime.Input{})
		require.ErrorContains(t, err, want)
	}
}

// byReference returns what package reference makes of a program without input.
func byReference(t testing.TB, text string) uint64 {
	t.Helper()
	prog, _ := loadWith(t, parse(t, "p", text), Options{})
	m := prog.idle[0]
	m.reset()
	clear(m.block.Bytes())
	ref := newReference(m)
	require.NoError(t, ref.Run(1<<26))
	return ref.Regs[ir.R0]
}

// TestNestedLoops: a callback calls bpf_loop itself.
func TestNestedLoops(t *testing.T) {
	got, err := result(t, `
	*(u64 *)(r10 - 8) = 0
	r1 = 10
	r2 = func[outer]
	r3 = r10
	r3 += -8
	r4 = 0
	call 181
	r0 = *(u64 *)(r10 - 8)
	exit
.func outer
	r3 = r2
	r1 += 1
	r2 = func[inner]
	r4 = 0
	call 181
	r0 = 0
	exit
.func inner
	r1 = *(u64 *)(r2 + 0)
	r1 += 1
	*(u64 *)(r2 + 0) = r1
	r0 = 0
	exit`, runtime.Input{})
	require.NoError(t, err)
	require.EqualValues(t, 55, got)
}

func TestForEach(t *testing.T) {
	const text = `
	r1 = map[m]
	r2 = func[body]
	r3 = r10
	r3 += -16
	r4 = 0
	*(u64 *)(r10 - 8) = 0
	*(u64 *)(r10 - 16) = 0
	call 164
	r1 = *(u64 *)(r10 - 16)
	r1 <<= 16
	r0 += r1
	exit
.func body
	r6 = *(u32 *)(r2 + 0)
	r5 = *(u64 *)(r3 + 0)
	r6 += r5
	r5 += 100
	*(u64 *)(r3 + 0) = r5
	r5 = *(u64 *)(r4 + 0)
	r5 += r6
	*(u64 *)(r4 + 0) = r5
	r0 = 0
	exit`
	for _, kind := range []ir.MapType{ir.Array, ir.Hash} {
		p := parse(t, "p", ".map m "+kind.String()+" key 4 value 8 entries 200\n"+text)
		prog, ms := loadWith(t, p, Options{})
		want := uint64(0)
		for i := range uint32(150) {
			key, value := binary.NativeEndian.AppendUint32(nil, i), binary.NativeEndian.AppendUint64(nil, uint64(3*i))
			require.NoError(t, ms[0].Update(key, value, 0))
			want += uint64(4 * i)
		}
		n := uint64(150)
		if kind == ir.Array {
			n = 200
			for i := 150; i < 200; i++ {
				want += uint64(i)
			}
		}
		res, err := prog.Run(t.Context(), runtime.Input{})
		require.NoError(t, err)
		require.Equal(t, want<<16+n, res.Ret, "%v", kind)
		for k, v := range maps.All(ms[0]) {
			i := binary.NativeEndian.Uint32(k)
			value := uint64(100)
			if i < 150 {
				value += uint64(3 * i)
			}
			require.Equal(t, value, binary.NativeEndian.Uint64(v), "key %d", i)
		}
	}
	_, err := result(t, ".map m array key 4 value 8 entries 2\nr1 = map[m]\nr2 = func[body]\nr3 = 0\nr4 = 0\ncall 164\nexit\n.func body\n*(u32 *)(r2 + 0) = 1\nr0 = 0\nexit", runtime.Input{})
	require.ErrorContains(t, err, "vm: insn 8: store of 4 bytes at ", "keys are read-only")
	got, err := result(t, ".map m array key 4 value 8 entries 9\nr1 = map[m]\nr2 = func[body]\nr3 = 0\nr4 = 0\ncall 164\nexit\n.func body\nr0 = *(u32 *)(r2 + 0)\nr0 >>= 1\nexit", runtime.Input{})
	require.NoError(t, err)
	require.EqualValues(t, 3, got, "stopped by the third element")
}

// TestLoadPacket follows bpf_gen_ld_abs: big endian, outside ends the function.
func TestLoadPacket(t *testing.T) {
	data := make([]byte, 14+8)
	for i := range data {
		data[i] = byte(i)
	}
	tests := []struct {
		kind, insn string
		want       uint64
	}{
		{"socket_filter", "r0 = *(u8 *)skb[0]", 14},
		{"sched_cls", "r0 = *(u8 *)skb[0]", 0},
		{"sched_cls", "r0 = *(u16 *)skb[12]", 0x0c0d},
		{"socket_filter", "r0 = *(u32 *)skb[4]", 0x12131415},
		{"socket_filter", "r0 = *(u32 *)skb[r7 + 1]", 0x11121314},
		{"socket_filter", "r0 = *(u16 *)skb[-1048576]", 0x0e0f}, // SKF_NET_OFF
		{"socket_filter", "r0 = *(u16 *)skb[-2097152]", 0x0001}, // SKF_LL_OFF
		{"sched_cls", "r0 = *(u8 *)skb[-1048575]", 15},
	}
	for _, tt := range tests {
		got, err := result(t, ".type "+tt.kind+"\nr6 = r1\nr7 = 2\n"+tt.insn+"\nr0 += 1000\nexit", runtime.Input{Data: data})
		require.NoError(t, err, "%+v", tt)
		require.Equal(t, tt.want+1000, got, "%+v", tt)
	}
	for _, insn := range []string{"r0 = *(u32 *)skb[5]", "r0 = *(u8 *)skb[8]", "r0 = *(u8 *)skb[r7 + 6]", "r0 = *(u8 *)skb[-1]", "r0 = *(u8 *)skb[-3000000]", "r0 = *(u8 *)skb[-2097130]"} {
		got, err := result(t, ".type socket_filter\nr6 = r1\nr7 = 2\nr0 = 9\n"+insn+"\nr0 += 1000\nexit", runtime.Input{Data: data})
		require.NoError(t, err, insn)
		require.Zero(t, got, "%s: outside the packet the program ends with 0", insn)
	}
	got, err := result(t, ".type socket_filter\nr6 = r1\ncall sub\nr0 += 3\nexit\n.func sub\nr0 = *(u8 *)skb[99]\nr0 = 50\nexit", runtime.Input{Data: data})
	require.NoError(t, err)
	require.EqualValues(t, 3, got, "it ends the function, not the program")
	_, err = result(t, ".type socket_filter\nr6 = 0\nr0 = *(u8 *)skb[0]\nexit", runtime.Input{Data: data})
	require.EqualError(t, err, "vm: insn 1: r6 does not hold the context")
	got, err = result(t, ".type socket_filter\nr6 = r1\nr0 = 1\nr0 = *(u8 *)skb[0]\nexit", runtime.Input{Data: data[:13]})
	require.NoError(t, err)
	require.Zero(t, got, "a packet that is shorter than its link header has nothing else")
}
