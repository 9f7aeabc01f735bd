package jitproof_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/z3"
)

const mixed = `
	r0 = r1
	r0 /= r2
	if r0 > 9 goto out
	w0 += 3
out:
	exit
`

// certified returns a program, its code and a certificate that has been
// through JSON.
func certified(t *testing.T, v *jitproof.Validator) (*ir.Program, *jit.Code, *jitproof.Certificate) {
	p := parse(t, mixed)
	code := compile(t, p)
	c, err := v.Validate(t.Context(), p, code)
	require.NoError(t, err)
	require.Equal(t, jitproof.Proved, c.Status, explain(p, c))
	data, err := c.Encode()
	require.NoError(t, err)
	back, err := jitproof.Decode(data)
	require.NoError(t, err)
	require.Len(t, back.Seal, 64)
	back.Seal = ""
	require.Equal(t, c, back)
	return p, code, back
}

func TestCheck(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	p, code, c := certified(t, v)
	require.NoError(t, v.Check(t.Context(), c, p, code))

	tests := []struct {
		name   string
		change func(c *jitproof.Certificate)
		want   string
	}{
		{"program hash", func(c *jitproof.Certificate) { c.ProgramHash = "00" }, "it is for another program"},
		{"code hash", func(c *jitproof.Certificate) { c.CodeHash = "00" }, "it is for other code"},
		{"counts", func(c *jitproof.Certificate) { c.Counts.Proved++ }, "its counts are"},
		{"status", func(c *jitproof.Certificate) { c.Status = jitproof.Unknown }, "its counts are"},
		{"assumptions", func(c *jitproof.Certificate) { c.Assumptions = nil }, "its assumptions"},
		{"missing", func(c *jitproof.Certificate) {
			c.Obligations = c.Obligations[1:]
			c.Counts.Total, c.Counts.Proved, c.Counts.Rewriter = c.Counts.Total-1, c.Counts.Proved-1, c.Counts.Rewriter-1
		}, "obligations, there are"},
		{"moved", func(c *jitproof.Certificate) { c.Obligations[3].Off++ }, "obligation 3 is"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, c := certified(t, v)
			tt.change(c)
			require.ErrorContains(t, v.Check(t.Context(), c, p, code), tt.want)
		})
	}
	other := *code
	other.Text = append([]byte{}, code.Text...)
	other.Text[0] ^= 1
	require.ErrorContains(t, v.Check(t.Context(), c, p, &other), "it is for other code")
}

// TestForged: a certificate that calls proved what is not is found out even
// when its hashes and counts fit.
func TestForged(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	p, code, _ := certified(t, v)
	wrong := *code
	wrong.Text = append([]byte{}, code.Text...)
	for i, x := range wrong.Text { // the comparison's jump: above becomes below or equal
		if x == 0x77 {
			wrong.Text[i] = 0x76
		}
	}
	c, err := v.Validate(t.Context(), p, &wrong)
	require.NoError(t, err)
	require.Equal(t, jitproof.Refuted, c.Status)
	require.NoError(t, v.Check(t.Context(), c, p, &wrong), "an honest refutation checks")
	for i := range c.Obligations {
		c.Obligations[i].Status, c.Obligations[i].By = jitproof.Proved, "rewriter"
	}
	n := len(c.Obligations)
	c.Counts, c.Status = jitproof.Counts{Total: n, Proved: n, Rewriter: n}, jitproof.Proved
	require.ErrorContains(t, v.Check(t.Context(), c, p, &wrong), "refuted")
}

func TestDecodeRefuses(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	_, _, c := certified(t, v)
	good, err := c.Encode()
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(good, &fields))
	with := func(name string, x any) []byte {
		m := map[string]any{}
		for k, v := range fields {
			m[k] = v
		}
		m[name] = x
		b, err := json.Marshal(m)
		require.NoError(t, err)
		return b
	}
	for want, data := range map[string][]byte{
		"EOF":                     nil,
		"unknown field":           with("more", 1),
		"schema 4, want 3":        with("schema", 4),
		`"maybe" is none`:         with("status", "maybe"),
		"data behind its end":     append(append([]byte{}, good...), '{'),
		"cannot unmarshal number": with("obligations", 3),
		"it is damaged: its seal": with("bytes", 3),
		"not written as":          bytes.Replace(good, []byte(`"schema"`), []byte(`"Schema"`), 1),
	} {
		_, err := jitproof.Decode(data)
		require.ErrorContains(t, err, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"schema":3,"status":"proved"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := jitproof.Decode(data); err == nil {
			_, err := c.Encode()
			require.NoError(t, err)
		}
	})
}

// TestDeterministic: two runs make the same certificate, but for times.
func TestDeterministic(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	for _, p := range programs(t)[:8] {
		code := compile(t, p)
		a, err := v.Validate(t.Context(), p, code)
		require.NoError(t, err)
		b, err := v.Validate(t.Context(), p, code)
		require.NoError(t, err)
		for i := range a.Obligations {
			a.Obligations[i].Micros, b.Obligations[i].Micros = 0, 0
		}
		require.Equal(t, a, b)
	}
}

// TestSolver: what the rewrite rules do not close is proved by the solver, and
// without one unknown, never proved. Here r0 = 0 is computed as
// (x | y) - (x & y) - (x ^ y).
func TestSolver(t *testing.T) {
	p, code := image([]byte{0x48, 0x89, 0xf8, 0x48, 0x09, 0xf0, 0x49, 0x89, 0xfa, 0x49, 0x21, 0xf2, 0x4c, 0x29, 0xd0,
		0x49, 0x89, 0xfa, 0x49, 0x31, 0xf2, 0x4c, 0x29, 0xd0})
	c, err := jitproof.New(nil, jitproof.Options{}).Validate(t.Context(), p, code)
	require.NoError(t, err)
	require.Equal(t, jitproof.Unknown, c.Status)
	require.Zero(t, c.Counts.Refuted)
	require.Contains(t, c.First(jitproof.Unknown).Reason, "there is no solver")

	c, err = jitproof.New(solver(t), jitproof.Options{}).Validate(t.Context(), p, code)
	require.NoError(t, err)
	require.Equal(t, jitproof.Proved, c.Status, explain(p, c))
	require.Equal(t, c.Counts.Total-1, c.Counts.Rewriter)

	few, err := z3.New(smt.Limits{Steps: 1})
	require.NoError(t, err)
	c, err = jitproof.New(few, jitproof.Options{}).Validate(t.Context(), p, code)
	require.NoError(t, err)
	require.Equal(t, jitproof.Unknown, c.Status, "a spent limit is no proof")
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := parse(t, mixed)
	_, err := jitproof.New(nil, jitproof.Options{}).Validate(ctx, p, compile(t, p))
	require.ErrorIs(t, err, context.Canceled)
}
