package maps

import (
	"math/bits"
	goruntime "runtime"
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

// tag4 is the tag of a key of 4 bytes: no two have the same, and only one looks
// like an empty slot.
func tag4(k uint32) uint32 { return k ^ uint32(mix0>>32) }

// SeekAt is LookupCPU for callers that know the handle to be an open map's and
// the key to be readable, as verified programs do: it goes by the map's memory
// alone. ok is false for kinds whose lookup is another one.
func SeekAt(handle, key uint64, cpu uint32) (addr uint64, ok bool) {
	if handle < headerBytes {
		return 0, false // no map's: who looks handles up says so
	}
	var k, h, tag uint64
	switch mem.Load64(handle) {
	case ClassHash4, ClassMore4:
		k = mem.Load32(key)
		h = hash4(k)
		tag = uint64(tag4(uint32(k)))
	case ClassHash8:
		k = mem.Load64(key)
		h = hash8(k)
		tag = h >> 32
	case ClassArray:
		i := mem.Load32(key)
		if i >= mem.Load64(handle+HeadMask) || uint64(cpu) >= mem.Load64(handle+HeadCPUs) {
			return 0, true
		}
		return mem.Load64(handle+HeadBuckets) + uint64(cpu)*mem.Load64(handle+HeadArea) + i*mem.Load64(handle+HeadSize), true
	default:
		return 0, false
	}
	e := seekWord(handle, mem.Load64(handle+HeadBuckets)+(h&mem.Load64(handle+HeadMask))*bucketBytes, tag, k)
	if e == 0 || uint64(cpu) >= mem.Load64(handle+HeadCPUs) {
		return 0, true
	}
	if states := mem.Load64(handle + HeadStates); states != 0 {
		touch(mem.Ptr32(states + 4*e))
	}
	return mem.Load64(handle+HeadValues) + e*mem.Load64(handle+HeadStep) + uint64(cpu)*mem.Load64(handle+HeadArea), true
}

// seekWord is seek for a key that is a word, in the bucket at an address.
func seekWord(handle, at, tag, k uint64) uint64 {
	elems, size := mem.Load64(handle+HeadElems), mem.Load64(handle+HeadSize)
	for slots := alike(at, uint32(tag)); slots != 0; slots &= slots - 1 {
		e := uint64(uint32(atomic.LoadUint64(mem.Ptr64(at + 8*uint64(bits.TrailingZeros64(slots))))))
		if e != 0 && mem.Load64(elems+e*size+8) == k {
			return e
		}
	}
	for at += chainHead; ; {
		w := atomic.LoadUint64(mem.Ptr64(at))
		e := uint64(uint32(w))
		switch {
		case e == 0:
			return 0
		case w>>32 == tag && mem.Load64(elems+e*size+8) == k:
			return e
		}
		at = elems + e*size
	}
}

// Plain reports whether SetWord may be used: values are not per CPU and have no
// fields that are no plain bytes.
func (m *hash) Plain() bool { return m.area == 0 && len(m.spec.Fields) == 0 && m.lru == nil }

// SetWord is Put for a key that is a word and the value at an address. It
// reports false where Put has to do it.
func (m *hash) SetWord(k, value, flags uint64) bool {
	if flags > abi.UpdateExist {
		return false
	}
	goruntime.KeepAlive(mem.Touch(value, uint64(m.spec.ValueSize))) // a fault comes before the lock
	bucket, tag := m.locateWord(k)
	s := m.stripeOf(bucket)
	s.acquire()
	p := m.findWord(bucket, tag, k)
	if p.elem == 0 && flags == abi.UpdateExist || p.elem != 0 && flags == abi.UpdateNoExist || s.nfree == 0 ||
		p.elem == 0 && !m.claim() {
		s.release()
		return false
	}
	s.nfree--
	e := s.free[s.nfree]
	addr := m.elem(e)
	*mem.Ptr64(addr) = m.next(p)
	*mem.Ptr64(addr + 8) = k
	if m.spec.ValueSize == 8 {
		*mem.Ptr64(m.value(e)) = *mem.Ptr64(value)
	} else {
		copy(mem.View(m.value(e), int(m.spec.ValueSize)), mem.View(value, int(m.spec.ValueSize)))
	}
	m.yield()
	atomic.StoreUint64(mem.Ptr64(p.at), ref(tag, e))
	m.yield()
	if p.elem != 0 {
		m.retire(s, p.elem)
	}
	s.release()
	return true
}

// DeleteWord is Remove for a key that is a word.
func (m *hash) DeleteWord(k uint64) bool {
	bucket, tag := m.locateWord(k)
	s := m.stripeOf(bucket)
	s.acquire()
	p := m.findWord(bucket, tag, k)
	if p.elem != 0 {
		m.unlink(s, p)
	}
	s.release()
	return p.elem != 0
}

// Word returns the key at addr as a word.
func (m *hash) Word(addr uint64) uint64 {
	if m.spec.KeySize == 4 {
		return mem.Load32(addr)
	}
	return mem.Load64(addr)
}

// locateWord is locate for a key that is a word.
func (m *hash) locateWord(k uint64) (bucket, tag uint32) {
	if m.spec.KeySize == 4 {
		return uint32(hash4(k)) & m.mask, tag4(uint32(k))
	}
	h := hash8(k)
	return uint32(h) & m.mask, uint32(h >> 32)
}

// findWord is find for a key that is a word.
func (m *hash) findWord(bucket, tag uint32, k uint64) place {
	at := m.bucket(bucket)
	for slots := alike(at, tag); slots != 0; slots &= slots - 1 {
		slot := at + 8*uint64(bits.TrailingZeros64(slots))
		if e := uint32(*mem.Ptr64(slot)); e != 0 && *mem.Ptr64(m.elem(e) + 8) == k {
			return place{slot, e}
		}
	}
	for at += chainHead; ; {
		w := *mem.Ptr64(at)
		if uint32(w) == 0 {
			return place{at: m.vacant(bucket)}
		}
		if uint32(w>>32) == tag && *mem.Ptr64(m.elem(uint32(w)) + 8) == k {
			return place{at, uint32(w)}
		}
		at = m.elem(uint32(w))
	}
}
