package maps

import (
	"math/rand/v2"
	"testing"

	"github.com/bpfproof/bpfproof/ir"
)

// appMap is what the application does with a map of ours and one of the
// kernel's.
type appMap interface {
	Lookup(key []byte) ([]byte, error)
	Update(key, value []byte, flags uint64) error
	Delete(key []byte) error
}

// BenchmarkApplication compares the application's operations with bpf(2) in the
// same run. What programs do is measured by `bpfproof bench maps`.
func BenchmarkApplication(b *testing.B) {
	const n = 4096
	kinds := []*ir.MapSpec{arraySpec(n, 8), hashSpec(2*n, 4, 8), {Type: ir.LRUHash, KeySize: 4, ValueSize: 8, MaxEntries: 2 * n},
		{Type: ir.LPMTrie, KeySize: 8, ValueSize: 8, MaxEntries: 2 * n, Flags: FlagNoPrealloc}}
	for _, spec := range kinds {
		keys := make([][]byte, n)
		for i := range keys {
			keys[i] = u32(uint32(i))
			if spec.Type == ir.LPMTrie {
				keys[i] = append(u32(32), u32(uint32(i)*2654435769)...)
			}
		}
		for _, by := range []string{"ours", "kernel"} {
			var m appMap
			if by == "ours" {
				m = open(b, spec)
			} else {
				l := newLive(b, spec)
				b.Cleanup(l.close)
				m = l
			}
			name := "kind=" + spec.Type.String() + "/by=" + by
			run := func(op string, f func(key []byte) error) {
				b.Run(name+"/op="+op, func(b *testing.B) {
					for i := 0; b.Loop(); i++ {
						if err := f(keys[i%n]); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
			for _, k := range keys {
				if err := m.Update(k, u64(1), 0); err != nil {
					b.Fatal(err)
				}
			}
			run("lookup", func(k []byte) error { _, err := m.Lookup(k); return err })
			run("update", func(k []byte) error { return m.Update(k, u64(2), 0) })
			if spec.Type == ir.Array {
				continue
			}
			run("delete_insert", func(k []byte) error {
				if err := m.Delete(k); err != nil {
					return err
				}
				return m.Update(k, u64(2), 0)
			})
		}
	}
}

// BenchmarkParallelReads looks a hash up from as many threads as -cpu says:
// lookups of programs share nothing that is written, so they scale.
func BenchmarkParallelReads(b *testing.B) {
	const n = 4096
	e := NewEpochs()
	m := open(b, hashSpec(2*n, 4, 8), In(e))
	for i := range uint32(n) {
		if err := m.Put(u32(i), u64(1), 0); err != nil {
			b.Fatal(err)
		}
	}
	b.RunParallel(func(pb *testing.PB) {
		r := e.Join()
		defer r.Leave()
		rng := rand.New(rand.NewPCG(1, 2))
		key := make([]byte, 4)
		for pb.Next() {
			r.Enter()
			for range 100 {
				key[0], key[1] = byte(rng.Uint32()), byte(rng.Uint32())&15
				if m.LookupAddr(key) == 0 {
					b.Error("a key is missing")
				}
			}
			r.Exit()
		}
	})
}
