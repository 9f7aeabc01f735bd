package symgo_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// random sets the integers and booleans of x, often to small numbers, to such
// near powers of two, or to what an earlier one has.
func random(r *rand.Rand, x reflect.Value, earlier *[]uint64) {
	switch x.Kind() {
	case reflect.Struct:
		for i := range x.NumField() {
			random(r, x.Field(i), earlier)
		}
		return
	case reflect.Array:
		for i := range x.Len() {
			random(r, x.Index(i), earlier)
		}
		return
	case reflect.Bool:
		x.SetBool(r.IntN(2) == 0)
		return
	}
	n := r.Uint64()
	switch r.IntN(6) {
	case 0:
		n %= 12
	case 1:
		n = uint64(1)<<(n%64) + (n>>60)%3 - 1
	case 2:
		n = -(n % 12)
	case 3:
		if len(*earlier) > 0 {
			n = (*earlier)[r.IntN(len(*earlier))]
		}
	}
	*earlier = append(*earlier, n)
	w := ir.Width(x.Type().Bits())
	if x.CanInt() {
		x.SetInt(w.SignExtend(n))
	} else {
		x.SetUint(n & w.Mask())
	}
}

// words flattens a value as symgo.Leaves does.
func words(x reflect.Value) []uint64 {
	switch {
	case x.Kind() == reflect.Struct:
		var out []uint64
		for i := range x.NumField() {
			out = append(out, words(x.Field(i))...)
		}
		return out
	case x.Kind() == reflect.Array:
		var out []uint64
		for i := range x.Len() {
			out = append(out, words(x.Index(i))...)
		}
		return out
	case x.Kind() == reflect.Bool:
		if x.Bool() {
			return []uint64{1}
		}
		return []uint64{0}
	case x.CanInt():
		return []uint64{uint64(x.Int()) & ir.Width(x.Type().Bits()).Mask()}
	}
	return []uint64{x.Uint()}
}

// call calls a compiled function; panicked tells what it panicked with.
func call(fn reflect.Value, args []reflect.Value) (out []uint64, panicked any) {
	defer func() { panicked = recover() }()
	for _, r := range fn.Call(args) {
		out = append(out, words(r)...)
	}
	return out, nil
}

// agree holds that a compiled function and its translation give the same on
// random arguments, panics included. gen can give arguments of its own.
func agree(t *testing.T, prog *symgo.Program, name string, fn any, n int, gen func(*rand.Rand) []any) {
	t.Helper()
	f, err := prog.Func(name)
	require.NoError(t, err)
	b := smt.NewBuilder()
	m := symgo.NewMachine(prog, b, symgo.Limits{})
	compiled := reflect.ValueOf(fn)
	var args []symgo.Value
	var vars []smt.Term
	for i := range f.Params() {
		args = append(args, m.Var(fmt.Sprintf("a%d", i), f.Param(i)))
		vars = append(vars, symgo.Leaves(args[i])...)
	}
	res, err := m.Call(f, args...)
	require.NoError(t, err)
	terms := []smt.Term{res.Fails}
	for _, v := range res.Results {
		terms = append(terms, symgo.Leaves(v)...)
	}
	r := rand.New(rand.NewPCG(1, 2))
	panics := 0
	for range n {
		in := arguments(r, compiled, gen)
		model := smt.NewModel()
		var flat []uint64
		for _, x := range in {
			flat = append(flat, words(x)...)
		}
		require.Len(t, flat, len(vars))
		for i, v := range vars {
			model.Set(b.Symbol(v).Name, flat[i])
		}
		want, panicked := call(compiled, in)
		got := b.Eval(model, terms...)
		if panicked != nil {
			panics++
		}
		require.Equal(t, panicked != nil, got[0] != 0, "%s(%v): compiled panics: %v", name, in, panicked)
		if panicked == nil {
			require.Equal(t, want, got[1:], "%s(%+v)", name, in)
		}
	}
	t.Logf("%s: %d terms, height %d, %d of %d runs panic", name, b.Stats(terms...).Terms, b.Stats(terms...).Height, panics, n)
}

func arguments(r *rand.Rand, fn reflect.Value, gen func(*rand.Rand) []any) (in []reflect.Value) {
	if gen != nil {
		for _, x := range gen(r) {
			in = append(in, reflect.ValueOf(x))
		}
		return in
	}
	var earlier []uint64
	for i := range fn.Type().NumIn() {
		x := reflect.New(fn.Type().In(i)).Elem()
		random(r, x, &earlier)
		in = append(in, x)
	}
	return in
}
