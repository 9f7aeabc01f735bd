package kernel

import (
	"encoding/binary"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// funcTypes collects types of functions behind the type int, which has number 1.
// Names are offsets into the strings of newLineInfo.
//
// Source: Documentation/bpf/btf.rst for the encoding; btf_prepare_func_args in
// kernel/bpf/btf.c of Linux 6.18 for what becomes of arguments and tags.
type funcTypes struct {
	types []byte
	last  uint32 // number of the last type
}

// The kinds of types, and the names that are in use.
const (
	kindInt, kindPtr, kindArray, kindFunc, kindProto, kindTag = 1, 2, 3, 12, 13, 17

	intType                             = 1
	anyName, ctxTag, aliveTag, byteName = 5, 7, 15, 27

	globalFunc = 1 // the linkage
)

// add appends a type and returns its number.
func (t *funcTypes) add(name, kind, flags, word uint32, more ...uint32) uint32 {
	le := binary.LittleEndian
	for _, x := range append([]uint32{name, kind<<24 | flags, word}, more...) {
		t.types = le.AppendUint32(t.types, x)
	}
	t.last++
	return t.last
}

// function adds a function: a static one that takes nothing and returns an int, as
// the verifier goes by the code of static functions alone, or a global one. One of
// whose arguments only the name is known is passed off as static.
func (t *funcTypes) function(g *ir.Prototype) uint32 {
	if g == nil || slices.ContainsFunc(g.Params, func(a ir.Param) bool { return a.Kind == ir.ParamOther }) {
		return t.add(anyName, kindFunc, 0, t.add(0, kindProto, 0, intType))
	}
	ret := uint32(intType)
	if g.Void {
		ret = 0
	}
	var params []uint32
	for _, a := range g.Params {
		params = append(params, anyName, t.param(a))
	}
	f := t.add(anyName, kindFunc, globalFunc, t.add(0, kindProto, uint32(len(g.Params)), ret, params...))
	for i, a := range g.Params {
		switch {
		case a.Kind == ir.ParamCtx:
			t.add(ctxTag, kindTag, 0, f, uint32(i))
		case a.Kind == ir.ParamMem && !a.Null:
			t.add(aliveTag, kindTag, 0, f, uint32(i))
		}
	}
	return f
}

func (t *funcTypes) param(a ir.Param) uint32 {
	switch a.Kind {
	case ir.ParamCtx:
		return t.add(0, kindPtr, 0, 0) // to void: the tag says the rest
	case ir.ParamMem:
		return t.add(0, kindPtr, 0, t.add(0, kindArray, 0, 0, t.add(byteName, kindInt, 0, 1, 8), intType, a.Size))
	}
	return intType
}
