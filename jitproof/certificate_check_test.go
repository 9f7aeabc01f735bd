package jitproof_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/smt"
)

// broken is a solver that fails.
type broken struct{ smt.Solver }

func (broken) Check(context.Context, *smt.Builder, ...smt.Term) (smt.Result, error) {
	return smt.Result{}, errors.New("it broke")
}

// TestDamaged: no single bit of a certificate can be changed unnoticed.
func TestDamaged(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	_, code, c := certified(t, v)
	c.Code = code
	good, err := c.Encode()
	require.NoError(t, err)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		_, err := jitproof.Decode(bad)
		require.Error(t, err, "bit %d of byte %d (%q)", i%8, i, good[max(0, i-20):min(len(good), i+20)])
	}
	for n := range len(good) - 1 {
		_, err := jitproof.Decode(good[:n])
		require.Error(t, err, "cut at %d", n)
	}
	spaced := bytes.ReplaceAll(good, []byte(`,"`), []byte(",\n \""))
	_, err = jitproof.Decode(spaced)
	require.NoError(t, err, "space is free")
}

// TestCarriesCode: a certificate is checked with the code that came with it,
// and not with other code that is put there and sealed anew.
func TestCarriesCode(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	p, code, c := certified(t, v)
	again := func() *jitproof.Certificate {
		data, err := c.Encode()
		require.NoError(t, err)
		back, err := jitproof.Decode(data)
		require.NoError(t, err)
		return back
	}
	c.Code = code
	back := again()
	require.Equal(t, jitproof.HashCode(code), jitproof.HashCode(back.Code))
	require.NoError(t, v.Check(t.Context(), back, p, back.Code))

	c.Code = turned(t, code)
	back = again()
	require.ErrorContains(t, v.Check(t.Context(), back, p, back.Code), "it is for other code")
	c.CodeHash = jitproof.HashCode(c.Code)
	back = again()
	err := v.Check(t.Context(), back, p, back.Code)
	var wrong *jitproof.CheckError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, jitproof.Refuted, wrong.Status)
	require.ErrorContains(t, v.Check(t.Context(), back, p, nil), "no code")
}

// TestUndecided: a certificate that needs a solver is not refused where there
// is none, and does not stand either.
func TestUndecided(t *testing.T) {
	p, code := image([]byte{0x48, 0x89, 0xf8, 0x48, 0x09, 0xf0, 0x49, 0x89, 0xfa, 0x49, 0x21, 0xf2, 0x4c, 0x29, 0xd0,
		0x49, 0x89, 0xfa, 0x49, 0x31, 0xf2, 0x4c, 0x29, 0xd0})
	v := jitproof.New(solver(t), jitproof.Options{})
	c, err := v.Validate(t.Context(), p, code)
	require.NoError(t, err)
	require.Equal(t, jitproof.Proved, c.Status, explain(p, c))
	require.NoError(t, v.Check(t.Context(), c, p, code))
	err = jitproof.New(nil, jitproof.Options{}).Check(t.Context(), c, p, code)
	var open *jitproof.CheckError
	require.ErrorAs(t, err, &open)
	require.Equal(t, jitproof.Unknown, open.Status, open.Reason)
	require.Contains(t, open.Reason, "there is no solver")

	err = jitproof.New(broken{}, jitproof.Options{}).Check(t.Context(), c, p, code)
	require.ErrorContains(t, err, "it broke")
	require.False(t, errors.As(err, &open), "a solver that fails says nothing of the certificate")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, v.Check(ctx, c, p, code), context.Canceled)
}

// TestBrokenTables: tables that contradict are refused, though the hash is theirs.
func TestBrokenTables(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	p, code, c := certified(t, v)
	other := *code
	other.PCMap = append([]int32{}, code.PCMap...)
	other.PCMap[1] = int32(len(code.Text))
	c.CodeHash = jitproof.HashCode(&other)
	var wrong *jitproof.CheckError
	require.ErrorAs(t, v.Check(t.Context(), c, p, &other), &wrong)
	require.Equal(t, jitproof.Refuted, wrong.Status)
	require.Contains(t, wrong.Reason, "is outside the text")
}
