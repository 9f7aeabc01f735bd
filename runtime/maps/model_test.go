package maps

import (
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// model is a hash as plain Go has it.
type model struct {
	m   map[string]string
	max int
}

func (o *model) update(k, v string, flags uint64) error {
	_, has := o.m[k]
	switch {
	case has && flags == abi.UpdateNoExist:
		return ErrKeyExist
	case !has && flags == abi.UpdateExist:
		return ErrKeyNotExist
	case !has && len(o.m) == o.max:
		return ErrNoSpace
	}
	o.m[k] = v
	return nil
}

func (o *model) delete(k string) error {
	if _, has := o.m[k]; !has {
		return ErrKeyNotExist
	}
	delete(o.m, k)
	return nil
}

// TestHashAgainstModel drives a hash and a Go map by the same random steps,
// with and without a run that holds an epoch.
func TestHashAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keySize := rapid.SampledFrom([]uint32{1, 3, 4, 8, 9, 16, 24}).Draw(t, "key size")
		valueSize := rapid.SampledFrom([]uint32{1, 4, 8, 13}).Draw(t, "value size")
		entries := rapid.IntRange(1, 40).Draw(t, "entries")
		m, err := New(hashSpec(uint32(entries), keySize, valueSize))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		want := model{map[string]string{}, entries}
		r := m.(Reclaimer).Epochs().Join()
		defer r.Leave()
		inside := false
		held := map[uint64]string{} // what a run looked up, by address
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			k := make([]byte, keySize)
			k[0] = byte(rapid.IntRange(0, 60).Draw(t, "key"))
			v := rapid.SliceOfN(rapid.Byte(), int(valueSize), int(valueSize)).Draw(t, "value")
			switch op := rapid.IntRange(0, 9).Draw(t, "op"); {
			case op < 5:
				flags := uint64(rapid.IntRange(0, 2).Draw(t, "flags"))
				if got, want := m.Update(k, v, flags), want.update(string(k), string(v), flags); !errors.Is(got, want) {
					t.Fatalf("update %x flags %d: got %v, want %v", k, flags, got, want)
				}
			case op < 7:
				if got, want := m.Delete(k), want.delete(string(k)); !errors.Is(got, want) {
					t.Fatalf("delete %x: got %v, want %v", k, got, want)
				}
			case op == 7 && inside:
				r.Exit()
				inside, held = false, map[uint64]string{}
			case op == 7:
				r.Enter()
				inside = true
			case inside:
				if addr := m.LookupAddr(k); addr != 0 {
					held[addr] = want.m[string(k)]
				}
			}
			checkModel(t, m, want.m, k)
			for addr, v := range held {
				if got := string(mem.View(addr, len(v))); got != v {
					t.Fatalf("value at %#x changed under a run: got %x, want %x", addr, got, v)
				}
			}
		}
		if got := len(collect(m)); got != len(want.m) {
			t.Fatalf("walk returns %d elements, want %d", got, len(want.m))
		}
	})
}

func checkModel(t *rapid.T, m Map, want map[string]string, k []byte) {
	got, err := m.Lookup(k)
	v, has := want[string(k)]
	if has && (err != nil || string(got) != v) || !has && !errors.Is(err, ErrKeyNotExist) {
		t.Fatalf("lookup %x: got %x %v, want %x %v", k, got, err, v, has)
	}
	if addr := m.LookupAddr(k); has != (addr != 0) || has && string(mem.View(addr, len(v))) != v {
		t.Fatalf("address of %x: got %#x, want %v", k, addr, has)
	}
}

func collect(m Map) map[string]string {
	got := map[string]string{}
	for k, v := range All(m) {
		got[string(k)] = string(v)
	}
	return got
}

// TestHeldValues: an element that a run found keeps its bytes until the run
// ends, however much is deleted and inserted meanwhile.
func TestHeldValues(t *testing.T) {
	m := open(t, hashSpec(8, 4, 8))
	r := m.(Reclaimer).Epochs().Join()
	defer r.Leave()
	require.NoError(t, m.Put(u32(1), u64(11), 0))
	r.Enter()
	addr := m.LookupAddr(u32(1))
	require.NoError(t, m.Remove(u32(1)))
	full := 0
	for i := range uint32(200_000) {
		err := m.Put(u32(100+i%4), u64(uint64(i)), 0)
		if err == nil {
			err = m.Remove(u32(100 + i%4))
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, ErrNoMemory)
		full++
	}
	require.EqualValues(t, 11, mem.Load64(addr), "the value of a deleted element changed under a run")
	require.Positive(t, full, "memory is bounded: a run that never ends must starve insertions at last")
	r.Exit()
	require.NoError(t, m.Put(u32(1), u64(12), 0), "memory comes back when the run ends")
	for i := range uint32(200_000) {
		require.NoError(t, m.Put(u32(100+i%4), u64(1), 0))
		require.NoError(t, m.Remove(u32(100+i%4)))
	}
}

// TestUpdateWithoutSpare: when no spare is left, an existing key can still be
// updated, in place.
func TestUpdateWithoutSpare(t *testing.T) {
	m := open(t, hashSpec(1, 4, 8))
	r := m.(Reclaimer).Epochs().Join()
	defer r.Leave()
	r.Enter()
	defer r.Exit()
	for i := range uint64(100_000) {
		require.NoError(t, m.Put(u32(1), u64(i), 0))
	}
	got, err := m.Lookup(u32(1))
	require.NoError(t, err)
	require.Equal(t, u64(99_999), got)
}

