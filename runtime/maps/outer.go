package maps

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// outer is a map of kind ARRAY_OF_MAPS or HASH_OF_MAPS: a table of handles
// (elements of 8 bytes) in an array or a hash of this package, and the maps
// they stand for. A map that is taken out is known, and its memory kept, until
// every run that may have its handle has ended.
//
// To the application an element is the inner map's identifier of 4 bytes, the
// number it got when it was first set.
type outer struct {
	table
	spec   *ir.MapSpec
	epochs *Epochs
	frozen atomic.Bool

	mu    sync.Mutex // of everything that changes elements
	inner sync.Map   // by handle: *held
	gone  []leaving  // taken out and not yet forgotten, in order of stamp
	last  uint32     // identifier given last
}

// table is what outer uses of an array or a hash.
type table interface {
	Map
	enter() error
	leave()
}

// held is an inner map and how many elements it is in.
type held struct {
	m   Map
	id  uint32
	use int
	out uint64 // when it was last taken out of an element
}

type leaving struct {
	handle uint64
	stamp  uint64
}

// keeper is a map whose memory can be kept beyond Close.
type keeper interface {
	keep()
	drop()
}

func newOuter(spec *ir.MapSpec, e *Epochs) (*outer, error) {
	s := *spec
	s.ValueSize, s.Inner, s.Contents = 8, nil, nil
	m := &outer{spec: spec, epochs: e}
	var err error
	if spec.Type == ir.ArrayOfMaps {
		m.table, err = newArray(&s, 0, nil)
	} else {
		m.table, err = newHash(&s, e, 0, false, nil)
	}
	if err != nil {
		return nil, err
	}
	conceal(m.table)
	return m, nil
}

// Spec returns what the map was made from.
func (m *outer) Spec() *ir.MapSpec { return m.spec }

// Epochs returns what a run enters before it looks elements up.
func (m *outer) Epochs() *Epochs { return m.epochs }

// Region is empty: programs hold no address of an element.
func (m *outer) Region() Region { return Region{} }

// Freeze refuses further changes.
func (m *outer) Freeze() { m.frozen.Store(true) }

// LookupAddr returns the handle of the inner map at key, 0 if there is none.
func (m *outer) LookupAddr(key []byte) uint64 {
	addr := m.table.LookupAddr(key)
	if addr == 0 {
		return 0
	}
	return atomic.LoadUint64(mem.Ptr64(addr))
}

// Inner returns the map with a handle that a run got from LookupAddr.
func (m *outer) Inner(handle uint64) Map {
	if h := m.held(handle); h != nil {
		return h.m
	}
	return nil
}

func (m *outer) held(handle uint64) *held {
	h, _ := m.inner.Load(handle)
	x, _ := h.(*held)
	return x
}

// Inners returns the maps that programs may know.
func (m *outer) Inners() []Map {
	var all []Map
	m.inner.Range(func(_, h any) bool {
		all = append(all, h.(*held).m)
		return true
	})
	return all
}

// fits says whether a map may be an element (bpf_map_meta_equal and
// array_map_meta_equal of Linux 6.18).
func (m *outer) fits(x Map) error {
	got, want := x.Spec(), m.spec.Inner
	if _, ok := x.(keeper); !ok {
		return refused(ErrInvalid, "map %q: a %v is no element of a map", m.spec.Name, got.Type)
	}
	same := got.Type == want.Type && got.KeySize == want.KeySize && got.ValueSize == want.ValueSize && got.Flags == want.Flags
	if got.Type == ir.Array && got.Flags&FlagInnerMap == 0 {
		same = same && got.MaxEntries == want.MaxEntries
	}
	if !same {
		return refused(ErrInvalid, "map %q: map %q has not the shape of its elements", m.spec.Name, got.Name)
	}
	if r, ok := x.(Reclaimer); ok && r.Epochs() != m.epochs {
		return refused(ErrInvalid, "map %q: map %q has epochs of its own", m.spec.Name, got.Name)
	}
	return nil
}

