package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/internal/vectors"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/jitproof/translated"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/verifier"
)

// imageKernel is what --image takes.
const imageKernel = "kernel"

// Stable names of why an image of the kernel is not proved, beside those of
// jitproof.ImageError and the kinds of obligations.
const (
	reasonNoKernel = "no-kernel" // bpf() is not permitted
	reasonLoad     = "load"      // the kernel does not load the program
	reasonLarge    = "large"     // the kernel has no memory to show the translated program in one piece
	reasonBytecode = "bytecode"  // the translated program is not understood
)

// kernelProver proves what the live kernel's JIT made of programs.
type kernelProver struct {
	in      *input
	policy  *policyFlags
	solver  *solverFlags
	confirm bool
	log     bool
	cert    string
	smtDir  string
	// rewriting also compares programs with what the kernel made of them.
	rewriting bool

	observer  *kernel.Observer
	verifier  *verifier.Verifier // with rewriting: shows what runs never do
	validator func(p *ir.Program) *jitproof.Validator
	sum       kernelSum
}

// kernelSum counts answers.
type kernelSum struct {
	programs, obligations, rewriting, insns, bytes int
	millis                                         []float64
	statuses, reasons                              map[string]int
	rewritten                                      map[string]int // programs by what became of the comparison
	rules                                          map[jitproof.Rule]int
}

func (k *kernelProver) run(cmd *cobra.Command, image string, files []string, out *printer) error {
	switch {
	case image != imageKernel:
		return fmt.Errorf("--image %s: want %s", image, imageKernel)
	case cmd.Flags().Changed("tier"):
		return errors.New("--tier: the kernel's JIT has none: not with --image")
	case k.log && out.json:
		return errors.New("--log is for readers: not with --json")
	}
	programs, err := k.programs(cmd, files)
	if err != nil {
		return err
	}
	if k.cert != "" && len(programs) > 1 {
		return fmt.Errorf("--cert: there are %d programs: choose one with --prog", len(programs))
	}
	if err := k.open(); err != nil {
		return err
	}
	if k.observer != nil {
		defer k.observer.Close()
	}
	k.sum = kernelSum{statuses: map[string]int{}, reasons: map[string]int{}, rewritten: map[string]int{}, rules: map[jitproof.Rule]int{}}
	result := yes
	for _, p := range programs {
		answer, text, err := k.prove(cmd.Context(), p)
		if err != nil {
			return fmt.Errorf("program %s: %w", p.Name, err)
		}
		if err := out.answer(answer, text); err != nil {
			return err
		}
		k.sum.note(answer)
		result = result.worse(proofStatus(answer))
		if w := answer.Rewriting; w != nil && w.status() == rewritingOpen {
			result = result.worse(unknown)
		}
	}
	if !out.json && len(programs) > 1 {
		fmt.Fprint(cmd.OutOrStdout(), k.sum.table())
	}
	return end(result)
}

// programs reads the programs of all files: of one with ground truth those that
// are to be accepted.
func (k *kernelProver) programs(cmd *cobra.Command, files []string) (all []*ir.Program, err error) {
	for _, path := range files {
		if !strings.HasSuffix(path, ".jsonl") {
			programs, err := k.in.load(cmd, path)
			if err != nil {
				return nil, err
			}
			all = append(all, programs...)
			continue
		}
		list, err := vectors.Read(path)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if list[i].Expect != verifier.Accept.String() || k.in.prog != "" && k.in.prog != list[i].ID {
				continue
			}
			p, err := list[i].Program()
			if err != nil {
				return nil, err
			}
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("--prog %s: no program of that name", k.in.prog)
	}
	return all, nil
}

// open opens solver and kernel. Where the kernel cannot be asked there is no
// observer.
func (k *kernelProver) open() error {
	s, err := k.solver.open()
	if err != nil {
		return err
	}
	queries, err := newQueryDir(k.smtDir)
	if err != nil {
		return err
	}
	k.validator = func(p *ir.Program) *jitproof.Validator {
		return jitproof.New(s, jitproof.Options{Confirm: k.confirm, Query: queries.of(p)})
	}
	if k.rewriting {
		if k.verifier, err = k.policy.verifier(); err != nil {
			return err
		}
	}
	if kernel.Available() == nil {
		k.observer, err = kernel.NewObserver()
	}
	return err
}

