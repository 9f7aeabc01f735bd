package soundness_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/bitblast"
	"github.com/bpfproof/bpfproof/soundness"
)

func cadical(t *testing.T) smt.Solver {
	t.Helper()
	solver, err := bitblast.New(smt.Limits{Steps: 2_000_000, Timeout: 5 * time.Minute}, bitblast.Options{})
	if err != nil {
		t.Skip(err)
	}
	return solver
}

// TestProductGiven proves all lines of the product, given those that they rest
// on, whatever is proved of these; without -long, some of them.
func TestProductGiven(t *testing.T) {
	s, solver := load(t, "tnum+interval"), cadical(t)
	some := []string{"alu.add", "alu.mul", "alu.smod", "cmp.slt", "refine.set", "refine.ult.valid", "lattice.Join", "lattice.Widen", "lattice.Leq.transitive",
		"ite", "bounds", "swap.be16", "sext.8.64", "refine.low32", "contract.Reduce", "contract.learn", "contract.agree", "contract.members", "contract.Short.mul"}
	proved := 0
	for _, op := range s.Ops() {
		if !long.Enabled() && (op.Width == ir.W32 || !slices.Contains(some, op.Name)) {
			continue
		}
		ob, err := s.Build(op)
		require.NoError(t, err)
		proofs, err := ob.Prove(t.Context(), solver)
		require.NoError(t, err)
		last := proofs[len(proofs)-1]
		require.Len(t, proofs, len(ob.Goals), "%s at %d bits: %s: %v %s", op.Name, op.Width, last.Goal, last.Outcome, last.Result.Reason)
		require.Equal(t, smt.Proved, last.Outcome, "%s at %d bits: %s: %s", op.Name, op.Width, last.Goal, last.Result.Reason)
		proved++
	}
	t.Logf("%d lines of %d are proved, given those that they rest on", proved, len(s.Ops()))
}

// TestProductWrong: bugs in the source of the product are not proved, though
// validity and membership are left open; each breaks the line named.
func TestProductWrong(t *testing.T) {
	solver := cadical(t)
	for _, k := range []struct {
		name     string
		files    fs.FS
		part     int // of the sources of the product
		old, new string
		op       string
		goal     string
	}{
		{"the reduction of another element", reduced.GoSource, 0, "return d.reduce(w, z.A, interval.Small(r))", "return d.reduce(w, x.A, interval.Small(r))", "alu.xor", "sound"},
		{"top is whatever one part is", reduced.GoSource, 0, "x.A == tnum.Top(w) && x.B.IsTop(w) && ", "x.A == tnum.Top(w) && ", "alu.add", "sound"},
		{"operands turned around", reduced.GoSource, 0, "z.B.SetALU(op, w, &x.B, &y.B)", "z.B.SetALU(op, w, &y.B, &x.B)", "alu.sub", "sound"},
		{"one part is Bottom alone", reduced.GoSource, 0, "return tnum.Bottom(), r", "return t, r", "contract.Reduce", "together"},
		{"a word is lost in a step", reduced.GoSource, 0, "return interval.Range{Min: least, Max: greatest}", "return interval.Range{Min: least + 1, Max: greatest}", "contract.cut", "cut"},
		{"a round forgets", reduced.GoSource, 0, "t = learn(w, t, &r)", "t = tnum.Const(w, r.Full.Pos.Min)", "contract.Reduce", ""},
	} {
		t.Run(k.name, func(t *testing.T) {
			d := soundness.Domains()[2]
			d.Sources = slices.Clone(d.Sources)
			d.Sources[k.part].Files = replaced(t, k.files, k.old, k.new)
			s, err := soundness.Load(d)
			require.NoError(t, err)
			at := slices.IndexFunc(s.Ops(), func(op soundness.Op) bool { return op.Name == k.op && op.Width == ir.W64 })
			ob, err := s.Build(s.Ops()[at])
			require.NoError(t, err)
			proofs, err := ob.Prove(t.Context(), solver)
			require.NoError(t, err)
			last := proofs[len(proofs)-1]
			require.Equal(t, smt.Refuted, last.Outcome, "%s", last.Goal)
			if k.goal != "" {
				require.Equal(t, k.goal, last.Goal)
			}
		})
	}
}

// replaced returns source with one text replaced, once.
func replaced(t *testing.T, source fs.FS, old, new string) fs.FS {
	t.Helper()
	files, found := fstest.MapFS{}, 0
	names, err := fs.Glob(source, "*.go")
	require.NoError(t, err)
	for _, name := range names {
		text, err := fs.ReadFile(source, name)
		require.NoError(t, err)
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		found += strings.Count(string(text), old)
		files[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(text), old, new))}
	}
	require.Equal(t, 1, found, "places with %q", old)
	return files
}
