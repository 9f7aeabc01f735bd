package proof_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/smt/proof"
)

// cnf is a formula as a test writes it: literals in decimal, as in DIMACS.
type cnf struct {
	vars    int
	clauses [][]int
}

func (c cnf) String() string {
	var sb strings.Builder
	fmt.Fprintf(&sb, "p cnf %d %d\n", c.vars, len(c.clauses))
	for _, cl := range c.clauses {
		sb.WriteString(line(cl))
	}
	return sb.String()
}

func line(clause []int) string {
	s := ""
	for _, l := range clause {
		s += fmt.Sprint(l, " ")
	}
	return s + "0\n"
}

// satisfiable decides by trying all assignments.
func (c cnf) satisfiable() bool {
	for n := range 1 << c.vars {
		all := true
		for _, cl := range c.clauses {
			some := false
			for _, l := range cl {
				some = some || n>>(max(l, -l)-1)&1 == 1 == (l > 0)
			}
			all = all && some
		}
		if all {
			return true
		}
	}
	return false
}

func random(r *rand.Rand, vars, clauses int) cnf {
	c := cnf{vars: vars}
	for range clauses {
		var cl []int
		for range 1 + r.IntN(4) {
			cl = append(cl, (1+r.IntN(vars))*(1-2*r.IntN(2)))
		}
		c.clauses = append(c.clauses, cl)
	}
	return c
}

// pigeons says that n+1 pigeons fit into n holes, one each.
func pigeons(n int) cnf {
	c := cnf{vars: n * (n + 1)}
	at := func(p, h int) int { return p*n + h + 1 }
	for p := range n + 1 {
		var cl []int
		for h := range n {
			cl = append(cl, at(p, h))
			for q := range p {
				c.clauses = append(c.clauses, []int{-at(p, h), -at(q, h)})
			}
		}
		c.clauses = append(c.clauses, cl)
	}
	return c
}

// check reads both and checks; a limit of visits holds hostile proofs.
func check(t testing.TB, formula, drat string, format proof.Format) proof.Report {
	f, err := proof.ReadFormula(strings.NewReader(formula), proof.Limits{})
	require.NoError(t, err)
	p, err := proof.ReadProof(strings.NewReader(drat), format, proof.Limits{})
	require.NoError(t, err)
	r, err := proof.Check(context.Background(), f, p, proof.Limits{})
	require.NoError(t, err)
	return r
}

const square = "p cnf 2 4\n1 2 0\n-1 2 0\n1 -2 0\n-1 -2 0\n"

func TestByHand(t *testing.T) {
	// Every clause over three variables but the one that 1 1 1 violates and
	// the one that 1 1 0 violates: 1, 2 hold in every model.
	loose := "p cnf 3 6\n1 2 3 0\n1 2 -3 0\n1 -2 3 0\n1 -2 -3 0\n-1 2 3 0\n-1 2 -3 0\n"
	for name, c := range map[string]struct {
		formula, drat string
		verdict       proof.Verdict
		reason        string
		checked, rat  int
	}{
		"unit and empty":       {square, "1 0\n0\n", proof.Verified, "", 1, 0},
		"no empty needed":      {square, "2 0\n", proof.Verified, "", 1, 0},
		"nothing":              {square, "", 0, "without a conflict", 0, 0},
		"empty only":           {square, "0\n", 0, "step 1", 1, 0},
		"useless lemmas":       {square, "1 2 0\n2 1 0\n-1 0\n", proof.Verified, "", 1, 0},
		"after the end":        {square, "1 0\n0\n7 8 0\nd 1 2 0\n", proof.Verified, "", 1, 0},
		"wrong lemma":          {loose, "-1 0\n0\n", 0, "step 2", 1, 0},
		"wrong but unused":     {square, "3 0\n-3 -4 0\n1 0\n", proof.Verified, "", 1, 0},
		"needed is gone":       {square, "d 1 2 0\n1 0\n", 0, "step 2", 1, 0},
		"gone in other order":  {square, "d 2 1 0\n1 0\n", 0, "step 2", 1, 0},
		"gone after use":       {square, "1 0\nd 1 2 0\n0\n", proof.Verified, "", 1, 0},
		"not there":            {square, "d 1 0\nd 3 4 0\n1 0\n", proof.Verified, "", 1, 0},
		"twice, deleted once":  {"p cnf 2 5\n1 2 0\n2 1 0\n-1 2 0\n1 -2 0\n-1 -2 0\n", "d 1 2 0\n1 0\n", proof.Verified, "", 1, 0},
		"unit deletion":        {"p cnf 3 4\n1 0\n-1 2 0\n-1 -2 3 0\n-3 -2 0\n", "d 1 0\n", proof.Verified, "", 0, 0},
		"contradicting units":  {"p cnf 1 2\n1 0\n-1 0\n", "", proof.Verified, "", 0, 0},
		"empty clause":         {"p cnf 0 1\n0\n", "", proof.Verified, "", 0, 0},
		"no clause":            {"p cnf 0 0\n", "0\n", 0, "step 1", 1, 0},
		"definition, RAT":      {square, "3 -1 0\n3 -2 0\n-3 1 2 0\n1 0\n", proof.Verified, "", 1, 0},
		"same literal twice":   {square, "1 1 1 0\n0 \n", proof.Verified, "", 1, 0},
		"tautology":            {square, "3 -3 0\n1 0\n", proof.Verified, "", 1, 0},
		"large variables":      {square, "1073741823 -1 0\n1 0\n", proof.Verified, "", 1, 0},
		"satisfiable, lie":     {loose, "2 0\n-2 0\n0\n", 0, "step", 0, 0},
		"satisfiable, new lie": {loose, "4 0\n-4 0\n", 0, "step 2", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := check(t, c.formula, c.drat, proof.Text)
			require.Equal(t, c.verdict, r.Verdict, r.Reason)
			require.Contains(t, r.Reason, c.reason)
			if c.verdict == proof.Verified {
				require.Equal(t, [2]int{c.checked, c.rat}, [2]int{r.Checked, r.RAT})
			}
			require.Equal(t, r, check(t, c.formula, binary(t, c.drat), proof.Binary), "as binary")
		})
	}
}

