package maps

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// lpm is a map of kind LPM_TRIE. A key is the length of a prefix in bits, 4
// bytes in host order, and the prefix, most significant bit first.
//
// The first bits of a prefix select one of 2^bits slots. Prefixes of at most
// that many bits are short: they are in a complete binary tree without links,
// short[1<<len | prefix], and each slot has the value of the longest over it.
// Longer ones are in the slot's own path-compressed binary trie. With about as
// many slots as elements a lookup reads a slot, and a node or two.
//
// Readers take no lock. What a lookup finds is decided by the values of the
// prefixes, each of which is one word, an element's number or 0, and by the
// slots; a writer changes one value, and the slots under it, while version is odd.
// A reader that saw version change looks again, and after maxTries does so under
// the lock. Everything else is made ready before and tidied after, so that it
// leads to the values either way: a node is linked before it has a value and
// unlinked after. Elements and nodes wait for the epochs before they are used
// again.
type lpm struct {
	core
	epochs *Epochs
	bits   uint32 // of a slot's number
	max    uint32 // greatest length of a prefix in bits

	version atomic.Uint64
	short   []uint32 // values, by 1<<len | prefix
	slots   []uint32 // by slot: the node of its trie, the longest short prefix over it

	nodes    uint64 // address of node 1
	nodeSize uint64
	elems    uint64 // address of element 1: the value, and the key as it was given
	elemSize uint64
	keyOff   uint64 // of the key in an element

	write sync.Mutex // held by writers
	count uint32
	freeN freelist // nodes
	freeE freelist // elements
}

// A node: value and length, children, prefix. The value and the children are
// read and written atomically.
const (
	nodeValue  = 0
	nodeLen    = 4
	nodeChild  = 8
	nodePrefix = 16
)

// lpmKey is the size in bytes of the length before a prefix.
const lpmKey = 4

// What a slot has, 8 bytes.
const (
	slotRoot = 0
	slotBest = 1
)

// maxSlotBits bounds the memory of slots: 16 bytes each.
const maxSlotBits = 20

func newLPM(spec *ir.MapSpec, e *Epochs) (*lpm, error) {
	data := spec.KeySize - lpmKey
	m := &lpm{epochs: e, max: 8 * data}
	m.bits = min(uint32(bits.Len32(spec.MaxEntries)), maxSlotBits, m.max)
	m.keyOff = pad8(spec.ValueSize)
	m.nodeSize, m.elemSize = nodePrefix+pad8(data), m.keyOff+pad8(spec.KeySize)
	n := uint64(spec.MaxEntries) + spares(spec.MaxEntries, m.nodeSize+m.elemSize)
	slots := uint64(1) << m.bits
	short := (8*slots + 63) &^ 63
	nodes := short + (8*slots+63)&^63
	elems := nodes + 2*n*m.nodeSize // each prefix brings at most one fork
	var err error
	if m.core, err = newCore(spec, elems+n*m.elemSize); err != nil {
		return nil, err
	}
	at := m.start()
	m.slots = mem.Words32(at, int(2*slots))
	m.short = mem.Words32(at+short, int(2*slots))
	m.nodes, m.elems = at+nodes, at+elems
	m.freeN, m.freeE = freelist{total: uint32(2 * n)}, freelist{total: uint32(n)}
	m.describe()
	return m, nil
}

// Epochs returns what a run enters before it looks elements up.
func (m *lpm) Epochs() *Epochs { return m.epochs }

func (m *lpm) Region() Region {
	return Region{Base: m.elems, Stride: m.elemSize, Value: uint64(m.spec.ValueSize), Count: uint64(m.freeE.total), ReadOnly: readOnly(m.spec), WriteOnly: m.spec.Flags&FlagWronlyProg != 0}
}

func (m *lpm) elem(e uint32) uint64 { return m.elems + uint64(e-1)*m.elemSize }

// keyOf returns an element's key.
func (m *lpm) keyOf(e uint32) []byte { return mem.View(m.elem(e)+m.keyOff, int(m.spec.KeySize)) }

