package maps

import (
	"sync/atomic"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// clock picks the element that a full LRU map gives up: a hand goes round all
// elements, forgives those that were looked up since it last came by, and takes
// the first other one. This is the second-chance algorithm; like the kernel's
// lists it is near to the order of use and not exactly it.
type clock struct {
	states []uint32 // of element e at e-1
	base   uint64   // their address
	hand   atomic.Uint32
}

// States of an element of an LRU map.
const (
	StateAbsent  = 0
	StatePresent = 1 // and not looked up since the hand came by
	StateUsed    = 2
)

// maxEvictions bounds the tries of one insertion to make room beside others
// that take it away.
const maxEvictions = 1000

// touch notes a lookup by a program. Most find the note there already, and
// write nothing.
func (c *clock) touch(e uint32) { touch(&c.states[e-1]) }

func touch(state *uint32) {
	if atomic.LoadUint32(state) == StatePresent {
		atomic.CompareAndSwapUint32(state, StatePresent, StateUsed)
	}
}

// add notes that an element is in the map, remove that it is no more.
func (c *clock) add(e uint32)    { atomic.StoreUint32(&c.states[e-1], StatePresent) }
func (c *clock) remove(e uint32) { atomic.StoreUint32(&c.states[e-1], StateAbsent) }

// evict takes one element out, if it finds one: two rounds of the hand do. The
// caller holds no stripe.
func (m *hash) evict() {
	n := m.pool.handed()
	for range 2*uint64(n) + 1 {
		e := m.lru.hand.Add(1)%n + 1
		p := &m.lru.states[e-1]
		switch atomic.LoadUint32(p) {
		case StateUsed:
			atomic.CompareAndSwapUint32(p, StateUsed, StatePresent)
		case StatePresent:
			if m.evictElem(e) {
				return
			}
		}
	}
}

// evictElem takes element e out if it is still linked where its key says. Its
// key may be another one by the time the stripe is locked: then it is not in
// that bucket, or it is, and may go as well.
func (m *hash) evictElem(e uint32) bool {
	key := make([]byte, 0, MaxKeySize)
	key = append(key, mem.View(m.elem(e)+8, int(m.spec.KeySize))...)
	s, bucket, _ := m.lock(key)
	defer s.release()
	found := false
	m.all(bucket, func(p place) bool {
		if p.elem == e {
			m.unlink(s, p)
			found = true
		}
		return !found
	})
	return found
}
