package helpers_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/native"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// prologue makes a packet's fields registers: r6 = operation, r7 and r8 = words,
// r9 = flags; the words are on the stack at -8 and -16 too.
const prologue = `
	r9 = r1
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 64
	if r4 > r3 goto bad
	r6 = *(u64 *)(r2 + 16)
	r7 = *(u64 *)(r2 + 24)
	r8 = *(u64 *)(r2 + 32)
	r1 = *(u64 *)(r2 + 40)
	*(u64 *)(r10 - 48) = r9
	r9 = r1
	*(u64 *)(r10 - 8) = r7
	*(u64 *)(r10 - 16) = r8
	*(u64 *)(r10 - 24) = 0
	goto start
bad:
	r0 = 0
	exit
start:
`

// mix ends a program with a result that depends on r0 and on what is at -24.
const mix = `
done:
	r1 = *(u64 *)(r10 - 24)
	r1 *= 31
	r0 += r1
	exit
`

// keyedOps are lookup, update, delete and addition in place, for a map named m.
const keyedOps = prologue + `
	if r6 == 0 goto lookup
	if r6 == 1 goto update
	if r6 == 2 goto delete
lookup:
	r1 = map[m]
	r2 = r10
	r2 += -8
	call map_lookup_elem
	if r0 == 0 goto done
	if r6 != 3 goto read
	r1 = *(u64 *)(r0 + 0)
	r1 += r8
	*(u64 *)(r0 + 0) = r1
read:
	r1 = *(u64 *)(r0 + 0)
	*(u64 *)(r10 - 24) = r1
	r0 = 1
	goto done
update:
	r1 = map[m]
	r2 = r10
	r2 += -8
	r3 = r10
	r3 += -16
	r4 = r9
	call map_update_elem
	goto done
delete:
	r1 = map[m]
	r2 = r10
	r2 += -8
	call map_delete_elem
` + mix

// bufferOps are push, pop and peek.
const bufferOps = prologue + `
	if r6 == 1 goto pop
	if r6 == 2 goto peek
	r1 = map[m]
	r2 = r10
	r2 += -16
	r3 = r9
	call map_push_elem
	goto done
pop:
	r1 = map[m]
	r2 = r10
	r2 += -24
	call map_pop_elem
	goto done
peek:
	r1 = map[m]
	r2 = r10
	r2 += -24
	call map_peek_elem
` + mix

const bloomOps = prologue + `
	r1 = map[m]
	r2 = r10
	r2 += -16
	if r6 == 1 goto peek
	r3 = r9
	call map_push_elem
	goto done
peek:
	call map_peek_elem
` + mix

const percpuOps = prologue + `
	r1 = map[m]
	r2 = r10
	r2 += -8
	r3 = r9
	call map_lookup_percpu_elem
	if r0 == 0 goto done
	r1 = *(u64 *)(r0 + 0)
	r1 += r8
	*(u64 *)(r0 + 0) = r1
	*(u64 *)(r10 - 24) = r1
	r0 = 1
` + mix

const eachOps = prologue + `
	if r6 == 0 goto walk
	r1 = map[m]
	r2 = r10
	r2 += -8
	r3 = r10
	r3 += -16
	r4 = 0
	call map_update_elem
	goto done
walk:
	r1 = map[m]
	r2 = func[visit]
	r3 = r10
	r3 += -24
	r4 = 0
	call for_each_map_elem
` + mix + `
.func visit
	r1 = *(u32 *)(r2 + 0)
	r2 = *(u64 *)(r3 + 0)
	r2 ^= r1
	r1 = *(u64 *)(r4 + 0)
	r1 += r2
	*(u64 *)(r4 + 0) = r1
	r0 = 0
	exit
`

