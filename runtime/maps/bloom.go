package maps

import (
	"fmt"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// bloom is a map of kind BLOOM_FILTER: bits that are only ever set, by atomic
// operations, so that nobody waits. The number of bits follows
// bloom_map_alloc in kernel/bpf/bloom_filter.c of Linux 6.18.
type bloom struct {
	core
	keyless
	bits   []uint64
	mask   uint64 // number of bits - 1
	hashes int
}

const defaultHashes = 5

// maxBloomBits bounds the bits as the kernel does.
const maxBloomBits = 1 << 32

// bloomBits returns entries * hashes / ln 2, rounded up to a power of two.
func bloomBits(entries uint32, hashes int) uint64 {
	want := uint64(entries) * uint64(hashes) * 7 / 5
	bits := uint64(64)
	for bits < want && bits < maxBloomBits {
		bits <<= 1
	}
	return bits
}

func newBloom(spec *ir.MapSpec) (*bloom, error) {
	m := &bloom{keyless: keyless{spec}, hashes: int(spec.Extra & 15)}
	if m.hashes == 0 {
		m.hashes = defaultHashes
	}
	bits := bloomBits(spec.MaxEntries, m.hashes)
	var err error
	if m.core, err = newCore(spec, bits/8); err != nil {
		return nil, err
	}
	m.bits, m.mask = mem.Words(m.start(), int(bits/64)), bits-1
	return m, nil
}

// probe returns the i-th bit of a value with the given hash.
func (m *bloom) probe(h uint64, i int) (word *uint64, bit uint64) {
	x := fold(h+uint64(i)*mix0, mix3) & m.mask
	return &m.bits[x/64], 1 << (x % 64)
}

// Push adds a value. There are no flags.
func (m *bloom) Push(value []byte, flags uint64) error {
	if err := checkValue(m.spec, value, uint64(m.spec.ValueSize)); err != nil {
		return err
	}
	if flags != 0 {
		return refused(ErrInvalid, "push flags %#x", flags)
	}
	h := hashKey(value)
	for i := range m.hashes {
		word, bit := m.probe(h, i)
		if atomic.LoadUint64(word)&bit == 0 {
			atomic.OrUint64(word, bit)
		}
	}
	return nil
}

// Peek returns nil if the value may have been pushed, ErrKeyNotExist if it was
// not.
func (m *bloom) Peek(value []byte) error {
	if err := checkValue(m.spec, value, uint64(m.spec.ValueSize)); err != nil {
		return err
	}
	h := hashKey(value)
	for i := range m.hashes {
		if word, bit := m.probe(h, i); atomic.LoadUint64(word)&bit == 0 {
			return ErrKeyNotExist
		}
	}
	return nil
}

// Pop is refused.
func (m *bloom) Pop([]byte) error {
	return fmt.Errorf("%w: nothing is taken out of a %v", ErrNotSupported, m.spec.Type)
}

// Take is refused.
func (m *bloom) Take() ([]byte, error) { return nil, m.Pop(nil) }

// Delete is refused.
func (m *bloom) Delete([]byte) error { return m.Pop(nil) }

// Remove is refused.
func (m *bloom) Remove([]byte) error { return m.Pop(nil) }

// NextKey is refused.
func (m *bloom) NextKey([]byte) ([]byte, error) { return nil, m.Pop(nil) }

// Lookup is refused: what is asked for is the value, see Peek.
func (m *bloom) Lookup([]byte) ([]byte, error) {
	return nil, fmt.Errorf("%w: a %v is asked by value: Peek", ErrInvalid, m.spec.Type)
}

func (m *bloom) Update(key, value []byte, flags uint64) error {
	if err := m.enterWrite(); err != nil {
		return err
	}
	defer m.leave()
	return m.Put(key, value, flags)
}

// Put is refused to programs in the kernel as well, by the verifier.
func (m *bloom) Put(key, value []byte, flags uint64) error {
	if err := checkKey(m.spec, key); err != nil {
		return err
	}
	return m.Push(value, flags)
}
