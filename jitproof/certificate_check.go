package jitproof

import (
	"context"
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
)

// CheckError says why a certificate does not stand.
type CheckError struct {
	Program string // as the certificate names it
	Status  Status // Refuted: it is wrong; Unknown: an obligation could not be decided again
	Reason  string
}

// Error gives the reason.
func (e *CheckError) Error() string {
	return fmt.Sprintf("jitproof: check certificate of %q: %s", e.Program, e.Reason)
}

// Check re-checks a certificate without trusting whoever made it: the hashes
// must be those of p and code, the counts those of the obligations, the
// assumptions those stated here, and a second, independent run must make the
// same obligations and find each as the certificate says. What it trusts is
// package sem, package x86 with its decoder, the simulation, the rewrite rules
// and the solver of v; it does not trust compiler, verifier, hints, or the
// certificate. A *CheckError is a judgement; any other error says that there is none: a
// malformed program, a solver that failed, ctx's end. No error means that the
// certificate tells the truth, which may be that code is refuted.
func (v *Validator) Check(ctx context.Context, c *Certificate, p *ir.Program, code *jit.Code) error {
	bad := func(format string, args ...any) error {
		return &CheckError{c.Program, Refuted, fmt.Sprintf(format, args...)}
	}
	if p == nil || code == nil || c.Linux != nil {
		return bad("there is no program, or no code of ours")
	}
	if got := HashProgram(p); got != c.ProgramHash {
		return bad("it is for another program: hash %.16s, want %.16s", c.ProgramHash, got)
	}
	if got := HashCode(code); got != c.CodeHash {
		return bad("it is for other code: hash %.16s, want %.16s", c.CodeHash, got)
	}
	if err := c.consistent(assumptions, bad); err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return fmt.Errorf("jitproof: check certificate of %q: %w", c.Program, err)
	}
	if _, err := newImage(withFuncs(p), code); err != nil {
		return bad("its code: %v", err)
	}
	again, err := v.likewise(c).Validate(ctx, p, code)
	if err != nil {
		return fmt.Errorf("jitproof: check certificate of %q: %w", c.Program, err)
	}
	return c.matches(again, bad)
}

// likewise returns a validator that does what c says was done.
func (v *Validator) likewise(c *Certificate) *Validator {
	same := &Validator{v.solver, v.opts}
	same.opts.Confirm = c.Confirmed != nil
	return same
}

// consistent compares the certificate's counts with its list, and its
// assumptions with those that its image rests on.
func (c *Certificate) consistent(assumptions []string, bad func(string, ...any) error) error {
	if n, s := tally(c.Obligations); n != c.Counts || s != c.Status {
		return bad("its counts are %+v (%v), but it lists %+v (%v)", c.Counts, c.Status, n, s)
	}
	if !slices.Equal(c.Assumptions, assumptions) {
		return bad("its assumptions are not the validator's")
	}
	return nil
}

// CheckKernel is Check of a certificate of an image of Linux, for the program p
// that was loaded. What it holds of the kernel is believed: that the kernel made
// the translated program of p, and where its functions and maps are.
func (v *Validator) CheckKernel(ctx context.Context, c *Certificate, p *ir.Program) error {
	bad := func(format string, args ...any) error {
		return &CheckError{c.Program, Refuted, fmt.Sprintf(format, args...)}
	}
	if p == nil || c.Linux == nil {
		return bad("there is no program, or no image of the kernel")
	}
	if got := HashProgram(p); got != c.Submitted {
		return bad("it is for another program: hash %.16s, want %.16s", c.Submitted, got)
	}
	img, err := newKernelImage(c.Linux)
	if err != nil {
		return bad("its image: %v", err)
	}
	if c.Code != nil || c.ProgramHash != HashProgram(img.p) || c.CodeHash != HashCode(img.code) {
		return bad("its hashes are not those of the image")
	}
	if err := c.consistent(img.assumptions(), bad); err != nil {
		return err
	}
	again, err := v.likewise(c).ValidateKernel(ctx, c.Linux)
	if err != nil {
		return fmt.Errorf("jitproof: check certificate of %q: %w", c.Program, err)
	}
	return c.matches(again, bad)
}

// matches compares a certificate with one that was made anew.
func (c *Certificate) matches(again *Certificate, bad func(string, ...any) error) error {
	if len(again.Obligations) != len(c.Obligations) || !slices.Equal(again.Unreached, c.Unreached) || again.Arch != c.Arch || again.Bytes != c.Bytes {
		return bad("it lists %d obligations, there are %d", len(c.Obligations), len(again.Obligations))
	}
	var open error
	for i, o := range again.Obligations {
		x := c.Obligations[i]
		if x.Func == o.Func && x.PC == o.PC && x.Off == o.Off && x.Kind == o.Kind && x.Status == o.Status {
			continue
		}
		err := &CheckError{c.Program, Refuted, fmt.Sprintf("obligation %d is %v at insn %d, offset %#x: %v; it says %v at insn %d, offset %#x: %v",
			i, o.Kind, o.PC, o.Off, o.Status, x.Kind, x.PC, x.Off, x.Status)}
		if x.Func != o.Func || x.PC != o.PC || x.Off != o.Off || x.Kind != o.Kind || o.Status != Unknown {
			return err
		}
		if err.Status = Unknown; open == nil { // a limit, a time-out, or a solver that is not there
			err.Reason += ": " + o.Reason
			open = err
		}
	}
	if open != nil {
		return open
	}
	if c.Confirmed != nil && again.Confirmed.Holds() != c.Confirmed.Holds() {
		return bad("it says that %d of %d rewriting steps are confirmed, but %d of %d are", c.Confirmed.Confirmed, c.Confirmed.Rewritten,
			again.Confirmed.Confirmed, again.Confirmed.Rewritten)
	}
	return nil
}
