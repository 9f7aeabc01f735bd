package hooks

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/runtime"
)

var background = context.Background()

// sumEvent adds two fields of an event and counts in a map.
const sumEvent = `.type tracepoint
.map calls array key 4 value 8 entries 1
	r6 = *(u32 *)(r1 + 8)
	r7 = *(u64 *)(r1 + 16)
	r6 += r7
	*(u32 *)(r10 - 4) = 0
	r1 = map[calls]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto out
	r1 = 1
	lock *(u64 *)(r0 + 0) += r1
out:
	r0 = r6
	exit`

func sumLayout() Layout {
	return Layout{Name: "sum", Size: 24, Fields: []Field{{Name: "x", Off: 8, Size: 4, Signed: true}, {Name: "y", Off: 16, Size: 8}}}
}

func sumRecord(t testing.TB, x, y uint64) []byte {
	l, b := sumLayout(), make([]byte, 24)
	require.NoError(t, l.Put(b, "x", x))
	require.NoError(t, l.Put(b, "y", y))
	return b
}

func TestEvent(t *testing.T) {
	e, err := NewEvent(sumLayout(), EventOptions{})
	require.NoError(t, err)
	rets, err := e.Fire(background, sumRecord(t, 1, 2))
	require.NoError(t, err)
	require.Empty(t, rets)
	o := text(t, sumEvent)
	l := attach(t, o.Programs()[0], e)
	other := attach(t, returns(t, "unspec", 9), e)
	rets, err = e.Fire(background, sumRecord(t, 40, 2))
	require.NoError(t, err)
	require.Equal(t, []uint64{42, 9}, rets)
	require.NoError(t, other.Close())
	rets, err = e.Fire(background, sumRecord(t, 1, 1))
	require.NoError(t, err)
	require.Equal(t, []uint64{2}, rets)
	require.EqualValues(t, 2, l.Stats().Runs)
	require.EqualValues(t, 1, other.Stats().Runs)

	_, err = e.Fire(background, make([]byte, 23))
	require.EqualError(t, err, `hooks: fire event "sum": record has 23 bytes, want 24`)
	_, err = e.Post(background, make([]byte, 24))
	require.EqualError(t, err, `hooks: post event "sum": it has no queue`)
	_, err = returns(t, "xdp", 1).Attach(e)
	require.EqualError(t, err, `hooks: attach program "test" to event "sum": programs of type xdp take no such events`)
	large, err := NewEvent(Layout{Name: "large", Size: 97}, EventOptions{})
	require.NoError(t, err)
	_, err = returns(t, "raw_tracepoint", 1).Attach(large)
	require.ErrorContains(t, err, "records of 97 bytes are larger than the 96 of bpf_raw_tracepoint_args")
	attach(t, text(t, ".type tracepoint\n r0 = *(u8 *)(r10 + 8)\n exit\n").Programs()[0], e)
	rets, err = e.Fire(background, sumRecord(t, 5, 5))
	require.ErrorContains(t, err, "vm: insn 0")
	require.Equal(t, []uint64{10, 0}, rets, "one failing program does not keep the others from their event")
}

func TestLayout(t *testing.T) {
	l := Layout{Name: "l", Size: 16, Fields: []Field{{Name: "a", Off: 0, Size: 1, Signed: true}, {Name: "b", Off: 2, Size: 2},
		{Name: "c", Off: 4, Size: 4, Signed: true}, {Name: "d", Off: 8, Size: 8}, {Name: "text", Off: 0, Size: 16}}}
	require.NoError(t, l.check())
	b := make([]byte, 16)
	for _, x := range []uint64{0, 1, 0x7f, 0x80, 0xfff0, math.MaxUint32, math.MaxUint64} {
		for _, f := range l.Fields[:4] {
			require.NoError(t, l.Put(b, f.Name, x))
			want := x & (math.MaxUint64 >> (64 - 8*f.Size))
			if f.Signed {
				want = uint64(int64(x<<(64-8*f.Size)) >> (64 - 8*f.Size))
			}
			got, err := l.Get(b, f.Name)
			require.NoError(t, err)
			require.Equal(t, want, got, "%#x in %s", x, f.Name)
		}
	}
	_, err := l.Get(b, "e")
	require.EqualError(t, err, `hooks: event "l": it has no field "e"`)
	require.EqualError(t, l.Put(b, "text", 1), `hooks: event "l": field "text" has 16 bytes, which is no number`)
	_, err = l.Get(b[:5], "c")
	require.EqualError(t, err, `hooks: event "l": field "c" ends at byte 8 of 5`)
	for _, bad := range []Layout{{Size: -1}, {Size: 4, Fields: []Field{{Name: "x", Off: 1, Size: 4}}}, {Size: 4, Fields: []Field{{Name: "x", Off: math.MaxInt, Size: 4}}},
		{Size: 4, Fields: []Field{{Name: "x", Size: 1}, {Name: "x", Size: 1}}}} {
		_, err := NewEvent(bad, EventOptions{})
		require.Error(t, err, "%+v", bad)
	}
	_, err = NewEvent(l, EventOptions{Queue: -1})
	require.Error(t, err)
}