// SetMap sets an element.
func (m *outer) SetMap(key []byte, inner Map, flags uint64) error {
	if m.frozen.Load() {
		return ErrPermission
	}
	if err := m.fits(inner); err != nil {
		return err
	}
	if flags > abi.UpdateExist || flags != abi.UpdateAny && m.spec.Type == ir.ArrayOfMaps {
		return refused(ErrInvalid, "update flags %#x", flags)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.table.enter(); err != nil {
		return err
	}
	defer m.table.leave()
	m.forget()
	old := m.LookupAddr(key)
	m.hold(inner)
	if err := m.table.Put(key, binary.NativeEndian.AppendUint64(nil, inner.Handle()), flags); err != nil {
		m.letGo(inner.Handle())
		return err
	}
	m.letGo(old)
	return nil
}

// hold counts one more element that is the map. The caller holds mu.
func (m *outer) hold(x Map) {
	if h := m.held(x.Handle()); h != nil {
		h.use++
		return
	}
	x.(keeper).keep()
	m.last++
	m.inner.Store(x.Handle(), &held{m: x, id: m.last, use: 1})
}

// letGo counts one less. A map in no element is remembered until the runs that
// may know it have ended. The caller holds mu.
func (m *outer) letGo(handle uint64) {
	h := m.held(handle)
	if h == nil {
		return
	}
	if h.use--; h.use == 0 {
		h.out = m.epochs.stamp()
		m.gone = append(m.gone, leaving{handle, h.out})
	}
}

// forget drops the maps that no run can know any more. The caller holds mu.
func (m *outer) forget() {
	if len(m.gone) == 0 {
		return
	}
	horizon := m.epochs.horizon()
	n := 0
	for n < len(m.gone) && m.gone[n].stamp < horizon {
		if h := m.held(m.gone[n].handle); h != nil && h.use == 0 && h.out == m.gone[n].stamp {
			m.inner.Delete(m.gone[n].handle)
			h.m.(keeper).drop()
		}
		n++
	}
	m.gone = slices.Delete(m.gone, 0, n)
}

// GetMap returns the element at key.
func (m *outer) GetMap(key []byte) (Map, error) {
	h, err := m.get(key)
	if err != nil {
		return nil, err
	}
	return h.m, nil
}

func (m *outer) get(key []byte) (*held, error) {
	if err := checkKey(m.spec, key); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.table.enter(); err != nil {
		return nil, err
	}
	defer m.table.leave()
	h := m.held(m.LookupAddr(key))
	if h == nil {
		return nil, ErrKeyNotExist
	}
	return h, nil
}

// Lookup returns the identifier of the map at key.
func (m *outer) Lookup(key []byte) ([]byte, error) {
	h, err := m.get(key)
	if err != nil {
		return nil, err
	}
	return binary.NativeEndian.AppendUint32(nil, h.id), nil
}

// Update is refused: a map is no bytes.
func (m *outer) Update([]byte, []byte, uint64) error {
	return fmt.Errorf("%w: a %v takes maps, not bytes", ErrInvalid, m.spec.Type)
}

// Put is refused: programs change nothing here.
func (m *outer) Put([]byte, []byte, uint64) error { return m.refuse() }

// Remove is refused: programs change nothing here.
func (m *outer) Remove([]byte) error { return m.refuse() }

func (m *outer) refuse() error {
	return fmt.Errorf("%w: programs do not change a %v", ErrInvalid, m.spec.Type)
}

// Delete takes the map at key out.
func (m *outer) Delete(key []byte) error {
	if m.frozen.Load() {
		return ErrPermission
	}
	if err := checkKey(m.spec, key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.table.enter(); err != nil {
		return err
	}
	defer m.table.leave()
	m.forget()
	old := m.LookupAddr(key)
	switch m.spec.Type {
	case ir.HashOfMaps:
		if err := m.table.Remove(key); err != nil {
			return err
		}
	default:
		addr := m.table.LookupAddr(key)
		if addr == 0 {
			return refused(ErrTooBig, "index %d, max_entries %d", binary.NativeEndian.Uint32(key), m.spec.MaxEntries)
		}
		if old == 0 {
			return ErrKeyNotExist
		}
		atomic.StoreUint64(mem.Ptr64(addr), 0)
	}
	m.letGo(old)
	return nil
}

// Batch returns the identifiers of the maps.
func (m *outer) Batch(cursor uint64, n int) ([]ir.MapElem, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	elems, next, err := m.table.Batch(cursor, n)
	elems = slices.DeleteFunc(elems, func(e ir.MapElem) bool { return binary.NativeEndian.Uint64(e.Value) == 0 })
	for i := range elems {
		elems[i].Value = binary.NativeEndian.AppendUint32(nil, m.held(binary.NativeEndian.Uint64(elems[i].Value)).id)
	}
	return elems, next, err
}

// Close gives the memory back, that of maps that nobody else keeps as well.
func (m *outer) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.table.enter(); err != nil {
		return nil // it was closed before
	}
	m.table.leave()
	m.inner.Range(func(handle, h any) bool {
		m.inner.Delete(handle)
		h.(*held).m.(keeper).drop()
		return true
	})
	m.gone = nil
	return m.table.Close()
}

// maxInner bounds max_entries of a map of maps.
const maxInner = math.MaxInt32