func (m *lpm) node(n uint32) uint64 { return m.nodes + uint64(n-1)*m.nodeSize }

func (m *lpm) child(n uint32, bit uint32) *uint32 {
	return mem.Ptr32(m.node(n) + nodeChild + 4*uint64(bit))
}

func (m *lpm) valueOf(n uint32) *uint32 { return mem.Ptr32(m.node(n) + nodeValue) }

func (m *lpm) lenOf(n uint32) uint32 { return uint32(mem.Load32(m.node(n) + nodeLen)) }

// prefixOf returns the prefix of a node, which never changes.
func (m *lpm) prefixOf(n uint32) []byte {
	return mem.View(m.node(n)+nodePrefix, int(m.spec.KeySize)-lpmKey)
}

// split returns length and prefix of a key.
func split(key []byte) (n uint32, data []byte) {
	return binary.NativeEndian.Uint32(key), key[lpmKey:]
}

// slotOf returns the first bits of data as a number.
func (m *lpm) slotOf(data []byte) uint32 {
	var x uint32
	if len(data) >= 4 {
		x = binary.BigEndian.Uint32(data)
	} else {
		for i, b := range data {
			x |= uint32(b) << (24 - 8*i)
		}
	}
	return uint32(uint64(x) >> (32 - m.bits))
}

// bitAt returns bit i of data.
func bitAt(data []byte, i uint32) uint32 { return uint32(data[i/8]>>(7-i%8)) & 1 }

// common returns how many leading bits, up to n, a and b have in common.
func common(a, b []byte, n uint32) uint32 {
	i := uint32(0)
	for i+32 <= n {
		x := binary.BigEndian.Uint32(a[i/8:]) ^ binary.BigEndian.Uint32(b[i/8:])
		if x != 0 {
			return i + uint32(bits.LeadingZeros32(x))
		}
		i += 32
	}
	for i < n {
		if x := a[i/8] ^ b[i/8]; x != 0 {
			return min(n, i+uint32(bits.LeadingZeros8(x)))
		}
		i += 8
	}
	return n
}

// maxTries is how often a reader looks beside writers before it takes turns.
const maxTries = 4

// LookupAddr returns the value of the longest prefix of the key.
func (m *lpm) LookupAddr(key []byte) uint64 {
	if len(key) != int(m.spec.KeySize) {
		return 0
	}
	n, data := split(key)
	if n > m.max {
		return 0
	}
	for range maxTries {
		v := m.version.Load()
		if v&1 != 0 {
			continue
		}
		e := m.longest(n, data)
		if m.version.Load() == v {
			return m.addr(e)
		}
	}
	m.write.Lock()
	defer m.write.Unlock()
	return m.addr(m.longest(n, data))
}

func (m *lpm) addr(e uint32) uint64 {
	if e == 0 {
		return 0
	}
	return m.elem(e)
}

// longest returns the element of the longest prefix, or 0.
func (m *lpm) longest(n uint32, data []byte) uint32 {
	slot := m.slotOf(data)
	if n < m.bits {
		return m.longestShort(n, slot)
	}
	if e := m.longestIn(atomic.LoadUint32(m.root(slot)), n, data); e != 0 {
		return e
	}
	m.yield()
	return atomic.LoadUint32(m.best(slot))
}

// longestShort is longest for short prefixes of at most n bits.
func (m *lpm) longestShort(n, slot uint32) uint32 {
	for l := n + 1; l > 0; l-- {
		if e := atomic.LoadUint32(m.shortAt(l-1, slot)); e != 0 {
			return e
		}
	}
	return 0
}

// slotCount returns the number of slots.
func (m *lpm) slotCount() uint32 { return 1 << m.bits }

// root returns the link to a slot's trie, and best where the longest short prefix
// over it is.
func (m *lpm) root(slot uint32) *uint32 { return &m.slots[2*slot+slotRoot] }
func (m *lpm) best(slot uint32) *uint32 { return &m.slots[2*slot+slotBest] }

