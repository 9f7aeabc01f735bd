package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/solvers"
	"github.com/bpfproof/bpfproof/verifier"
)

// proofJSON is what prove prints of a program (DESIGN section 5).
type proofJSON struct {
	Program     string  `json:"program"`
	Verdict     string  `json:"verdict"`
	Proof       string  `json:"proof"`
	Obligations int     `json:"obligations"`
	Proved      int     `json:"proved"`
	Refuted     int     `json:"refuted"`
	Unknown     int     `json:"unknown"`
	Bytes       int     `json:"bytes"`
	Millis      float64 `json:"millis"`
	Message     string  `json:"message,omitempty"` // why it is not proved

	// Of images of the kernel: the translated program's instructions, how many
	// obligations were closed without a solver, and a stable name for why it is not
	// proved.
	Insns   int    `json:"insns,omitempty"`
	ByRules int    `json:"by_rewriting,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// With --rewriting: how many instructions of the program are proved to mean what
	// the kernel made of them, are matched by a named rule, or neither; and by which rule.
	Rewriting *rewritingJSON `json:"rewriting,omitempty"`
}

// solverFlags choose and bound the solver.
type solverFlags struct {
	name   string
	limits smt.Limits
}

func (f *solverFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "solver", solvers.Default(), "solver: "+strings.Join(solvers.Names(), ", "))
	cmd.Flags().DurationVar(&f.limits.Timeout, "timeout", 30*time.Second, "time limit of one solver query")
	cmd.Flags().Uint64Var(&f.limits.Steps, "steps", 0, "step limit of one solver query (0: none)")
	cmd.Flags().Uint32Var(&f.limits.Seed, "seed", 0, "the solver's seed")
}

func (f *solverFlags) open() (smt.Solver, error) { return solvers.New(f.name, f.limits) }

func proveCmd() *cobra.Command {
	var in input
	var policy policyFlags
	var solver solverFlags
	var tier tierFlags
	var asJSON, confirm, log, rewriting bool
	var cert, smtDir, image string
	cmd := &cobra.Command{
		Use:   "prove X",
		Short: "verify, compile, and prove the machine code equivalent to the bytecode",
		Long: `prove verifies and compiles programs and proves that the machine code does what the bytecode means.
With --image kernel it is the live kernel that verifies and compiles: proved is its JIT's image, taken out of the running
kernel, against the bytecode as the kernel rewrote it. Then X may also be a file of ground truth (.jsonl), of which what is to
be accepted is proved, and there may be several; a table sums up.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if image == imageKernel {
				return cobra.MinimumNArgs(1)(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if image != "" {
				k := kernelProver{in: &in, policy: &policy, solver: &solver, confirm: confirm, log: log, cert: cert, smtDir: smtDir, rewriting: rewriting}
				return k.run(cmd, image, args, newPrinter(cmd, asJSON))
			}
			if rewriting {
				return errors.New("--rewriting: nothing is rewritten here: only with --image kernel")
			}
			programs, err := in.load(cmd, args[0])
			if err != nil {
				return err
			}
			if cert != "" && len(programs) > 1 {
				return fmt.Errorf("--cert: %s holds %d programs: choose one with --prog", args[0], len(programs))
			}
			if log && asJSON {
				return fmt.Errorf("--log is for readers: not with --json")
			}
			pr, err := newProver(&policy, &solver)
			if err != nil {
				return err
			}
			if pr.backend, err = tier.backend(nil); err != nil {
				return err
			}
			pr.cert, pr.confirm, pr.log = cert, confirm, log
			if pr.queries, err = newQueryDir(smtDir); err != nil {
				return err
			}
			out := newPrinter(cmd, asJSON)
			result := yes
			for _, p := range programs {
				answer, text, err := pr.prove(cmd.Context(), p)
				if err != nil {
					return fmt.Errorf("%s: program %s: %w", args[0], p.Name, err)
				}
				if err := out.answer(answer, text); err != nil {
					return err
				}
				result = result.worse(proofStatus(answer))
			}
			return end(result)
		},
	}
	in.flags(cmd)
	policy.flags(cmd)
	solver.flags(cmd)
	tier.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&image, "image", "", "whose machine code: kernel for the live kernel's, instead of our own")
	cmd.Flags().BoolVar(&rewriting, "rewriting", false, "with --image kernel: also compare the program with the bytecode that the kernel made of it")
	cmd.Flags().StringVar(&cert, "cert", "", "file to write the certificate to")
	cmd.Flags().BoolVar(&log, "log", false, "show per block: bytecode | machine code | relation | status and time")
	cmd.Flags().StringVar(&smtDir, "smt-dir", "", "write every obligation's query as SMT-LIB into this folder; unsat if it holds")
	cmd.Flags().BoolVar(&confirm, "confirm", false, "do not trust the rewriting: the solver confirms each of its steps")
	return cmd
}

// prover joins verifier, backend and validator.
type prover struct {
	verifier *verifier.Verifier
	backend  jit.Backend
	solver   smt.Solver
	cert     string
	confirm  bool
	log      bool
	queries  *queryDir // nil: none are written
}

