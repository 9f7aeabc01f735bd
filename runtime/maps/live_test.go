package maps

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// notSupported is ENOTSUPP, which has no meaning outside of the kernel and leaves
// it all the same.
const notSupported = unix.Errno(524)

// errnoOf returns what bpf(2) would fail with.
func errnoOf(err error) unix.Errno {
	var e Error
	var n unix.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.Errno()
	case errors.Is(err, notSupported):
		return unix.EOPNOTSUPP
	case errors.As(err, &n):
		return n
	}
	return 9999
}

// pair is a map of ours beside one of the kernel's, driven by the same steps.
type pair struct {
	*rapid.T
	ours   Map
	kernel *live
	log    []string
}

func (p *pair) note(format string, args ...any) { p.log = append(p.log, fmt.Sprintf(format, args...)) }

func (p *pair) same(what string, got, want any) {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		p.Fatalf("%v %+v: %s: got %v, the kernel %v\nafter %q", p.ours.Spec().Type, *p.ours.Spec(), what, got, want, p.log)
	}
}

func (p *pair) lookup(key []byte) {
	p.note("lookup %x", key)
	v, err := p.ours.Lookup(key)
	w, kerr := p.kernel.Lookup(key)
	p.same("lookup", errnoOf(err), errnoOf(kerr))
	if err == nil {
		p.same("value", v, w)
	}
}

func (p *pair) update(key, value []byte, flags uint64) {
	p.note("update %x %x %d", key, value, flags)
	p.same("update", errnoOf(p.ours.Update(key, value, flags)), errnoOf(p.kernel.Update(key, value, flags)))
}

// updateExisting sets a key that was set just before as if it were new. Ours
// refuses; the kernel's LRU maps may have dropped the key to make room for it.
func (p *pair) updateExisting(key, value []byte) {
	p.note("update %x %x NOEXIST", key, value)
	p.same("update", errnoOf(p.ours.Update(key, value, abi.UpdateNoExist)), unix.EEXIST)
	if e := errnoOf(p.kernel.Update(key, value, abi.UpdateNoExist)); e != 0 {
		p.same("the kernel's update", e, unix.EEXIST)
	}
}

func (p *pair) remove(key []byte) {
	p.note("delete %x", key)
	p.same("delete", errnoOf(p.ours.Delete(key)), errnoOf(p.kernel.Delete(key)))
}

func (p *pair) take(key []byte) {
	p.note("take %x", key)
	var v []byte
	var err error
	if b, ok := p.ours.(Buffer); ok {
		v, err = b.Take()
	} else {
		v, err = p.ours.(*hash).Take(key)
	}
	w, kerr := p.kernel.Take(key)
	p.same("take", errnoOf(err), errnoOf(kerr))
	if err == nil {
		p.same("taken value", v, w)
	}
}

// walk compares the keys of whole walks, in order where asked.
func (p *pair) walk(ordered bool) {
	ours, theirs := keysOf(p, p.ours.NextKey), keysOf(p, p.kernel.NextKey)
	if ordered {
		p.same("walk", ours, theirs)
		return
	}
	p.same("number of keys", len(ours), len(theirs))
	in := map[string]bool{}
	for _, k := range theirs {
		in[k] = true
	}
	for _, k := range ours {
		if !in[k] {
			p.Fatalf("key %s is not in the kernel's map", k)
		}
	}
}

func keysOf(p *pair, next func([]byte) ([]byte, error)) (keys []string) {
	var key []byte
	for range 10_000 {
		k, err := next(key)
		if err != nil {
			p.same("end of the walk", errnoOf(err), unix.ENOENT)
			return keys
		}
		keys, key = append(keys, fmt.Sprintf("%x", k)), k
	}
	p.Fatalf("a walk does not end")
	return nil
}

// newPair draws a map of a kind.
func newPair(t *testing.T, r *rapid.T, spec *ir.MapSpec) *pair {
	spec.Name = "pair"
	k := newLive(t, spec)
	m, err := New(spec, CPUs(kernelCPUs(t)))
	if err != nil {
		r.Fatalf("%+v: %v", spec, err)
	}
	r.Cleanup(func() {
		m.Close()
		k.close()
	})
	return &pair{T: r, ours: m, kernel: k}
}

func drawValue(p *pair) []byte {
	return rapid.SliceOfN(rapid.Byte(), p.kernel.size, p.kernel.size).Draw(p.T, "value")
}

// zeroPadding clears the bytes behind each processor's value, which the kernel
// does not keep in all kinds.
func zeroPadding(v []byte, s *ir.MapSpec) []byte {
	for at := 0; at < len(v); at += int(pad8(s.ValueSize)) {
		clear(v[at+int(s.ValueSize) : min(len(v), at+int(pad8(s.ValueSize)))])
	}
	return v
}

