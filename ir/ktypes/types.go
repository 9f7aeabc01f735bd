package ktypes

import (
	"fmt"
	"io"
	"sync"

	"github.com/cilium/ebpf/btf"
)

// ID names a structure or union of one Types. 0 names none.
type ID int32

// Types is the types of one kernel.
type Types struct {
	mu    sync.Mutex
	load  func() (*btf.Spec, error) // nil once it was called
	spec  *btf.Spec
	err   error
	extra map[string]btf.Type // of modules, by name; see WithTestModule
	mods  []func(*Types) map[string]btf.Type
	list  []*composite // by ID-1
	ids   map[btf.Type]ID
	named map[string]ID
	funcs map[string]*Func
}

// composite is a structure or union.
type composite struct {
	typ     btf.Type
	name    string
	size    uint32
	members []btf.Member
	union   bool
}

// Running returns the types of the running kernel, which are read from
// /sys/kernel/btf/vmlinux at the first question.
func Running() *Types { return &Types{load: btf.LoadKernelSpec} }

// Read returns the types in a file of BTF, or in the .BTF section of an ELF file.
// Errors wrap those of github.com/cilium/ebpf/btf.
func Read(r io.ReaderAt) (*Types, error) {
	spec, err := btf.LoadSpecFromReader(r)
	if err != nil {
		return nil, fmt.Errorf("ktypes: read BTF: %w", err)
	}
	return Of(spec), nil
}

// Of returns the types of a specification, which the caller must not use any
// more: reading it is not safe for concurrent use.
func Of(spec *btf.Spec) *Types { return &Types{spec: spec} }

// Available tells why questions have no answer; nil if they have. t may be nil.
func (t *Types) Available() error {
	if t == nil {
		return fmt.Errorf("ktypes: no types of a kernel are given")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ready()
}

// ready reads what is to be read at the first question. The lock is held.
func (t *Types) ready() error {
	if t.load != nil {
		t.spec, t.err = t.load()
		t.load = nil
		if t.err != nil {
			t.err = fmt.Errorf("ktypes: read the running kernel's BTF: %w", t.err)
		}
	}
	if t.err == nil && t.ids == nil {
		t.ids, t.named, t.funcs = map[btf.Type]ID{}, map[string]ID{}, map[string]*Func{}
		t.extra = map[string]btf.Type{}
		for _, m := range t.mods {
			for name, typ := range m(t) {
				t.extra[name] = typ
			}
		}
	}
	return t.err
}

// lookup returns the type of that name, of which kind it is asked by want.
func lookup[T btf.Type](t *Types, name string) (T, bool) {
	if x, ok := t.extra[name].(T); ok {
		return x, true
	}
	var none T
	all, err := t.spec.AnyTypesByName(name)
	if err != nil {
		return none, false
	}
	for _, x := range all {
		if y, ok := x.(T); ok {
			return y, true
		}
	}
	return none, false
}

// Named returns the structure of that name; ok is false if there is none.
func (t *Types) Named(name string) (id ID, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ready() != nil {
		return 0, false
	}
	return t.structNamed(name)
}

func (t *Types) structNamed(name string) (ID, bool) {
	if id, ok := t.named[name]; ok {
		return id, id != 0
	}
	s, ok := lookup[*btf.Struct](t, name)
	id := ID(0)
	if ok {
		id = t.id(s)
	}
	t.named[name] = id
	return id, ok
}

// id returns the number of a structure or union, 0 for another type. The lock is
// held.
func (t *Types) id(typ btf.Type) ID {
	if id, ok := t.ids[typ]; ok {
		return id
	}
	c := &composite{typ: typ}
	switch s := typ.(type) {
	case *btf.Struct:
		c.name, c.size, c.members = s.Name, s.Size, s.Members
	case *btf.Union:
		c.name, c.size, c.members, c.union = s.Name, s.Size, s.Members, true
	default:
		return 0
	}
	t.list = append(t.list, c)
	id := ID(len(t.list))
	t.ids[typ] = id
	return id
}

// get returns the structure of that number. The lock is held.
func (t *Types) get(id ID) *composite { return t.list[id-1] }

// Name returns the structure's name, "" if it has none.
func (t *Types) Name(id ID) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id <= 0 || int(id) > len(t.list) {
		return ""
	}
	return t.get(id).name
}

// Size returns the structure's size in bytes.
func (t *Types) Size(id ID) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int(t.get(id).size)
}

// bare takes typedefs and qualifiers, tags included, away.
func bare(typ btf.Type) btf.Type { return btf.UnderlyingType(typ) }
