package maps

import (
	"sync"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// pool holds the elements of a hash that no stripe has yet, or that stripes
// gave back.
type pool struct {
	epochs *Epochs
	total  uint32 // elements there are, numbered 1..total

	mu   sync.Mutex
	used uint32 // elements that were handed out at least once: 1..used
	free []uint32
}

// retired is an unlinked element that a run may still know.
type retired struct {
	elem  uint32
	stamp uint64
}

// What a stripe says that does not leave the package: it has no element left,
// though others may have; the map holds all it may.
const (
	errStarved Error = 0
	errFull    Error = 255
)

// A stripe takes elements from the pool by refill at a time, and asks the
// epochs once reclaim elements wait: both make the common case one append.
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
	s.retired = append(s.retired, retired{e, m.pool.epochs.stamp()})
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
	if len(s.free) == 0 {
		if len(s.retired) >= reclaim {
			s.reclaim(m.pool.epochs)
		}
		if len(s.free) == 0 {
			s.free = m.pool.take(s.free)
		}
		if len(s.free) == 0 {
			s.reclaim(m.pool.epochs)
		}
		if len(s.free) == 0 {
			return 0
		}
	}
	e := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	return e
}

// reclaim frees the retired elements that no run knows any more. Stamps rise
// along the list: they are taken in its order, under the stripe's lock.
func (s *stripe) reclaim(ep *Epochs) {
	if len(s.retired) == 0 {
		return
	}
	h := ep.horizon()
	if s.retired[0].stamp >= h {
		return
	}
	n := 0
	for n < len(s.retired) && s.retired[n].stamp < h {
		s.free = append(s.free, s.retired[n].elem)
		n++
	}
	s.retired = s.retired[:copy(s.retired, s.retired[n:])]
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
		s.mu.Lock()
		s.reclaim(m.pool.epochs)
		free := s.free
		s.free = nil
		s.mu.Unlock()
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
