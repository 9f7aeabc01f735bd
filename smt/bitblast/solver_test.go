package bitblast

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/z3"
)

func open(t testing.TB, l smt.Limits, o Options) *solver {
	if _, err := exec.LookPath(program); err != nil && o.Path == "" {
		t.Skip("cadical is not installed")
	}
	s, err := New(l, o)
	require.NoError(t, err)
	return s.(*solver)
}

func TestMissingProgram(t *testing.T) {
	_, err := New(smt.Limits{}, Options{Path: "no-such-solver"})
	require.EqualError(t, err, `bitblast: start cadical: the program "no-such-solver" was not found (apt-get install cadical): exec: "no-such-solver": executable file not found in $PATH`)
}

// TestQueries proves operators with checked proofs, those that take no second
// at 64 bits, and refutes each with its conclusion turned round.
func TestQueries(t *testing.T) {
	s := open(t, smt.Limits{Timeout: time.Minute}, Options{CheckProof: true})
	slow := map[string]bool{"interval-add": true, "tnum-lsh": true, "tnum-rsh": true, "tnum-arsh": true}
	for _, w := range []ir.Width{8, 16, 64} {
		for _, q := range named(w) {
			if w == 64 && slow[q.name] {
				continue
			}
			t.Run(fmt.Sprintf("%s/w=%d", q.name, w), func(t *testing.T) {
				b := smt.NewBuilder()
				r, err := s.Check(context.Background(), b, q.build(b)...)
				require.NoError(t, err)
				require.Equal(t, smt.Unsat, r.Status, r.Reason)
				require.NotNil(t, r.Proof)
				all := q.build(b)
				last := len(all) - 1
				all[last] = b.Not(all[last])
				r, err = s.Check(context.Background(), b, all...)
				require.NoError(t, err)
				require.Equal(t, smt.Sat, r.Status, r.Reason)
				require.NotNil(t, r.Model)
			})
		}
	}
}

// TestAgainstZ3 compares answers on random conditions with functions, with
// every proof checked.
func TestAgainstZ3(t *testing.T) {
	other, err := z3.New(smt.Limits{Timeout: 20 * time.Second})
	if err != nil {
		t.Skip("built without cgo")
	}
	s := open(t, smt.Limits{Timeout: 20 * time.Second}, Options{CheckProof: true})
	count := map[smt.Status]int{}
	for seed := range uint64(50) {
		b := smt.NewBuilder()
		g := gen{Rand: rand.New(rand.NewPCG(seed, 3)), b: b}
		w := []ir.Width{2, 5, 8, 12}[g.IntN(4)]
		f := func(x smt.Term) smt.Term { return b.Apply("f", w, x, b.Extract(x, w-1, 1)) }
		p := func(x smt.Term) smt.Term { return b.Apply("p", 1, x) }
		x, y := g.word(w, 2), g.word(w, 2)
		conditions := []smt.Term{
			g.cond(w, 2), g.cond(w, 2), g.cond(w, 1), b.Implies(p(x), g.cond(w, 1)), b.Eq(f(x), f(f(y))), b.Or(p(y), p(f(x))),
			b.Implies(b.Eq(x, y), b.Not(b.Eq(f(x), g.word(w, 1)))),
		}
		r, err := s.Check(context.Background(), b, conditions...)
		require.NoError(t, err)
		want, err := other.Check(context.Background(), b, conditions...)
		require.NoError(t, err)
		count[r.Status]++
		if r.Status != smt.Unknown && want.Status != smt.Unknown {
			require.Equal(t, want.Status, r.Status, "seed %d: %s", seed, b.String(b.And(conditions...)))
		}
	}
	t.Log(count)
	require.Greater(t, count[smt.Sat], 10)
	require.Greater(t, count[smt.Unsat], 5)
	require.Less(t, count[smt.Unknown], 5)
}

// TestFunctions holds what Ackermann's expansion has to say.
func TestFunctions(t *testing.T) {
	s := open(t, smt.Limits{}, Options{CheckProof: true})
	b := smt.NewBuilder()
	x, y := b.Var("x", 64), b.Var("y", 64)
	f := func(x smt.Term) smt.Term { return b.Apply("f", 64, x) }
	ffx := f(f(x))
	fix := b.Eq(f(ffx), x)
	for name, c := range map[string]struct {
		all  []smt.Term
		want smt.Status
	}{
		"congruence":     {[]smt.Term{b.Eq(x, y), b.Not(b.Eq(f(x), f(y)))}, smt.Unsat},
		"not injective":  {[]smt.Term{b.Eq(f(x), f(y)), b.Not(b.Eq(x, y))}, smt.Sat},
		"five and three": {[]smt.Term{fix, b.Eq(f(f(f(ffx))), x), b.Not(b.Eq(f(x), x))}, smt.Unsat},
	} {
		r, err := s.Check(context.Background(), b, c.all...)
		require.NoError(t, err)
		require.Equal(t, c.want, r.Status, "%s: %s", name, r.Reason)
	}
}