// TestRAT checks the proof of a formula whose lemmas on a new variable are
// RAT and not RUP, and that RAT looks at every clause that is there.
func TestRAT(t *testing.T) {
	// 4 is defined as 1 and 2; each lemma is needed for the next.
	formula := "p cnf 3 6\n1 2 0\n1 -2 0\n-1 2 0\n-1 -2 3 0\n-3 -1 0\n-3 2 1 0\n"
	r := check(t, formula, "4 -1 -2 0\n-4 1 0\n-4 2 0\n4 0\n0\n", proof.Text)
	require.Equal(t, proof.Verified, r.Verdict, r.Reason)

	// With RAT alone: x1 may be made true, since no clause has -1.
	r = check(t, "p cnf 4 5\n1 2 0\n3 4 0\n3 -4 0\n-3 4 0\n-3 -4 0\n", "3 -1 0\n1 3 0\n3 0\n", proof.Text)
	require.Equal(t, proof.Verified, r.Verdict, r.Reason)

}

// binary rewrites a text proof.
func binary(t testing.TB, text string) string {
	var out bytes.Buffer
	kind := byte('a')
	open := false
	for _, f := range strings.Fields(text) {
		if f == "d" {
			kind = 'd'
			continue
		}
		if !open {
			out.WriteByte(kind)
			kind, open = 'a', true
		}
		n := 0
		_, err := fmt.Sscan(f, &n)
		require.NoError(t, err)
		u := uint(2 * max(n, -n))
		if n < 0 {
			u++
		}
		for ; u >= 0x80; u >>= 7 {
			out.WriteByte(byte(u) | 0x80)
		}
		out.WriteByte(byte(u))
		open = n != 0
	}
	return out.String()
}

// cadical returns a proof of the formula as text, or ok false if it is
// satisfiable.
func cadical(t testing.TB, formula string, options ...string) (drat string, ok bool) {
	path, err := exec.LookPath("cadical")
	if err != nil {
		t.Skip("cadical is not installed")
	}
	file := filepath.Join(t.TempDir(), "proof")
	cmd := exec.Command(path, append([]string{"-q", "--no-binary", "-", file}, options...)...)
	cmd.Stdin = strings.NewReader(formula)
	err = cmd.Run()
	code := cmd.ProcessState.ExitCode()
	require.Contains(t, []int{10, 20}, code, "%v", err)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text), code == 20
}

func TestSolverProofs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	proofs := 0
	for range 60 {
		c := random(r, 12, 60)
		drat, unsat := cadical(t, c.String())
		require.Equal(t, !c.satisfiable(), unsat)
		rep := check(t, c.String(), drat, proof.Text)
		require.Equal(t, unsat, rep.Verdict == proof.Verified, "%s\n%s\n%s", rep.Reason, c, drat)
		if unsat {
			proofs++
			require.Equal(t, rep, check(t, c.String(), binary(t, drat), proof.Binary))
		}
	}
	require.Greater(t, proofs, 10)
	for n := 3; n < 8; n++ {
		drat, unsat := cadical(t, pigeons(n).String())
		require.True(t, unsat)
		rep := check(t, pigeons(n).String(), drat, proof.Text)
		require.Equal(t, proof.Verified, rep.Verdict, rep.Reason)
		t.Logf("%d pigeons: %+v", n+1, rep)
	}
}

