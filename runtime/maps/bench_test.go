package maps

import "testing"

// BenchmarkMaps gives the cost of one operation as a program sees it, without
// the way through an engine, and of lookups by the application.
func BenchmarkMaps(b *testing.B) {
	const n = 10_000
	keys := make([][]byte, 2*n)
	for i := range keys {
		keys[i] = u32(uint32(i))
	}
	value := u64(1)
	full := func() Map {
		m := open(b, hashSpec(n+16, 4, 8))
		for _, k := range keys[:n] {
			if err := m.Put(k, value, 0); err != nil {
				b.Fatal(err)
			}
		}
		return m
	}
	array := func() Map { return open(b, arraySpec(n, 8)) }
	cases := []struct {
		name string
		make func() Map
		run  func(m Map, k []byte)
	}{
		{"array_lookup", array, func(m Map, k []byte) { m.LookupAddr(k) }},
		{"array_app_lookup", array, func(m Map, k []byte) { _, _ = m.Lookup(k) }},
		{"hash_hit", full, func(m Map, k []byte) { m.LookupAddr(k) }},
		{"hash_update", full, func(m Map, k []byte) { _ = m.Put(k, value, 0) }},
		{"hash_app_lookup", full, func(m Map, k []byte) { _, _ = m.Lookup(k) }},
	}
	for _, c := range cases {
		b.Run("case="+c.name, func(b *testing.B) {
			m := c.make()
			for i := 0; b.Loop(); i++ {
				c.run(m, keys[i%1024])
			}
		})
	}
	b.Run("case=hash_miss", func(b *testing.B) {
		m := full()
		for i := 0; b.Loop(); i++ {
			m.LookupAddr(keys[n+i%1024])
		}
	})
	b.Run("case=hash_insert_delete", func(b *testing.B) {
		m := full()
		for i := 0; b.Loop(); i++ {
			_ = m.Put(keys[n+i%1024], value, 0)
			_ = m.Remove(keys[n+i%1024])
		}
	})
	b.Run("case=epoch_enter_exit", func(b *testing.B) {
		r := NewEpochs().Join()
		for b.Loop() {
			r.Enter()
			r.Exit()
		}
	})
}
