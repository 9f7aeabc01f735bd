package maps

import (
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// stripe guards the buckets whose number ends in its own, and keeps the elements
// they use next. Its first fields are known to machine code too (see describe.go).
//
// The lock is one word, so that machine code and Go take the same: odd while it is
// held, and never again what it was, so that a reader without it sees that a
// writer had it. It is held for a few instructions, by one that may have lost its
// processor meanwhile, so who waits gives up its own.
type stripe struct {
	lock  atomic.Uint32
	nfree uint32 // elements in free
	ngone uint32 // elements in gone
	_     uint32
	free  [StripeElems]uint32 // elements that nobody knows
	gone  [StripeElems]uint32 // elements that were unlinked, of no stamp yet

	more    []uint32 // elements that nobody knows, beyond free
	retired []retired
	_       [80]byte // so that neighbours do not share a cache line
}

// retired are elements that were unlinked before the stamp, and that a run may
// still know.
type retired struct {
	stamp uint64
	n     uint32
	elems [StripeElems]uint32
}

// maxStripes bounds the stripes: few are found in a cache, many keep writers
// apart.
const maxStripes = 32

// acquire takes the lock.
func (s *stripe) acquire() {
	for spins := 1; ; spins++ {
		if v := s.lock.Load(); v&1 == 0 && s.lock.CompareAndSwap(v, v+1) {
			return
		}
		switch {
		case spins%1024 == 0: // the holder's thread is not running
			time.Sleep(20 * time.Microsecond)
		case spins%32 == 0:
			goruntime.Gosched()
		}
	}
}

// release gives the lock back.
func (s *stripe) release() { s.lock.Store(s.lock.Load() + 1) }

// ReleaseStripe gives the lock of the stripe at addr back, for machine code that
// was stopped while it held it.
func ReleaseStripe(addr uint64) { atomic.AddUint32(mem.Ptr32(addr+StripeLock), 1) }

// pool holds the elements of a hash that no stripe has yet, or that stripes
// gave back.
type pool struct {
	epochs *Epochs
	total  uint32 // elements there are, numbered 1..total

	mu   sync.Mutex
	used uint32 // elements that were handed out at least once: 1..used
	free []uint32
}

// What a stripe says that does not leave the package: it has no element left,
// though others may have; the map holds all it may.
const (
	errStarved Error = 0
	errFull    Error = 255
)

// A stripe takes elements from the pool by refill at a time, and asks the
// epochs once reclaim elements wait: both make the common case one store.
const (
	refill  = 16
	reclaim = 32
)

// spares returns how many elements of size bytes a hash has beyond its
// max_entries, for those that wait for a run to end. Untouched ones cost
// address space only.
func spares(entries uint32, size uint64) uint64 {
	const least, usual, bytes = 64, 1 << 16, 64 << 20
	return max(least, min(max(uint64(entries), usual), bytes/size))
}

// retire notes that element e was just unlinked. The caller holds the stripe.
func (m *hash) retire(s *stripe, e uint32) {
	if m.lru != nil {
		m.lru.remove(e)
	}
	if s.ngone == StripeElems {
		s.stamp(m.pool.epochs)
	}
	s.gone[s.ngone] = e
	s.ngone++
}

// stamp gives the elements that were unlinked the time it is now, which is later
// than they were.
func (s *stripe) stamp(ep *Epochs) {
	s.retired = append(s.retired, retired{stamp: ep.stamp(), n: s.ngone, elems: s.gone})
	s.ngone = 0
}

// handed returns how many elements were handed out at least once; at least 1.
func (p *pool) handed() uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.used, 1)
}

// alloc returns an element that nobody knows, or 0. The caller holds the
// stripe.
func (m *hash) alloc(s *stripe) uint32 {
	if s.nfree == 0 && !m.refill(s) {
		return 0
	}
	s.nfree--
	return s.free[s.nfree]
}

// refill gives the stripe, which has none, elements that nobody knows, and
// reports whether it found any. The caller holds the stripe.
func (m *hash) refill(s *stripe) bool {
	if len(s.more) == 0 {
		if s.ngone >= reclaim || len(s.retired) > 0 {
			s.reclaim(m.pool.epochs)
		}
		if len(s.more) == 0 {
			s.more = m.pool.take(s.more)
		}
		if len(s.more) == 0 {
			s.reclaim(m.pool.epochs)
		}
	}
	s.nfree = uint32(copy(s.free[:], s.more[max(0, len(s.more)-StripeElems):]))
	s.more = s.more[:len(s.more)-int(s.nfree)]
	return s.nfree > 0
}

// reclaim frees the unlinked elements that no run knows any more. Stamps rise
// along the list: they are taken in its order, under the stripe's lock.
func (s *stripe) reclaim(ep *Epochs) {
	if s.ngone > 0 {
		s.stamp(ep)
	}
	if len(s.retired) == 0 {
		return
	}
	h := ep.horizon()
	n := 0
	for n < len(s.retired) && s.retired[n].stamp < h {
		s.more = append(s.more, s.retired[n].elems[:s.retired[n].n]...)
		n++
	}
	if n > 0 {
		s.retired = s.retired[:copy(s.retired, s.retired[n:])]
	}
}

// take appends up to refill elements to free.
func (p *pool) take(free []uint32) []uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range refill {
		switch {
		case len(p.free) > 0:
			free = append(free, p.free[len(p.free)-1])
			p.free = p.free[:len(p.free)-1]
		case p.used < p.total:
			p.used++
			free = append(free, p.used)
		default:
			return free
		}
	}
	return free
}

// gather moves what stripes do not use into the pool, and reports whether it
// found anything. The caller holds no stripe.
func (m *hash) gather() bool {
	found := false
	for i := range m.stripes {
		s := &m.stripes[i]
		s.acquire()
		s.reclaim(m.pool.epochs)
		free := append(s.more, s.free[:s.nfree]...)
		s.more, s.nfree = nil, 0
		s.release()
		if len(free) > 0 {
			found = true
			m.pool.mu.Lock()
			m.pool.free = append(m.pool.free, free...)
			m.pool.mu.Unlock()
		}
	}
	return found
}

// writeKey writes key to addr, filled up to a whole word with zero.
func writeKey(addr uint64, key []byte) {
	words := mem.Words(addr, int(pad8(uint32(len(key)))/8))
	words[len(words)-1] = 0
	copy(mem.View(addr, len(key)), key)
}
