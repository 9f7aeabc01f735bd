package maps

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// NextKey walks bucket by bucket. Like htab_map_get_next_key it starts again
// where the key has gone, so a walk beside deletions may see keys twice; Batch
// does not.
func (m *hash) NextKey(key []byte) ([]byte, error) {
	if key != nil {
		if err := checkKey(m.spec, key); err != nil {
			return nil, err
		}
	}
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.leave()
	start := uint32(0)
	if key != nil {
		s, bucket, tag := m.lock(key)
		p := m.find(bucket, tag, key)
		var next []byte
		if p.elem != 0 {
			start = bucket + 1
			next = m.behind(bucket, p.elem)
		}
		s.release()
		if next != nil {
			return next, nil
		}
	}
	for b := uint64(start); b <= uint64(m.mask); b++ {
		if next := m.firstOf(uint32(b)); next != nil {
			return next, nil
		}
	}
	return nil, ErrKeyNotExist
}

// firstOf returns the first key of a bucket, nil if it is empty.
func (m *hash) firstOf(bucket uint32) []byte {
	if m.empty(bucket) {
		return nil
	}
	s := m.stripeOf(bucket)
	s.acquire()
	defer s.release()
	return m.behind(bucket, 0)
}

// empty reports whether a bucket looks empty, without the stripe.
func (m *hash) empty(bucket uint32) bool {
	at := m.bucket(bucket)
	for end := at + bucketBytes; at < end; at += 8 {
		if uint32(atomic.LoadUint64(mem.Ptr64(at))) != 0 {
			return false
		}
	}
	return true
}

// behind returns the key behind element e in a bucket, the first one for e = 0;
// nil if there is none. The caller holds the stripe.
func (m *hash) behind(bucket, e uint32) (key []byte) {
	seen := e == 0
	m.all(bucket, func(p place) bool {
		if seen {
			key = m.keyOf(p.elem)
			return false
		}
		seen = p.elem == e
		return true
	})
	return key
}

// keyOf copies the key of element e. The caller holds its stripe.
func (m *hash) keyOf(e uint32) []byte {
	return slices.Clone(mem.View(m.elem(e)+8, int(m.spec.KeySize)))
}

func (m *hash) keyAt(value uint64) []byte {
	if m.area != 0 {
		return nil
	}
	return m.keyOf(uint32((value-m.values)/m.step) + 1)
}

// Batch returns whole buckets, so it may return some elements more than n; the
// cursor is the number of a bucket.
func (m *hash) Batch(cursor uint64, n int) ([]ir.MapElem, uint64, error) {
	if n < 1 || cursor > uint64(m.mask) {
		return nil, 0, fmt.Errorf("%w: batch of %d elements from bucket %d of %d", ErrInvalid, n, cursor, uint64(m.mask)+1)
	}
	if err := m.enter(); err != nil {
		return nil, 0, err
	}
	defer m.leave()
	var elems []ir.MapElem
	for b := cursor; b <= uint64(m.mask); b++ {
		if len(elems) >= n {
			return elems, b, nil
		}
		if !m.empty(uint32(b)) {
			elems = m.appendBucket(elems, uint32(b))
		}
	}
	return elems, 0, nil
}

func (m *hash) appendBucket(elems []ir.MapElem, bucket uint32) []ir.MapElem {
	s := m.stripeOf(bucket)
	s.acquire()
	defer s.release()
	m.all(bucket, func(p place) bool {
		elems = append(elems, ir.MapElem{Key: m.keyOf(p.elem), Value: m.copyLanes(m.value(p.elem), m.spec)})
		return true
	})
	return elems
}
