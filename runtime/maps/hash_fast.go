package maps

import (
	"math/bits"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// Hash is the table of the hash kinds, for callers that do without the checks of
// Map: helpers of verified programs. Its keys of 4 and 8 bytes are words: what
// an element holds of one is the word, the upper half of a short one zero.
type Hash = hash

// AsHash returns m as a Hash if it is one whose keys are words, else nil.
func AsHash(m Map) *Hash {
	h, ok := m.(*hash)
	if !ok || h.spec.KeySize != 4 && h.spec.KeySize != 8 {
		return nil
	}
	return h
}

// hash4 and hash8 are hashKey for keys of 4 and 8 bytes.
func hash4(k uint64) uint64 { return fold(k^mix0, mix1) }
func hash8(k uint64) uint64 { return fold(k^mix0, bits.RotateLeft64(k, 32)^mix1) }

// What the header of a map says to SeekAt: the class, and for it, by offset,
// what a lookup needs. Numbers that count from 1 find their place without a
// subtraction.
const (
	classHash4 = 1 // hash with keys of 4 bytes
	classHash8 = 2
	classArray = 3

	headBuckets = 8  // address of the bucket heads; of the elements of an array
	headMask    = 16 // number of buckets - 1; of elements
	headElems   = 24 // address of element 1 - headSize
	headSize    = 32 // bytes from one element to the next
	headValues  = 40 // address of the value of element 1 - headStep
	headStep    = 48 // bytes from one value to the next
	headArea    = 56 // bytes from one processor's values to the next
	headCPUs    = 64 // number of processors, 2^32 where values are not per CPU
	headStates  = 72 // address of the state of element 1 - 4; 0 if it is no LRU map
)

// describe writes the header, where keys are words.
func (m *hash) describe() {
	set := func(off, x uint64) { mem.Store64(m.Handle()+off, x) }
	switch m.spec.KeySize {
	case 4:
		set(0, classHash4)
	case 8:
		set(0, classHash8)
	}
	set(headBuckets, m.buckets)
	set(headMask, uint64(m.mask))
	set(headElems, m.elems-m.size)
	set(headSize, m.size)
	set(headValues, m.values-m.step)
	set(headStep, m.step)
	set(headArea, m.area)
	set(headCPUs, m.lanes.limit())
	if m.lru != nil {
		set(headStates, m.lru.base-4)
	}
}

func (m *array) describe() {
	set := func(off, x uint64) { mem.Store64(m.Handle()+off, x) }
	set(0, classArray)
	set(headBuckets, m.values)
	set(headMask, uint64(m.spec.MaxEntries))
	set(headSize, m.stride)
	set(headArea, m.area)
	set(headCPUs, m.lanes.limit())
}

// limit is the processor that has no values any more.
func (l lanes) limit() uint64 {
	if l.area == 0 {
		return 1 << 32
	}
	return uint64(l.cpus)
}

// conceal takes the description back: a lookup in the map is more than one in
// its table.
func conceal(m Map) { mem.Store64(m.Handle(), 0) }

// SeekAt is LookupCPU for callers that know the handle to be an open map's and
// the key to be readable, as verified programs do: it goes by the map's memory
// alone. ok is false for kinds whose lookup is another one.
func SeekAt(handle, key uint64, cpu uint32) (addr uint64, ok bool) {
	if handle < headerBytes {
		return 0, false // no map's: who looks handles up says so
	}
	var k, h uint64
	switch mem.Load64(handle) {
	case classHash4:
		k = mem.Load32(key)
		h = hash4(k)
	case classHash8:
		k = mem.Load64(key)
		h = hash8(k)
	case classArray:
		i := mem.Load32(key)
		if i >= mem.Load64(handle+headMask) || uint64(cpu) >= mem.Load64(handle+headCPUs) {
			return 0, true
		}
		return mem.Load64(handle+headBuckets) + uint64(cpu)*mem.Load64(handle+headArea) + i*mem.Load64(handle+headSize), true
	default:
		return 0, false
	}
	bucket := mem.Load64(handle+headBuckets) + (h&mem.Load64(handle+headMask))*4
	elems, size := mem.Load64(handle+headElems), mem.Load64(handle+headSize)
	for e := uint64(atomic.LoadUint32(mem.Ptr32(bucket))); e != 0; {
		at := elems + e*size
		if mem.Load64(at+8) == k {
			if uint64(cpu) >= mem.Load64(handle+headCPUs) {
				return 0, true
			}
			if states := mem.Load64(handle + headStates); states != 0 {
				touch(mem.Ptr32(states + 4*e))
			}
			return mem.Load64(handle+headValues) + e*mem.Load64(handle+headStep) + uint64(cpu)*mem.Load64(handle+headArea), true
		}
		e = uint64(uint32(atomic.LoadUint64(mem.Ptr64(at))))
	}
	return 0, true
}

// Plain reports whether SetWord may be used: values are not per CPU and have no
// fields that are no plain bytes.
func (m *hash) Plain() bool { return m.area == 0 && len(m.spec.Fields) == 0 && m.lru == nil }

// SetWord is Put for a key that is a word with the given hash (see Word) and the
// value at an address. It reports false where Put has to do it.
func (m *hash) SetWord(h, k, value, flags uint64) bool {
	if flags > abi.UpdateExist {
		return false
	}
	bucket := uint32(h) & m.mask
	s := m.stripeOf(bucket)
	s.mu.Lock()
	p := m.findWord(bucket, k)
	if p.elem == 0 && flags == abi.UpdateExist || p.elem != 0 && flags == abi.UpdateNoExist || len(s.free) == 0 {
		s.mu.Unlock()
		return false
	}
	next := m.heads[bucket]
	if p.elem != 0 {
		next = uint32(*mem.Ptr64(m.elem(p.elem)))
	} else if !m.claim() {
		s.mu.Unlock()
		return false
	}
	e := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	addr := m.elem(e)
	*mem.Ptr64(addr) = link(h, next)
	*mem.Ptr64(addr + 8) = k
	if m.spec.ValueSize == 8 {
		*mem.Ptr64(m.value(e)) = *mem.Ptr64(value)
	} else {
		copy(mem.View(m.value(e), int(m.spec.ValueSize)), mem.View(value, int(m.spec.ValueSize)))
	}
	m.yield()
	m.relink(bucket, p, e)
	m.yield()
	if p.elem != 0 {
		m.retire(s, p.elem)
	}
	s.mu.Unlock()
	return true
}

// DeleteWord is Remove for a key that is a word.
func (m *hash) DeleteWord(h, k uint64) bool {
	bucket := uint32(h) & m.mask
	s := m.stripeOf(bucket)
	s.mu.Lock()
	p := m.findWord(bucket, k)
	if p.elem != 0 {
		m.unlink(s, bucket, p)
	}
	s.mu.Unlock()
	return p.elem != 0
}

// Word returns the key at addr as a word, and its hash.
func (m *hash) Word(addr uint64) (k, h uint64) {
	if m.spec.KeySize == 4 {
		k = mem.Load32(addr)
		return k, hash4(k)
	}
	k = mem.Load64(addr)
	return k, hash8(k)
}

// findWord is find for a key that is a word.
func (m *hash) findWord(bucket uint32, k uint64) place {
	var p place
	for p.elem = m.heads[bucket]; p.elem != 0; {
		addr := m.elem(p.elem)
		if *mem.Ptr64(addr + 8) == k {
			return p
		}
		p.prev, p.elem = addr, uint32(*mem.Ptr64(addr))
	}
	return place{}
}
