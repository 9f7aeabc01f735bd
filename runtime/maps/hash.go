package maps

import (
	"sync"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// hash is a map of kind HASH: chains of elements outside the Go heap.
//
// Memory: a header, an array of 32-bit bucket heads, then the elements. An
// element is numbered from 1, 0 ends a chain; it holds a link word (tag of the
// hash high, number of the next element low), the key and the value, each
// filled up to whole words with zero.
//
// Readers take no lock: they follow links by atomic loads. Writers hold the
// lock of the bucket's stripe, write an element whole before they link it, and
// never touch the link of an element they have unlinked, so a reader that
// stands on one walks on along the chain it was in. Unlinked elements wait for
// the epochs (see Epochs) before they are written again.
type hash struct {
	spec   *ir.MapSpec
	block  *mem.Block
	pool   pool
	frozen atomic.Bool
	count  atomic.Int64 // elements linked, and those about to be

	heads    []uint32
	mask     uint32 // number of buckets - 1
	elems    uint64 // address of element 1
	size     uint64 // bytes of an element
	valueOff uint64 // of the value within its element
	stripes  []stripe
}

// stripe guards the buckets whose number ends in its own.
type stripe struct {
	mu      sync.Mutex
	closed  bool
	free    []uint32
	retired []retired // in order of stamp
	_       [64]byte
}

const maxStripes = 64

func newHash(spec *ir.MapSpec, e *Epochs) (Map, error) {
	m := &hash{spec: spec}
	buckets := uint64(1)
	for buckets < uint64(spec.MaxEntries) {
		buckets <<= 1
	}
	m.mask = uint32(buckets - 1)
	m.valueOff = 8 + pad8(spec.KeySize)
	m.size = m.valueOff + pad8(spec.ValueSize)
	total := uint64(spec.MaxEntries) + spares(spec.MaxEntries, m.size)
	heads := (4*buckets + 63) &^ 63
	b, err := mem.Alloc(int(headerBytes + heads + total*m.size))
	if err != nil {
		return nil, err
	}
	m.block = b
	m.heads = mem.Words32(b.Addr()+headerBytes, int(buckets))
	m.elems = b.Addr() + headerBytes + heads
	m.stripes = make([]stripe, min(buckets, maxStripes))
	m.pool = pool{epochs: e, total: uint32(total)}
	return m, nil
}

func (m *hash) Spec() *ir.MapSpec { return m.spec }

func (m *hash) Handle() uint64 { return m.block.Addr() }

// Epochs returns what a run enters before it looks elements up.
func (m *hash) Epochs() *Epochs { return m.pool.epochs }

func (m *hash) Region() Region {
	return Region{Base: m.elems + m.valueOff, Stride: m.size, Value: uint64(m.spec.ValueSize), Count: uint64(m.pool.total), ReadOnly: readOnly(m.spec)}
}

func (m *hash) Freeze() { m.frozen.Store(true) }

// elem returns the address of element e.
func (m *hash) elem(e uint32) uint64 { return m.elems + uint64(e-1)*m.size }

func link(h uint64, next uint32) uint64 { return h&^0xffff_ffff | uint64(next) }

// LookupAddr walks the bucket's chain without a lock.
func (m *hash) LookupAddr(key []byte) uint64 {
	if len(key) != int(m.spec.KeySize) {
		return 0
	}
	h := hashKey(key)
	for e := atomic.LoadUint32(&m.heads[uint32(h)&m.mask]); e != 0; {
		addr := m.elem(e)
		w := atomic.LoadUint64(mem.Ptr64(addr))
		if w>>32 == h>>32 && sameKey(addr+8, key) {
			return addr + m.valueOff
		}
		e = uint32(w)
	}
	return 0
}

// place is an element and the link that leads to it.
type place struct {
	elem uint32 // 0 if the key is absent
	prev uint64 // address of the element before, 0 if the bucket's head leads here
}

// find looks key up in the bucket. The caller holds the stripe.
func (m *hash) find(bucket uint32, h uint64, key []byte) place {
	var p place
	for p.elem = m.heads[bucket]; p.elem != 0; {
		addr := m.elem(p.elem)
		w := *mem.Ptr64(addr)
		if w>>32 == h>>32 && sameKey(addr+8, key) {
			return p
		}
		p.prev, p.elem = addr, uint32(w)
	}
	return place{}
}

// relink makes the link that leads to p lead to element e.
func (m *hash) relink(bucket uint32, p place, e uint32) {
	if p.prev == 0 {
		atomic.StoreUint32(&m.heads[bucket], e)
		return
	}
	prev := mem.Ptr64(p.prev)
	atomic.StoreUint64(prev, link(*prev, e))
}

// lock hashes the key and takes its stripe.
func (m *hash) lock(key []byte) (s *stripe, bucket uint32, h uint64, err error) {
	h = hashKey(key)
	bucket = uint32(h) & m.mask
	s = m.stripeOf(bucket)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, 0, 0, ErrClosed
	}
	return s, bucket, h, nil
}

