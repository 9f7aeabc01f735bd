package maps

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// TestFastPaths: what proved programs go by does what Map does, step by step, in
// maps that fill up and under every flag; kinds whose lookup is another one are
// left to Map.
func TestFastPaths(t *testing.T) {
	specs := []*ir.MapSpec{
		arraySpec(9, 12), hashSpec(9, 4, 8), hashSpec(9, 8, 8), hashSpec(9, 4, 20), hashSpec(9, 12, 8),
		{Type: ir.PerCPUArray, KeySize: 4, ValueSize: 12, MaxEntries: 9}, {Type: ir.PerCPUHash, KeySize: 4, ValueSize: 8, MaxEntries: 9},
		{Type: ir.LRUHash, KeySize: 8, ValueSize: 8, MaxEntries: 9}, {Type: ir.LRUPerCPUHash, KeySize: 4, ValueSize: 8, MaxEntries: 9},
		{Type: ir.Queue, ValueSize: 8, MaxEntries: 9}, {Type: ir.DevmapHash, KeySize: 4, ValueSize: 8, MaxEntries: 9},
		{Type: ir.Devmap, KeySize: 4, ValueSize: 8, MaxEntries: 9}, outerSpec(ir.ArrayOfMaps, 9, arraySpec(1, 8)), outerSpec(ir.HashOfMaps, 9, arraySpec(1, 8)),
		{Type: ir.CgroupStorage, KeySize: 8, ValueSize: 8}, {Type: ir.LPMTrie, KeySize: 8, ValueSize: 8, MaxEntries: 9, Flags: FlagNoPrealloc},
		{Type: ir.RingBuf, MaxEntries: 4096}, {Type: ir.ProgArray, KeySize: 4, ValueSize: 4, MaxEntries: 4},
	}
	described := map[ir.MapType]bool{ir.Array: true, ir.PerCPUArray: true, ir.Hash: true, ir.PerCPUHash: true, ir.LRUHash: true, ir.LRUPerCPUHash: true}
	block, err := mem.Alloc(64)
	require.NoError(t, err)
	defer block.Free()
	at, value := block.Addr(), block.Addr()+32
	for _, spec := range specs {
		m := open(t, spec, CPUs(3))
		rng := rand.New(rand.NewPCG(1, uint64(spec.Type)))
		p, _ := m.(PerCPU)
		_, ok := SeekAt(m.Handle(), at, 0)
		require.Equal(t, described[spec.Type] && spec.KeySize <= 8, ok, "%v", spec.Type)
		if !ok {
			continue
		}
		h := AsHash(m)
		require.Equal(t, h != nil, spec.Type != ir.Array && spec.Type != ir.PerCPUArray)
		for range 3000 {
			key := mem.View(at, int(spec.KeySize))
			clear(key)
			key[0] = byte(rng.IntN(14))
			cpu := uint32(rng.IntN(4))
			if _, percpu := AsPerCPU(m); !percpu {
				cpu = 0
			}
			addr, _ := SeekAt(m.Handle(), at, cpu)
			require.Equal(t, p.LookupCPU(key, cpu), addr, "%v key %x processor %d", spec.Type, key, cpu)
			if h == nil || rng.IntN(2) == 0 {
				continue
			}
			had := addr != 0
			word := h.Word(at)
			if rng.IntN(3) == 0 && cpu < 3 {
				require.Equal(t, had, h.DeleteWord(word))
				require.Zero(t, m.LookupAddr(key))
				continue
			}
			v := mem.View(value, int(spec.ValueSize))
			v[0] = byte(rng.IntN(256))
			flags := uint64(rng.IntN(4))
			if !h.Plain() || !h.SetWord(word, value, flags) {
				_ = m.Put(key, v, flags)
				continue
			}
			require.False(t, had && flags == abi.UpdateNoExist || !had && flags == abi.UpdateExist || flags > abi.UpdateExist)
			got, err := m.Lookup(key)
			require.NoError(t, err)
			require.Equal(t, string(v), string(got))
			require.LessOrEqual(t, len(collect(m)), 9)
		}
	}
}
