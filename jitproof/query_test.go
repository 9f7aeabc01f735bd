package jitproof_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/smt"
)

// turned returns code whose comparison's jump is turned round: above becomes
// below or equal.
func turned(t *testing.T, code *jit.Code) *jit.Code {
	wrong := *code
	wrong.Text = append([]byte{}, code.Text...)
	n := 0
	for i, x := range wrong.Text {
		if x == 0x77 {
			wrong.Text[i], n = 0x76, n+1
		}
	}
	require.NotZero(t, n)
	return &wrong
}

// TestQueries: a query is asked of each obligation, by a name of its own, and a
// solver that knows nothing of the proof answers as the proof did.
func TestQueries(t *testing.T) {
	p := parse(t, mixed)
	right := compile(t, p)
	for name, code := range map[string]*jit.Code{"right": right, "wrong": turned(t, right)} {
		t.Run(name, func(t *testing.T) {
			s := solver(t)
			names := map[string]bool{}
			var answers []smt.Status
			c, err := jitproof.New(s, jitproof.Options{Query: func(q jitproof.Query) error {
				require.False(t, names[q.Name()], q.Name())
				names[q.Name()] = true
				r, err := s.Check(t.Context(), q.Builder, q.Assertions()...)
				answers = append(answers, r.Status)
				return err
			}}).Validate(t.Context(), p, code)
			require.NoError(t, err)
			require.Len(t, answers, len(c.Obligations))
			for i, o := range c.Obligations {
				want := map[jitproof.Status]smt.Status{jitproof.Proved: smt.Unsat, jitproof.Refuted: smt.Sat}[o.Status]
				require.Equal(t, want, answers[i], "obligation %d: %+v", i, o)
			}
			require.Equal(t, name == "right", c.Status == jitproof.Proved, explain(p, c))
		})
	}
	_, err := jitproof.New(nil, jitproof.Options{Query: func(jitproof.Query) error { return errors.New("full") }}).Validate(t.Context(), p, right)
	require.ErrorContains(t, err, "show query 0000_func0_prologue_")
	require.ErrorContains(t, err, "full")
}

// TestLog: every instruction and every byte is shown once, and what is not
// proved with its reason.
func TestLog(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	for _, p := range programs(t)[:12] {
		code := compile(t, p)
		c, err := v.Validate(t.Context(), p, code)
		require.NoError(t, err)
		var b strings.Builder
		require.NoError(t, c.Log(&b, p, code))
		insns, bytes := 0, 0
		for line := range strings.Lines(b.String()) {
			cells := strings.Split(line, "| ")
			require.Len(t, cells, 4, "%s: %q", p.Name, line)
			if i := strings.IndexByte(cells[0], ':'); i > 0 && strings.Trim(cells[0][:i], "0123456789") == "" {
				insns++
			}
			if _, text, ok := strings.Cut(cells[1], ": "); ok {
				bytes += strings.IndexByte(text, ' ') / 2
			}
		}
		want := 0
		for _, off := range code.PCMap {
			if off != jit.NoCode {
				want++
			}
		}
		require.Equal(t, want, insns, "%s\n%s", p.Name, b.String())
		require.Equal(t, len(code.Text), bytes, "%s\n%s", p.Name, b.String())
		require.NotContains(t, b.String(), "!!", p.Name)
	}

	p := parse(t, mixed)
	wrong := turned(t, compile(t, p))
	c, err := v.Validate(t.Context(), p, wrong)
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, c.Log(&b, p, wrong))
	require.Regexp(t, `(?m)^!! insn 2 +\| [0-9a-f]+: branch refuted`, b.String())

	short := *wrong
	short.PCMap = short.PCMap[1:]
	require.ErrorContains(t, c.Log(&b, p, &short), "PC map has")
}