func (m *hash) stripeOf(bucket uint32) *stripe { return &m.stripes[int(bucket)&(len(m.stripes)-1)] }

func (m *hash) Lookup(key []byte) ([]byte, error) {
	if err := checkSizes(m.spec, key, nil); err != nil {
		return nil, err
	}
	s, bucket, h, err := m.lock(key)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	p := m.find(bucket, h, key)
	if p.elem == 0 {
		return nil, ErrKeyNotExist
	}
	return copyOut(m.elem(p.elem)+m.valueOff, m.spec.ValueSize), nil
}

func (m *hash) Update(key, value []byte, flags uint64) error {
	if m.frozen.Load() {
		return ErrPermission
	}
	return m.Put(key, value, flags)
}

// Put follows htab_map_update_elem: a new element takes the place of the old
// one, so a reader sees the old or the new value and no mixture. Only where no
// spare element is left is the old one overwritten in place.
func (m *hash) Put(key, value []byte, flags uint64) error {
	if err := checkSizes(m.spec, key, value); err != nil {
		return err
	}
	if err := checkFlags(flags); err != nil {
		return err
	}
	for {
		s, bucket, h, err := m.lock(key)
		if err != nil {
			return err
		}
		err = m.put(s, bucket, h, key, value, flags)
		s.mu.Unlock()
		if err != errStarved {
			return err
		}
		if !m.gather() {
			return ErrNoMemory
		}
	}
}

func (m *hash) put(s *stripe, bucket uint32, h uint64, key, value []byte, flags uint64) error {
	p := m.find(bucket, h, key)
	switch {
	case p.elem != 0 && flags == abi.UpdateNoExist:
		return ErrKeyExist
	case p.elem == 0 && flags == abi.UpdateExist:
		return ErrKeyNotExist
	}
	next := m.heads[bucket]
	if p.elem != 0 {
		next = uint32(*mem.Ptr64(m.elem(p.elem)))
	} else if m.count.Add(1) > int64(m.spec.MaxEntries) {
		m.count.Add(-1)
		return ErrNoSpace
	}
	e := m.alloc(s)
	switch {
	case e == 0 && p.elem != 0:
		copyIn(m.elem(p.elem)+m.valueOff, value)
		return nil
	case e == 0:
		m.count.Add(-1)
		return errStarved
	}
	addr := m.elem(e)
	writeKey(addr+8, key)
	copyIn(addr+m.valueOff, value)
	*mem.Ptr64(addr) = link(h, next)
	m.relink(bucket, p, e)
	if p.elem != 0 {
		s.retire(m.pool.epochs, p.elem)
	}
	return nil
}

func (m *hash) Delete(key []byte) error {
	if m.frozen.Load() {
		return ErrPermission
	}
	return m.Remove(key)
}

func (m *hash) Remove(key []byte) error {
	if err := checkSizes(m.spec, key, nil); err != nil {
		return err
	}
	s, bucket, h, err := m.lock(key)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	p := m.find(bucket, h, key)
	if p.elem == 0 {
		return ErrKeyNotExist
	}
	m.relink(bucket, p, uint32(*mem.Ptr64(m.elem(p.elem))))
	s.retire(m.pool.epochs, p.elem)
	m.count.Add(-1)
	return nil
}

// Close waits for operations of the application that are under way.
func (m *hash) Close() error {
	for i := range m.stripes {
		m.stripes[i].mu.Lock()
		m.stripes[i].closed = true
		m.stripes[i].mu.Unlock()
	}
	m.block.Free()
	return nil
}