func newProver(policy *policyFlags, solver *solverFlags) (*prover, error) {
	v, err := policy.verifier()
	if err != nil {
		return nil, err
	}
	b, err := backend()
	if err != nil {
		return nil, err
	}
	s, err := solver.open()
	if err != nil {
		return nil, err
	}
	return &prover{verifier: v, backend: b, solver: s}, nil
}

func (pr *prover) prove(ctx context.Context, p *ir.Program) (proofJSON, string, error) {
	out := proofJSON{Program: p.Name, Proof: jitproof.Unknown.String()}
	report, err := pr.verifier.Verify(ctx, p, nil)
	if err != nil {
		return out, "", err
	}
	out.Verdict = report.Verdict.String()
	if report.Verdict != verifier.Accept {
		// Nothing is compiled that is not accepted, so nothing is proved.
		out.Message = (&pipeline.RejectedError{Report: report}).Error()
		return out, reportText(p, report), nil
	}
	code, err := jit.Compile(pr.backend, p)
	if err != nil {
		out.Message = err.Error()
		return out, fmt.Sprintf("%s: unknown: %v", p.Name, err), nil
	}
	start := time.Now()
	cert, err := jitproof.New(pr.solver, jitproof.Options{Confirm: pr.confirm, Query: pr.queries.of(p)}).Validate(ctx, p, code)
	if err != nil {
		return out, "", err
	}
	out.Millis = float64(time.Since(start).Microseconds()) / 1000
	out.Proof, out.Bytes = cert.Status.String(), len(code.Text)
	out.Obligations, out.Proved, out.Refuted, out.Unknown = cert.Counts.Total, cert.Counts.Proved, cert.Counts.Refuted, cert.Counts.Unknown
	out.Message = blame(cert)
	cert.Code = code
	text := proofText(p, cert, &out)
	if pr.log {
		var b strings.Builder
		if err := cert.Log(&b, p, code); err != nil {
			return out, "", err
		}
		text = b.String() + text
	}
	return out, text, pr.write(cert)
}

func (pr *prover) write(cert *jitproof.Certificate) error {
	return writeCertificate(pr.cert, cert)
}

// writeCertificate writes a certificate to a file; to none if path is empty.
func writeCertificate(path string, cert *jitproof.Certificate) error {
	if path == "" {
		return nil
	}
	data, err := cert.Encode()
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// blame names the first obligation that kept the proof from succeeding.
func blame(cert *jitproof.Certificate) string {
	o := cert.First(jitproof.Refuted)
	if o == nil {
		o = cert.First(jitproof.Unknown)
	}
	if o == nil {
		return ""
	}
	text := fmt.Sprintf("insn %d, offset %#x: %s %v", o.PC, o.Off, o.Kind, o.Status)
	if o.Reason != "" {
		text += ": " + o.Reason
	}
	return text
}

func proofText(p *ir.Program, cert *jitproof.Certificate, a *proofJSON) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s (%d bytes; %d obligations: %d proved, %d of them by rewriting alone, %d refuted, %d unknown; %.1f ms)",
		p.Name, a.Proof, a.Bytes, a.Obligations, a.Proved, cert.Counts.Rewriter, a.Refuted, a.Unknown, a.Millis)
	if c := cert.Confirmed; c != nil {
		fmt.Fprintf(&b, "\n  %d of %d rewriting steps confirmed by %s %s", c.Confirmed, c.Rewritten, c.Solver, c.Version)
		if c.Theorems > 0 {
			fmt.Fprintf(&b, ", %d quotients by the theorem of Granlund and Montgomery", c.Theorems)
		}
	}
	if a.Message != "" {
		fmt.Fprintf(&b, "\n  %s", a.Message)
	}
	if o := cert.First(jitproof.Refuted); o != nil {
		b.WriteString(witnessText(p, o))
	}
	return b.String()
}

// witnessText shows the counterexample of a refuted obligation: the
// instruction, the values it reads, and what differs. The certificate holds
// the whole state.
func witnessText(p *ir.Program, o *jitproof.Obligation) string {
	var b strings.Builder
	if o.PC >= 0 {
		fmt.Fprintf(&b, "\n    bytecode  %s", asm.Insn(p, o.PC))
	}
	if w := o.Witness; w != nil {
		fmt.Fprintf(&b, "\n    with     ")
		for _, v := range w.State {
			if concerns(p, o.PC, v.Name) {
				fmt.Fprintf(&b, " %s=%#x", v.Name, v.Value)
			}
		}
		fmt.Fprintf(&b, "\n    %s is %#x by the bytecode, %#x by the machine code", w.What, w.Bytecode, w.Machine)
	}
	return b.String()
}

// concerns reports whether the symbol is a register the instruction names, or
// memory that it read.
func concerns(p *ir.Program, pc ir.PC, symbol string) bool {
	if pc < 0 || strings.HasPrefix(symbol, "load") {
		return true
	}
	in := p.Insns[pc]
	uses := in.Row().Uses
	return uses&ir.UseDst != 0 && symbol == in.Dst.String() || uses&ir.UseSrc != 0 && symbol == in.Src.String()
}

func proofStatus(a proofJSON) status {
	switch {
	case a.Verdict == verifier.Reject.String() || a.Proof == jitproof.Refuted.String():
		return no
	case a.Verdict == verifier.Accept.String() && a.Proof == jitproof.Proved.String():
		return yes
	}
	return unknown
}
