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
		s, bucket, h := m.lock(key)
		p := m.find(bucket, h, key)
		var next []byte
		if p.elem != 0 {
			start = bucket + 1
			if e := uint32(*mem.Ptr64(m.elem(p.elem))); e != 0 {
				next = m.keyOf(e)
			}
		}
		s.mu.Unlock()
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
	if atomic.LoadUint32(&m.heads[bucket]) == 0 {
		return nil
	}
	s := m.stripeOf(bucket)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := m.heads[bucket]; e != 0 {
		return m.keyOf(e)
	}
	return nil
}

// keyOf copies the key of element e. The caller holds its stripe.
func (m *hash) keyOf(e uint32) []byte {
	return slices.Clone(mem.View(m.elem(e)+8, int(m.spec.KeySize)))
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
		if atomic.LoadUint32(&m.heads[b]) != 0 {
			elems = m.appendBucket(elems, uint32(b))
		}
	}
	return elems, 0, nil
}

func (m *hash) appendBucket(elems []ir.MapElem, bucket uint32) []ir.MapElem {
	s := m.stripeOf(bucket)
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := m.heads[bucket]; e != 0; e = uint32(*mem.Ptr64(m.elem(e))) {
		elems = append(elems, ir.MapElem{Key: m.keyOf(e), Value: m.copyLanes(m.value(e), m.spec)})
	}
	return elems
}
