package maps

import (
	"encoding/binary"
	"math/bits"
	goruntime "runtime"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// A bucket: bytes of it, slots, and where the head of its chain is.
const (
	bucketBytes = 64
	bucketSlots = 7
	chainHead   = 8 * bucketSlots
)

// ref is a reference to element e.
func ref(tag, e uint32) uint64 { return uint64(tag)<<32 | uint64(e) }

// alike returns the slots of the bucket at an address whose tag is the given one,
// as bits. It decides nothing in between: which slot it is cannot be foretold, and
// a wrong guess costs the machine more than all seven.
func alike(at uint64, tag uint32) (slots uint64) {
	w := mem.Words(at, bucketSlots)
	same := func(i int) uint64 { return ((atomic.LoadUint64(&w[i])>>32 ^ uint64(tag)) - 1) >> 63 << i }
	return same(0) | same(1) | same(2) | same(3) | same(4) | same(5) | same(6)
}

// seek returns the element of a key, or 0. The caller holds the bucket's stripe
// or is inside the epochs.
func (m *hash) seek(key []byte) uint32 {
	bucket, tag := m.locate(key)
	at := m.bucket(bucket)
	for slots := alike(at, tag); slots != 0; slots &= slots - 1 {
		w := atomic.LoadUint64(mem.Ptr64(at + 8*uint64(bits.TrailingZeros64(slots))))
		if uint32(w>>32) == tag && m.holds(uint32(w), key) {
			return uint32(w)
		}
	}
	for at += chainHead; ; {
		w := atomic.LoadUint64(mem.Ptr64(at))
		if uint32(w) == 0 {
			return 0
		}
		if uint32(w>>32) == tag && m.holds(uint32(w), key) {
			return uint32(w)
		}
		at = m.elem(uint32(w))
	}
}

// bucket returns the address of a bucket.
func (m *hash) bucket(n uint32) uint64 { return m.buckets + uint64(n)*bucketBytes }

// holds reports whether element e, if it is one, has the key that its tag says.
func (m *hash) holds(e uint32, key []byte) bool {
	return e != 0 && (len(key) == 4 || sameKey(m.elem(e)+8, key))
}

// locate returns a key's bucket and tag.
func (m *hash) locate(key []byte) (bucket, tag uint32) {
	if len(key) == 4 {
		k := binary.NativeEndian.Uint32(key)
		return uint32(hash4(uint64(k))) & m.mask, tag4(k)
	}
	h := hashKey(key)
	return uint32(h) & m.mask, uint32(h >> 32)
}

// place is a reference, and the element it leads to. Where a key is absent the
// element is 0 and the reference the one to put it at: an empty slot or the head
// of the chain.
type place struct {
	at   uint64
	elem uint32
}

// find looks key up in the bucket. The caller holds the stripe.
func (m *hash) find(bucket, tag uint32, key []byte) place {
	at := m.bucket(bucket)
	for slots := alike(at, tag); slots != 0; slots &= slots - 1 {
		slot := at + 8*uint64(bits.TrailingZeros64(slots))
		if e := uint32(*mem.Ptr64(slot)); m.holds(e, key) {
			return place{slot, e}
		}
	}
	for at += chainHead; ; {
		w := *mem.Ptr64(at)
		if uint32(w) == 0 {
			return place{at: m.vacant(bucket)}
		}
		if uint32(w>>32) == tag && m.holds(uint32(w), key) {
			return place{at, uint32(w)}
		}
		at = m.elem(uint32(w))
	}
}

// readFreely lets the application read the table without a lock: who looks at it
// while Close gives it back finds it empty or as it was, and then that the map is
// shut. The addresses go with the map, which every reader reaches. A pinned map has
// to give them back at Close, because its file is locked as long as it is mapped.
func (m *hash) readFreely() {
	if m.file == nil {
		m.late = true
		goruntime.AddCleanup(m, func(b *mem.Block) { b.Free() }, m.block)
	}
}

// glances is how often the application looks beside writers before it waits.
const glances = 2

// glance looks a key up without a lock and writes its value to out. ok is false
// where the answer may be wrong: a writer had the stripe meanwhile, the map is
// closed or pinned, or the key may be in the chain. What it read then is of no use but did no
// harm: references always lead to elements. The order of its loads is that of the
// text on the machines it is used on.
func (m *hash) glance(key, out []byte) (found, ok bool) {
	bucket, tag := m.locate(key)
	s := m.stripeOf(bucket)
	version := s.lock.Load()
	if goruntime.GOARCH != "amd64" || !m.late || version&1 != 0 || m.shut.Load() {
		return false, false
	}
	at := m.bucket(bucket)
	for slots := alike(at, tag); slots != 0 && !found; slots &= slots - 1 {
		e := uint32(atomic.LoadUint64(mem.Ptr64(at + 8*uint64(bits.TrailingZeros64(slots)))))
		switch found = e != 0 && (len(key) == 4 || m.holds(e, key)); {
		case found && m.word:
			binary.NativeEndian.PutUint64(out, atomic.LoadUint64(mem.Ptr64(m.value(e))))
		case found:
			m.readLanes(out, m.value(e), m.spec)
		}
	}
	ok = found || uint32(atomic.LoadUint64(mem.Ptr64(at+chainHead))) == 0
	m.yield()
	if !ok || s.lock.Load() != version || m.shut.Load() {
		return false, false
	}
	return found, true
}

// vacant returns where a key that is absent is put: an empty slot, or the head of
// the chain. The caller holds the stripe.
func (m *hash) vacant(bucket uint32) uint64 {
	at := m.bucket(bucket)
	end := at + chainHead
	for at < end && *mem.Ptr64(at) != 0 {
		at += 8
	}
	return at
}

// all calls f for each place of a bucket that has an element, until it returns
// false. f may unlink the element. The caller holds the stripe.
func (m *hash) all(bucket uint32, f func(place) bool) {
	at := m.bucket(bucket)
	for end := at + chainHead; at < end; at += 8 {
		if e := uint32(*mem.Ptr64(at)); e != 0 && !f(place{at, e}) {
			return
		}
	}
	for e := uint32(*mem.Ptr64(at)); e != 0; e = uint32(*mem.Ptr64(at)) {
		if !f(place{at, e}) {
			return
		}
		at = m.elem(e)
	}
}

// next is what element e's link has to be at a place: what the place leads to,
// or led to behind the element that e replaces. The caller holds the stripe.
func (m *hash) next(p place) uint64 {
	if p.elem != 0 {
		return *mem.Ptr64(m.elem(p.elem))
	}
	return *mem.Ptr64(p.at)
}

// lock takes the stripe of a key's bucket.
func (m *hash) lock(key []byte) (s *stripe, bucket, tag uint32) {
	bucket, tag = m.locate(key)
	s = m.stripeOf(bucket)
	s.acquire()
	return s, bucket, tag
}

func (m *hash) stripeOf(bucket uint32) *stripe { return &m.stripes[int(bucket)&(len(m.stripes)-1)] }