// TestLiveKeyed drives arrays, hash tables and tries beside the kernel's.
func TestLiveKeyed(t *testing.T) {
	kinds := []struct {
		kind    ir.MapType
		flags   []uint32
		ordered bool
	}{
		{ir.Array, []uint32{0, FlagMmapable}, true},
		{ir.PerCPUArray, []uint32{0}, true},
		{ir.Hash, []uint32{0, FlagNoPrealloc, FlagZeroSeed}, false},
		{ir.PerCPUHash, []uint32{0, FlagNoPrealloc}, false},
		{ir.LPMTrie, []uint32{FlagNoPrealloc}, true},
	}
	for _, k := range kinds {
		t.Run(k.kind.String(), func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				spec := &ir.MapSpec{Type: k.kind, KeySize: 4, ValueSize: uint32(rapid.IntRange(1, 20).Draw(r, "value size")),
					MaxEntries: uint32(rapid.IntRange(1, 24).Draw(r, "entries")), Flags: rapid.SampledFrom(k.flags).Draw(r, "flags")}
				switch k.kind {
				case ir.Hash, ir.PerCPUHash:
					spec.KeySize = rapid.SampledFrom([]uint32{1, 2, 4, 7, 8, 12, 16, 33}).Draw(r, "key size")
				case ir.LPMTrie:
					spec.KeySize = 4 + rapid.SampledFrom([]uint32{1, 2, 4, 5, 16}).Draw(r, "prefix size")
				}
				p := newPair(t, r, spec)
				for range rapid.IntRange(1, 80).Draw(r, "steps") {
					p.step()
				}
				p.walk(k.ordered)
			})
		})
	}
}

// step does one operation on a keyed map.
func (p *pair) step() {
	s := p.ours.Spec()
	key := p.key(s)
	switch op := rapid.IntRange(0, 9).Draw(p.T, "op"); {
	case op < 4:
		v := drawValue(p)
		if p.kernel.size != int(s.ValueSize) {
			v = zeroPadding(v, s)
		}
		p.update(key, v, rapid.SampledFrom([]uint64{0, 0, 1, 2, 3, abi.UpdateLock, 8}).Draw(p.T, "flags"))
	case op < 6:
		p.remove(key)
	case op == 6 && s.Type == ir.Hash:
		p.take(key)
	case op == 7:
		p.note("next %x", key)
		k, err := p.ours.NextKey(key)
		w, kerr := p.kernel.NextKey(key)
		if s.Type != ir.Hash && s.Type != ir.PerCPUHash {
			p.same("next key", errnoOf(err), errnoOf(kerr))
			if err == nil {
				p.same("next key", k, w)
			}
		}
	default:
		p.lookup(key)
	}
}

func (p *pair) key(s *ir.MapSpec) []byte {
	key := make([]byte, s.KeySize)
	if s.Type != ir.LPMTrie {
		key[0] = byte(rapid.IntRange(0, 30).Draw(p.T, "key"))
		if s.KeySize > 8 {
			key[s.KeySize-1] = key[0] / 3
		}
		return key
	}
	bits := 8 * int(s.KeySize-lpmKey)
	copy(key, u32(uint32(rapid.IntRange(0, bits+1).Draw(p.T, "length"))))
	for i := range key[lpmKey:] {
		key[lpmKey+i] = rapid.SampledFrom([]byte{0, 0, 0, 1, 3, 0x80, 0xff, 0xfe}).Draw(p.T, "byte")
	}
	return key
}

// TestLiveBuffers drives queues and stacks beside the kernel's.
func TestLiveBuffers(t *testing.T) {
	for _, kind := range []ir.MapType{ir.Queue, ir.Stack} {
		t.Run(kind.String(), func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				p := newPair(t, r, &ir.MapSpec{Type: kind, ValueSize: uint32(rapid.IntRange(1, 20).Draw(r, "value size")),
					MaxEntries: uint32(rapid.IntRange(1, 9).Draw(r, "entries"))})
				for range rapid.IntRange(1, 60).Draw(r, "steps") {
					switch op := rapid.IntRange(0, 9).Draw(r, "op"); {
					case op < 5:
						p.update(nil, drawValue(p), rapid.SampledFrom([]uint64{0, 0, 1, 2, 3, 4}).Draw(r, "flags"))
					case op < 8:
						p.take(nil)
					case op == 8:
						p.lookup(nil)
					default:
						p.remove(nil)
						_, err := p.ours.NextKey(nil)
						_, kerr := p.kernel.NextKey(nil)
						p.same("next key", errnoOf(err), errnoOf(kerr))
					}
				}
			})
		})
	}
}

