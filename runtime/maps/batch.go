package maps

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
)

// UpdateBatch sets elements one after the other, as BPF_MAP_UPDATE_BATCH does:
// it returns how many it set, and why it stopped.
func UpdateBatch(m Map, elems []ir.MapElem, flags uint64) (int, error) {
	for i, e := range elems {
		if err := m.Update(e.Key, e.Value, flags); err != nil {
			return i, fmt.Errorf("maps: update batch: element %d: %w", i, err)
		}
	}
	return len(elems), nil
}

// DeleteBatch removes elements one after the other, as BPF_MAP_DELETE_BATCH
// does: it returns how many it removed, and why it stopped.
func DeleteBatch(m Map, keys [][]byte) (int, error) {
	for i, k := range keys {
		if err := m.Delete(k); err != nil {
			return i, fmt.Errorf("maps: delete batch: element %d: %w", i, err)
		}
	}
	return len(keys), nil
}

// TakeBatch returns elements as Map.Batch does and removes them
// (BPF_MAP_LOOKUP_AND_DELETE_BATCH). An element that another took meanwhile is
// left out, and one that another set meanwhile is returned as it was set.
func TakeBatch(m Map, cursor uint64, n int) (elems []ir.MapElem, next uint64, err error) {
	t, ok := m.(interface {
		Take(key []byte) ([]byte, error)
	})
	if !ok {
		return nil, 0, fmt.Errorf("%w: elements of a %v are not taken by key", ErrNotSupported, m.Spec().Type)
	}
	found, next, err := m.Batch(cursor, n)
	for _, e := range found {
		v, err := t.Take(e.Key)
		if err == ErrKeyNotExist {
			continue
		}
		if err != nil {
			return elems, cursor, err
		}
		elems = append(elems, ir.MapElem{Key: e.Key, Value: v})
	}
	return elems, next, err
}

// Info is what BPF_OBJ_GET_INFO_BY_FD tells of a map, and what only this runtime
// knows.
type Info struct {
	Name                           string
	Type                           ir.MapType
	KeySize, ValueSize, MaxEntries uint32
	Flags                          uint32
	Extra                          uint64
	Frozen                         bool
	Pinned                         bool
	Elements                       int    // -1 where the kind does not count them
	Bytes                          uint64 // address space taken; untouched pages are no memory
}

// InfoOf describes an open map.
func InfoOf(m Map) Info {
	s := m.Spec()
	info := Info{Name: s.Name, Type: s.Type, KeySize: s.KeySize, ValueSize: s.ValueSize, MaxEntries: s.MaxEntries,
		Flags: s.Flags, Extra: s.Extra, Elements: -1}
	if c, ok := m.(interface{ details(*Info) }); ok {
		c.details(&info)
	}
	switch m := m.(type) {
	case *hash:
		info.Elements = int(m.count.Load())
	case *lpm:
		m.write.Lock()
		info.Elements = int(m.count)
		m.write.Unlock()
	case *queue:
		m.ring.Lock()
		info.Elements = int(m.count)
		m.ring.Unlock()
	case *array:
		info.Elements = int(s.MaxEntries)
	}
	return info
}

func (c *core) details(i *Info) {
	i.Frozen, i.Pinned, i.Bytes = c.frozen.Load(), c.file != nil && !c.file.removed.Load(), uint64(c.block.Size())
}
