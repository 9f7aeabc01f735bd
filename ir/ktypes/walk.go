package ktypes

import (
	"fmt"

	"github.com/cilium/ebpf/btf"
)

// Kind is what lies at an offset of a structure.
type Kind uint8

// The kinds.
const (
	Number  Kind = iota // bytes that are no pointer, or a pointer to no structure
	Pointer             // a pointer to the structure Target
)

// Access is what a read of a structure gives.
type Access struct {
	Kind   Kind
	Target ID     // of a Pointer
	Field  string // the member that holds the pointer
	User   bool   // the pointer is to memory of a process
	PerCPU bool   // the pointer is to a variable of each processor
	RCU    bool   // the pointer is protected by RCU
	Union  bool   // it lies in a union of several members
}

// AccessError says why a structure cannot be read at an offset.
type AccessError struct{ Reason string }

func (e *AccessError) Error() string { return "ktypes: walk: " + e.Reason }

// maxNesting bounds how deep members are followed.
const maxNesting = 32

// walker follows an offset through nested structures.
type walker struct {
	t         *Types
	s         *composite
	off, size int64
	a         Access
}

func (w *walker) denied(format string, args ...any) error {
	return &AccessError{fmt.Sprintf(format, args...)}
}

// Walk tells what size bytes at off >= 0 of the structure are. The error is an
// *AccessError.
func (t *Types) Walk(id ID, off, size int) (Access, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := walker{t: t, s: t.get(id), off: int64(off), size: int64(size)}
	for range maxNesting {
		done, err := w.descend()
		if err != nil {
			return Access{}, err
		}
		if done {
			return w.a, nil
		}
	}
	return Access{}, w.denied("struct %s is nested too deep", w.s.name)
}

// descend finds the member at the offset. Where it is a structure, the walk goes
// on there: s and off are then of that one.
func (w *walker) descend() (done bool, err error) {
	w.a.Union = w.a.Union || w.s.union && len(w.s.members) != 1
	if w.off+w.size > int64(w.s.size) {
		return w.behind()
	}
	for i := range w.s.members {
		m := &w.s.members[i]
		at := int64(m.Offset.Bytes())
		if w.off+w.size <= at {
			break
		}
		if m.BitfieldSize > 0 {
			if end := int64(m.Offset+m.BitfieldSize+7) / 8; w.off <= at && end <= w.off+w.size {
				return true, nil
			}
			continue
		}
		if w.off < at {
			break // a hole
		}
		width, err := btf.Sizeof(m.Type)
		if err != nil {
			return false, w.denied("field %s doesn't have size", m.Name)
		}
		if width == 0 || w.off >= at+int64(width) {
			continue
		}
		return w.member(m, at, int64(width))
	}
	return false, w.denied("struct %s doesn't have field at offset %d", w.s.name, w.off)
}

// behind reads behind the structure's end: elements of an array of no known
// length.
func (w *walker) behind() (done bool, err error) {
	if n := len(w.s.members); n > 0 {
		m := &w.s.members[n-1]
		at := int64(m.Offset.Bytes())
		if a, ok := bare(m.Type).(*btf.Array); ok && a.Nelems == 0 && w.off >= at {
			elem := bare(a.Type)
			if _, number := elem.(*btf.Int); number {
				return true, nil
			}
			if id := w.t.id(elem); id != 0 && w.t.get(id).size > 0 {
				w.s = w.t.get(id)
				w.off = (w.off - at) % int64(w.s.size)
				return false, nil
			}
		}
	}
	return false, w.denied("access beyond struct %s at off %d size %d", w.s.name, w.off, w.size)
}

// member reads in a member of width bytes at the offset at, in which w.off lies.
func (w *walker) member(m *btf.Member, at, width int64) (done bool, err error) {
	typ, end := bare(m.Type), at+width
	if a, ok := typ.(*btf.Array); ok {
		elem, n := flatten(a)
		typ, width = bare(elem), width/int64(n)
		at += (w.off - at) / width * width
	}
	if id := w.t.id(typ); id != 0 {
		w.s, w.off = w.t.get(id), w.off-at
		return false, nil
	}
	if p, ok := typ.(*btf.Pointer); ok {
		if w.off != at || w.size != width {
			return false, w.denied("cannot access ptr member %s with moff %d in struct %s with off %d size %d", m.Name, at, w.s.name, w.off, w.size)
		}
		if id := w.t.target(p); id != 0 {
			w.a.Kind, w.a.Target, w.a.Field = Pointer, id, m.Name
			tag := tagOf(p)
			w.a.User, w.a.PerCPU, w.a.RCU = tag == "user", tag == "percpu", tag == "rcu"
			return true, nil
		}
	}
	if w.off+w.size > end && !w.a.Union {
		return false, w.denied("access beyond the end of member %s (mend:%d) in struct %s with off %d size %d", m.Name, end, w.s.name, w.off, w.size)
	}
	return true, nil
}