// hard asks for factors of the prime 2^61-1.
func hard(b *smt.Builder) []smt.Term {
	x, y := b.Var("x", 64), b.Var("y", 64)
	lim := b.Const(64, 1<<32)
	return []smt.Term{
		b.Eq(b.Bin(sem.Mul, 64, x, y), b.Const(64, 1<<61-1)), b.Cmp(sem.ULT, 64, x, lim), b.Cmp(sem.ULT, 64, y, lim),
		b.Cmp(sem.ULT, 64, b.Const(64, 1), x),
	}
}

// TestLimits holds that every limit gives Unknown, its reason, and no proof.
func TestLimits(t *testing.T) {
	b := smt.NewBuilder()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	soon, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	query := named(32)[6].build(b) // proof of some size
	for name, c := range map[string]struct {
		ctx     context.Context
		limits  smt.Limits
		options Options
		query   []smt.Term
		reason  string
	}{
		"conflicts":          {context.Background(), smt.Limits{Steps: 100}, Options{}, hard(b), "limit of 100 conflicts"},
		"conflicts, proof":   {context.Background(), smt.Limits{Steps: 100}, Options{CheckProof: true}, hard(b), "limit of 100 conflicts"},
		"time-out":           {context.Background(), smt.Limits{Timeout: 50 * time.Millisecond}, Options{CheckProof: true}, hard(b), "time-out of 50ms"},
		"ended before":       {ended, smt.Limits{}, Options{}, hard(b), "context canceled"},
		"ended while":        {soon, smt.Limits{}, Options{CheckProof: true}, hard(b), "context canceled"},
		"gates":              {context.Background(), smt.Limits{}, Options{MaxGates: 1000}, hard(b), "formula too large: more than 1000 gates"},
		"length of proof":    {context.Background(), smt.Limits{}, Options{CheckProof: true, MaxProof: 1000}, query, "unsat, but its proof was not read: proof: read proof:"},
		"time-out, no proof": {context.Background(), smt.Limits{Timeout: time.Nanosecond}, Options{}, hard(b), "time-out of 1ns"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			r, err := open(t, c.limits, c.options).Check(c.ctx, b, c.query...)
			require.NoError(t, err)
			require.Equal(t, smt.Unknown, r.Status)
			require.Contains(t, r.Reason, c.reason)
			require.Nil(t, r.Proof)
			require.Nil(t, r.Model)
			require.Less(t, time.Since(began), 20*time.Second)
		})
	}
}

// TestConstant holds that what the gates decide alone needs no search, and
// still has a proof.
func TestConstant(t *testing.T) {
	s := open(t, smt.Limits{}, Options{CheckProof: true})
	b := smt.NewBuilder()
	x := b.Var("x", 8)
	r, err := s.Check(context.Background(), b)
	require.NoError(t, err)
	require.Equal(t, smt.Sat, r.Status)
	r, err = s.Check(context.Background(), b, b.Bool(false))
	require.NoError(t, err)
	require.Equal(t, smt.Unsat, r.Status)
	require.NotNil(t, r.Proof)
	r, err = s.Check(context.Background(), b, b.Eq(x, b.Const(8, 77)))
	require.NoError(t, err)
	require.Equal(t, "x=0x4d", r.Model.String())
	_, err = s.Check(context.Background(), b, x)
	require.EqualError(t, err, "bitblast: assert term of 8 bits: want one bit")
}

// fake is a program that does as the script says, with the proof's file in $p.
func fake(t *testing.T, script string) string { return fakeOf(t, "0", script) }

// fakeOf is fake for a program that says it is of the given version.
func fakeOf(t *testing.T, version, script string) string {
	path := filepath.Join(t.TempDir(), "fake")
	text := "#!/bin/sh\nPATH=/usr/bin:/bin\nif [ \"$1\" = --version ]; then echo " + version + "; exit; fi\nfor p; do :; done\n[ \"$p\" = - ] && p=/dev/null\n" + script + "\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o755))
	return path
}