// ringOps write records of 24 bytes or, by output, of up to 4000 bytes of the
// packet, and ask for positions; the reader never comes, so the ring fills.
const ringOps = prologue + `
	if r6 == 0 goto submit
	if r6 == 1 goto discard
	if r6 == 2 goto query
	r1 = map[m]
	r2 = r10
	r2 += -16
	r3 = r8
	r3 &= 15
	r4 = r9
	call ringbuf_output
	goto done
submit:
	r1 = map[m]
	r2 = 1000
	r3 = r9
	call ringbuf_reserve
	if r0 == 0 goto done
	*(u64 *)(r0 + 0) = r7
	*(u64 *)(r0 + 992) = r8
	r1 = r0
	r2 = 0
	call ringbuf_submit
	r0 = 7
	goto done
discard:
	r1 = map[m]
	r2 = 24
	r3 = 0
	call ringbuf_reserve
	if r0 == 0 goto done
	r1 = r0
	r2 = 2
	call ringbuf_discard
	r0 = 8
	goto done
query:
	r1 = map[m]
	r2 = r8
	call ringbuf_query
` + mix

const perfOps = prologue + `
	r1 = *(u64 *)(r10 - 48)
	r2 = map[m]
	r3 = r9
	r4 = r10
	r4 += -16
	r5 = 8
	call perf_event_output
` + mix

const redirectOps = prologue + `
	r1 = map[m]
	r2 = r7
	r3 = r9
	call redirect_map
` + mix

const nestedOps = prologue + `
	r1 = map[m]
	r2 = r10
	r2 += -8
	call map_lookup_elem
	if r0 == 0 goto done
	*(u32 *)(r10 - 28) = 0
	r1 = r0
	r2 = r10
	r2 += -28
	if r6 == 1 goto update
	call map_lookup_elem
	if r0 == 0 goto done
	r1 = *(u64 *)(r0 + 0)
	r1 += r8
	*(u64 *)(r0 + 0) = r1
	*(u64 *)(r10 - 24) = r1
	r0 = 1
	goto done
update:
	r3 = r10
	r3 += -16
	r4 = r9
	call map_update_elem
` + mix

// textOps read a number from 16 bytes on the stack.
const textOps = prologue + `
	r1 = r10
	r1 += -16
	r2 = 16
	r3 = r9
	r4 = r10
	r4 += -24
	if r6 == 1 goto unsigned
	call strtol
	goto done
unsigned:
	call strtoul
` + mix

// skbOps load 8 bytes of the packet.
const skbOps = `
	r6 = r1
	r7 = 0
	*(u64 *)(r10 - 24) = r7
	r2 = 24
	r3 = r10
	r3 += -32
	r4 = 8
	call skb_load_bytes
	if r0 != 0 goto done
	r1 = r6
	r2 = *(u64 *)(r10 - 32)
	r3 = r10
	r3 += -24
	r4 = 8
	call skb_load_bytes
` + mix

func text8(s string) uint64 {
	return binary.LittleEndian.Uint64([]byte((s + "\x00\x00\x00\x00\x00\x00\x00\x00")[:8]))
}

// numerals are halves of texts: the stack holds the second word first.
var numerals = []uint64{text8("12"), text8("-7"), text8(" \t 0x1f"), text8("0777"), text8("0x"), text8("-"), text8("        "), text8("99999999"),
	text8("ffffffff"), text8("0xgg"), text8("08"), text8("1z"), text8(""), text8("-0x8000"), text8("00000000"), text8("\xa05")}

// liveCase is a program over one map kind, and what its inputs are drawn from.
type liveCase struct {
	name  string
	maps  string
	text  string
	ops   int
	keys  []uint64
	flags []uint64
}

var updateFlags = []uint64{0, 0, 0, 1, 2, 3}

var indices = []uint64{0, 1, 2, 3, 4, 1 << 32}

