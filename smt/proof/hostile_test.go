package proof_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/smt/proof"
)

func TestBadFormula(t *testing.T) {
	for text, want := range map[string]string{
		"":                             `line 1: want a header "p cnf VARIABLES CLAUSES": EOF`,
		"c only\nc this\n":             `want a header`,
		"p dnf 1 1\n1 0\n":             `line 1: want a header`,
		"p cnf -1 1\n1 0\n":            `want a header`,
		"p cnf 1 99999999999\n":        `want a header`,
		"p cnf 2 1\n1 3 0\n":           `line 2: "3" is no literal of 2 variables`,
		"p cnf 2 2\n1 0\n1 x 0\n":      `line 3: "x" is no literal`,
		"p cnf 2 1\n1 -0 0\n":          `line 2: "-0" is no literal`,
		"p cnf 2 1\n1 2\n":             `the last clause does not end with 0`,
		"p cnf 2 2\n1 2 0\n":           `the header says 2 clauses, there are 1`,
		"p cnf 2 1\n1 0\n2 0\n":        `the header says 1 clauses, there are 2`,
		"p cnf 2 1\n1 0\n%\n0\n":       `line 3: "%" is no literal`,
		"p cnf 9999999999999999999999": `want a header`,
	} {
		_, err := proof.ReadFormula(strings.NewReader(text), proof.Limits{})
		require.ErrorContains(t, err, want, "%q", text)
	}
	f, err := proof.ReadFormula(strings.NewReader("c a\n\n  p  cnf 3\t2 \nc b\r\n1 -2\n 3 0 -3 0\nc d"), proof.Limits{})
	require.NoError(t, err, "spaces and comments")
	require.Equal(t, 2, f.Clauses())
}

func TestBadProof(t *testing.T) {
	for text, want := range map[string]string{
		"1 2":             "line 1: step 1: unexpected EOF",
		"1 0\nd":          "line 2: step 2: unexpected EOF",
		"1 0\n\nd 2":      "line 3: step 2: unexpected EOF",
		"1 0\n2 d 0\n":    `line 2: step 2: "d" is no literal`,
		"1 0\n\n-x 0\n":   `line 3: step 2: "-x" is no literal`,
		"2147483648 0\n":  `line 1: step 1: "2147483648" is no literal`,
		"- 0\n":           `line 1: step 1: "-" is no literal`,
		"d d 0\n":         `"d" is no literal`,
		"\x00\x01\x02 0 ": `is no literal`,
	} {
		_, err := proof.ReadProof(strings.NewReader(text), proof.Text, proof.Limits{})
		require.ErrorContains(t, err, want, "%q", text)
	}
	for text, want := range map[string]string{
		"a":                              "byte 1: step 1: unexpected EOF",
		"a\x02":                          "byte 2: step 1: unexpected EOF",
		"a\x02\x00d\x82":                 "byte 5: step 2: unexpected EOF",
		"a\x02\x00x\x00":                 `byte 4: step 2: a step begins with 'a' or 'd', not 'x'`,
		"a\x01\x00":                      "byte 2: step 1: 1 is no literal",
		"a\xff\xff\xff\xff\x0f\x00":      "byte 6: step 1: a literal is larger than 2147483647",
		"a\x80\x80\x80\x80\x80\x80\x01":  "a literal is larger",
		"1 2 0\n":                        `byte 1: step 1: a step begins with 'a' or 'd', not '1'`,
		"a\x80\x80\x80\x80\x80\x00\x00a": "a literal is larger",
	} {
		_, err := proof.ReadProof(strings.NewReader(text), proof.Binary, proof.Limits{})
		require.ErrorContains(t, err, want, "%q", text)
	}
}

// endless repeats its text forever.
type endless struct{ text string }

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e.text) <= len(p) {
		n += copy(p[n:], e.text)
	}
	return n, nil
}

func TestLimits(t *testing.T) {
	_, err := proof.ReadProof(endless{"1 2 0\n"}, proof.Text, proof.Limits{Literals: 10_000})
	require.ErrorIs(t, err, proof.ErrLimit)
	require.ErrorContains(t, err, "more than 10000 literals")
	_, err = proof.ReadProof(endless{"a\x00"}, proof.Binary, proof.Limits{Literals: 10_000})
	require.ErrorIs(t, err, proof.ErrLimit)
	_, err = proof.ReadFormula(io.MultiReader(strings.NewReader("p cnf 1 1000000000\n"), endless{"1 -1 0\n"}), proof.Limits{Literals: 10_000})
	require.ErrorIs(t, err, proof.ErrLimit)

	drat, _ := cadical(t, pigeons(7).String())
	f, err := proof.ReadFormula(strings.NewReader(pigeons(7).String()), proof.Limits{})
	require.NoError(t, err)
	p, err := proof.ReadProof(strings.NewReader(drat), proof.Text, proof.Limits{})
	require.NoError(t, err)
	r, err := proof.Check(context.Background(), f, p, proof.Limits{Visits: 100_000})
	require.ErrorIs(t, err, proof.ErrLimit)
	require.Equal(t, proof.NotVerified, r.Verdict)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err = proof.Check(ctx, f, p, proof.Limits{})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, proof.NotVerified, r.Verdict)
	require.Greater(t, p.Steps(), 100)
	require.Equal(t, int64(len(drat)), p.Bytes())
}