// TestPost: every record that was posted is run or counted as dropped, by a
// queue that drops and by one that waits.
func TestPost(t *testing.T) {
	for _, wait := range []bool{false, true} {
		e, err := NewEvent(sumLayout(), EventOptions{Queue: 4, Wait: wait})
		require.NoError(t, err)
		o := text(t, sumEvent)
		l := attach(t, o.Programs()[0], e)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range 400 {
					if _, err := e.Post(background, sumRecord(t, 1, 1)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		require.Eventually(t, func() bool { s := l.Stats(); return s.Runs+s.Drops == 1200 }, 10*time.Second, time.Millisecond)
		if wait {
			require.Zero(t, l.Stats().Drops, "who waits loses nothing")
		}
		calls, err := o.Map("calls").Lookup(u32s(0))
		require.NoError(t, err)
		require.Equal(t, l.Stats().Runs, binary.NativeEndian.Uint64(calls))
		require.NoError(t, l.Close())
		n, err := e.Post(background, sumRecord(t, 1, 1))
		require.NoError(t, err)
		require.Zero(t, n)
	}
}

// TestPostWhileClosing: no record is lost without being counted, whenever the
// link is closed.
func TestPostWhileClosing(t *testing.T) {
	for range 50 {
		e, err := NewEvent(sumLayout(), EventOptions{Queue: 4})
		require.NoError(t, err)
		l := attach(t, returns(t, "tracepoint", 0), e)
		posted := make(chan int)
		go func() {
			sum := 0
			for range 200 {
				if len(e.attached()) == 0 {
					break
				}
				n, err := e.Post(background, sumRecord(t, 1, 1))
				if err != nil {
					t.Error(err)
				}
				sum += n
			}
			posted <- sum
		}()
		time.Sleep(50 * time.Microsecond)
		require.NoError(t, l.Close())
		sum := <-posted
		s := l.Stats()
		require.GreaterOrEqual(t, s.Runs+s.Drops, uint64(sum))
		require.LessOrEqual(t, s.Runs, uint64(sum))
	}
}

// TestPostWithoutReader: a queue that nobody empties drops, or ends its waiting
// with the context; what waits when the link is closed counts as dropped.
func TestPostWithoutReader(t *testing.T) {
	for _, wait := range []bool{false, true} {
		e, err := NewEvent(sumLayout(), EventOptions{Queue: 4, Wait: wait})
		require.NoError(t, err)
		l := attach(t, text(t, sumEvent).Programs()[0], e).(*eventLink)
		l.running.Lock() // the worker waits with its first record
		_, err = e.Post(background, sumRecord(t, 1, 1))
		require.NoError(t, err)
		for len(l.queue) > 0 {
			time.Sleep(time.Millisecond)
		}
		for range 4 {
			n, err := e.Post(background, sumRecord(t, 1, 1))
			require.NoError(t, err)
			require.Equal(t, 1, n)
		}
		ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
		n, err := e.Post(ctx, sumRecord(t, 1, 1))
		cancel()
		require.Zero(t, n)
		if wait {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		} else {
			require.NoError(t, err)
		}
		require.EqualValues(t, 1, l.Stats().Drops)
		l.running.Unlock()
		require.NoError(t, l.Close())
		s := l.Stats()
		require.EqualValues(t, 6, s.Runs+s.Drops+s.Errors)
	}
}

func TestProbe(t *testing.T) {
	f := func(x, y int) int { return x * y }
	p, err := NewProbe("multiply", f)
	require.NoError(t, err)
	enter := attach(t, text(t, `.type kprobe
		r2 = *(u64 *)(r1 + 112)
		r3 = *(u64 *)(r1 + 104)
		r4 = *(u64 *)(r1 + 72)
		r0 = *(u64 *)(r1 + 80)
		r0 += r2
		r0 -= r3
		r0 += r4
		r5 = *(u64 *)(r1 + 128)
		if r5 != 0 goto out
		r0 = 0
	out:
		exit`).Programs()[0], p)
	rets, err := p.Enter(background, 100, 30, 0, 0, 5)
	require.NoError(t, err)
	require.Equal(t, []uint64{75}, rets)
	rets, err = p.Return(background, uint64(f(6, 7)))
	require.NoError(t, err)
	require.Equal(t, []uint64{42}, rets)
	require.EqualValues(t, 2, enter.Stats().Runs)
	_, err = p.Enter(background, 1, 2, 3, 4, 5, 6, 7)
	require.EqualError(t, err, `hooks: probe "multiply": 7 arguments, at most 6 are in registers`)
	for _, bad := range []any{nil, 5, (func())(nil)} {
		_, err = NewProbe("bad", bad)
		require.ErrorContains(t, err, "is no function")
	}
}

func TestTimer(t *testing.T) {
	for _, tt := range []struct{ kind, text string }{
		{"tracepoint", "r6 = *(u64 *)(r1 + 8)\n r7 = *(u64 *)(r1 + 16)\n"},
		{"perf_event", "r6 = *(u64 *)(r1 + 168)\n r7 = 0\n"},
	} {
		o := text(t, ".type "+tt.kind+`
.map seen array key 4 value 16 entries 1
		`+tt.text+`
		*(u32 *)(r10 - 4) = 0
		r1 = map[seen]
		r2 = r10
		r2 += -4
		call map_lookup_elem
		if r0 == 0 goto out
		*(u64 *)(r0 + 0) = r6
		*(u64 *)(r0 + 8) = r7
	out:
		r0 = 0
		exit`)
		l := attach(t, o.Programs()[0], Timer{Every: 2 * time.Millisecond}).(*TimerLink)
		ctx, cancel := context.WithTimeout(background, 60*time.Millisecond)
		start := time.Now()
		require.NoError(t, l.Run(ctx))
		periods := uint64(time.Since(start) / (2 * time.Millisecond))
		cancel()
		s := l.Stats()
		require.Positive(t, s.Runs)
		require.LessOrEqual(t, s.Runs+s.Drops, periods, "no more than one in a period")
		seen, err := o.Map("seen").Lookup(u32s(0))
		require.NoError(t, err)
		if tt.kind == "perf_event" {
			require.EqualValues(t, 2*time.Millisecond, binary.NativeEndian.Uint64(seen))
		} else {
			require.Equal(t, (s.Runs+s.Drops)*uint64(2*time.Millisecond), binary.NativeEndian.Uint64(seen), "the last was due after all before it")
			require.Equal(t, s.Runs-1, binary.NativeEndian.Uint64(seen[8:]))
		}
		ended := make(chan error)
		go func() { ended <- l.Run(background) }()
		time.Sleep(5 * time.Millisecond)
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-ended, ErrDetached)
	}
	_, err := returns(t, "tracepoint", 0).Attach(Timer{})
	require.ErrorContains(t, err, "period of 0s")
	_, err = returns(t, "xdp", 0).Attach(Timer{Every: time.Second})
	require.ErrorContains(t, err, "take no such events")

	bad := attach(t, text(t, ".type tracepoint\n r0 = *(u8 *)(r10 + 8)\n exit\n").Programs()[0], Timer{Every: time.Millisecond}).(*TimerLink)
	require.ErrorContains(t, bad.Run(background), "vm: insn 0")
	require.Equal(t, runtime.Stats{Errors: 1, Drops: bad.Stats().Drops, Nanos: bad.Stats().Nanos}, bad.Stats())
	require.False(t, errors.Is(bad.Run(background), ErrDetached))
}
