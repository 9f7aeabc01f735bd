package soundness

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
)

// believing is a solver that finds nothing wrong.
type believing struct{}

func (believing) Name() string { return "believing" }

func (believing) Check(context.Context, *smt.Builder, ...smt.Term) (smt.Result, error) {
	return smt.Result{Status: smt.Unsat, Solver: "believing"}, nil
}

// invented returns a subject with the lines that are named, of which those
// mapped to others rest on these; "false" has a goal that does not hold.
func invented(t *testing.T, rests map[string][]string, names ...string) *Subject {
	s, err := Load(Domains()[0])
	require.NoError(t, err)
	s.contracts.ops = nil
	for _, name := range names {
		s.contracts.ops = append(s.contracts.ops, Op{Name: contractPrefix + name, Width: ir.W64, state: func(st *statement) {
			for _, on := range rests[name] {
				st.restOn(Line{"tnum", contractPrefix + on, ir.W64})
			}
			st.goal("it", st.b.Bool(name != "false"))
		}})
	}
	return s
}

// TestRests: a line is proved only if all are that it rests on, however far
// away; circles prove nothing.
func TestRests(t *testing.T) {
	names := []string{"true", "false", "good", "bad", "worse", "circle1", "circle2", "self", "above", "lost"}
	rests := map[string][]string{
		"good": {"true"}, "bad": {"good", "false"}, "worse": {"bad"},
		"circle1": {"circle2"}, "circle2": {"circle1"}, "self": {"self"}, "above": {"circle2", "true"}, "lost": {"nothing"},
	}
	want := map[string]smt.Outcome{"true": smt.Proved, "good": smt.Proved, "false": smt.Refuted}
	reasons := map[string]string{
		"bad": "it rests on tnum contract.false at 64 bits, which is refuted", "worse": "it rests on tnum contract.bad at 64 bits, which is not proved",
		"circle1": "it rests on tnum contract.circle2 at 64 bits, which is not proved", "circle2": "it rests on tnum contract.circle1 at 64 bits, which rests on it",
		"self": "it rests on tnum contract.self at 64 bits, which rests on it", "lost": "it rests on tnum contract.nothing at 64 bits, which no domain here has",
		"above": "it rests on tnum contract.circle2 at 64 bits, which is not proved",
	}
	for _, workers := range []int{0, 1, 4} {
		s := invented(t, rests, names...)
		var got []string
		r := Run{Solver: believing{}, Workers: workers}
		lines := Find([]*Subject{s}, func(l Line) bool { return strings.HasPrefix(l.Op, contractPrefix) })
		require.Len(t, lines, len(names))
		err := r.Decide(t.Context(), []*Subject{s}, lines, func(v Verdict) error {
			name := v.Op[len(contractPrefix):]
			got = append(got, name)
			require.Equal(t, want[name], v.Status, "%s: %s", name, v.Reason)
			require.Equal(t, reasons[name], v.Reason, name)
			require.Len(t, v.RestsOn, len(rests[name]), name)
			require.Equal(t, name != "false", v.Own == smt.Proved, name)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, names, got, "the order is that of the lines")
	}
}

// TestRestsAlone: where one line is asked for, those that it rests on are
// decided as well.
func TestRestsAlone(t *testing.T) {
	s := invented(t, map[string][]string{"first": {"second"}, "second": {"false"}}, "first", "second", "false")
	r := Run{Solver: believing{}, Workers: 2}
	n := 0
	err := r.Decide(t.Context(), []*Subject{s}, []Line{{"tnum", "contract.first", ir.W64}}, func(v Verdict) error {
		n++
		require.Equal(t, smt.Undecided, v.Status)
		require.Equal(t, "it rests on tnum contract.second at 64 bits, which is not proved", v.Reason)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	r = Run{Solver: believing{}}
	err = r.Decide(t.Context(), []*Subject{s}, []Line{{"tnum", "alu.frob", ir.W64}}, func(Verdict) error { return nil })
	require.ErrorContains(t, err, "no such line")
}

// TestRestsOf: what proofs take as given is named, and every such line exists.
func TestRestsOf(t *testing.T) {
	known := map[Line]bool{}
	var subjects []*Subject
	for _, d := range Domains() {
		s, err := Load(d)
		require.NoError(t, err)
		subjects = append(subjects, s)
		for _, l := range s.Lines() {
			known[l] = true
		}
	}
	want := map[string]string{
		"tnum alu.mul":  "[tnum contract.mulBy at 64 bits]",
		"tnum alu.sdiv": "[tnum contract.divideOr at 64 bits]",
		"tnum alu.add":  "[]",
		"tnum+interval alu.xor": "[interval alu.xor at 64 bits tnum alu.xor at 64 bits tnum+interval contract.Reduce at 64 bits " +
			"tnum+interval contract.Short.xor at 64 bits tnum+interval contract.Small at 64 bits " +
			"tnum+interval contract.agree at 64 bits tnum+interval contract.members at 64 bits]",
		"tnum+interval alu.add": "[interval contract.Add at 64 bits tnum alu.add at 64 bits tnum+interval contract.Reduce at 64 bits " +
			"tnum+interval contract.agree at 64 bits tnum+interval contract.members at 64 bits]",
		"tnum+interval cmp.slt": "[interval cmp.slt at 64 bits tnum cmp.slt at 64 bits tnum+interval contract.Reduce at 1 bits " +
			"tnum+interval contract.members at 1 bits tnum+interval contract.members at 64 bits]",
		"tnum+interval ite": "[interval ite at 64 bits tnum ite at 64 bits tnum+interval contract.members at 1 bits tnum+interval contract.members at 64 bits]",
		"tnum+interval swap.be16": "[interval swap.be16 at 64 bits tnum swap.be16 at 64 bits tnum+interval contract.Reduce at 64 bits " +
			"tnum+interval contract.members at 64 bits]",
		"tnum+interval refine.ne.valid": "[interval refine.ne at 64 bits interval refine.ne.valid at 64 bits tnum refine.ne at 64 bits " +
			"tnum refine.ne.valid at 64 bits tnum+interval contract.Reduce at 64 bits tnum+interval contract.members at 64 bits]",
		"tnum+interval trunc.64.8": "[interval trunc.64.8 at 64 bits tnum trunc.64.8 at 64 bits tnum+interval contract.Reduce at 8 bits " +
			"tnum+interval contract.members at 8 bits tnum+interval contract.members at 64 bits]",
		"tnum+interval lattice.Leq.transitive": "[interval lattice.Leq at 64 bits interval lattice.Leq.transitive at 64 bits tnum lattice.Leq at 64 bits " +
			"tnum lattice.Leq.transitive at 64 bits tnum+interval contract.members at 64 bits]",
		"tnum+interval contract.tighten": "[interval contract.settle at 64 bits tnum+interval contract.cut at 64 bits]",
		"tnum+interval contract.learn":   "[]",
		"tnum+interval contract.Reduce": "[tnum+interval contract.agree at 64 bits tnum+interval contract.learn at 64 bits " +
			"tnum+interval contract.members at 64 bits tnum+interval contract.tighten at 64 bits]",
		"tnum+interval contract.Short.mul": "[]",
		"tnum+interval bounds":             "[]",
	}
	for _, s := range subjects {
		for _, op := range s.Ops() {
			expected, ok := want[s.Domain.Name+" "+op.Name]
			if !ok || op.Width != ir.W64 {
				continue
			}
			ob, err := s.Build(op)
			require.NoError(t, err)
			for _, l := range ob.RestsOn {
				require.True(t, known[l], "%s: no domain has %v", op.Name, l)
			}
			require.Equal(t, expected, fmt.Sprint(ob.RestsOn), "%s %s", s.Domain.Name, op.Name)
			delete(want, s.Domain.Name+" "+op.Name)
		}
	}
	require.Empty(t, want)
}
