package jitproof_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/internal/vectors"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/recheck"
)

// tracked is shown of a program whose instructions the kernel keeps track of.
func tracked(t testing.TB, o *kernel.Observer, p *ir.Program) (*jit.LinuxImage, bool) {
	k, err := kernel.Load(p, kernel.Options{LineInfo: true})
	if err != nil {
		return nil, false
	}
	defer k.Close()
	img, err := o.Linux(k)
	if errors.Is(err, unix.ENOMEM) { // of a million instructions
		return nil, false
	}
	require.NoError(t, err, p.Name)
	return img, true
}

// rewritings counts what was found of programs.
type rewritings struct {
	rules                          map[jitproof.Rule]int
	reasons                        map[string]int
	proved, matched, open, refused int
	shown                          int // instructions of which invariants show that they may go
}

// confirmed is where runs of p go by invariants that the second checker confirms;
// nil if it does not.
func confirmed(t *testing.T, p *ir.Program) jitproof.Flow {
	v, err := verifier.New(verifier.Policy{})
	require.NoError(t, err)
	r, err := v.Verify(t.Context(), p, nil)
	if err != nil || r.Verdict != verifier.Accept {
		return nil
	}
	data, err := r.Invariants.Data()
	require.NoError(t, err)
	if recheck.Program(p, data).Verdict != recheck.Confirmed {
		return nil
	}
	return data.Flow()
}

// compare compares a program with what the kernel made of it.
func (c *rewritings) compare(t *testing.T, v *jitproof.Validator, o *kernel.Observer, p *ir.Program) {
	img, ok := tracked(t, o, p)
	if !ok {
		return
	}
	begin := time.Now()
	r, err := v.ValidateRewriting(t.Context(), p, img, confirmed(t, p))
	if d := time.Since(begin); d > time.Second {
		t.Logf("%s: %v", p.Name, d)
	}
	if err != nil {
		c.refused++
		c.reasons[err.Error()]++
		return
	}
	for rule, n := range r.Counts {
		c.rules[rule] += n
	}
	c.shown += r.Shown
	_, matched, open := r.Proved()
	switch {
	case open > 0:
		c.open++
	case matched > 0:
		c.matched++
	default:
		c.proved++
	}
	for _, s := range r.Steps {
		if s.Rule == jitproof.RuleNone {
			c.reasons[s.Reason]++
			if testing.Verbose() {
				t.Logf("%s: insn %d: %s: %s", p.Name, s.PC, asm.Insn(p, s.PC), s.Reason)
			}
		}
	}
}

// TestRewritingCorpus compares the corpus' programs with what the live kernel made
// of them: most are proved, or matched by named rules.
func TestRewritingCorpus(t *testing.T) {
	o := observer(t)
	v := jitproof.New(solver(t), jitproof.Options{})
	c := &rewritings{rules: map[jitproof.Rule]int{}, reasons: map[string]int{}}
	for _, p := range programs(t) {
		c.compare(t, v, o, p)
	}
	t.Logf("programs: %d proved, %d proved or matched, %d open, %d refused; %d instructions shown; %v", c.proved, c.matched, c.open, c.refused, c.shown, c.rules)
	require.Greater(t, c.proved+c.matched, 10*(c.open+c.refused)/2)
}

// TestRewritingVectors does the same with vectors: every eighth, or all.
func TestRewritingVectors(t *testing.T) {
	o := observer(t)
	path := vectors.Path("..")
	if _, err := os.Stat(path); err != nil {
		t.Skip(vectors.Missing)
	}
	all, err := vectors.Read(path)
	require.NoError(t, err)
	v := jitproof.New(solver(t), jitproof.Options{})
	c := &rewritings{rules: map[jitproof.Rule]int{}, reasons: map[string]int{}}
	for i := range all {
		if all[i].Expect != "accept" || i%long.N(8, 1) != 0 {
			continue
		}
		p, err := all[i].Program()
		require.NoError(t, err, all[i].ID)
		c.compare(t, v, o, p)
	}
	t.Logf("programs: %d proved, %d proved or matched, %d open, %d refused; %d instructions shown; %v", c.proved, c.matched, c.open, c.refused, c.shown, c.rules)
	for reason, n := range c.reasons {
		t.Logf("%6d %s", n, reason)
	}
	require.Greater(t, c.proved+c.matched, c.open+c.refused)
}

// TestRewritingWrong changes single bits of rewritten bytecode: hardly a change
// goes unnoticed, and each that does is in a field that means nothing there, or
// makes no difference.
func TestRewritingWrong(t *testing.T) {
	o := observer(t)
	v := jitproof.New(solver(t), jitproof.Options{})
	rng := rand.New(rand.NewPCG(3, 4))
	found, same := 0, 0
	for _, p := range programs(t) {
		img, ok := tracked(t, o, p)
		if !ok {
			continue
		}
		before, err := v.ValidateRewriting(t.Context(), p, img, nil)
		require.NoError(t, err)
		if _, _, open := before.Proved(); open > 0 {
			continue
		}
		for range long.N(1, 20) {
			wrong := *img
			wrong.Slots = slices.Clone(img.Slots)
			bit := rng.IntN(8 * len(wrong.Slots))
			wrong.Slots[bit/8] ^= 1 << (bit % 8)
			r, err := v.ValidateRewriting(t.Context(), p, &wrong, nil)
			open := 1
			if err == nil {
				_, _, open = r.Proved()
			}
			if open > 0 {
				found++
				continue
			}
			same++
			at := bit / 64 * 8
			t.Logf("%s: slot %d is % x instead of % x: not noticed", p.Name, bit/64, wrong.Slots[at:at+8], img.Slots[at:at+8])
		}
	}
	t.Logf("%d changes noticed, %d not", found, same)
	require.Greater(t, found, 9*same)
}