// longestIn is longest in the trie under a node.
func (m *lpm) longestIn(node, n uint32, data []byte) (best uint32) {
	for node != 0 {
		l := m.lenOf(node)
		if l > n || common(m.prefixOf(node), data, l) < l {
			return best
		}
		if e := atomic.LoadUint32(m.valueOf(node)); e != 0 {
			best = e
		}
		if l == n {
			return best
		}
		node = atomic.LoadUint32(m.child(node, bitAt(data, l)))
	}
	return best
}

func (m *lpm) checkPrefix(key []byte) error {
	if err := checkKey(m.spec, key); err != nil {
		return err
	}
	if n, _ := split(key); n > m.max {
		return refused(ErrInvalid, "map %q: prefix of %d bits, at most %d", m.spec.Name, n, m.max)
	}
	return nil
}

func (m *lpm) Lookup(key []byte) ([]byte, error) {
	if err := checkKey(m.spec, key); err != nil {
		return nil, err
	}
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.leave()
	n, data := split(key)
	if n > m.max {
		return nil, ErrKeyNotExist
	}
	m.write.Lock()
	defer m.write.Unlock()
	e := m.longest(n, data)
	if e == 0 {
		return nil, ErrKeyNotExist
	}
	return copyOut(m.elem(e), m.spec), nil
}

func (m *lpm) Update(key, value []byte, flags uint64) error {
	if err := m.enterWrite(); err != nil {
		return err
	}
	defer m.leave()
	return m.Put(key, value, flags)
}

// Put follows trie_update_elem: a new element takes the place of the old one.
func (m *lpm) Put(key, value []byte, flags uint64) error {
	if err := checkValue(m.spec, value, uint64(m.spec.ValueSize)); err != nil {
		return err
	}
	if flags > abi.UpdateExist {
		return refused(ErrInvalid, "update flags %#x", flags)
	}
	if err := m.checkPrefix(key); err != nil {
		return err
	}
	n, data := split(key)
	m.write.Lock()
	defer m.write.Unlock()
	at := m.find(n, data)
	switch old := at.value(); {
	case old != 0 && flags == abi.UpdateNoExist:
		return ErrKeyExist
	case old == 0 && flags == abi.UpdateExist:
		return ErrKeyNotExist
	case old == 0 && m.count == m.spec.MaxEntries:
		return ErrNoRoom
	}
	e := m.freeE.take(m.epochs)
	if old := at.value(); e == 0 && old != 0 {
		copyIn(m.elem(old), value, m.spec) // as in a hash without spare elements
		return nil
	}
	if e == 0 {
		return ErrNoMemory
	}
	copyPlain(m.elem(e), value)
	copy(m.keyOf(e), key)
	if at.word == nil {
		if at = m.insert(n, data); at.word == nil {
			m.freeE.put(e)
			return ErrNoMemory
		}
	}
	old := at.value()
	m.set(at.word, e, n, data)
	if old != 0 {
		m.freeE.retire(m.epochs, old)
	} else {
		m.count++
	}
	return nil
}

// set changes what lookups find: the value of a prefix of n bits.
func (m *lpm) set(word *uint32, e, n uint32, data []byte) {
	m.yield()
	m.version.Add(1)
	atomic.StoreUint32(word, e)
	m.yield()
	if n <= m.bits {
		m.spread(n, m.slotOf(data))
	}
	m.version.Add(1)
	m.yield()
}

func (m *lpm) Delete(key []byte) error {
	if err := m.enterWrite(); err != nil {
		return err
	}
	defer m.leave()
	return m.Remove(key)
}

func (m *lpm) Remove(key []byte) error {
	if err := m.checkPrefix(key); err != nil {
		return err
	}
	n, data := split(key)
	m.write.Lock()
	defer m.write.Unlock()
	at := m.find(n, data)
	e := at.value()
	if e == 0 {
		return ErrKeyNotExist
	}
	m.set(at.word, 0, n, data)
	m.count--
	m.freeE.retire(m.epochs, e)
	m.tidy(n, data)
	return nil
}
