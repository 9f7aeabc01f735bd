package maps

import (
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// What the header of a map, at its handle, says to those that go by memory alone
// (SeekAt, and machine code): the class at 0, and by the class, at these offsets,
// what an operation needs. Numbers that count from 1 find their place without a
// subtraction. A class of 0 means that the map is reached through [Map] only.
const (
	ClassHash4 = 1 // hash with keys of 4 bytes, neither LRU nor per CPU
	ClassHash8 = 2 // hash with keys of 8 bytes, of any kind
	ClassArray = 3
	ClassHashN = 4 // hash with longer keys of whole 32-bit words
	ClassRing  = 5
	ClassLPM32 = 6 // trie with prefixes of up to 32 bits
	ClassMore4 = 7 // hash with keys of 4 bytes of any other kind

	HeadBuckets  = 8   // address of the buckets; of the elements of an array
	HeadMask     = 16  // number of buckets - 1; of elements
	HeadElems    = 24  // address of element 1 - HeadSize
	HeadSize     = 32  // bytes from one element to the next
	HeadValues   = 40  // address of the value of element 1 - HeadStep
	HeadStep     = 48  // bytes from one value to the next
	HeadArea     = 56  // bytes from one processor's values to the next
	HeadCPUs     = 64  // number of processors, 2^32 where values are not per CPU
	HeadStates   = 72  // address of the state of element 1 - 4; 0 if it is no LRU map
	HeadStripes  = 80  // address of the stripes
	HeadStripeOf = 88  // number of stripes - 1
	HeadCount    = 96  // address of the count
	HeadEntries  = 104 // greatest count
	HeadPlain    = 112 // 64-bit words of a value that programs write by replacing the element; 0 if there is more to it
	HeadKey      = 120 // bytes of a key

	HeadRing     = 8  // address of the ring
	HeadRingMask = 16 // bytes of it - 1
	HeadProd     = 24 // address of the producers' position and lock
	HeadPending  = 32 // address of the place of the oldest record that is written
	HeadCons     = 40 // address of the reader's position
	HeadWaits    = 48 // address of the 32 bits that are 1 while the reader sleeps
)

// A stripe of a hash as machine code knows it: lock, counts and lists, by offset.
const (
	StripeLock  = 0 // 32 bits, odd while it is held, one more with each change of hands
	StripeNFree = 4 // 32 bits each from here on
	StripeNGone = 8
	StripeFree  = 16
	StripeElems = 62 // length of a list
	StripeGone  = StripeFree + 4*StripeElems
	StripeBytes = 640
)

// What the header of a trie says beside HeadElems and HeadSize, and a node of it,
// by offset.
const (
	HeadSlots   = 8  // address of the slots: two 32-bit words each, a node and an element
	HeadShift   = 16 // 32 - bits of a slot's number
	HeadNodes   = 40 // address of node 1 - NodeBytes
	HeadBits    = 48 // bits of a slot's number
	HeadVersion = 56 // address of the version, odd while a writer is at work

	NodeValue  = nodeValue
	NodeLen    = nodeLen
	NodeChild  = nodeChild
	NodePrefix = nodePrefix
	NodeBytes  = nodePrefix + 8
)

// LeastHandle is below every handle: header and guard page lie there.
const LeastHandle = headerBytes

// Limits on what machine code takes: keys of ClassHashN, and words of HeadPlain.
const (
	maxMachineKey   = 64
	maxMachineWords = 8
)

// describe writes the header. That of a pinned map may be of a process before.
func (m *hash) describe() {
	clear(mem.View(m.Handle(), headerBytes))
	set := func(off, x uint64) { mem.Store64(m.Handle()+off, x) }
	switch m.spec.KeySize {
	case 4:
		set(0, ClassHash4)
		if m.lru != nil || m.area != 0 {
			set(0, ClassMore4)
		}
	case 8:
		set(0, ClassHash8)
	default:
		if n := m.spec.KeySize; n%4 == 0 && n <= maxMachineKey {
			set(0, ClassHashN)
		}
	}
	set(HeadBuckets, m.buckets)
	set(HeadMask, uint64(m.mask))
	set(HeadElems, m.elems-m.size)
	set(HeadSize, m.size)
	set(HeadValues, m.values-m.step)
	set(HeadStep, m.step)
	set(HeadArea, m.area)
	set(HeadCPUs, m.lanes.limit())
	set(HeadStripes, addressOf(&m.stripes[0]))
	set(HeadStripeOf, uint64(len(m.stripes)-1))
	set(HeadCount, addressOf(&m.count))
	set(HeadEntries, uint64(m.spec.MaxEntries))
	set(HeadKey, uint64(m.spec.KeySize))
	if words := m.spec.ValueSize / 8; m.Plain() && m.spec.ValueSize%8 == 0 && words <= maxMachineWords {
		set(HeadPlain, uint64(words))
	}
	if m.lru != nil {
		set(HeadStates, m.lru.base-4)
	}
}

func (m *array) describe() {
	set := func(off, x uint64) { mem.Store64(m.Handle()+off, x) }
	set(0, ClassArray)
	set(HeadBuckets, m.values)
	set(HeadMask, uint64(m.spec.MaxEntries))
	set(HeadSize, m.stride)
	set(HeadArea, m.area)
	set(HeadCPUs, m.lanes.limit())
}

func (m *lpm) describe() {
	if m.max != 32 {
		return
	}
	set := func(off, x uint64) { mem.Store64(m.Handle()+off, x) }
	set(0, ClassLPM32)
	set(HeadSlots, m.start())
	set(HeadShift, uint64(32-m.bits))
	set(HeadElems, m.elems-m.elemSize)
	set(HeadSize, m.elemSize)
	set(HeadNodes, m.nodes-m.nodeSize)
	set(HeadBits, uint64(m.bits))
	set(HeadVersion, addressOf(&m.version))
}

func (m *RingBuf) describe() {
	set := func(off, x uint64) { mem.Store64(m.Handle()+off, x) }
	set(0, ClassRing)
	set(HeadRing, m.base)
	set(HeadRingMask, m.mask)
	set(HeadProd, addressOf(&m.prod))
	set(HeadPending, addressOf(&m.pending))
	set(HeadCons, addressOf(&m.cons))
	set(HeadWaits, addressOf(&m.waits))
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
