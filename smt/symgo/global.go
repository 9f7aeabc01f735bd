package symgo

import (
	"golang.org/x/tools/go/ssa"

	"github.com/bpfproof/bpfproof/ir/sem"
)

// object makes a variable.
func (m *Machine) object(name string, g *ssa.Global) *object {
	m.objects++
	return &object{id: m.objects, name: name, global: g}
}

// global returns the variable of a package.
func (m *Machine) global(g *ssa.Global) *object {
	obj, ok := m.globals[g]
	if !ok {
		obj = m.object(g.String(), g)
		m.globals[g] = obj
	}
	return obj
}

// globalValue returns what the initialisers left in a package variable.
//
// Right only if nothing writes it afterwards: findWrites has looked at every
// function; references within the value are refused, except for one that the
// variable itself is, whose uses findWrites has looked at too.
func (a *activation) globalValue(obj *object) Value {
	m, g := a.m, obj.global
	if why, ok := m.prog.outside[g.Pos()]; ok && g.Pos().IsValid() {
		a.fail("package variable "+g.String(), "%s", why)
	}
	if m.initing == g.Pkg {
		return m.Zero(deref(g.Type())) // not initialised yet
	}
	if pos, ok := m.prog.writes[g]; ok {
		a.fail("package variable "+g.String(), "it can be written at %v", m.prog.fset.Position(pos))
	}
	if why := m.initialize(g.Pkg); why != "" {
		a.fail("package variable "+g.String(), "%s", why)
	}
	v, ok := m.initial[obj]
	if !ok {
		return m.Zero(deref(g.Type()))
	}
	if !a.m.frozen(v, true) {
		a.fail("package variable "+g.String(), "it refers to variables that can be written")
	}
	return v
}

// frozen reports whether v has no references, or, where that is allowed, is
// one to something without.
func (m *Machine) frozen(v Value, one bool) bool {
	all := func(vs []Value) bool {
		for _, v := range vs {
			if !m.frozen(v, false) {
				return false
			}
		}
		return true
	}
	to := func(obj *object) bool { return obj == nil || one && m.frozen(m.initial[obj], false) }
	switch v := v.(type) {
	case *Struct:
		return all(v.Fields)
	case *Array:
		return all(v.Elems)
	case *entries:
		return all(v.keys) && all(v.values)
	case Interface:
		return v.val == nil || m.frozen(v.val, false)
	case Func:
		return len(v.free) == 0
	case Pointer:
		return to(v.obj)
	case slice:
		return to(v.array.obj)
	case mapping:
		return to(v.obj)
	}
	return true
}

// initialize runs the initialiser of a package's variables, once, without
// those of the packages that it imports: these run when they are needed. It
// returns why that failed, or "".
func (m *Machine) initialize(pkg *ssa.Package) (why string) {
	if why, ok := m.inits[pkg]; ok {
		return why
	}
	checks, assume, depth, outer := m.checks, m.assume, m.depth, m.initing
	defer func() {
		m.initing, m.checks, m.assume, m.depth = outer, checks, assume, depth
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			why = f.err.Error()
		}
		m.inits[pkg] = why
	}()
	m.initing, m.checks = pkg, nil
	out := m.run(pkg.Func("init"), nil, nil, &pathCond{all: m.b.Bool(true)}, memory{})
	if len(m.checks) > 0 || !out.returns {
		return "the initialiser of " + pkg.Pkg.Path() + " can panic"
	}
	for obj, v := range out.mem {
		obj.frozen = true
		m.initial[obj] = v
	}
	return ""
}

// makeMap makes an empty map, in initialisers only.
func (a *activation) makeMap(s *state) Value {
	if a.m.initing == nil {
		a.fail("make of a map", "outside the subset")
	}
	obj := a.m.object("map", nil)
	s.mem[obj] = &entries{}
	return mapping{obj}
}

// mapUpdate adds an element to a map, in initialisers only. Later elements
// come first in a look-up, so equal keys do no harm.
func (a *activation) mapUpdate(s *state, in *ssa.MapUpdate) {
	m, ok := a.get(s, in.Map).(mapping)
	if !ok || a.m.initing == nil || m.obj == nil || m.obj.frozen {
		a.fail("assignment to a map", "outside the subset")
	}
	old := a.contents(s, m.obj).(*entries)
	s.mem[m.obj] = &entries{
		keys:   append(old.keys[:len(old.keys):len(old.keys)], a.get(s, in.Key)),
		values: append(old.values[:len(old.values):len(old.values)], a.get(s, in.Value)),
	}
}

// lookup finds an element of a map by comparing with all its keys.
func (a *activation) lookup(s *state, in *ssa.Lookup) Value {
	x := a.get(s, in.X)
	mp, ok := x.(mapping)
	if !ok {
		a.want(x, "look-up")
	}
	e := &entries{}
	if mp.obj != nil {
		e = a.contents(s, mp.obj).(*entries)
	}
	key := a.get(s, in.Index)
	value, found := Value(nil), a.m.b.Bool(false)
	if in.CommaOk {
		value = a.m.Zero(tupleElem(in.Type(), 0))
	} else {
		value = a.m.Zero(in.Type())
	}
	for i := range e.keys {
		c, ok := a.m.equal(key, e.keys[i])
		if !ok {
			a.fail("look-up", "keys cannot be compared: %s", describe(key))
		}
		value, found = a.m.ite(c, e.values[i], value), a.m.b.Bin(sem.Or, 1, c, found)
	}
	if in.CommaOk {
		return &Tuple{[]Value{value, Bool{found}}}
	}
	return value
}
