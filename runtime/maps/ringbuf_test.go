package maps

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

func ringSpec(size uint32) *ir.MapSpec {
	return &ir.MapSpec{Name: "r", Type: ir.RingBuf, MaxEntries: size}
}

// record is what the model knows of a record in the ring.
type record struct {
	addr    uint64
	bytes   []byte
	done    bool
	discard bool
}

// TestRingBufAgainstModel: records come out in the order in which places were
// taken, up to the first unfinished one; a place is refused exactly where the
// sum of what is not read, headers and padding, would reach the size.
func TestRingBufAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 4096
		m, err := New(ringSpec(size))
		require.NoError(t, err)
		defer m.Close()
		r := m.(*RingBuf)
		var queue []*record
		used := func() (n uint64) {
			for _, q := range queue {
				n += (uint64(len(q.bytes)) + 15) &^ 7
			}
			return n
		}
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			switch op := rapid.IntRange(0, 9).Draw(t, "op"); {
			case op < 4:
				n := rapid.SampledFrom([]int{0, 1, 7, 8, 64, 200, 1000, 2040, 4080, 4088, 4089, 5000}).Draw(t, "size")
				want := used()+(uint64(n)+15)&^7 < size
				at := r.Reserve(uint64(n))
				require.Equal(t, want, at != 0, "reserve %d beside %d bytes", n, used())
				if at != 0 {
					b := rapid.SliceOfN(rapid.Byte(), min(n, 8), min(n, 8)).Draw(t, "bytes")
					q := &record{addr: at, bytes: append(b, make([]byte, n-len(b))...)}
					copy(mem.View(at, n), q.bytes)
					queue = append(queue, q)
				}
			case op < 7 && len(queue) > 0:
				q := queue[rapid.IntRange(0, len(queue)-1).Draw(t, "record")]
				if !q.done {
					q.done, q.discard = true, rapid.IntRange(0, 3).Draw(t, "discard") == 0
					r.Finish(q.addr, 0, q.discard)
				}
			default:
				for len(queue) > 0 && queue[0].done && queue[0].discard {
					queue = queue[1:]
				}
				b, ok, err := r.TryRead()
				require.NoError(t, err)
				require.Equal(t, len(queue) > 0 && queue[0].done, ok)
				if ok {
					require.Equal(t, string(queue[0].bytes), string(b))
					queue = queue[1:]
				}
			}
			require.LessOrEqual(t, used(), r.Query(RingAvailable))
			require.Equal(t, r.Query(RingProduced)-r.Query(RingConsumed), r.Query(RingAvailable))
		}
	})
}

// TestRingBufConcurrent: with many producers and one reader that waits, nothing
// is lost that was not counted, each producer's records keep their order, and
// no record is seen half written.
func TestRingBufConcurrent(t *testing.T) {
	const producers, each = 4, 5000
	m := open(t, ringSpec(8192)).(*RingBuf)
	var wrote, lost atomic.Int64
	var wg sync.WaitGroup
	for p := range uint64(producers) {
		wg.Go(func() {
			for i := range uint64(each) {
				n := 16 + (p*7+i*13)%100
				at := m.Reserve(n)
				if at == 0 {
					lost.Add(1)
					continue
				}
				b := mem.View(at, int(n))
				for j := range b {
					b[j] = byte(i)
				}
				binary.NativeEndian.PutUint64(b, p)
				binary.NativeEndian.PutUint64(b[8:], i)
				m.Finish(at, 0, i%5 == 4)
				if i%5 != 4 {
					wrote.Add(1)
				}
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan struct{})
	go func() {
		wg.Wait()
		for !m.Output(append(u64(99), u64(0)...), RingForceWakeup) {
			time.Sleep(time.Millisecond)
		}
		close(done)
	}()
	next := [producers]uint64{}
	read := int64(0)
	for {
		b, err := m.Read(ctx)
		require.NoError(t, err)
		p, i := binary.NativeEndian.Uint64(b), binary.NativeEndian.Uint64(b[8:])
		if p == 99 {
			break
		}
		read++
		require.GreaterOrEqual(t, i, next[p], "producer %d", p)
		require.NotEqual(t, uint64(4), i%5, "a discarded record")
		next[p] = i + 1
		for _, x := range b[16:] {
			require.Equal(t, byte(i), x)
		}
	}
	<-done
	require.Equal(t, wrote.Load(), read)
	require.GreaterOrEqual(t, m.Dropped(), uint64(lost.Load()))
}

func TestRingBufWaiting(t *testing.T) {
	m := open(t, ringSpec(4096)).(*RingBuf)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := m.Read(ctx)
	require.ErrorIs(t, err, context.Canceled)

	got := make(chan error, 1)
	read := func() {
		_, err := m.Read(t.Context())
		got <- err
	}
	asleep := func() {
		require.Eventually(t, m.waits.Load, 10*time.Second, time.Millisecond)
		time.Sleep(5 * time.Millisecond)
	}
	go read()
	asleep()
	require.True(t, m.Output(u64(1), RingNoWakeup))
	select {
	case <-got:
		t.Fatal("a record without wakeup woke the reader")
	case <-time.After(20 * time.Millisecond):
	}
	require.True(t, m.Output(u64(2), RingForceWakeup))
	require.NoError(t, <-got)
	n, err := m.Drain(func(b []byte) bool {
		require.Equal(t, u64(2), append([]byte{}, b...))
		return true
	})
	require.NoError(t, err)
	require.Equal(t, 1, n)

	go read()
	asleep()
	require.NoError(t, m.Close())
	require.ErrorIs(t, <-got, ErrClosed)
	_, _, err = m.TryRead()
	require.ErrorIs(t, err, ErrClosed)
}

func TestPerf(t *testing.T) {
	m := open(t, &ir.MapSpec{Name: "p", Type: ir.PerfEventArray, KeySize: 4, ValueSize: 4, MaxEntries: 2}).(*Perf)
	require.ErrorIs(t, m.Output(0, 0, u64(1)), ErrKeyNotExist)
	require.ErrorIs(t, m.Output(2, 2, u64(1)), ErrTooBig)
	r, err := m.Open(1, 5000)
	require.NoError(t, err)
	require.EqualValues(t, 8192, r.Query(RingSize))
	_, err = m.Open(1, 5000)
	require.ErrorIs(t, err, ErrKeyExist)
	require.ErrorIs(t, m.Output(1, 0, u64(1)), ErrNotSupported, "the buffer of another processor")
	require.NoError(t, m.Output(1, 1, u64(1), u32(2)))
	got, cpu, ok := m.ReadAny()
	require.True(t, ok)
	require.EqualValues(t, 1, cpu)
	require.Equal(t, append(u64(1), u32(2)...), got)
	for m.Output(1, 1, make([]byte, 1000)) == nil {
	}
	require.ErrorIs(t, m.Output(1, 1, make([]byte, 1000)), ErrNoRoom)
	require.Positive(t, r.Dropped())
	require.NoError(t, m.Delete(u32(1)))
	require.ErrorIs(t, m.Delete(u32(1)), ErrKeyNotExist)
	require.ErrorIs(t, m.Output(1, 1, u64(1)), ErrKeyNotExist)
	_, ok, err = r.TryRead()
	require.NoError(t, err)
	require.True(t, ok, "what was written can be read")
}
