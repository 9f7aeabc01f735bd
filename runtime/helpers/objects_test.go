package helpers_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
)

// TestTaskStorage counts the runs of the simulated thread in a value of its own.
func TestTaskStorage(t *testing.T) {
	p, err := asm.Parse("p", `
	.type xdp
	.map m task_storage key 4 value 8 entries 0 flags 1
	call get_current_task_btf
	r6 = r0
	r1 = map[m]
	r2 = r6
	r3 = 0
	r4 = 0
	call task_storage_get
	if r0 != 0 goto known
	*(u64 *)(r10 - 8) = 40
	r1 = map[m]
	r2 = r6
	r3 = r10
	r3 += -8
	r4 = 1
	call task_storage_get
	if r0 == 0 goto out
known:
	r1 = *(u64 *)(r0 + 0)
	r1 += 1
	*(u64 *)(r0 + 0) = r1
	r7 = r1
	if r7 != 43 goto out
	r1 = map[m]
	r2 = r6
	call task_storage_delete
	r8 = r0
	r1 = map[m]
	r2 = r6
	call task_storage_delete
	r0 += r8
	exit
out:
	r0 = r7
	exit
`)
	require.NoError(t, err)
	for name, e := range engines(t, p) {
		for _, want := range []int64{41, 42, -2, 41} {
			got, err := e.Run(t.Context(), runtime.Input{Data: make([]byte, 64)})
			require.NoError(t, err, name)
			require.Equal(t, want, int64(got.Ret), name)
		}
	}
}
