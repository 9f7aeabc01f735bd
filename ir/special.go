package ir

import "slices"

// ValueFieldKind is what a field of a map value holds that is no plain bytes.
type ValueFieldKind uint8

// The kinds of such fields.
const (
	OtherField    ValueFieldKind = iota // one of which no more is known
	SpinLockField                       // struct bpf_spin_lock
	TimerField                          // struct bpf_timer
	KptrField                           // a pointer to a kernel object
)

var valueFieldNames = [...]string{"kernel object", "bpf_spin_lock", "bpf_timer", "kptr"}

// ParseValueField returns the kind of that name: bpf_spin_lock, bpf_timer, kptr
// or object.
func ParseValueField(name string) (ValueFieldKind, bool) {
	i := slices.Index(valueFieldWords[:], name)
	return ValueFieldKind(max(i, 0)), i >= 0
}

var valueFieldWords = [...]string{"object", "bpf_spin_lock", "bpf_timer", "kptr"}

// Word returns the name that ParseValueField reads.
func (k ValueFieldKind) Word() string { return nameOf(valueFieldWords[:], int(k), "field") }

// String returns the kind's name in the kernel's messages.
func (k ValueFieldKind) String() string { return nameOf(valueFieldNames[:], int(k), "field") }

// ValueField is a field of a map's values that programs may not access as
// bytes. Off and Size are in bytes.
type ValueField struct {
	Kind ValueFieldKind
	Off  uint32
	Size uint32
	// Of a KptrField: how the value holds the object, and which structure of the
	// kernel it is.
	Kptr   KptrKind
	Target string
}

// KptrKind is how a map's value holds an object of the kernel.
type KptrKind uint8

// The kinds.
const (
	OtherKptr  KptrKind = iota // not known
	PlainKptr                  // it only names the object, which may be gone
	OwnedKptr                  // it owns a reference to the object
	PerCPUKptr                 // it owns an object of each processor
)

// Special returns the first field that shares a byte with [lo, hi) of the
// value, or nil.
func (m *MapSpec) Special(lo, hi int64) *ValueField {
	for i := range m.Fields {
		if f := &m.Fields[i]; lo < int64(f.Off)+int64(f.Size) && int64(f.Off) < hi {
			return f
		}
	}
	return nil
}

// FieldOf returns the field of that kind, or nil; a value has at most one lock
// and one timer.
func (m *MapSpec) FieldOf(k ValueFieldKind) *ValueField {
	for i := range m.Fields {
		if m.Fields[i].Kind == k {
			return &m.Fields[i]
		}
	}
	return nil
}
