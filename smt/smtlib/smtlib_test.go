package smtlib

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

func TestWrite(t *testing.T) {
	b := smt.NewBuilder()
	x, y, p := b.Var("x", 64), b.Var("a|b c", 10), b.Var("and", 1)
	sum := b.Bin(sem.Add, 64, x, b.Bin(sem.Mul, 64, x, x))
	shared := b.Bin(sem.UDiv, 64, sum, b.Apply("f", 64, y, p))
	var sb strings.Builder
	require.NoError(t, Write(&sb, b, "two\nlines",
		b.Cmp(sem.ULT, 64, shared, b.Bin(sem.URem, 64, x, shared)),
		b.And(p, b.Extract(y, 3, 3), b.Not(b.Var("q", 1))),
		b.Eq(b.Concat(b.Resize(p, 1, 8, false), b.Extract(x, 7, 0)), b.Const(16, 0x1ff))))
	require.Equal(t, `; two
; lines
(set-logic QF_UFBV)
(declare-fun $x () (_ BitVec 64))
(declare-fun $a%7cb%20c () (_ BitVec 10))
(declare-fun $and () Bool)
(declare-fun $f ((_ BitVec 10) Bool) (_ BitVec 64))
(declare-fun ?6 () (_ BitVec 64))
(assert (= ?6 ($f $a%7cb%20c $and)))
(define-fun ?7 () (_ BitVec 64) (bvudiv (bvadd $x (bvmul $x $x)) ?6))
(declare-fun $q () Bool)
(assert (bvult ?7 (bvurem $x ?7)))
(assert (and $and (= ((_ extract 3 3) $a%7cb%20c) #b1) (not $q)))
(assert (and $and (= ((_ extract 7 0) $x) #xff)))
(check-sat)
`, sb.String())
	require.ErrorContains(t, Write(failing{}, b, "", p), "smtlib: write script: file already closed")
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestQuote(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"x", "X", "", "a b", "a%20b", "a|b", "ä", "$", "?1", "-", "\x00", "bvadd", "(x)", ";x", "\"x"} {
		q := quote(name)
		require.NotContains(t, seen, q, "%q and %q", name, seen[q])
		seen[q] = name
		e, err := read(q)
		require.NoError(t, err)
		require.Equal(t, q, e.atom)
	}
}

func read(s string) (expr, error) {
	r := reader{in: bufio.NewReader(strings.NewReader(s))}
	return r.next()
}

func TestRead(t *testing.T) {
	for in, want := range map[string]string{
		"sat\n":                          "sat",
		" unsat":                         "unsat",
		"((x #x1f)\n (|a b| (_ bv3 8)))": "((x #x1f) (|a b| (_ bv3 8)))",
		`(error "a ""b"" (c")`:           `(error "a ""b"" (c")`,
		"()":                             "()",
		"(a(b)c)":                        "(a (b) c)",
	} {
		e, err := read(in)
		require.NoError(t, err, in)
		require.Equal(t, want, e.String())
	}
	for in, want := range map[string]string{
		"":                         "EOF",
		"(a (b)":                   "unexpected EOF",
		`"abc`:                     "unexpected EOF",
		"|abc":                     "unexpected EOF",
		")":                        "stray )",
		strings.Repeat("(", 5000):  "nested more than 1000 deep",
		strings.Repeat("a", 1<<26): "more than 67108864 bytes",
	} {
		_, err := read(in)
		require.ErrorContains(t, err, want)
	}
}

func TestValue(t *testing.T) {
	for in, want := range map[string]uint64{"true": 1, "false": 0, "#xff": 255, "#b101": 5, "(_ bv31 64)": 31, "#xffffffffffffffff": 1<<64 - 1} {
		e, err := read(in)
		require.NoError(t, err)
		got, err := value(e)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, in := range []string{"maybe", "#x", "#xg", "#x10000000000000000", "#b2", "(_ bvx 8)", "(_ bv1)", "12", "((a))"} {
		e, err := read(in)
		require.NoError(t, err)
		_, err = value(e)
		require.Error(t, err, in)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("((x #x1f) (|a| \"b\"))")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := read(s)
		if err != nil {
			return
		}
		_, _ = value(e)
		again, err := read(e.String())
		require.NoError(t, err)
		require.Equal(t, e.String(), again.String())
	})
}

// fake is a program that replies to (check-sat) and (get-value ...) with the
// given lines, and to the rest as a solver does.
func fake(t *testing.T, check, value string) Program {
	script := `#!/bin/sh
while read -r line; do
  case "$line" in
  *get-info*version*) echo '(:version "0")';;
  *get-info*) echo '(:reason-unknown "tired")';;
  *check-sat*) ` + check + `;;
  *get-value*) ` + value + `;;
  *echo*) echo "$line" | sed 's/.*"\(.*\)".*/\1/';;
  esac
done
`
	path := filepath.Join(t.TempDir(), "fake")
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
	return Program{Name: "fake", Path: path, Args: func(smt.Limits) []string { return nil },
		Options: func(smt.Limits) [][2]string { return nil }}
}

// TestBadSolver holds that whatever a program says, the answer is right or an
// error.
func TestBadSolver(t *testing.T) {
	b := smt.NewBuilder()
	x := b.Var("x", 8)
	three := b.Eq(x, b.Const(8, 3))
	for name, c := range map[string]struct {
		check, value string
		status       smt.Status
		reason, err  string
	}{
		"right":         {"echo sat", "echo '(($x #x03))'", smt.Sat, "", ""},
		"wrong model":   {"echo sat", "echo '(($x #x04))'", 0, "", "assertion 0 is false under it: x=0x4"},
		"short model":   {"echo sat", "echo '()'", 0, "", "get model: it replied"},
		"strange model": {"echo sat", "echo '(($x (fp 1)))'", 0, "", "read value (fp 1): not a constant"},
		"no model":      {"echo sat", "exit 1", 0, "", "ended early"},
		"unsat":         {"echo unsat", "", smt.Unsat, "", ""},
		"unknown":       {"echo unknown", "", smt.Unknown, "tired", ""},
		"error":         {`echo '(error "line 3: no such thing")'`, "", 0, "", "no such thing"},
		"garbage":       {"echo ')'", "", 0, "", "stray )"},
		"silent":        {"true", "", 0, "", "no reply to check-sat"},
		"ends":          {"echo broken >&2; exit 3", "", 0, "", "it ended early, saying broken: EOF"},
		"hangs":         {"sleep 60", "", smt.Unknown, "time-out of 50ms", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(fake(t, c.check, c.value), smt.Limits{Timeout: 50 * time.Millisecond})
			require.NoError(t, err)
			if name != "hangs" {
				s.(*pipe).limits.Timeout = time.Minute
			}
			r, err := s.Check(context.Background(), b, three)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				require.Equal(t, smt.Unknown, r.Status)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.status, r.Status)
			require.Equal(t, c.reason, r.Reason)
			if r.Status == smt.Sat {
				require.Equal(t, "x=0x3", r.Model.String())
			}
		})
	}
	s, err := New(fake(t, "echo unsat", ""), smt.Limits{})
	require.NoError(t, err)
	_, err = s.Check(context.Background(), b, x)
	require.EqualError(t, err, "smtlib: assert term of 8 bits: want one bit")
}
