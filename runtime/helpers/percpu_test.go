package helpers_test

import (
	"encoding/binary"
	goruntime "runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/native"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// countText adds to a per-CPU value without an atomic operation, as programs do,
// a thousand times.
const countText = `
.type xdp
.map m percpu_array key 4 value 8 entries 1
	r6 = 1000
again:
	*(u32 *)(r10 - 4) = 0
	r1 = map[m]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto out
	r1 = *(u64 *)(r0 + 0)
	r1 += 1
	*(u64 *)(r0 + 0) = r1
	r6 += -1
	if r6 != 0 goto again
out:
	r0 = r6
	exit
`

// TestPerCPUCounts: sessions of a program that run at the same time are on
// processors of their own, so counts that are not atomic are not lost.
func TestPerCPUCounts(t *testing.T) {
	for _, l := range []runtime.Loader{vm.Loader(vm.Options{}), native.Loader(amd64.New(jit.Target{ArrayStride: abi.ArrayStride}), native.Options{})} {
		p, err := asm.Parse("p", countText)
		require.NoError(t, err)
		p.FindFuncs()
		ms, err := runtime.CreateMaps(p)
		require.NoError(t, err)
		defer ms[0].Close()
		e, err := l.Load(t.Context(), p, ms)
		require.NoError(t, err)
		defer e.Close()
		const runs = 200
		workers := goruntime.NumCPU()
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range runs {
					res, err := e.Run(t.Context(), runtime.Input{Data: make([]byte, 64)})
					if err != nil || res.Ret != 0 {
						t.Errorf("%s: %d, %v", l.Name, res.Ret, err)
					}
				}
			})
		}
		wg.Wait()
		v, err := ms[0].Lookup(make([]byte, 4))
		require.NoError(t, err)
		sum := uint64(0)
		for ; len(v) > 0; v = v[8:] {
			sum += binary.NativeEndian.Uint64(v)
		}
		require.EqualValues(t, workers*runs*1000, sum, l.Name)
		require.EqualValues(t, workers, ms[0].(maps.PerCPU).CPUs())
	}
}

func TestProcessors(t *testing.T) {
	var p helpers.Processors
	for want := range 3 {
		n, cpu := p.Take()
		require.Equal(t, want, n)
		require.EqualValues(t, want%goruntime.NumCPU(), cpu)
	}
	p.Give(1)
	n, _ := p.Take()
	require.Equal(t, 1, n)
}
