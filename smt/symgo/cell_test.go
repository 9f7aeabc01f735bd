package symgo_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// TestCell: a variable that one path writes keeps what it held on the other.
func TestCell(t *testing.T) {
	text := "package cell\n\nfunc Set(p *uint64, c bool) {\n\tif c {\n\t\t*p = 7\n\t}\n}\n"
	prog, err := symgo.Load(symgo.Source{Path: "x.org/cell", Files: fstest.MapFS{"cell.go": {Data: []byte(text)}}})
	require.NoError(t, err)
	fn, err := prog.Func("x.org/cell.Set")
	require.NoError(t, err)
	b := smt.NewBuilder()
	m := symgo.NewMachine(prog, b, symgo.Limits{})
	x, c := symgo.Word{Term: b.Var("x", 64)}, symgo.Bool{Term: b.Var("c", 1)}
	cell := m.Cell(x)
	_, err = m.Call(fn, cell, c)
	require.NoError(t, err)
	require.Equal(t, b.Ite(c.Term, b.Const(64, 7), x.Term), m.Contents(cell).(symgo.Word).Term)
}
