package native_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// ringText makes what the first word of the memory says: 1 output, 2 submit,
// 3 discard, 4 two records of which the second is ended first, 5 a record that is
// not ended, 6 one that is followed by a fault. Its size is at 8, flags at 16, the
// bytes from 64 on.
const ringText = `
r6 = r1
r7 = *(u64 *)(r6 + 0)
if r7 != 1 goto reserve
r1 = map[m]
r2 = r6
r2 += 64
r3 = *(u64 *)(r6 + 8)
r4 = *(u64 *)(r6 + 16)
call ringbuf_output
exit
reserve:
r1 = map[m]
r2 = *(u64 *)(r6 + 8)
r3 = 0
call ringbuf_reserve
r8 = r0
if r8 == 0 goto full
r1 = *(u64 *)(r6 + 64)
*(u64 *)(r8 + 0) = r1
if r7 == 5 goto out
if r7 == 6 goto fault
if r7 != 4 goto end
r1 = map[m]
r2 = *(u64 *)(r6 + 8)
r3 = 0
call ringbuf_reserve
if r0 == 0 goto end
r1 = *(u64 *)(r6 + 64)
r1 += 1
*(u64 *)(r0 + 0) = r1
r1 = r0
r2 = *(u64 *)(r6 + 16)
call ringbuf_submit
end:
r1 = r8
r2 = *(u64 *)(r6 + 16)
if r7 == 3 goto discard
call ringbuf_submit
exit
discard:
call ringbuf_discard
out:
r0 = 0
exit
fault:
r1 = 0
r0 = *(u64 *)(r1 + 0)
exit
full:
r0 = 1
exit
`

func ringCaller(t testing.TB, size uint32) (*caller, *maps.RingBuf) {
	m, err := maps.New(&ir.MapSpec{Name: "m", Type: ir.RingBuf, MaxEntries: size})
	require.NoError(t, err)
	return ringCallerOf(t, m), m.(*maps.RingBuf)
}

func ringCallerOf(t testing.TB, m maps.Map) *caller {
	return newCallerOf(t, m, ".map m ringbuf key 0 value 0 entries 4096\n"+ringText)
}

// record makes an operation on a record that begins with a number.
func (c *caller) record(op, size, flags, number uint64) (uint64, error) {
	at := c.block.Bytes()
	binary.NativeEndian.PutUint64(at[0:], op)
	binary.NativeEndian.PutUint64(at[8:], size)
	binary.NativeEndian.PutUint64(at[16:], flags)
	binary.NativeEndian.PutUint64(at[64:], number)
	for i := uint64(8); i < size && i < callBytes-64; i++ {
		at[64+i] = byte(i + number)
	}
	return c.run.Call(c.block.Addr(), 0)
}

// TestQuickRing: the reader gets what programs write, whole and in order, and
// nothing that was discarded or left behind; a record is refused where there is no
// room for it, and only there.
func TestQuickRing(t *testing.T) {
	c, m := ringCaller(t, 4096)
	defer m.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	type record struct{ size, number uint64 }
	var want []record
	for number := range uint64(long.N(20_000, 500_000)) {
		op, size, flags := 1+rng.Uint64N(6), 8+rng.Uint64N(200), rng.Uint64N(4)
		if rng.IntN(20) == 0 {
			size = 3000 + rng.Uint64N(3000)
			op = 2 + rng.Uint64N(2)
		}
		room := func(n uint64) bool { return m.Query(maps.RingAvailable)+n*((size+15)&^7) <= 4095 }
		fits, both := room(1), room(2)
		ret, err := c.record(op, size, flags, number<<8)
		switch {
		case op == 6 && fits:
			require.Error(t, err)
		case !fits && op == 1:
			require.Equal(t, negative(unix.EAGAIN), ret)
		case !fits:
			require.EqualValues(t, 1, ret)
		default:
			require.NoError(t, err)
			require.Zero(t, ret)
		}
		if fits && op != 3 && op < 5 {
			want = append(want, record{size, number << 8})
		}
		if both && op == 4 {
			want = append(want, record{size, number<<8 + 1})
		}
		if rng.IntN(10) == 0 {
			n, err := m.Drain(func(b []byte) bool {
				require.EqualValues(t, want[0].size, len(b))
				require.Equal(t, want[0].number, binary.NativeEndian.Uint64(b))
				want = want[1:]
				return true
			})
			require.NoError(t, err)
			require.Empty(t, want, "%d were read", n)
		}
	}
	ret, err := c.record(1, 8, 4, 0)
	require.NoError(t, err)
	require.Equal(t, negative(unix.EINVAL), ret)
}

// TestQuickRingWakes lets programs write beside each other to a reader that
// sleeps: it wakes up, and gets every record once, those of a writer in order.
func TestQuickRingWakes(t *testing.T) {
	m, err := maps.New(&ir.MapSpec{Name: "m", Type: ir.RingBuf, MaxEntries: 4096})
	require.NoError(t, err)
	defer m.Close()
	const writers = 4
	each := uint64(long.N(5000, 1_000_000))
	var wg sync.WaitGroup
	for id := range uint64(writers) {
		c := ringCallerOf(t, m)
		wg.Go(func() {
			for i := uint64(0); i < each; {
				ret, err := c.record(1+i%2, 24, 0, id<<56|i)
				if err != nil {
					t.Error(err)
					return
				}
				if ret == 0 {
					i++
				} else {
					time.Sleep(time.Microsecond)
				}
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute*time.Duration(long.N(1, 60)))
	defer cancel()
	var next [writers]uint64
	for range each * writers {
		b, err := m.(*maps.RingBuf).Read(ctx)
		require.NoError(t, err, "after %v", next)
		x := binary.NativeEndian.Uint64(b)
		require.Equal(t, next[x>>56], x<<8>>8)
		next[x>>56]++
	}
	wg.Wait()
}