// TestTrieUnderALongRun: a trie keeps what a run found, updates existing prefixes
// in place when all else waits for the run, and has its memory back afterwards.
func TestTrieUnderALongRun(t *testing.T) {
	m := open(t, &ir.MapSpec{Type: ir.LPMTrie, KeySize: 8, ValueSize: 8, MaxEntries: 8, Flags: FlagNoPrealloc})
	r := m.(Reclaimer).Epochs().Join()
	defer r.Leave()
	key := func(i uint32) []byte { return append(u32(32), u32(i)...) }
	require.NoError(t, m.Put(key(1), u64(11), 0))
	r.Enter()
	addr := m.LookupAddr(key(1))
	require.NoError(t, m.Remove(key(1)))
	require.NoError(t, m.Put(key(2), u64(0), 0))
	full := false
	for i := range uint64(150_000) {
		require.NoError(t, m.Put(key(2), u64(i), 0))
		if err := m.Put(key(3), u64(i), 0); err != nil {
			require.ErrorIs(t, err, ErrNoMemory)
			full = true
			continue
		}
		require.NoError(t, m.Remove(key(3)))
	}
	require.True(t, full, "memory is bounded")
	require.EqualValues(t, 11, mem.Load64(addr), "the value of a deleted prefix changed under a run")
	got, err := m.Lookup(key(2))
	require.NoError(t, err)
	require.Equal(t, u64(149_999), got)
	r.Exit()
	for i := range uint64(150_000) {
		require.NoError(t, m.Put(key(3), u64(i), 0))
		require.NoError(t, m.Remove(key(3)))
	}
}

// TestConcurrent lets programs and the application work on one hash. Each
// writer owns some keys, so that the final contents are known; a value carries
// its key, so that a reader that meets another element's memory notices.
func TestConcurrent(t *testing.T) {
	const writers, readers, keys, steps = 3, 3, 16, 6000
	epochs := NewEpochs()
	m := open(t, hashSpec(writers*keys, 8, 16), In(epochs))
	var stop atomic.Bool
	var writing, reading sync.WaitGroup
	models := make([]map[string]string, writers)
	for w := range writers {
		models[w] = map[string]string{}
		writing.Go(func() { writeOwn(t, m, models[w], uint64(w), keys, steps) })
	}
	for range readers {
		reading.Go(func() { readAll(t, m, epochs, &stop, writers*keys) })
	}
	reading.Go(func() {
		for !stop.Load() {
			for k, v := range All(m) {
				if string(k) != string(v[:8]) {
					t.Errorf("walk: value %x of key %x", v, k)
				}
			}
		}
	})
	writing.Wait()
	stop.Store(true)
	reading.Wait()
	want := map[string]string{}
	for _, o := range models {
		for k, v := range o {
			want[k] = v
		}
	}
	require.Equal(t, want, collect(m))
}

func writeOwn(t *testing.T, m Map, model map[string]string, w, keys, steps uint64) {
	for i := range steps {
		key := u64(w*keys + i*7%keys)
		if i%3 == 2 {
			_, has := model[string(key)]
			if err := m.Remove(key); has != (err == nil) {
				t.Errorf("remove %x: %v", key, err)
			}
			delete(model, string(key))
			continue
		}
		value := append(u64(binary.NativeEndian.Uint64(key)), u64(i)...)
		if err := m.Update(key, value, 0); err != nil {
			t.Errorf("update %x: %v", key, err)
		}
		model[string(key)] = string(value)
	}
}

// readAll is a program: it enters, looks keys up and reads them twice.
func readAll(t *testing.T, m Map, e *Epochs, stop *atomic.Bool, keys uint64) {
	r := e.Join()
	defer r.Leave()
	for i := uint64(0); !stop.Load(); i++ {
		r.Enter()
		for k := range keys {
			addr := m.LookupAddr(u64(k))
			if addr == 0 {
				continue
			}
			first := mem.View(addr, 16)
			once, n := mem.Load64(addr), mem.Load64(addr+8)
			if once != k || mem.Load64(addr+8) != n || binary.NativeEndian.Uint64(first) != k {
				t.Errorf("key %d: its memory changed under a run: %x", k, first)
			}
		}
		r.Exit()
	}
}

// TestConcurrentInsertIsBounded: however many insert, no more than max_entries
// get in.
func TestConcurrentInsertIsBounded(t *testing.T) {
	m := open(t, hashSpec(100, 8, 8))
	var in atomic.Int64
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range uint64(200) {
				err := m.Put(u64(uint64(w)<<32|i), u64(i), abi.UpdateNoExist)
				if err == nil {
					in.Add(1)
				} else if !errors.Is(err, ErrNoSpace) {
					t.Errorf("insert: %v", err)
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, in.Load(), int64(100))
	require.Len(t, collect(m), int(in.Load()))
}

// TestConcurrentCounters: one writer per word in place, the application
// reading, no count lost and no word seen going back.
func TestConcurrentCounters(t *testing.T) {
	m := open(t, arraySpec(1, 8))
	addr := m.LookupAddr(u32(0))
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 20_000 {
				atomic.AddUint64(mem.Ptr64(addr), 1)
			}
		})
	}
	wg.Go(func() {
		last := uint64(0)
		for range 5000 {
			v, err := m.Lookup(u32(0))
			if err != nil {
				t.Error(err)
				return
			}
			if n := binary.NativeEndian.Uint64(v); n < last {
				t.Errorf("count went back from %d to %d", last, n)
			} else {
				last = n
			}
		}
	})
	wg.Wait()
	v, err := m.Lookup(u32(0))
	require.NoError(t, err)
	require.Equal(t, u64(60_000), v)
}
