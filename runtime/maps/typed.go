package maps

import (
	"encoding/binary"
	"iter"
)

// Typed is a map to an application that has Go types for keys and values: of
// fixed size, as encoding/binary has it, with the fields of the C structures and
// their padding as fields named _.
type Typed[K, V any] struct {
	Map Map
	cpu int // processors with values of their own; 0: none
}

// Of returns the typed form of a map. ErrInvalid if the types do not have the
// sizes of its keys and values.
func Of[K, V any](m Map) (Typed[K, V], error) {
	var k K
	var v V
	s := m.Spec()
	if n := binary.Size(k); n != int(s.KeySize) {
		return Typed[K, V]{}, refused(ErrInvalid, "map %q: keys have %d bytes, %T has %d", s.Name, s.KeySize, k, n)
	}
	if n := binary.Size(v); n != int(s.ValueSize) {
		return Typed[K, V]{}, refused(ErrInvalid, "map %q: values have %d bytes, %T has %d", s.Name, s.ValueSize, v, n)
	}
	t := Typed[K, V]{Map: m}
	if p, ok := AsPerCPU(m); ok {
		t.cpu = int(p.CPUs())
	}
	return t, nil
}

// bytesOf encodes what Of has found to be of fixed size: that does not fail.
func bytesOf(x any) []byte {
	b, _ := binary.Append(nil, binary.NativeEndian, x)
	return b
}

// Lookup returns the value of a key, of a per-CPU map that of processor 0.
func (t Typed[K, V]) Lookup(key K) (v V, err error) {
	b, err := t.Map.Lookup(bytesOf(key))
	if err == nil {
		_, err = binary.Decode(b, binary.NativeEndian, &v)
	}
	return v, err
}

// LookupCPUs returns the values of a key on all processors of a per-CPU map.
func (t Typed[K, V]) LookupCPUs(key K) ([]V, error) {
	b, err := t.Map.Lookup(bytesOf(key))
	if err != nil {
		return nil, err
	}
	return t.each(b)
}

func (t Typed[K, V]) each(b []byte) ([]V, error) {
	vs := make([]V, max(t.cpu, 1))
	for i := range vs {
		if _, err := binary.Decode(b[i*len(b)/len(vs):], binary.NativeEndian, &vs[i]); err != nil {
			return nil, err
		}
	}
	return vs, nil
}

// Update sets the value of a key, of a per-CPU map on all processors.
func (t Typed[K, V]) Update(key K, value V, flags uint64) error {
	b := bytesOf(value)
	if t.cpu == 0 {
		return t.Map.Update(bytesOf(key), b, flags)
	}
	b = append(b, make([]byte, int(pad8(uint32(len(b))))-len(b))...)
	all := make([]byte, 0, t.cpu*len(b))
	for range t.cpu {
		all = append(all, b...)
	}
	return t.Map.Update(bytesOf(key), all, flags)
}

// Delete takes the element of a key out.
func (t Typed[K, V]) Delete(key K) error { return t.Map.Delete(bytesOf(key)) }

// All iterates over copies of the elements, as the function All does; of a
// per-CPU map with the values of processor 0.
func (t Typed[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for kb, vb := range All(t.Map) {
			var k K
			var v V
			_, err1 := binary.Decode(kb, binary.NativeEndian, &k)
			_, err2 := binary.Decode(vb, binary.NativeEndian, &v)
			if err1 != nil || err2 != nil || !yield(k, v) {
				return
			}
		}
	}
}
