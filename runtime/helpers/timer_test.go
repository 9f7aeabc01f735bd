package helpers_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// ticks does with the timer of element 1 what the first byte of the packet says:
// 0 sets it up, 1 names its function, 2 starts it at once, 3 in an hour, 4
// cancels it. The function counts in the value, tries to cancel itself and starts
// anew until it counted to 3.
const ticks = `
	.type xdp
	.map m KIND key 4 value 32 entries 4 field bpf_timer 0 16
	r9 = *(u32 *)(r1 + 0)
	r9 = *(u8 *)(r9 + 0)
	*(u32 *)(r10 - 4) = 1
	r1 = map[m]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto none
	r1 = r0
	if r9 == 0 goto init
	if r9 == 1 goto name
	if r9 == 2 goto start
	if r9 == 3 goto hour
	call timer_cancel
	exit
init:
	r2 = map[m]
	r3 = 1
	call timer_init
	exit
name:
	r2 = func[tick]
	call timer_set_callback
	exit
start:
	r2 = 1000
	r3 = 0
	call timer_start
	exit
hour:
	r2 = 3600000000000 ll
	r3 = 0
	call timer_start
	exit
none:
	r0 = 77
	exit
.func tick
	r6 = r3
	r7 = *(u32 *)(r2 + 0)
	r1 = *(u64 *)(r6 + 16)
	r1 += r7
	*(u64 *)(r6 + 16) = r1
	r8 = r1
	r1 = r6
	call timer_cancel
	*(u64 *)(r6 + 24) = r0
	if r8 == 3 goto done
	r1 = r6
	r2 = 1000
	r3 = 0
	call timer_start
done:
	r0 = 0
	exit
`

func TestTimers(t *testing.T) {
	for name, l := range loaders() {
		for _, kind := range []string{"array", "hash"} {
			t.Run(name+"/"+kind, func(t *testing.T) { testTimers(t, l, kind) })
		}
	}
}

func testTimers(t *testing.T, l runtime.Loader, kind string) {
	p, err := asm.Parse("p", strings.ReplaceAll(ticks, "KIND", kind))
	require.NoError(t, err)
	p.FindFuncs()
	ms, err := runtime.CreateMaps(p)
	require.NoError(t, err)
	e, err := l.Load(t.Context(), p, ms)
	require.NoError(t, err)
	m, one := ms[0], []byte{1, 0, 0, 0}
	require.NoError(t, m.Update(one, make([]byte, 32), 0))
	do := func(op byte) int64 {
		res, err := e.Run(t.Context(), runtime.Input{Data: append([]byte{op}, make([]byte, 63)...)})
		require.NoError(t, err)
		return int64(res.Ret)
	}
	word := func(at int) uint64 {
		v, err := m.Lookup(one)
		require.NoError(t, err)
		return binary.NativeEndian.Uint64(v[at:])
	}
	const setUp, name, start, hour, cancel = 0, 1, 2, 3, 4
	for _, op := range []byte{name, start, cancel} {
		require.Equal(t, -int64(unix.EINVAL), do(op), "not set up")
	}
	require.EqualValues(t, 0, do(setUp))
	require.Equal(t, -int64(unix.EBUSY), do(setUp))
	require.Equal(t, -int64(unix.EINVAL), do(start), "no function")
	require.EqualValues(t, 0, do(name))
	require.EqualValues(t, 0, do(start))
	require.Eventually(t, func() bool { return word(16) == 3 }, 20*time.Second, time.Millisecond)
	require.Equal(t, -int64(unix.EDEADLK), int64(word(24)), "cancelled by itself")
	require.EqualValues(t, 0, do(cancel), "it is not waiting")
	require.Equal(t, -int64(unix.EINVAL), do(start), "cancelled timers forget their function")
	require.EqualValues(t, 0, do(name))
	require.EqualValues(t, 0, do(hour))
	require.EqualValues(t, 1, do(cancel))

	if kind == "hash" {
		require.EqualValues(t, 0, do(name))
		require.EqualValues(t, 0, do(hour))
		require.NoError(t, m.Delete(one))
		require.EqualValues(t, 77, do(start))
		require.NoError(t, m.Update(one, make([]byte, 32), 0))
		require.Equal(t, -int64(unix.EINVAL), do(cancel), "a new element has no timer")
		require.EqualValues(t, 0, do(setUp))
		require.EqualValues(t, 0, do(name))
	} else {
		require.EqualValues(t, 0, do(name))
	}
	require.EqualValues(t, 0, do(hour))
	fired, err := e.(interface{ Timers() (uint64, error) }).Timers()
	require.NoError(t, err)
	require.EqualValues(t, 3, fired)
	require.NoError(t, e.Close(), "with a timer that waits")
	require.NoError(t, m.Close())
}

// TestTimersEnd closes programs and maps while timers fire.
func TestTimersEnd(t *testing.T) {
	l := loaders()["native"]
	p, err := asm.Parse("p", strings.ReplaceAll(strings.ReplaceAll(ticks, "KIND", "hash"), "if r8 == 3 goto done", "if r8 == 0 goto done"))
	require.NoError(t, err)
	p.FindFuncs()
	for i := range 100 {
		ms, err := runtime.CreateMaps(p)
		require.NoError(t, err)
		e, err := l.Load(t.Context(), p, ms)
		require.NoError(t, err)
		require.NoError(t, ms[0].Update([]byte{1, 0, 0, 0}, make([]byte, 32), 0))
		for op := range byte(3) {
			_, err := e.Run(t.Context(), runtime.Input{Data: append([]byte{op}, make([]byte, 63)...)})
			require.NoError(t, err)
		}
		time.Sleep(time.Duration(i) * time.Microsecond)
		if i%2 == 0 {
			require.NoError(t, e.Close())
		}
		if i%4 < 2 {
			require.NoError(t, ms[0].Delete([]byte{1, 0, 0, 0}))
		}
		closeMap(t, ms[0])
		require.NoError(t, e.Close())
	}
}

func closeMap(t *testing.T, m maps.Map) { require.NoError(t, m.Close()) }
