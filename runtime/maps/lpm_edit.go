package maps

import (
	"slices"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// seat is where the value of a prefix is; word is nil where there is no node
// for it yet.
type seat struct{ word *uint32 }

func (s seat) value() uint32 {
	if s.word == nil {
		return 0
	}
	return *s.word
}

// shortAt returns the place of a short prefix.
func (m *lpm) shortAt(n, slot uint32) *uint32 { return &m.short[1<<n|slot>>(m.bits-n)] }

// find returns the place of exactly this prefix. The caller holds write.
func (m *lpm) find(n uint32, data []byte) seat {
	slot := m.slotOf(data)
	if n <= m.bits {
		return seat{m.shortAt(n, slot)}
	}
	node := *m.root(slot)
	for node != 0 {
		l := m.lenOf(node)
		if l > n || common(m.prefixOf(node), data, l) < l {
			return seat{}
		}
		if l == n {
			return seat{m.valueOf(node)}
		}
		node = *m.child(node, bitAt(data, l))
	}
	return seat{}
}

// insert makes a place for a long prefix that has none, without a value, and
// returns it; no place where memory is out. The caller holds write.
func (m *lpm) insert(n uint32, data []byte) seat {
	link := m.root(m.slotOf(data))
	for {
		at := *link
		if at == 0 {
			return m.leaf(link, n, data, 0, 0)
		}
		l := m.lenOf(at)
		same := common(m.prefixOf(at), data, min(l, n))
		switch {
		case same == n: // the new prefix is above at
			return m.leaf(link, n, data, at, bitAt(m.prefixOf(at), n))
		case same < l:
			return m.fork(link, same, n, data)
		}
		link = m.child(at, bitAt(data, l))
	}
}

// leaf links a new node, with one child or none, in the place of link's.
func (m *lpm) leaf(link *uint32, n uint32, data []byte, child, bit uint32) seat {
	x := m.newNode(n, data)
	if x == 0 {
		return seat{}
	}
	if child != 0 {
		*m.child(x, bit) = child
	}
	atomic.StoreUint32(link, x)
	return seat{m.valueOf(x)}
}

// fork puts a node of length same, without a value, over link's node and a new
// one.
func (m *lpm) fork(link *uint32, same, n uint32, data []byte) seat {
	f := m.newNode(same, data)
	if f == 0 {
		return seat{}
	}
	s := m.leaf(m.child(f, bitAt(data, same)), n, data, 0, 0)
	if s.word == nil {
		m.freeN.put(f)
		return s
	}
	old := *link
	*m.child(f, bitAt(m.prefixOf(old), same)) = old
	atomic.StoreUint32(link, f)
	return s
}

// newNode returns a node that nobody knows, or 0.
func (m *lpm) newNode(n uint32, data []byte) uint32 {
	x := m.freeN.take(m.epochs)
	if x == 0 {
		return 0
	}
	mem.Store64(m.node(x), uint64(n)<<32)
	mem.Store64(m.node(x)+nodeChild, 0)
	p := m.prefixOf(x)
	copy(p, data)
	if n%8 != 0 {
		p[n/8] &= ^byte(0xff >> (n % 8))
		n += 8 - n%8
	}
	clear(p[n/8:])
	return x
}

// spread sets the slots under a short prefix, whose value has changed, to the
// longest over them: those that a longer one has keep it. The caller holds write,
// and version is odd.
func (m *lpm) spread(n, slot uint32) {
	value := m.longestShort(n, slot)
	first, count := m.span(n, slot)
	for i := first; i < first+count; i++ {
		if e := *m.best(i); e == 0 || !m.under(e, n, i) {
			atomic.StoreUint32(m.best(i), value)
		}
	}
}

// under reports whether element e is the value of a short prefix over the slot
// that is longer than n bits.
func (m *lpm) under(e, n, slot uint32) bool {
	l, _ := split(m.keyOf(e))
	return l > n && l <= m.bits && *m.shortAt(l, slot) == e
}

// span returns the slots under a short prefix.
func (m *lpm) span(n, slot uint32) (first, count uint32) {
	count = 1 << (m.bits - n)
	return slot &^ (count - 1), count
}

// tidy removes what a prefix that lost its value has left. The caller holds
// write.
func (m *lpm) tidy(n uint32, data []byte) {
	if n > m.bits {
		m.prune(m.root(m.slotOf(data)), n, data)
	}
}

// prune unlinks the node of a prefix without a value, and the fork above it
// where that has only one child left.
func (m *lpm) prune(link *uint32, n uint32, data []byte) {
	var above *uint32 // link to the node before
	for m.lenOf(*link) != n {
		above, link = link, m.child(*link, bitAt(data, m.lenOf(*link)))
	}
	m.bypass(link)
	if above != nil {
		m.bypass(above)
	}
}

// bypass unlinks link's node if it has no value and not two children.
func (m *lpm) bypass(link *uint32) {
	x := *link
	left, right := *m.child(x, 0), *m.child(x, 1)
	if *m.valueOf(x) != 0 || left != 0 && right != 0 {
		return
	}
	atomic.StoreUint32(link, left|right)
	m.freeN.retire(m.epochs, x)
}

// freelist hands out numbers 1..total, and takes them back once no run knows
// them. Its user holds a lock.
type freelist struct {
	total, used uint32
	free        []uint32
	retired     []leaver
}

// leaver is a number that a run may still know.
type leaver struct {
	elem  uint32
	stamp uint64
}

func (f *freelist) take(e *Epochs) uint32 {
	if len(f.free) == 0 && (f.used == f.total || len(f.retired) >= reclaim) {
		f.reclaim(e)
	}
	if n := len(f.free); n > 0 {
		x := f.free[n-1]
		f.free = f.free[:n-1]
		return x
	}
	if f.used == f.total {
		return 0
	}
	f.used++
	return f.used
}

func (f *freelist) put(x uint32) { f.free = append(f.free, x) }

func (f *freelist) retire(e *Epochs, x uint32) { f.retired = append(f.retired, leaver{x, e.stamp()}) }

func (f *freelist) reclaim(e *Epochs) {
	if len(f.retired) == 0 {
		return
	}
	h := e.horizon()
	n := 0
	for n < len(f.retired) && f.retired[n].stamp < h {
		f.free = append(f.free, f.retired[n].elem)
		n++
	}
	f.retired = slices.Delete(f.retired, 0, n)
}
