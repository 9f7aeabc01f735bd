package helpers_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// drains sums the words of all records up to one that is 7, by a copy and by an
// address. The function tries to drain its own ring, too.
const drains = `
	.type xdp
	.map m user_ringbuf key 0 value 0 entries 4096
	r6 = r1
	*(u64 *)(r10 - 8) = 0
	r1 = map[m]
	r2 = func[visit]
	r3 = r10
	r3 += -8
	r4 = FLAGS
	call user_ringbuf_drain
	r1 = *(u64 *)(r10 - 8)
	r1 <<= 8
	r0 += r1
	exit
.func visit
	r6 = r1
	r7 = r2
	r1 = r10
	r1 += -8
	r2 = 8
	r3 = r6
	r4 = 0
	r5 = 0
	call dynptr_read
	if r0 != 0 goto short
	r1 = r6
	r2 = 0
	r3 = 8
	call dynptr_data
	if r0 == 0 goto short
	r8 = *(u64 *)(r0 + 0)
	r1 = map[m]
	r2 = func[visit]
	r3 = 0
	r4 = 0
	call user_ringbuf_drain
	if r0 != -16 goto short
	r1 = *(u64 *)(r10 - 8)
	if r1 != r8 goto short
	r2 = *(u64 *)(r7 + 0)
	r2 += r1
	*(u64 *)(r7 + 0) = r2
	r0 = 0
	if r1 != 7 goto out
	r0 = 1
out:
	exit
short:
	r2 = *(u64 *)(r7 + 0)
	r2 += 1000
	*(u64 *)(r7 + 0) = r2
	r0 = 0
	exit
`

func TestUserRingbufDrain(t *testing.T) {
	for name, l := range loaders() {
		t.Run(name, func(t *testing.T) {
			load := func(flags string) (runtime.Engine, *maps.RingBuf) {
				p, err := asm.Parse("p", strings.ReplaceAll(drains, "FLAGS", flags))
				require.NoError(t, err)
				p.FindFuncs()
				ms, err := runtime.CreateMaps(p)
				require.NoError(t, err)
				e, err := l.Load(t.Context(), p, ms)
				require.NoError(t, err)
				t.Cleanup(func() { e.Close(); ms[0].Close() })
				return e, ms[0].(*maps.RingBuf)
			}
			e, m := load("0")
			post := func(words ...uint64) {
				for _, w := range words {
					require.True(t, m.Output(binary.NativeEndian.AppendUint64(nil, w), 0))
				}
			}
			run := func(e runtime.Engine) int64 {
				res, err := e.Run(t.Context(), runtime.Input{Data: make([]byte, 64)})
				require.NoError(t, err)
				return int64(res.Ret)
			}
			require.EqualValues(t, 0, run(e), "an empty ring")
			post(1, 2, 3)
			require.EqualValues(t, 6<<8|3, run(e))
			require.EqualValues(t, 0, run(e), "they are gone")
			post(1, 7, 5)
			require.EqualValues(t, 8<<8|2, run(e), "the function stops it")
			at := m.Reserve(8)
			post(6)
			require.EqualValues(t, 5<<8|1, run(e), "up to one that is being written")
			m.Finish(at, 0, true)
			require.True(t, m.Output([]byte{1, 2, 3}, 0))
			require.EqualValues(t, (6+1000)<<8|2, run(e), "discarded ones do not count, short ones cannot be read as a word")
			for range 3 {
				for i := range uint64(200) {
					post(8 + i)
				}
				require.EqualValues(t, (200*8+199*100)<<8+200, run(e), "around the ring's end")
			}
			require.True(t, m.Hold())
			require.Equal(t, -int64(unix.EBUSY), run(e))
			m.Let()
			wrong, _ := load("4")
			require.Equal(t, -int64(unix.EINVAL), run(wrong))
		})
	}
}