// prove proves the image of one program.
func (k *kernelProver) prove(ctx context.Context, p *ir.Program) (proofJSON, string, error) {
	out := proofJSON{Program: p.Name, Verdict: kernel.Unknown.String(), Proof: jitproof.Unknown.String()}
	unknown := func(reason string, err error) (proofJSON, string, error) {
		out.Reason, out.Message = reason, oneLine(err.Error())
		return out, fmt.Sprintf("%s: %s: %s: %s", p.Name, out.Proof, reason, out.Message), nil
	}
	if k.observer == nil {
		return unknown(reasonNoKernel, kernel.Available())
	}
	img, err := k.image(p, &out)
	var hidden *kernel.HiddenError
	switch {
	case errors.As(err, &hidden):
		return unknown(jitproof.CodeHidden, err)
	case errors.Is(err, unix.ENOMEM) && out.Verdict == kernel.Accept.String():
		return unknown(reasonLarge, err)
	case err != nil:
		return unknown(reasonLoad, err)
	}
	out.Bytes = len(img.Text)
	start := time.Now()
	cert, err := k.validator(p).ValidateKernel(ctx, img)
	var broken *jitproof.ImageError
	var strange *translated.Error
	switch {
	case errors.As(err, &broken):
		return unknown(broken.Code, err)
	case errors.As(err, &strange):
		return unknown(reasonBytecode, err)
	case err != nil:
		return out, "", err
	}
	out.Millis = float64(time.Since(start).Microseconds()) / 1000
	cert.Submitted = jitproof.HashProgram(p)
	k.answer(&out, cert)
	if err := k.compare(ctx, p, img, &out); err != nil {
		return out, "", err
	}
	text := fmt.Sprintf("%s: %s (%d instructions, %d bytes; %d obligations: %d by rewriting, %d by solver, %d refuted, %d unknown; %.1f ms)",
		p.Name, out.Proof, out.Insns, out.Bytes, out.Obligations, out.ByRules, out.Proved-out.ByRules, out.Refuted, out.Unknown, out.Millis)
	if out.Message != "" {
		text += "\n  " + out.Message
	}
	if w := out.Rewriting; w != nil {
		text += "\n  rewriting: " + w.text()
	}
	if k.log {
		var b strings.Builder
		if err := cert.LogKernel(&b); err != nil {
			return out, "", err
		}
		text = b.String() + text
	}
	return out, text, writeCertificate(k.cert, cert)
}

// image loads p and takes its image.
func (k *kernelProver) image(p *ir.Program, out *proofJSON) (*jit.LinuxImage, error) {
	loaded, err := kernel.Load(p, kernel.Options{LineInfo: k.rewriting})
	var refused *kernel.LoadError
	if errors.As(err, &refused) {
		out.Verdict = refused.Report.Verdict.String()
	}
	if err != nil {
		return nil, err
	}
	defer loaded.Close()
	out.Verdict = loaded.Report().Verdict.String()
	return k.observer.Linux(loaded)
}

// answer fills in what a certificate says.
func (k *kernelProver) answer(out *proofJSON, cert *jitproof.Certificate) {
	out.Proof, out.Message, out.ByRules = cert.Status.String(), blame(cert), cert.Counts.Rewriter
	out.Obligations, out.Proved, out.Refuted, out.Unknown = cert.Counts.Total, cert.Counts.Proved, cert.Counts.Refuted, cert.Counts.Unknown
	if t, err := translated.Decode(cert.Program, cert.Linux.Slots); err == nil {
		out.Insns = t.IR.Count()
	}
	o := cert.First(jitproof.Refuted)
	if o == nil {
		o = cert.First(jitproof.Unknown)
	}
	if o != nil {
		out.Reason = string(o.Kind)
	}
}

// note counts an answer.
func (s *kernelSum) note(a proofJSON) {
	s.programs++
	s.statuses[a.Proof]++
	if a.Reason != "" {
		s.reasons[a.Proof+": "+a.Reason]++
	}
	if w := a.Rewriting; w != nil {
		s.rewritten[w.status()]++
		for rule, n := range w.Rules {
			s.rules[rule] += n
		}
	}
	if a.Obligations == 0 {
		return
	}
	s.obligations, s.rewriting, s.insns, s.bytes = s.obligations+a.Obligations, s.rewriting+a.ByRules, s.insns+a.Insns, s.bytes+a.Bytes
	s.millis = append(s.millis, a.Millis)
}

// table sums up: what became of the programs, why, and how much there was to
// prove.
func (s *kernelSum) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%6d programs\n", s.programs)
	for _, count := range []map[string]int{s.statuses, s.reasons} {
		var keys []string
		for key := range count {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			fmt.Fprintf(&b, "%6d %s\n", count[key], key)
		}
	}
	if slices.Sort(s.millis); len(s.millis) > 0 {
		total := 0.0
		for _, x := range s.millis {
			total += x
		}
		fmt.Fprintf(&b, "%d obligations on %d instructions and %d bytes, %d (%.2f %%) by rewriting alone; %.1f ms in the median, %.1f ms at 95 %%, %.1f s in all\n",
			s.obligations, s.insns, s.bytes, s.rewriting, 100*float64(s.rewriting)/float64(max(s.obligations, 1)),
			s.millis[len(s.millis)/2], s.millis[len(s.millis)*95/100], total/1000)
	}
	for _, status := range []string{rewritingProved, rewritingMatched, rewritingOpen} {
		if n := s.rewritten[status]; n > 0 {
			fmt.Fprintf(&b, "%6d rewriting: %s\n", n, status)
		}
	}
	if len(s.rules) > 0 {
		fmt.Fprintf(&b, "instructions by rule: %s\n", ruleText(s.rules))
	}
	return b.String()
}