// TestBadSolver holds that whatever the program says, the answer is right or
// none.
func TestBadSolver(t *testing.T) {
	for name, c := range map[string]struct {
		script, reason, err string
		status              smt.Status
	}{
		"silent":           {"cat >/dev/null; exit 0", "no reason given", "", 0},
		"lies sat":         {"cat >/dev/null; echo 's SATISFIABLE'; echo 'v 1 2 0'; exit 10", "", "is false under it", 0},
		"no values":        {"cat >/dev/null; echo 's SATISFIABLE'; exit 10", "", "read values: they do not end with 0", 0},
		"strange values":   {"cat >/dev/null; echo 's SATISFIABLE'; echo 'v 1 9999999 0'; exit 10", "", `"9999999" is no literal`, 0},
		"wrong status":     {"cat >/dev/null; echo 's UNSATISFIABLE'; exit 0", "", "does not go with the exit status", 0},
		"garbage":          {"cat >/dev/null; echo 'hello'; exit 20", "", `read "hello": not an answer`, 0},
		"dies":             {"echo 'no memory' >&2; exit 1", "", "exit status 1, saying no memory", 0},
		"killed":           {"kill -9 $$", "", "does not go with the exit status", 0},
		"no proof":         {"cat >/dev/null; echo 's UNSATISFIABLE'; exit 20", "not verified: the proof ends without a conflict", "", 0},
		"empty clause":     {`cat >/dev/null; printf 'a\000' >$p; echo 's UNSATISFIABLE'; exit 20`, "not verified: step 1: the lemma is neither RUP nor RAT", "", 0},
		"broken proof":     {`cat >/dev/null; printf 'a\007' >$p; echo 's UNSATISFIABLE'; exit 20`, "not read: proof: read proof: byte 2: step 1: unexpected EOF", "", 0},
		"does not read":    {"echo 's UNSATISFIABLE'; exit 20", "not verified", "", 0},
		"endless proof":    {`cat >/dev/null; i=0; while [ $i -lt 3000 ]; do printf 'a\004\006\010\012\000' >&3; i=$((i+1)); done; echo 's UNSATISFIABLE'; exit 20`, "not read: proof: read proof: byte", "", 0},
		"hangs":            {"sleep 60", "time-out of 300ms", "", 0},
		"hangs with child": {"sleep 60 & sleep 60", "time-out of 300ms", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			limits := smt.Limits{Timeout: 20 * time.Second}
			if strings.HasPrefix(name, "hangs") {
				limits.Timeout = 300 * time.Millisecond
			}
			b := smt.NewBuilder()
			x, y := b.Var("x", 16), b.Var("y", 16)
			s := open(t, limits, Options{CheckProof: true, Path: fake(t, c.script), MaxProof: 2000})
			r, err := s.Check(context.Background(), b, b.Cmp(sem.ULT, 16, x, y), b.Cmp(sem.ULT, 16, y, x), b.Eq(x, b.Bin(sem.Mul, 16, y, y)))
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.status, r.Status)
			require.Contains(t, r.Reason, c.reason)
		})
	}
}

// TestLateAnswer holds that what the program has written counts, however late it
// is read: on a loaded machine that can be long after its end.
func TestLateAnswer(t *testing.T) {
	b := smt.NewBuilder()
	x, y := b.Var("x", 16), b.Var("y", 16)
	s := open(t, smt.Limits{Timeout: 20 * time.Second}, Options{Path: fake(t, "cat >/dev/null; (sleep 0.5; echo 's UNSATISFIABLE') & exit 20")})
	r, err := s.Check(context.Background(), b, b.Cmp(sem.ULT, 16, x, y), b.Eq(x, b.Bin(sem.Mul, 16, y, y)))
	require.NoError(t, err)
	require.Equal(t, smt.Unsat, r.Status)
}

func TestCache(t *testing.T) {
	dir := t.TempDir()
	options := Options{CheckProof: true, CacheDir: dir}
	b := smt.NewBuilder()
	q := named(16)[1].build(b)
	first, err := open(t, smt.Limits{}, options).Check(context.Background(), b, q...)
	require.NoError(t, err)
	require.False(t, first.Proof.Cached)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, files, 1)

	// The second answer needs no search.
	options.Path = fakeOf(t, first.Version, "exit 3")
	liar := open(t, smt.Limits{}, options)
	r, err := liar.Check(context.Background(), b, q...)
	require.NoError(t, err)
	require.Equal(t, smt.Unsat, r.Status)
	require.True(t, r.Proof.Cached)
	require.Equal(t, first.Proof.Bytes, r.Proof.Bytes)

	// Of another version of the solver it does, and for other clauses.
	options.Path = fakeOf(t, first.Version+"+", "exit 3")
	_, err = open(t, smt.Limits{}, options).Check(context.Background(), b, q...)
	require.ErrorContains(t, err, "exit status 3")
	_, err = liar.Check(context.Background(), b, named(16)[2].build(b)...)
	require.ErrorContains(t, err, "exit status 3")

	// A damaged entry and one under another name are none.
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(files[0], text[:len(text)/2], 0o600))
	_, err = liar.Check(context.Background(), b, q...)
	require.ErrorContains(t, err, "exit status 3")
	require.NoError(t, os.WriteFile(files[0], []byte(strings.Replace(string(text), `"Key":"`, `"Key":"0`, 1)), 0o600))
	_, err = liar.Check(context.Background(), b, q...)
	require.ErrorContains(t, err, "exit status 3")

	options = Options{CheckProof: true, CacheDir: filepath.Join(dir, "none")}
	_, err = open(t, smt.Limits{}, options).Check(context.Background(), b, q...)
	require.ErrorContains(t, err, "bitblast: write cache entry:")
}

// TestSame holds that the same terms give the same clauses, and a limit in
// conflicts the same answer.
func TestSame(t *testing.T) {
	var first []byte
	for range 3 {
		b := smt.NewBuilder()
		tr := newTranslator(b, DefaultMaxGates)
		roots, err := tr.assertions(context.Background(), named(32)[5].build(b))
		require.NoError(t, err)
		text := encode(tr.g, roots, false).dimacs()
		if first == nil {
			first = text
		}
		require.Equal(t, string(first), string(text))
	}
}