// cook is the proof with definitions by S. Cook ("A Short Proof of the Pigeon
// Hole Principle Using Extended Resolution", 1976) that n+1 pigeons do not fit
// into n holes. Its definitions are RAT and not RUP.
func cook(n int) (formula cnf, drat string, definitions int) {
	formula = pigeons(n)
	var sb strings.Builder
	next := formula.vars
	at := make([][]int, n+1)
	for p := range at {
		for h := range n {
			at[p] = append(at[p], p*n+h+1)
		}
	}
	for ; n > 1; n-- { // from n+1 pigeons to n of them in n-1 holes
		q := make([][]int, n)
		for i := range n {
			for j := range n - 1 {
				next++
				q[i] = append(q[i], next)
				for _, cl := range [][]int{
					{next, -at[i][j]}, {next, -at[i][n-1], -at[n][j]},
					{-next, at[i][j], at[i][n-1]}, {-next, at[i][j], at[n][j]},
				} {
					sb.WriteString(line(cl))
					definitions++
				}
			}
		}
		for i := range n {
			sb.WriteString(line(q[i]))
			for j := range n - 1 {
				for k := range i {
					sb.WriteString(line([]int{-q[i][j], -q[k][j], -at[i][j]}))
					sb.WriteString(line([]int{-q[i][j], -q[k][j]}))
				}
			}
		}
		at = q
	}
	return formula, sb.String() + "0\n", definitions
}

func TestDefinitions(t *testing.T) {
	for n := 3; n < 10; n++ {
		f, drat, definitions := cook(n)
		r := check(t, f.String(), drat, proof.Text)
		require.Equal(t, proof.Verified, r.Verdict, r.Reason)
		require.Greater(t, r.RAT, definitions/4)
		require.LessOrEqual(t, r.RAT, definitions)
		if n > 4 {
			continue
		}
		require.True(t, forward(f, drat), "the simple checker agrees")
		// With the defined variable not first in a lemma, it is not RAT, and the
		// proof stands only if it stands without the lemma.
		refused := 0
		for i, l := range strings.SplitAfter(drat, "\n")[:8] {
			fields := strings.Fields(l)
			fields[0], fields[1] = fields[1], fields[0]
			other := strings.Replace(drat, l, strings.Join(fields, " ")+"\n", 1)
			if check(t, f.String(), other, proof.Text).Verdict == proof.NotVerified {
				refused++
				continue
			}
			without := strings.Replace(drat, l, "", 1)
			require.Equal(t, proof.Verified, check(t, f.String(), without, proof.Text).Verdict, "definition %d", i)
		}
		require.Positive(t, refused)
	}
}

// TestRATSeesDeletedLast holds that a lemma which is RAT only after a clause
// was deleted is refused before, and that what was deleted is not used after.
func TestRATSeesDeletedLast(t *testing.T) {
	// 1 can be made true if no clause has -1.
	formula := "p cnf 3 3\n-1 2 0\n-1 -2 3 0\n-1 -3 2 -2 0\n"
	require.Equal(t, proof.NotVerified, check(t, formula, "1 0\n", proof.Text).Verdict)
	// With -1 2 gone 1 is RAT; that it contradicts -1 2 must not count.
	formula = "p cnf 2 2\n-1 2 0\n-1 -2 0\n"
	r := check(t, formula, "d -1 2 0\nd -1 -2 0\n1 0\n", proof.Text)
	require.Equal(t, proof.NotVerified, r.Verdict)
	require.Equal(t, "the proof ends without a conflict", r.Reason)
	r = check(t, formula, "1 0\n0\n", proof.Text)
	require.Equal(t, proof.NotVerified, r.Verdict, "1 is not RAT while the clauses are there")
}

// FuzzCheck gives the checker any formula and proof; what it verifies must be
// unsatisfiable.
func FuzzCheck(f *testing.F) {
	f.Add(square, []byte("1 0\n0\n"), false)
	f.Add(square, []byte("3 -1 0\n3 -2 0\n-3 1 2 0\nd 3 -1 0\n1 0\n"), false)
	f.Add("p cnf 1 2\n1 0\n-1 0\n", []byte("a\x02\x00d\x03\x00"), true)
	c, drat, _ := cook(3)
	f.Add(c.String(), []byte(drat), false)
	f.Add("p cnf 1000000000 1\n1000000000 0\n", []byte("-999999999 3 0\n"), false)
	f.Fuzz(func(t *testing.T, formula string, drat []byte, isBinary bool) {
		limits := proof.Limits{Literals: 20_000, Visits: 200_000}
		format := proof.Text
		if isBinary {
			format = proof.Binary
		}
		cs, err := proof.ReadFormula(strings.NewReader(formula), limits)
		if err != nil {
			return
		}
		p, err := proof.ReadProof(bytes.NewReader(drat), format, limits)
		if err != nil {
			return
		}
		r, err := proof.Check(context.Background(), cs, p, limits)
		if err != nil || r.Verdict != proof.Verified {
			require.Equal(t, proof.NotVerified, r.Verdict)
			return
		}
		if parsed, ok := parse(formula); ok && parsed.vars <= 12 {
			require.False(t, parsed.satisfiable(), "%s", formula)
		}
	})
}

// parse reads a formula that ReadFormula has read.
func parse(text string) (c cnf, ok bool) {
	var sb strings.Builder
	for l := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimLeft(l, " \t\r"), "c") {
			sb.WriteString(l)
		}
	}
	fields := strings.Fields(sb.String())
	var cl []int
	for _, f := range fields[4:] {
		n := 0
		if _, err := fmt.Sscan(f, &n); err != nil {
			return c, false
		}
		c.vars = max(c.vars, n, -n)
		if n != 0 {
			cl = append(cl, n)
			continue
		}
		c.clauses = append(c.clauses, cl)
		cl = nil
	}
	return c, true
}
