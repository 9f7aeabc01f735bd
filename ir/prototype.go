package ir

import "slices"

// MaxFrames is how deep calls nest, the program's own frame included
// (MAX_CALL_FRAMES in include/linux/bpf_verifier.h).
const MaxFrames = 8

// Prototype is what a global function takes and gives: it can be called by anybody
// who keeps to it, so it is verified by itself.
type Prototype struct {
	Params []Param // of r1 to r5, at most five
	Void   bool    // it gives nothing; else a number
}

// Param is one argument of a global function.
type Param struct {
	Kind ParamKind
	Size uint32 // of ParamMem: bytes
	Null bool   // of ParamMem: it may be 0 instead
	Name string // of ParamOther: its type
}

// ParamKind tells what an argument is.
type ParamKind uint8

// The kinds of arguments.
const (
	ParamNumber ParamKind = iota // any number
	ParamCtx                     // the program's context
	ParamMem                     // memory that may be read and written
	ParamOther                   // something else, which is told by its name
)

var paramNames = [...]string{"number", "ctx", "mem", "other"}

// String returns the kind's name.
func (k ParamKind) String() string { return nameOf(paramNames[:], int(k), "param") }

// ParseParamKind returns the kind with the given name; ok is false for an unknown
// one.
func ParseParamKind(name string) (k ParamKind, ok bool) {
	i := slices.Index(paramNames[:], name)
	return ParamKind(max(i, 0)), i >= 0
}

// Equal reports whether two prototypes say the same; nil stands for none.
func (t *Prototype) Equal(u *Prototype) bool {
	if t == nil || u == nil {
		return t == u
	}
	return t.Void == u.Void && slices.Equal(t.Params, u.Params)
}

// MapAt returns the map of that index in Maps, or the inner map of ^index where it is
// negative.
func (p *Program) MapAt(index int32) *MapSpec {
	if index < 0 {
		return p.Maps[^index].Inner
	}
	return p.Maps[index]
}

// GlobalAt returns the prototype of the function that starts at pc, nil if none
// does, or a static one, or the main program.
func (p *Program) GlobalAt(pc PC) *Prototype {
	i := p.FuncAt(pc)
	if i == 0 || p.Funcs[i].PC != pc {
		return nil
	}
	return p.Funcs[i].Global
}