var liveCases = []liveCase{
	{"array", ".map m array key 4 value 8 entries 3", keyedOps, 4, indices, updateFlags},
	{"hash", ".map m hash key 4 value 8 entries 3", keyedOps, 4, indices, updateFlags},
	{"hash of long keys", ".map m hash key 8 value 8 entries 3", keyedOps, 4, indices, updateFlags},
	{"percpu array", ".map m percpu_array key 4 value 8 entries 3", keyedOps, 4, indices, updateFlags},
	{"percpu hash", ".map m percpu_hash key 4 value 8 entries 3", keyedOps, 4, indices, updateFlags},
	{"lru hash", ".map m lru_hash key 4 value 8 entries 500", keyedOps, 4, indices, updateFlags},
	{"lru percpu hash", ".map m lru_percpu_hash key 4 value 8 entries 500", keyedOps, 4, indices, updateFlags},
	{"lpm trie", ".map m lpm_trie key 8 value 8 entries 6 flags 1", keyedOps, 4,
		[]uint64{0, 8, 1<<32 | 8, 1<<32 | 16, 0x101<<32 | 16, 0x101<<32 | 32, 0x301<<32 | 32, 33}, updateFlags},
	{"queue", ".map m queue key 0 value 8 entries 3", bufferOps, 3, indices, updateFlags},
	{"stack", ".map m stack key 0 value 8 entries 3", bufferOps, 3, indices, updateFlags},
	{"bloom filter", ".map m bloom_filter key 0 value 8 entries 9", bloomOps, 1, indices, updateFlags},
	{"percpu lookup", ".map m percpu_array key 4 value 8 entries 3", percpuOps, 1, indices, []uint64{0, 1, 1 << 20}},
	{"each of array", ".map m array key 4 value 8 entries 5", eachOps, 2, indices, updateFlags},
	{"each of percpu array", ".map m percpu_array key 4 value 8 entries 5", eachOps, 2, indices, updateFlags},
	{"each of hash", ".map m hash key 4 value 8 entries 5", eachOps, 2, indices, updateFlags},
	{"each of percpu hash", ".map m percpu_hash key 4 value 8 entries 5", eachOps, 2, indices, updateFlags},
	{"each of lru hash", ".map m lru_hash key 4 value 8 entries 500", eachOps, 2, indices, updateFlags},
	{"ringbuf", ".map m ringbuf key 0 value 0 entries 4096", ringOps, 5, indices, []uint64{0, 0, 1, 2, 3, 4}},
	{"numbers in text", "", textOps, 2, numerals, []uint64{0, 0, 8, 10, 16, 2, 32, 42}},
	{"bytes of a packet", ".type sched_cls", skbOps, 1, []uint64{0, 1, 2, 56, 57, 64, 1 << 16, 1 << 31, 1<<32 - 1}, []uint64{0}},
	{"perf event array", ".map m perf_event_array key 4 value 4 entries 2", perfOps, 1, indices,
		[]uint64{0, 1, 2, 0xffffffff, 1 << 32, 64 << 32, 65 << 32, 1000<<32 | 0xffffffff, 1 << 52, 1 << 60}},
	{"devmap", ".map m devmap key 4 value 4 entries 4", redirectOps, 1, indices, []uint64{0, 1, 2, 3, 4, 8, 16, 24, 32, 2 | 8}},
	{"devmap hash", ".map m devmap_hash key 4 value 4 entries 4", redirectOps, 1, indices, []uint64{0, 1, 2, 3, 4, 8, 16, 24, 32}},
	{"cpumap", ".map m cpumap key 4 value 4 entries 1", redirectOps, 1, indices, []uint64{0, 1, 2, 3, 4, 8}},
	{"xskmap", ".map m xskmap key 4 value 4 entries 4", redirectOps, 1, indices, []uint64{0, 1, 2, 3, 4, 8}},
	{"array of maps", ".map a array key 4 value 8 entries 1\n.map m array_of_maps key 4 value 4 entries 4 inner (a array key 4 value 8 entries 1)\n.elem m 02000000 map a",
		nestedOps, 2, indices, updateFlags},
	{"hash of maps", ".map a hash key 4 value 8 entries 1\n.map m hash_of_maps key 4 value 4 entries 4 inner (a hash key 4 value 8 entries 1)\n.elem m 02000000 map a",
		nestedOps, 2, indices, updateFlags},
}

// loaders are the interpreter and native code.
func loaders() map[string]runtime.Loader {
	return map[string]runtime.Loader{
		"vm":     vm.Loader(vm.Options{}),
		"native": native.Loader(amd64.New(jit.Target{ArrayStride: abi.ArrayStride}), native.Options{}),
	}
}

