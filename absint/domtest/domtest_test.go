package domtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// recorder takes failures where a test would report them.
type recorder struct{ failures []string }

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Failed() bool { return len(r.failures) > 0 }

// FailNow ends the test under test; record catches it.
func (r *recorder) FailNow() { panic(r) }

func record(f func(TB)) (failures []string) {
	r := &recorder{}
	defer func() {
		if p := recover(); p != nil && p != any(r) {
			panic(p)
		}
		failures = r.failures
	}()
	f(r)
	return
}

// The mutants below are tnum and interval, each with one error.

type carryless struct{ tnum.Domain } // add forgets that carries vary

func (d carryless) Bin(op sem.BinOp, w ir.Width, x, y tnum.T) tnum.T {
	if op == sem.Add && !x.IsBottom() && !y.IsBottom() {
		mask := x.Mask | y.Mask
		return tnum.T{Value: (x.Value + y.Value) &^ mask & w.Mask(), Mask: mask}
	}
	return d.Domain.Bin(op, w, x, y)
}

type loose struct{ tnum.Domain } // meet returns an element that is not valid

func (d loose) Meet(w ir.Width, a, b tnum.T) tnum.T {
	return tnum.T{Value: a.Value | b.Value, Mask: a.Mask & b.Mask}
}

type greedy struct{ tnum.Domain } // JSLT refined as if unsigned

func (d greedy) Refine(op sem.CmpOp, w ir.Width, x, y tnum.T) (tnum.T, tnum.T) {
	if op == sem.SLT {
		op = sem.ULT
	}
	return d.Domain.Refine(op, w, x, y)
}

type boastful struct{ tnum.Domain } // Leq looks at masks only

func (d boastful) Leq(_ ir.Width, a, b tnum.T) bool {
	return a.IsBottom() || !b.IsBottom() && a.Mask&^b.Mask == 0
}

type unsigned struct{ tnum.Domain } // sign extension fills zeros

func (d unsigned) Resize(x tnum.T, from, to ir.Width, _ bool) tnum.T {
	return d.Domain.Resize(x, from, to, false)
}

type highest struct{ tnum.Domain } // the low bits' facts are taken for the whole word's

func (d highest) RefineLow(w, _ ir.Width, e, low tnum.T) tnum.T { return d.Meet(w, e, low) }

type patient struct{ interval.Domain } // widening is only a join

func (d patient) Widen(w ir.Width, prev, next interval.T) interval.T { return d.Join(w, prev, next) }

func TestMutantsFail(t *testing.T) {
	tests := []struct {
		name string
		run  func(TB)
		want string
	}{
		{"carryless", func(t TB) { Exhaustive[tnum.T](t, carryless{}) }, "add of 2 and 2 bits"},
		{"loose", func(t TB) { Exhaustive[tnum.T](t, loose{}) }, "meet of 1 and 1 bits"},
		{"greedy", func(t TB) { Exhaustive[tnum.T](t, greedy{}) }, "refine.slt.x of 1 and 1 bits"},
		{"boastful", func(t TB) { Laws[tnum.T](t, boastful{}) }, "only in the first"},
		{"unsigned", func(t TB) { Resize[tnum.T](t, unsigned{}) }, "sext.1.2"},
		{"highest", func(t TB) { Low[tnum.T](t, highest{}) }, "refine.low1 of 2 and 1 bits"},
		{"patient", func(t TB) { Widen[interval.T](t, patient{}) }, "chain of 32 bits"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			failures := record(tt.run)
			require.NotEmpty(t, failures, "the mutant passes")
			require.Contains(t, strings.Join(failures, "\n"), tt.want)
		})
	}
}

// lifted is tnum without its own operators, bounds or refinement of low bits.
type lifted struct{ absint.Domain[tnum.T] }

// TestLifted: a domain that brings only the contract passes.
func TestLifted(t *testing.T) {
	d := lifted{tnum.Domain{}}
	require.Empty(t, record(func(t TB) { Exhaustive[tnum.T](t, d) }))
	require.Empty(t, record(func(t TB) { Low[tnum.T](t, d) }))
}