// mutate makes a change to some lines of a proof.
func mutate(r *rand.Rand, text string, vars int) string {
	lines := strings.SplitAfter(strings.TrimSpace(text)+"\n", "\n")
	lines = lines[:len(lines)-1]
	for range 1 + r.IntN(3) {
		if len(lines) == 0 {
			break
		}
		i := r.IntN(len(lines))
		fields := strings.Fields(lines[i])
		switch r.IntN(6) {
		case 0: // drop
			lines = append(lines[:i], lines[i+1:]...)
		case 1: // swap
			j := r.IntN(len(lines))
			lines[i], lines[j] = lines[j], lines[i]
		case 2: // delete instead of add, and the other way round
			if fields[0] == "d" {
				lines[i] = strings.TrimPrefix(lines[i], "d ")
			} else {
				lines[i] = "d " + lines[i]
			}
		case 3: // a literal less
			if k := r.IntN(len(fields)); fields[k] != "d" && fields[k] != "0" {
				lines[i] = strings.Join(append(fields[:k:k], fields[k+1:]...), " ") + "\n"
			}
		case 4: // another literal
			if k := r.IntN(len(fields)); fields[k] != "d" && fields[k] != "0" {
				fields[k] = fmt.Sprint((1 + r.IntN(vars+1)) * (1 - 2*r.IntN(2)))
				lines[i] = strings.Join(fields, " ") + "\n"
			}
		case 5: // cut
			lines = lines[:i]
		}
	}
	return strings.Join(lines, "")
}

// TestNeverWrong holds that no proof, however made, verifies a formula that is
// satisfiable; and compares the verdicts on mutated proofs with a checker that
// is too simple to be wrong.
func TestNeverWrong(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	verified, refused := 0, 0
	for range 150 {
		c := random(r, 8, 45)
		for i := range c.clauses { // no units, so that search is needed
			for len(set(c.clauses[i])) < 3 {
				c.clauses[i] = append(c.clauses[i], (1+r.IntN(8))*(1-2*r.IntN(2)))
			}
		}
		if c.satisfiable() {
			continue
		}
		drat, _ := cadical(t, c.String(), "--elim=0", "--lucky=0", "--probe=0")
		for range 20 {
			d := c
			d.clauses = append([][]int{}, c.clauses...)
			if i := r.IntN(len(d.clauses)); r.IntN(2) == 0 { // the formula changes as well
				d.clauses = append(d.clauses[:i:i], d.clauses[i+1:]...)
			}
			m := mutate(r, drat, c.vars)
			rep := check(t, d.String(), m, proof.Text)
			if d.satisfiable() {
				require.Equal(t, proof.NotVerified, rep.Verdict, "%s\n%s", d, m)
			}
			slow := forward(d, m)
			if slow {
				require.Equal(t, proof.Verified, rep.Verdict, "%s: a proof every lemma of which holds\n%s\n%s", rep.Reason, d, m)
			}
			if rep.Verdict == proof.Verified {
				verified++
			} else {
				refused++
			}
		}
	}
	t.Log(verified, "verified,", refused, "refused")
	require.Greater(t, verified, 50)
	require.Greater(t, refused, 50)
}

// TestRandomProofs tries proofs that no solver wrote, full of RAT lemmas.
func TestRandomProofs(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	verified, rat := 0, 0
	for range 4000 {
		c := random(r, 4, 5+r.IntN(12))
		sat := c.satisfiable()
		for range 5 {
			var sb strings.Builder
			for range 1 + r.IntN(8) {
				if r.IntN(3) == 0 {
					sb.WriteString("d " + line(c.clauses[r.IntN(len(c.clauses))]))
					continue
				}
				sb.WriteString(line(random(r, 5, 1).clauses[0]))
			}
			rep := check(t, c.String(), sb.String(), proof.Text)
			if rep.Verdict == proof.Verified {
				verified++
				rat += rep.RAT
				require.False(t, sat, "%s\n%s", c, sb.String())
			}
			if forward(c, sb.String()) {
				require.Equal(t, proof.Verified, rep.Verdict, "%s\n%s\n%s", rep.Reason, c, sb.String())
			}
		}
	}
	t.Log(verified, "verified,", rat, "lemmas were RAT")
	require.Greater(t, verified, 100)
	require.Positive(t, rat)
}