// engines opens the program in the interpreter and in native code.
func engines(t *testing.T, p *ir.Program) map[string]runtime.Engine {
	all := map[string]runtime.Engine{}
	for name, l := range loaders() {
		ms, err := runtime.CreateMaps(p)
		require.NoError(t, err)
		e, err := l.Load(t.Context(), p, ms)
		require.NoError(t, err)
		t.Cleanup(func() {
			require.NoError(t, e.Close())
			for _, m := range ms {
				require.NoError(t, m.Close())
			}
		})
		for _, m := range ms {
			if typ := m.Spec().Type; typ == ir.Devmap || typ == ir.DevmapHash {
				require.NoError(t, m.Update([]byte{1, 0, 0, 0}, []byte{1, 0, 0, 0}, 0))
			}
		}
		all[name] = e
	}
	return all
}

// TestLiveHelpers runs programs over maps of every kind in the kernel, the
// interpreter and native code, on the same random inputs one after the other,
// and compares what each run returns.
func TestLiveHelpers(t *testing.T) {
	if err := kernel.Available(); errors.Is(err, unix.EPERM) {
		t.Skipf("the live kernel is not asked: %v", err)
	}
	for _, c := range liveCases {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

// pin keeps the calling goroutine on processor 0, until the test ends: per-CPU
// values of the kernel are those of the processor that runs the program.
func pin(t *testing.T) {
	goruntime.LockOSThread()
	var before, one unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &before))
	one.Set(0)
	require.NoError(t, unix.SchedSetaffinity(0, &one))
	t.Cleanup(func() {
		require.NoError(t, unix.SchedSetaffinity(0, &before))
		goruntime.UnlockOSThread()
	})
}

// kind is the directive of the program's type, unless the case has its own.
func (c *liveCase) kind() string {
	if strings.HasPrefix(c.maps, ".type") {
		return ""
	}
	return ".type xdp"
}

func (c *liveCase) run(t *testing.T) {
	pin(t)
	p, err := asm.Parse("p", c.kind()+"\n.license GPL\n"+c.maps+"\n"+c.text)
	require.NoError(t, err)
	p.Name = "p"
	p.FindFuncs()
	k, err := kernel.Load(p, kernel.Options{})
	require.NoError(t, err)
	defer k.Close()
	for i, m := range k.Maps() {
		if typ := p.Maps[i].Type; typ == ir.Devmap || typ == ir.DevmapHash {
			require.NoError(t, m.Update([]byte{1, 0, 0, 0}, []byte{1, 0, 0, 0}, 0))
		}
	}
	ours := engines(t, p)
	rng := rand.New(rand.NewPCG(1, 2))
	pick := func(xs []uint64) uint64 { return xs[rng.IntN(len(xs))] }
	var trace []string
	results := map[uint32]bool{}
	defer func() { require.Greater(t, len(results), 1, "every run had the same result") }()
	for range long.N(300, 20_000) {
		packet := make([]byte, 64)
		in := [4]uint64{uint64(rng.IntN(c.ops)), pick(c.keys), uint64(rng.IntN(5)), pick(c.flags)}
		if c.text == textOps {
			in[2] = pick(c.keys)
		}
		for i, x := range in {
			binary.NativeEndian.PutUint64(packet[16+8*i:], x)
		}
		if len(trace) > 40 {
			trace = trace[1:]
		}
		trace = append(trace, fmt.Sprintf("op %d key %#x value %d flags %#x", in[0], in[1], in[2], in[3]))
		want, err := k.TestRun(packet, nil, 1)
		require.NoError(t, err)
		results[want.Ret] = true
		for name, e := range ours {
			got, err := e.Run(t.Context(), runtime.Input{Data: packet})
			require.NoError(t, err, "%s after %q", name, trace)
			if uint32(got.Ret) != want.Ret {
				t.Fatalf("%s: got %d, the kernel %d, after %q", name, int32(got.Ret), int32(want.Ret), trace)
			}
		}
	}
}
