package maps

import (
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// hash is the table of all hash kinds: HASH, LRU_HASH, both per CPU, and what
// is under a HASH_OF_MAPS.
//
// Memory: a header, an array of buckets, then the elements. A bucket is a cache
// line of eight references: seven slots, and the head of a chain for what finds
// no slot free. A reference is one word, a tag of the key high and the number of
// an element low; elements are numbered from 1, and 0 is no reference. An element
// holds a link, the key and the value, each filled up to whole words with zero;
// the link is what takes the element's place when it goes: the next of its chain,
// 0 in a slot. Values of a per-CPU kind lie apart from the elements, by processor.
// So a lookup reads one line and, where the tag agrees, one element; the tag of a
// key of 4 bytes is the key, and the line alone decides.
//
// Readers take no lock: they read references by atomic loads. An element stays at
// the reference where it was put in, so a reader that goes through a bucket once
// cannot miss one that is there all the time. Writers hold the lock of the
// bucket's stripe, write an element whole before a reference leads to it, and
// never touch the link of an element they have unlinked, so a reader that stands
// on one walks on along the chain it was in. Unlinked elements wait for the epochs
// (see Epochs) before they are written again.
type hash struct {
	core
	lanes
	pool  pool
	count atomic.Int64 // elements linked, and those about to be
	lru   *clock       // nil: a full map refuses

	buckets uint64 // address of the first
	mask    uint32 // number of buckets - 1
	elems   uint64 // address of element 1
	size    uint64 // bytes of an element
	values  uint64 // address of the value of element 1 on processor 0
	step    uint64 // from one value to the next
	stripes []stripe
	word    bool // a value is one plain word
}

// perBucket is how many elements a full map has in a bucket on average, at most:
// then one in eight has a chain.
const perBucket = 5

// layout computes where things lie in a hash, as offsets behind the header.
func (m *hash) layout(spec *ir.MapSpec, cpus uint32) (buckets, bytes uint64) {
	buckets = 1
	for perBucket*buckets < uint64(spec.MaxEntries) {
		buckets <<= 1
	}
	key, value := 8+pad8(spec.KeySize), pad8(spec.ValueSize)
	m.size, m.step = key, value
	if cpus == 0 {
		m.size += value
		m.step = m.size
	}
	each := m.size + uint64(cpus)*value
	total := uint64(spec.MaxEntries) + spares(spec.MaxEntries, each)
	m.pool.total = uint32(total)
	m.lanes = lanesOf(cpus, m.step, total)
	m.elems = bucketBytes * buckets
	m.values = m.elems + key
	bytes = m.elems + total*m.size
	if cpus != 0 {
		m.values = (bytes + 63) &^ 63
		bytes = m.values + uint64(cpus)*m.area
	}
	return buckets, bytes
}

func newHash(spec *ir.MapSpec, e *Epochs, cpus uint32, lru bool, f *pinned) (*hash, error) {
	m := &hash{pool: pool{epochs: e}}
	buckets, bytes := m.layout(spec, cpus)
	states := (bytes + 63) &^ 63
	if lru {
		bytes = states + 4*uint64(m.pool.total)
	}
	var err error
	if m.core, err = newCoreIn(f, spec, bytes); err != nil {
		return nil, err
	}
	m.mask = uint32(buckets - 1)
	m.elems += m.start()
	m.values += m.start()
	m.buckets = m.start()
	m.stripes = make([]stripe, min(buckets, maxStripes))
	if lru {
		m.lru = &clock{states: mem.Words32(m.start()+states, int(m.pool.total)), base: m.start() + states}
	}
	if f != nil {
		if err := m.recover(); err != nil {
			m.drop()
			return nil, err
		}
	}
	m.word = m.area == 0 && spec.ValueSize == 8 && len(spec.Fields) == 0
	m.readFreely()
	m.describe()
	return m, nil
}

// Epochs returns what a run enters before it looks elements up.
func (m *hash) Epochs() *Epochs { return m.pool.epochs }

func (m *hash) Region() Region {
	return m.region(m.spec, m.values, m.step, uint64(m.pool.total))
}

// elem returns the address of element e.
func (m *hash) elem(e uint32) uint64 { return m.elems + uint64(e-1)*m.size }

// value returns the address of element e's value on processor 0.
func (m *hash) value(e uint32) uint64 { return m.values + uint64(e-1)*m.step }

// LookupAddr walks the bucket's chain without a lock.
func (m *hash) LookupAddr(key []byte) uint64 { return m.LookupCPU(key, 0) }

// LookupCPU is LookupAddr on the given processor.
func (m *hash) LookupCPU(key []byte, cpu uint32) uint64 {
	if len(key) != int(m.spec.KeySize) || cpu >= m.cpus {
		return 0
	}
	e := m.seek(key)
	if e == 0 {
		return 0
	}
	if m.lru != nil {
		m.lru.touch(e)
	}
	return m.value(e) + uint64(cpu)*m.area
}

// Lookup holds the stripe at most: Close takes all of them.
func (m *hash) Lookup(key []byte) ([]byte, error) {
	if err := checkKey(m.spec, key); err != nil {
		return nil, err
	}
	out := make([]byte, m.appSize(m.spec))
	if err := m.LookupInto(key, out); err != nil {
		return nil, err
	}
	return out, nil
}

// LookupInto writes the value to out.
func (m *hash) LookupInto(key, out []byte) error {
	if len(key) != int(m.spec.KeySize) || uint64(len(out)) != m.appSize(m.spec) {
		return checkRead(m.spec, key, out, m.appSize(m.spec))
	}
	for range glances {
		if found, ok := m.glance(key, out); found {
			return nil
		} else if ok {
			return ErrKeyNotExist
		}
	}
	s, bucket, tag := m.lock(key)
	if m.closed {
		s.release()
		return ErrClosed
	}
	p := m.find(bucket, tag, key)
	if p.elem != 0 {
		m.readLanes(out, m.value(p.elem), m.spec)
	}
	s.release()
	if p.elem == 0 {
		return ErrKeyNotExist
	}
	return nil
}

// Close ends the application's use of the map.
func (m *hash) Close() error {
	m.timers.stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	for i := range m.stripes {
		m.stripes[i].acquire()
	}
	m.closed = true
	m.shut.Store(true)
	for i := range m.stripes {
		m.stripes[i].release()
	}
	m.drop()
	return nil
}

// Take is lookup and delete in one step (BPF_MAP_LOOKUP_AND_DELETE_ELEM).
func (m *hash) Take(key []byte) ([]byte, error) {
	if err := checkKey(m.spec, key); err != nil {
		return nil, err
	}
	if err := m.enterWrite(); err != nil {
		return nil, err
	}
	defer m.leave()
	s, bucket, tag := m.lock(key)
	defer s.release()
	p := m.find(bucket, tag, key)
	if p.elem == 0 {
		return nil, ErrKeyNotExist
	}
	value := m.copyLanes(m.value(p.elem), m.spec)
	m.unlink(s, p)
	return value, nil
}

func (m *hash) Update(key, value []byte, flags uint64) error {
	if err := m.enterWrite(); err != nil {
		return err
	}
	defer m.leave()
	if err := checkValue(m.spec, value, m.appSize(m.spec)); err != nil {
		return err
	}
	return m.set(key, value, flags, allCPUs)
}

// Put follows htab_map_update_elem: a new element takes the place of the old
// one, so a reader sees the old or the new value and no mixture. Only where no
// spare element is left is the old one overwritten in place, and so are values
// of one processor, as in the kernel.
func (m *hash) Put(key, value []byte, flags uint64) error { return m.PutCPU(key, value, flags, 0) }

// PutCPU is Put on the given processor.
func (m *hash) PutCPU(key, value []byte, flags uint64, cpu uint32) error {
	if err := checkValue(m.spec, value, uint64(m.spec.ValueSize)); err != nil {
		return err
	}
	if cpu >= m.cpus {
		return noCPU(cpu, m.cpus)
	}
	return m.set(key, value, flags, cpu)
}

// allCPUs stands for values of all processors.
const allCPUs = ^uint32(0)

func (m *hash) set(key, value []byte, flags uint64, cpu uint32) error {
	if err := checkKey(m.spec, key); err != nil {
		return err
	}
	if err := checkFlags(m.spec, flags); err != nil {
		return err
	}
	for tries := 0; ; tries++ {
		s, bucket, tag := m.lock(key)
		err := m.put(s, bucket, tag, key, value, flags, cpu)
		s.release()
		switch {
		case err == errFull && m.lru != nil && tries < maxEvictions:
			m.evict()
		case err == errFull:
			return ErrNoSpace
		case err != errStarved:
			return err
		case !m.gather():
			return ErrNoMemory
		}
	}
}

func (m *hash) put(s *stripe, bucket, tag uint32, key, value []byte, flags uint64, cpu uint32) error {
	p := m.find(bucket, tag, key)
	switch mode := flags &^ abi.UpdateLock; {
	case p.elem != 0 && mode == abi.UpdateNoExist:
		return ErrKeyExist
	case p.elem == 0 && mode == abi.UpdateExist:
		return ErrKeyNotExist
	case p.elem != 0 && flags&abi.UpdateLock != 0:
		setLocked(m.value(p.elem), value, m.spec)
		return nil
	case p.elem != 0 && m.area != 0:
		m.write(p.elem, value, cpu)
		return nil
	}
	if p.elem == 0 && !m.claim() {
		return errFull
	}
	e := m.alloc(s)
	switch {
	case e == 0 && p.elem != 0:
		m.write(p.elem, value, cpu)
		return nil
	case e == 0:
		m.count.Add(-1)
		return errStarved
	}
	writeKey(m.elem(e)+8, key)
	m.fill(e, value, cpu)
	*mem.Ptr64(m.elem(e)) = m.next(p)
	m.yield()
	atomic.StoreUint64(mem.Ptr64(p.at), ref(tag, e))
	m.yield()
	if m.lru != nil {
		m.lru.add(e)
	}
	if p.elem != 0 {
		m.retire(s, p.elem)
	}
	return nil
}

// claim counts one more element, if there may be one more. It never counts one
// that then is refused: another insertion beside it could not tell.
func (m *hash) claim() bool {
	for {
		n := m.count.Load()
		if n >= int64(m.spec.MaxEntries) {
			return false
		}
		if m.count.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// write writes the value of an element that readers may see.
func (m *hash) write(e uint32, value []byte, cpu uint32) {
	if cpu == allCPUs {
		m.setLanes(m.value(e), value, m.spec)
		return
	}
	copyIn(m.value(e)+uint64(cpu)*m.area, value, m.spec)
}

// fill writes the value of a new element, which nobody sees yet: zero where it says nothing
// (pcpu_init_value in kernel/bpf/hashtab.c).
func (m *hash) fill(e uint32, value []byte, cpu uint32) {
	at := m.value(e)
	if m.area == 0 && len(m.spec.Fields) == 0 {
		copy(mem.View(at, len(value)), value)
		return
	}
	if m.area != 0 && cpu != allCPUs {
		for c := range uint64(m.cpus) {
			clear(mem.View(at+c*m.area, int(pad8(m.spec.ValueSize))))
		}
	}
	clearFields(at, m.spec)
	m.write(e, value, cpu)
}

func (m *hash) Delete(key []byte) error {
	if err := m.enterWrite(); err != nil {
		return err
	}
	defer m.leave()
	return m.Remove(key)
}

func (m *hash) Remove(key []byte) error {
	if err := checkKey(m.spec, key); err != nil {
		return err
	}
	s, bucket, tag := m.lock(key)
	defer s.release()
	p := m.find(bucket, tag, key)
	if p.elem == 0 {
		return ErrKeyNotExist
	}
	m.unlink(s, p)
	return nil
}

// unlink takes an element out. The caller holds the stripe.
func (m *hash) unlink(s *stripe, p place) {
	m.yield()
	atomic.StoreUint64(mem.Ptr64(p.at), m.next(p))
	m.yield()
	m.retire(s, p.elem)
	m.count.Add(-1)
}
