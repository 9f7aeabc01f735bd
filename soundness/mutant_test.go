package soundness_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
	"github.com/bpfproof/bpfproof/soundness"
)

// mutate returns the source of tnum with one text replaced, once.
func mutate(t *testing.T, old, new string) soundness.Domain {
	t.Helper()
	files, found := fstest.MapFS{}, 0
	names, err := fs.Glob(tnum.GoSource, "*.go")
	require.NoError(t, err)
	for _, name := range names {
		text, err := fs.ReadFile(tnum.GoSource, name)
		require.NoError(t, err)
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		found += strings.Count(string(text), old)
		files[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(text), old, new))}
	}
	require.Equal(t, 1, found, "places with %q", old)
	d := soundness.Domains()[0]
	d.Sources = []symgo.Source{{Path: d.Sources[0].Path, Files: files}}
	return d
}

// TestRefute: bugs in the source are refuted at 64 bits, each by elements and
// words that show it.
func TestRefute(t *testing.T) {
	solver := z3Solver(t, time.Minute)
	for _, k := range []struct {
		name, op, old, new, goal string
		width                    ir.Width
	}{
		{"carries forgotten", "alu.add", "mask := (least ^ greatest) | a.Mask | b.Mask", "mask := greatest&0 | a.Mask | b.Mask", "sound", 64},
		{"value under the mask", "alu.xor", "return T{(a.Value ^ b.Value) &^ mask, mask}", "return T{a.Value ^ b.Value, mask}", "sound", 64},
		{"a word of Meet lost", "lattice.Meet", "return T{a.Value | b.Value, a.Mask & b.Mask}", "return T{a.Value | b.Value, 0}", "contains the shared words", 64},
		{"open bits above the width", "alu.xor", "return T{(a.Value ^ b.Value) &^ mask, mask}",
			"return T{(a.Value ^ b.Value) &^ mask &^ (1 << 40), mask | 1<<40}", "valid", 32},
		{"panics", "alu.or", "ones := a.Value | b.Value", "ones := a.Value | b.Value | 0/(a.Value|1-1)", "no panic", 64},
	} {
		t.Run(k.name, func(t *testing.T) {
			s, err := soundness.Load(mutate(t, k.old, k.new))
			require.NoError(t, err)
			for _, op := range soundness.Ops() {
				if op.Name != k.op || op.Width != k.width {
					continue
				}
				ob, err := s.Build(op)
				require.NoError(t, err)
				proofs, err := ob.Prove(context.Background(), solver)
				require.NoError(t, err)
				last := proofs[len(proofs)-1]
				require.Equal(t, smt.Refuted, last.Outcome)
				require.Equal(t, k.goal, last.Goal)
				t.Logf("%s: %v in %v", k.op, last.Result.Model, last.Result.Elapsed.Round(time.Millisecond))
			}
		})
	}
}

// TestWitness: the words of a refutation show the bug in the domain's own
// terms: the sum of members is not a member of what the mutant gives.
func TestWitness(t *testing.T) {
	solver := z3Solver(t, time.Minute)
	s, err := soundness.Load(mutate(t, "mask := (least ^ greatest) | a.Mask | b.Mask", "mask := greatest&0 | a.Mask | b.Mask"))
	require.NoError(t, err)
	ob, err := s.Build(soundness.Ops()[0])
	require.NoError(t, err)
	proofs, err := ob.Prove(context.Background(), solver)
	require.NoError(t, err)
	model := proofs[len(proofs)-1].Result.Model
	get := func(name string) uint64 { x, _ := model.Value(name); return x }
	a := tnum.T{Value: get("a.Value"), Mask: get("a.Mask")}
	b := tnum.T{Value: get("b.Value"), Mask: get("b.Mask")}
	x, y := get("x"), get("y")
	require.True(t, a.Valid(ir.W64) && b.Valid(ir.W64) && a.Contains(x) && b.Contains(y))
	mask := a.Mask | b.Mask
	wrong := tnum.T{Value: (a.Value + b.Value) &^ mask, Mask: mask}
	sum := sem.Concrete{}.Bin(sem.Add, ir.W64, x, y)
	require.False(t, wrong.Contains(sum), "%v + %v = %v, %#x + %#x = %#x", a, b, wrong, x, y, sum)
	require.True(t, tnum.Add(ir.W64, a, b).Contains(sum))
}
