package maps

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// The order of a walk is that of trie_get_next_key: prefixes by their bits, a
// prefix behind all longer ones that it covers. So a slot's own trie comes
// first, then the short prefixes whose last slot this is, the longest first.

// NextKey returns the prefix behind the given one, the first for a nil or
// unknown one.
func (m *lpm) NextKey(key []byte) ([]byte, error) {
	if key != nil {
		if err := checkKey(m.spec, key); err != nil {
			return nil, err
		}
	}
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.leave()
	m.write.Lock()
	defer m.write.Unlock()
	var next uint32
	if n, data, ok := m.present(key); ok {
		next = m.behind(n, data)
	} else {
		next = m.from(0)
	}
	if next == 0 {
		return nil, ErrKeyNotExist
	}
	return slices.Clone(m.keyOf(next)), nil
}

// present splits a key and reports whether exactly this prefix is there.
func (m *lpm) present(key []byte) (n uint32, data []byte, ok bool) {
	if key == nil {
		return 0, nil, false
	}
	n, data = split(key)
	return n, data, n <= m.max && m.find(n, data).value() != 0
}

// behind returns the element behind a prefix that is there, 0 behind the last.
func (m *lpm) behind(n uint32, data []byte) uint32 {
	slot := m.slotOf(data)
	if n > m.bits {
		if next := m.behindIn(slot, n, data); next != 0 {
			return next
		}
		n = m.bits + 1
	} else {
		first, count := m.span(n, slot)
		slot = first + count - 1
	}
	if next := m.shortFrom(n, slot); next != 0 {
		return next
	}
	return m.from(slot + 1)
}

// from returns the first element of slot or a later one.
func (m *lpm) from(slot uint32) uint32 {
	for ; slot < m.slotCount(); slot++ {
		if r := *m.root(slot); r != 0 {
			return *m.valueOf(m.leftmost(r))
		}
		if next := m.shortFrom(m.bits+1, slot); next != 0 {
			return next
		}
	}
	return 0
}

// shortFrom returns the element of the longest short prefix below n bits that ends at slot.
func (m *lpm) shortFrom(n, slot uint32) uint32 {
	for n > 0 {
		n--
		first, count := m.span(n, slot)
		if first+count-1 != slot {
			return 0
		}
		if e := *m.shortAt(n, slot); e != 0 {
			return e
		}
	}
	return 0
}

// leftmost returns the first node of a trie: a node without children.
func (m *lpm) leftmost(node uint32) uint32 {
	for {
		left, right := *m.child(node, 0), *m.child(node, 1)
		switch {
		case left != 0:
			node = left
		case right != 0:
			node = right
		default:
			return node
		}
	}
}

// behindIn returns the element behind a prefix in its slot's trie, 0 behind the
// last.
func (m *lpm) behindIn(slot, n uint32, data []byte) uint32 {
	var next uint32 // the node that comes behind all of the subtree we are in
	subtree := false
	for node := *m.root(slot); m.lenOf(node) != n; {
		bit := bitAt(data, m.lenOf(node))
		if right := *m.child(node, 1); bit == 0 && right != 0 {
			next, subtree = right, true
		} else if *m.valueOf(node) != 0 {
			next, subtree = node, false
		}
		node = *m.child(node, bit)
	}
	switch {
	case next == 0:
		return 0
	case subtree:
		next = m.leftmost(next)
	}
	return *m.valueOf(next)
}

// Batch returns whole slots, so it may return some elements more than n; the
// cursor is the number of a slot.
func (m *lpm) Batch(cursor uint64, n int) ([]ir.MapElem, uint64, error) {
	if n < 1 || cursor >= uint64(m.slotCount()) {
		return nil, 0, fmt.Errorf("%w: batch of %d elements from slot %d of %d", ErrInvalid, n, cursor, m.slotCount())
	}
	if err := m.enter(); err != nil {
		return nil, 0, err
	}
	defer m.leave()
	m.write.Lock()
	defer m.write.Unlock()
	var elems []ir.MapElem
	for slot := uint32(cursor); slot < m.slotCount(); slot++ {
		if len(elems) >= n {
			return elems, uint64(slot), nil
		}
		elems = m.appendTrie(elems, *m.root(slot))
		for n := m.bits + 1; ; {
			e := m.shortFrom(n, slot)
			if e == 0 {
				break
			}
			n, _ = split(m.keyOf(e))
			elems = append(elems, m.copyElem(e))
		}
	}
	return elems, 0, nil
}

// appendTrie appends the elements of a trie in order. It goes no deeper than a
// prefix has bits.
func (m *lpm) appendTrie(elems []ir.MapElem, node uint32) []ir.MapElem {
	if node == 0 {
		return elems
	}
	elems = m.appendTrie(elems, *m.child(node, 0))
	elems = m.appendTrie(elems, *m.child(node, 1))
	if e := *m.valueOf(node); e != 0 {
		elems = append(elems, m.copyElem(e))
	}
	return elems
}

func (m *lpm) copyElem(e uint32) ir.MapElem {
	return ir.MapElem{Key: slices.Clone(m.keyOf(e)), Value: copyOut(m.elem(e), m.spec)}
}
