package maps

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// NextKey walks bucket by bucket. Like htab_map_get_next_key it starts again
// where the key has gone, so a walk beside deletions may see keys twice; Batch
// does not.
func (m *hash) NextKey(key []byte) ([]byte, error) {
	start := uint32(0)
	if key != nil {
		if err := checkSizes(m.spec, key, nil); err != nil {
			return nil, err
		}
		s, bucket, h, err := m.lock(key)
		if err != nil {
			return nil, err
		}
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
		s := m.stripeOf(uint32(b))
		s.mu.Lock()
		e, closed := uint32(0), s.closed
		var next []byte
		if !closed {
			if e = m.heads[b]; e != 0 {
				next = m.keyOf(e)
			}
		}
		s.mu.Unlock()
		switch {
		case closed:
			return nil, ErrClosed
		case next != nil:
			return next, nil
		}
	}
	return nil, ErrKeyNotExist
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
	var elems []ir.MapElem
	for b := cursor; b <= uint64(m.mask); b++ {
		if len(elems) >= n {
			return elems, b, nil
		}
		s := m.stripeOf(uint32(b))
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, 0, ErrClosed
		}
		for e := m.heads[b]; e != 0; e = uint32(*mem.Ptr64(m.elem(e))) {
			elems = append(elems, ir.MapElem{Key: m.keyOf(e), Value: copyOut(m.elem(e)+m.valueOff, m.spec.ValueSize)})
		}
		s.mu.Unlock()
	}
	return elems, 0, nil
}
