package asm

import (
	"encoding/hex"
	"math"

	"github.com/bpfproof/bpfproof/ir"
)

func (p *parser) directive(t token) {
	switch t.text {
	case ".name":
		p.prog.Name = p.name("a program name")
	case ".section":
		p.prog.Section = p.name("a section name")
	case ".license":
		p.prog.License = p.name("a license")
	case ".type":
		p.prog.Type = kindName(p, "a program type", ir.ParseProgType)
	case ".func":
		name := p.peek()
		p.funcs = append(p.funcs, ir.Func{Name: p.name("a function name"), PC: p.prog.Slots()})
		if p.peek().isName("global") {
			p.take()
			p.funcs[len(p.funcs)-1].Global = p.prototype()
		}
		if n := len(p.funcs); n > 1 && p.funcs[n-1].PC == p.funcs[n-2].PC {
			p.fail(name, "function %q is empty", p.funcs[n-2].Name)
		}
		if pc, taken := p.labels[name.text]; taken && pc != p.prog.Slots() {
			p.twice[name.text] = true // two static functions may share a name, as long as nothing refers to it
		}
		p.labels[name.text] = p.prog.Slots()
	case ".map":
		p.mapSpec()
	case ".elem":
		p.element()
	default:
		p.expected(t, ".name, .section, .type, .license, .func, .map or .elem")
	}
}

// prototype reads what a global function takes, up to the end of the line.
func (p *parser) prototype() *ir.Prototype {
	t := &ir.Prototype{}
	for p.err == nil && p.peek().kind != tokEnd {
		at := p.peek()
		if at.isName("void") {
			p.take()
			t.Void = true
			continue
		}
		k, ok := ir.ParseParamKind(p.name("a kind of argument"))
		if !ok || len(t.Params) == 5 {
			p.fail(at, "expected number, ctx, mem, other or void, for five arguments at most, found %v", at)
		}
		a := ir.Param{Kind: k}
		switch k {
		case ir.ParamMem:
			a.Size = uint32(p.small("a size", math.MaxUint32))
			if p.peek().isName("null") {
				p.take()
				a.Null = true
			}
		case ir.ParamOther:
			a.Name = p.name("the name of a type")
		}
		t.Params = append(t.Params, a)
	}
	return t
}

// kindName reads the name of a program type or map kind, or its number.
func kindName[T ~uint32](p *parser, what string, parse func(string) (T, bool)) T {
	t := p.peek()
	if t.kind == tokNum {
		return T(p.small(what, math.MaxUint32))
	}
	x, ok := parse(p.name(what))
	if !ok {
		p.fail(t, "expected %s, found %v", what, t)
	}
	return x
}

func (p *parser) mapSpec() {
	t := p.peek()
	name := p.name("a map name")
	if _, ok := p.maps[name]; !ok { // of maps of one name the first has it
		p.maps[name] = len(p.prog.Maps)
	} else if name != "" {
		p.fail(t, "map %q is already declared", name)
	}
	p.prog.Maps = append(p.prog.Maps, p.spec(name))
}

// maxInner bounds how deep map specifications nest; the kernel allows 1.
const maxInner = 4

// spec reads the attributes of a map, up to the end of the line or a closing
// parenthesis.
func (p *parser) spec(name string) *ir.MapSpec {
	top := &ir.MapSpec{Name: name, Type: kindName(p, "a map type", ir.ParseMapType)}
	open := []*ir.MapSpec{top}
	for p.err == nil && p.peek().kind != tokEnd {
		m := open[len(open)-1]
		t := p.take()
		switch {
		case t.isName("key"):
			m.KeySize = uint32(p.small("a key size", math.MaxUint32))
		case t.isName("value"):
			m.ValueSize = uint32(p.small("a value size", math.MaxUint32))
		case t.isName("entries"):
			m.MaxEntries = uint32(p.small("a number of entries", math.MaxUint32))
		case t.isName("flags"):
			m.Flags = uint32(p.small("flags", math.MaxUint32))
		case t.isName("extra"):
			m.Extra = p.small("map_extra", math.MaxUint64)
		case t.isName("frozen"):
			m.Frozen = true
		case t.isName("opaque"):
			m.Opaque = true
		case t.isName("field"):
			m.Fields = append(m.Fields, p.field())
		case t.isName("inner") && m.Inner == nil && len(open) <= maxInner:
			p.want("(")
			m.Inner = &ir.MapSpec{Name: p.name("a map name")}
			m.Inner.Type = kindName(p, "a map type", ir.ParseMapType)
			open = append(open, m.Inner)
		case t.isOp(")") && len(open) > 1:
			open = open[:len(open)-1]
		default:
			p.expected(t, "key, value, entries, flags, extra, frozen, opaque, field or inner")
		}
	}
	if len(open) > 1 {
		p.expected(p.peek(), `")"`)
	}
	return top
}

// field reads what a value holds that is no plain bytes: kind, offset, size.
func (p *parser) field() ir.ValueField {
	t := p.peek()
	k, ok := ir.ParseValueField(p.name("a kind of field"))
	if !ok {
		p.fail(t, "expected a kind of field, found %v", t)
	}
	off := p.small("an offset", math.MaxUint32)
	return ir.ValueField{Kind: k, Off: uint32(off), Size: uint32(p.small("a size", math.MaxUint32))}
}

func (p *parser) element() {
	t := p.peek()
	i := p.mapIndex()
	if i >= len(p.prog.Maps) {
		p.fail(t, "map %d is not declared above", i)
	}
	e := ir.MapElem{Key: p.hex("a key in hex")}
	switch t := p.peek(); {
	case t.isName("program"):
		p.take()
		e.Program = p.name("a program name")
	case t.isName("map"):
		p.take()
		t := p.peek()
		inner := p.mapIndex()
		if inner >= len(p.prog.Maps) {
			p.fail(t, "map %d is not declared above", inner)
		} else if p.err == nil {
			e.Map = p.prog.Maps[inner]
		}
	default:
		e.Value = p.hex("a value in hex, map or program")
	}
	if p.err == nil {
		m := p.prog.Maps[i]
		m.Contents = append(m.Contents, e)
	}
}

// hex reads bytes written as hex digits; "" is no bytes.
func (p *parser) hex(what string) []byte {
	t := p.take()
	b, err := hex.DecodeString(t.text)
	if t.kind == tokEnd || t.kind == tokOp || err != nil {
		p.expected(t, what)
	}
	return b
}

// mapIndex reads the name of a map declared above, or its number.
func (p *parser) mapIndex() int {
	t := p.peek()
	if t.kind == tokNum {
		return int(p.small("a map number", math.MaxInt32))
	}
	name := p.name("the name or number of a map")
	i, ok := p.maps[name]
	if !ok {
		p.fail(t, "map %q is not declared above", name)
	}
	return i
}