// TestLiveBloom: what was pushed is found in both; pushing and what is refused
// fail alike.
func TestLiveBloom(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := newPair(t, r, &ir.MapSpec{Type: ir.BloomFilter, ValueSize: uint32(rapid.IntRange(1, 20).Draw(r, "value size")),
			MaxEntries: uint32(rapid.IntRange(1, 100).Draw(r, "entries")), Extra: uint64(rapid.IntRange(0, 15).Draw(r, "hashes"))})
		b := p.ours.(Buffer)
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			v := drawValue(p)
			p.update(nil, v, rapid.SampledFrom([]uint64{0, 0, 0, 1, 2}).Draw(r, "flags"))
			require.NoError(r, b.Push(v, 0))
			require.NoError(r, b.Peek(v), "%x was pushed", v)
		}
		p.remove(nil)
		_, err := p.ours.NextKey(nil)
		_, kerr := p.kernel.NextKey(nil)
		p.same("next key", errnoOf(err), errnoOf(kerr))
		_, err = b.Take()
		_, kerr = p.kernel.Take(nil)
		p.same("take", errnoOf(err), errnoOf(kerr))
	})
}

// TestBloomErrors: about as many values are found that were never pushed as the
// number of bits allows: 0.5^hashes where the filter is as full as it may be.
func TestBloomErrors(t *testing.T) {
	for _, hashes := range []uint64{0, 1, 3, 5, 8} {
		const n = 5000
		m := open(t, &ir.MapSpec{Type: ir.BloomFilter, ValueSize: 8, MaxEntries: n, Extra: hashes}).(Buffer)
		for i := range uint64(n) {
			require.NoError(t, m.Push(u64(i), 0))
		}
		found := 0
		for i := range uint64(n) {
			if m.Peek(u64(1<<40+i)) == nil {
				found++
			}
		}
		bound := 0.55
		for range max(hashes, 1) - 1 {
			bound *= 0.55
		}
		if hashes == 0 {
			bound = 0.55 * 0.55 * 0.55 * 0.55 * 0.55
		}
		require.LessOrEqual(t, float64(found)/n, bound, "%d hash functions", hashes)
	}
}

// TestLiveLRU: an LRU map never refuses a new key, holds what was set last, and
// never holds another value than was set; ours and the kernel's alike. Which
// keys go is each one's own affair.
//
// The kernel takes a free node before it looks for the key
// (htab_lru_map_update_elem, 6.18), and the node it frees may be the key's own:
// a new element then takes the place of the one that stood there, and the
// update with NOEXIST succeeds.
func TestLiveLRU(t *testing.T) {
	for _, kind := range []ir.MapType{ir.LRUHash, ir.LRUPerCPUHash} {
		t.Run(kind.String(), func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				p := newPair(t, r, &ir.MapSpec{Type: kind, KeySize: 4, ValueSize: 8, MaxEntries: uint32(rapid.IntRange(8, 40).Draw(r, "entries"))})
				want := map[byte]string{}
				for range rapid.IntRange(1, 200).Draw(r, "steps") {
					k := rapid.Byte().Draw(r, "key")
					key := u32(uint32(k))
					if rapid.IntRange(0, 4).Draw(r, "op") == 0 {
						if e := errnoOf(p.ours.Delete(key)); e != 0 && e != unix.ENOENT {
							r.Fatalf("delete: %v", e)
						}
						_ = p.kernel.Delete(key)
						delete(want, k)
						continue
					}
					v := drawValue(p)
					want[k] = string(v)
					p.update(key, v, 0)
					p.lookup(key)
					p.updateExisting(key, v)
				}
				n := 0
				for k, v := range All(p.ours) {
					n++
					if want[k[0]] != string(v) {
						r.Fatalf("key %x: got %x, want %x", k, v, want[k[0]])
					}
				}
				if n > int(p.ours.Spec().MaxEntries) {
					r.Fatalf("%d elements in a map of %d", n, p.ours.Spec().MaxEntries)
				}
			})
		})
	}
}

// TestLRUKeepsWhatIsUsed: keys that programs look up between insertions stay.
func TestLRUKeepsWhatIsUsed(t *testing.T) {
	m := open(t, &ir.MapSpec{Type: ir.LRUHash, KeySize: 4, ValueSize: 8, MaxEntries: 64})
	const hot = 16
	for i := range uint32(10_000) {
		require.NoError(t, m.Put(u32(i), u64(uint64(i)), 0), "insertion %d", i)
		for k := range min(i+1, hot) {
			require.NotZero(t, m.LookupAddr(u32(k)), "key %d was looked up after each insertion, and evicted by %d", k, i)
		}
	}
	require.Len(t, collect(m), 64)
}
