package ktypes

import (
	"strings"

	"github.com/cilium/ebpf/btf"
)

// Param is an argument or the result of a function.
type Param struct {
	Name string
	// Bytes is the size of a number; 0 for a pointer and for nothing at all.
	Bytes int
	// Pointer says that it is an address.
	Pointer bool
	Void    bool // a result: there is none; a pointer: it is to memory of no known type
	Target  ID   // the structure that a pointer points to, or that is passed by value
	Tag     string
	// To is the size of what a pointer that is to no structure points to, 0 if that
	// has none.
	To int
	// Plain says that what the pointer points to is a number, or a structure of
	// numbers: memory that a program may hand over.
	Plain bool
	// Int says that what the pointer points to is an integer.
	Int bool
	// TypeName is the name of what the pointer points to, "" if it has none.
	TypeName string
}

// Suffix reports that the argument's name ends in the word that the kernel gives a
// meaning, such as "__sz".
func (p *Param) Suffix(word string) bool { return strings.HasSuffix(p.Name, word) }

// Func is a function of the kernel.
type Func struct {
	Name  string
	Args  []Param
	Ret   Param
	Kfunc bool // programs can call it
}

// Func returns the function of that name; ok is false if there is none.
func (t *Types) Func(name string) (f *Func, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ready() != nil {
		return nil, false
	}
	if f, ok := t.funcs[name]; ok {
		return f, f != nil
	}
	t.funcs[name] = nil
	fn, ok := lookup[*btf.Func](t, name)
	if !ok {
		return nil, false
	}
	proto, ok := fn.Type.(*btf.FuncProto)
	if !ok {
		return nil, false
	}
	f = t.proto(name, proto, 0)
	for _, tag := range fn.Tags {
		f.Kfunc = f.Kfunc || tag == "bpf_kfunc"
	}
	t.funcs[name] = f
	return f, true
}

// FuncByID returns the function with that number in the BTF.
func (t *Types) FuncByID(id uint32) (f *Func, ok bool) {
	t.mu.Lock()
	if t.ready() != nil {
		t.mu.Unlock()
		return nil, false
	}
	typ, err := t.spec.TypeByID(btf.TypeID(id))
	t.mu.Unlock()
	fn, isFunc := typ.(*btf.Func)
	if err != nil || !isFunc {
		return nil, false
	}
	return t.Func(fn.Name)
}

// Tracepoint returns what programs see of a tracepoint of that name.
func (t *Types) Tracepoint(name string) (f *Func, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ready() != nil {
		return nil, false
	}
	td, ok := lookup[*btf.Typedef](t, "btf_trace_"+name)
	if !ok {
		return nil, false
	}
	p, ok := bare(td).(*btf.Pointer)
	if !ok {
		return nil, false
	}
	proto, ok := bare(p.Target).(*btf.FuncProto)
	if !ok || len(proto.Params) == 0 {
		return nil, false
	}
	return t.proto(name, proto, 1), true
}

// proto reads a prototype but for the first arguments. The lock is held.
func (t *Types) proto(name string, proto *btf.FuncProto, skip int) *Func {
	f := &Func{Name: name, Ret: t.param("", proto.Return)}
	for _, a := range proto.Params[skip:] {
		f.Args = append(f.Args, t.param(a.Name, a.Type))
	}
	return f
}

func (t *Types) param(name string, typ btf.Type) Param {
	p := Param{Name: name}
	switch u := bare(typ).(type) {
	case *btf.Void:
		p.Void = true
	case *btf.Pointer:
		p.Pointer, p.Tag = true, tagOf(u)
		to := bare(u.Target)
		p.Target, p.TypeName = t.target(u), to.TypeName()
		_, p.Void = to.(*btf.Void)
		_, p.Int = to.(*btf.Int)
		if n, err := btf.Sizeof(to); err == nil && !p.Void {
			p.To = n
		}
		p.Plain = t.plain(to, 0)
	default:
		p.Target = t.id(u)
		if n, err := btf.Sizeof(u); err == nil {
			p.Bytes = n
		}
	}
	return p
}

// plainNesting bounds how deep structures of numbers may be nested.
const plainNesting = 3

// plain reports that the type is a number, or a structure of numbers and arrays
// of such.
//
// Source: __btf_type_is_scalar_struct in kernel/bpf/verifier.c.
func (t *Types) plain(typ btf.Type, depth int) bool {
	if number(typ) {
		return true
	}
	id := t.id(typ)
	if id == 0 || depth > plainNesting {
		return false
	}
	for _, m := range t.get(id).members {
		u := bare(m.Type)
		if a, ok := u.(*btf.Array); ok {
			if a.Nelems == 0 || !number(bare(a.Type)) {
				return false
			}
			continue
		}
		if !t.plain(u, depth+1) {
			return false
		}
	}
	return true
}

func number(typ btf.Type) bool {
	switch typ.(type) {
	case *btf.Int, *btf.Enum:
		return true
	}
	return false
}

// Var is a variable of the kernel, or a function whose address is taken.
type Var struct {
	Name   string
	Target ID   // the structure that it is, 0 for another type
	Size   int  // in bytes
	PerCPU bool // each processor has one
}

// VarByID returns the variable with that number in the BTF; ok is false if there is
// none.
func (t *Types) VarByID(id uint32) (v Var, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ready() != nil {
		return Var{}, false
	}
	typ, err := t.spec.TypeByID(btf.TypeID(id))
	if err != nil {
		return Var{}, false
	}
	switch u := typ.(type) {
	case *btf.Func:
		return Var{Name: u.Name}, true
	case *btf.Var:
		v = Var{Name: u.Name, Target: t.id(bare(u.Type))}
		if v.Size, err = btf.Sizeof(u.Type); err != nil {
			return Var{}, false
		}
		if sec, found := lookup[*btf.Datasec](t, ".data..percpu"); found {
			for _, s := range sec.Vars {
				v.PerCPU = v.PerCPU || s.Type == typ
			}
		}
		return v, true
	}
	return Var{}, false
}

// StructByID returns the structure with that number in the BTF; ok is false if
// there is none.
func (t *Types) StructByID(id uint32) (ID, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ready() != nil {
		return 0, false
	}
	typ, err := t.spec.TypeByID(btf.TypeID(id))
	if err != nil {
		return 0, false
	}
	n := t.id(bare(typ))
	return n, n != 0
}