// tagOf returns the tag of what a pointer points to, such as "user".
func tagOf(p *btf.Pointer) string {
	if tag, ok := p.Target.(*btf.TypeTag); ok {
		return tag.Value
	}
	return ""
}

// target returns the structure that a pointer points to, 0 for another type. A
// structure that is only declared is looked for by its name.
func (t *Types) target(p *btf.Pointer) ID {
	to := bare(p.Target)
	if f, ok := to.(*btf.Fwd); ok && f.Kind == btf.FwdStruct {
		id, _ := t.structNamed(f.Name)
		return id
	}
	return t.id(to)
}

// flatten returns the innermost element of an array of arrays, and how many there
// are.
func flatten(a *btf.Array) (elem btf.Type, n int) {
	n = int(a.Nelems)
	for {
		inner, ok := bare(a.Type).(*btf.Array)
		if !ok {
			return a.Type, n
		}
		a, n = inner, n*int(inner.Nelems)
	}
}

// Matches reports that a pointer to off bytes into the structure have is one to
// the structure want: to it itself, or to a member of it, the first one at 0.
// With strict set only the structure itself counts.
//
// Source: btf_struct_ids_match.
func (t *Types) Matches(have ID, off int, want ID, strict bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for range maxNesting {
		if off == 0 && t.same(have, want) {
			return true
		}
		if strict || off < 0 {
			return false
		}
		if have, off = t.inner(have, off); have == 0 {
			return false
		}
	}
	return false
}

// inner returns the structure among the members in which off lies, and the offset
// in that one; 0 if there is none.
func (t *Types) inner(id ID, off int) (ID, int) {
	s := t.get(id)
	for i := range s.members {
		m := &s.members[i]
		at := int(m.Offset.Bytes())
		width, err := btf.Sizeof(m.Type)
		if err != nil || m.BitfieldSize > 0 || off < at || off >= at+width {
			continue
		}
		typ := bare(m.Type)
		off -= at
		if a, ok := typ.(*btf.Array); ok {
			elem, n := flatten(a)
			typ = bare(elem)
			off %= width / n
		}
		return t.id(typ), off
	}
	return 0, 0
}

// same reports that two numbers are of one structure, or of two with one name and
// size: modules repeat those of the kernel.
func (t *Types) same(a, b ID) bool {
	x, y := t.get(a), t.get(b)
	return a == b || x.name != "" && x.name == y.name && x.size == y.size && x.union == y.union
}

// Trust is what the kernel promises of a pointer that a trusted object's field
// holds.
type Trust uint8

// The promises.
const (
	NoTrust       Trust = iota
	Trusted             // it is valid as long as the object is
	TrustedOrNull       // the same, or 0
	RCU                 // it is valid while RCU is held
	RCUOrNull           // the same, or 0
)

var trustSuffixes = [...]string{Trusted: "__safe_trusted", TrustedOrNull: "__safe_trusted_or_null", RCU: "__safe_rcu", RCUOrNull: "__safe_rcu_or_null"}

// TrustOf tells what is promised of the pointer a that was read from the structure
// of: the kernel lists such fields in structures with a suffix to the name.
//
// Source: btf_nested_type_is_trusted.
func (t *Types) TrustOf(of ID, a Access) Trust {
	t.mu.Lock()
	defer t.mu.Unlock()
	for trust := Trusted; trust <= RCUOrNull; trust++ {
		id, ok := t.structNamed(t.get(of).name + trustSuffixes[trust])
		if !ok {
			continue
		}
		for _, m := range t.get(id).members {
			p, ok := bare(m.Type).(*btf.Pointer)
			if ok && m.Name == a.Field && t.same(t.target(p), a.Target) {
				return trust
			}
		}
	}
	return NoTrust
}

// Member returns where a member of the structure lies, and its size; ok is false if
// there is none of that name.
func (t *Types) Member(id ID, name string) (off, size int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id == 0 {
		return 0, 0, false
	}
	for _, m := range t.get(id).members {
		if m.Name == name && m.BitfieldSize == 0 {
			size, err := btf.Sizeof(m.Type)
			return int(m.Offset.Bytes()), size, err == nil
		}
	}
	return 0, 0, false
}
