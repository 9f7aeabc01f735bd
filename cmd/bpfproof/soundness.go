package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/bitblast"
	"github.com/bpfproof/bpfproof/smt/smtlib"
	"github.com/bpfproof/bpfproof/smt/solvers"
	"github.com/bpfproof/bpfproof/soundness"
)

// soundnessFlags are the choices of one run; empty and 0 mean all.
type soundnessFlags struct {
	domain, op       string
	width            int
	solver           solverFlags
	assumptions      bool
	smtDir, cacheDir string
	checkProofs      bool
	json             bool
}

// soundnessJSON is what soundness prints of an operation (DESIGN section 5).
type soundnessJSON struct {
	Domain     string  `json:"domain"`
	Op         string  `json:"op"`
	Width      int     `json:"width"`
	Status     string  `json:"status"`
	Seconds    float64 `json:"seconds"`
	Solver     string  `json:"solver"`
	Goal       string  `json:"goal,omitempty"`        // the first that is not proved
	Reason     string  `json:"reason,omitempty"`      // why it is not known
	Witness    string  `json:"witness,omitempty"`     // if it is refuted
	ProofBytes int64   `json:"proof_bytes,omitempty"` // of the proofs that were checked
	CheckTime  float64 `json:"check_seconds,omitempty"`
}

func soundnessCmd() *cobra.Command {
	var f soundnessFlags
	cmd := &cobra.Command{
		Use:   "soundness",
		Short: "prove abstract operators right for all 64-bit words, from their own source",
		Long: `soundness translates the Go source of the domains that this binary holds into
formulas, and has a solver prove of each operator that it does not panic, that
its result contains the result of the operation on all members of all valid
operands, and that it is valid; of the lattice and of refinements likewise.
Lines named contract.* prove what other proofs know of a function.

The status is 0 if all is proved, 1 if an operator is refuted, 3 if one is not
known.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSoundness(cmd, f) },
	}
	var names []string
	for _, d := range soundness.Domains() {
		names = append(names, d.Name)
	}
	cmd.Flags().StringVar(&f.domain, "domain", "", "one domain: "+strings.Join(names, ", ")+" (default all)")
	cmd.Flags().StringVar(&f.op, "op", "", "operators by name, such as alu.add, or by pattern, such as 'refine.*' (default all)")
	cmd.Flags().IntVar(&f.width, "width", 0, "operands of one width only (default all)")
	f.solver.flags(cmd)
	cmd.Flags().Lookup("solver").DefValue = bitblast.Name
	f.solver.name = bitblast.Name
	cmd.Flags().BoolVar(&f.assumptions, "assumptions", false, "list what the proofs assume, and prove nothing")
	cmd.Flags().StringVar(&f.smtDir, "smt-dir", "", "write every query as SMT-LIB into this folder")
	cmd.Flags().BoolVar(&f.checkProofs, "check-proofs", false, "check the solver's proofs; only "+bitblast.Name+" writes them")
	cmd.Flags().StringVar(&f.cacheDir, "cache", "", "existing folder in which checked proofs are remembered by content, with --check-proofs")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object for each operator, on one line")
	return cmd
}

// open returns the solver that is asked for.
func (f *soundnessFlags) open() (smt.Solver, error) {
	if f.checkProofs {
		if f.solver.name != bitblast.Name {
			return nil, fmt.Errorf("soundness: check proofs: solver %s writes none, only %s does", f.solver.name, bitblast.Name)
		}
		return bitblast.New(f.solver.limits, bitblast.Options{CheckProof: true, CacheDir: f.cacheDir})
	}
	return solvers.New(f.solver.name, f.solver.limits)
}

// task is one operation of one domain.
type task struct {
	subject *soundness.Subject
	op      soundness.Op
}

// tasks returns the operations that are asked for.
func (f *soundnessFlags) tasks() ([]task, error) {
	var found []task
	var names []string
	for _, d := range soundness.Domains() {
		names = append(names, d.Name)
		if f.domain != "" && f.domain != d.Name {
			continue
		}
		s, err := soundness.Load(d)
		if err != nil {
			return nil, err
		}
		for _, op := range s.Ops() {
			match, err := filepath.Match(f.op, op.Name)
			if err != nil {
				return nil, fmt.Errorf("soundness: choose operator %q: %w", f.op, err)
			}
			if (match || f.op == "") && (f.width == 0 || f.width == int(op.Width)) {
				found = append(found, task{s, op})
			}
		}
	}
	if f.domain != "" && !slices.Contains(names, f.domain) {
		return nil, fmt.Errorf("soundness: choose domain %q: there are %s", f.domain, strings.Join(names, ", "))
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("soundness: choose operator %q: no such operator at this width", f.op)
	}
	return found, nil
}

func runSoundness(cmd *cobra.Command, f soundnessFlags) error {
	p := newPrinter(cmd, f.json)
	if f.assumptions {
		for _, l := range soundness.Assumptions() {
			if err := p.answer(l, l.String()); err != nil {
				return err
			}
		}
		return nil
	}
	tasks, err := f.tasks()
	if err != nil {
		return err
	}
	solver, err := f.open()
	if err != nil {
		return err
	}
	answer := yes
	count := map[smt.Outcome]int{}
	for _, t := range tasks {
		began := time.Now()
		v, err := f.decide(cmd.Context(), t, solver)
		if err != nil {
			return err
		}
		count[v.Status]++
		answer = answer.worse(soundnessStatus(v))
		if err := p.answer(soundnessRow(v, time.Since(began)), soundnessText(v, time.Since(began))); err != nil {
			return err
		}
	}
	if !f.json {
		fmt.Fprintf(p.w, "%d operators: %d proved, %d refuted, %d unknown\n", len(tasks), count[smt.Proved], count[smt.Refuted], count[smt.Undecided])
	}
	return end(answer)
}

// decide decides one operation, and writes its queries.
func (f *soundnessFlags) decide(ctx context.Context, t task, solver smt.Solver) (soundness.Verdict, error) {
	if f.smtDir != "" {
		if err := writeQueries(f.smtDir, t); err != nil {
			return soundness.Verdict{}, err
		}
	}
	v, err := t.subject.Decide(ctx, t.op, solver)
	if err != nil {
		return v, err
	}
	return v, ctx.Err()
}

// writeQueries writes one script for each goal.
func writeQueries(dir string, t task) error {
	ob, err := t.subject.Build(t.op)
	if err != nil {
		return err
	}
	for _, g := range ob.Goals {
		name := fmt.Sprintf("%s_%s_%d_%s.smt2", ob.Domain, ob.Op, ob.Width, strings.ReplaceAll(g.Name, " ", "-"))
		out, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		err = smtlib.Write(out, ob.Builder, fmt.Sprintf("%s of %s at %d bits: %s; unsat if it holds", ob.Op, ob.Domain, ob.Width, g.Name),
			slices.Concat(ob.Premises, ob.Facts, []smt.Term{ob.Builder.Not(g.Term)})...)
		if closed := out.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// soundnessStatus: only a proof is a yes.
func soundnessStatus(v soundness.Verdict) status {
	switch v.Status {
	case smt.Proved:
		return yes
	case smt.Refuted:
		return no
	}
	return unknown
}

// soundnessWord names a status; what is undecided is unknown.
func soundnessWord(o smt.Outcome) string {
	if o == smt.Undecided {
		return "unknown"
	}
	return o.String()
}

func soundnessRow(v soundness.Verdict, took time.Duration) soundnessJSON {
	return soundnessJSON{Domain: v.Domain, Op: v.Op, Width: int(v.Width), Status: soundnessWord(v.Status), Seconds: took.Seconds(), Solver: v.Solver,
		Goal: v.Goal, Reason: v.Reason, Witness: v.Witness(), ProofBytes: v.ProofBytes, CheckTime: v.CheckTime.Seconds()}
}

func soundnessText(v soundness.Verdict, took time.Duration) string {
	text := fmt.Sprintf("%-14s %-22s %2d %-8s %8.2f s  %s", v.Domain, v.Op, v.Width, soundnessWord(v.Status), took.Seconds(), v.Solver)
	if v.ProofChecks > 0 {
		text += fmt.Sprintf("  %d proofs of %d kB checked in %.2f s", v.ProofChecks, v.ProofBytes>>10, v.CheckTime.Seconds())
	}
	if v.Goal != "" {
		text += "  " + v.Goal
	}
	if v.Reason != "" {
		text += ": " + v.Reason
	}
	if w := v.Witness(); w != "" {
		text += ": " + w
	}
	return text
}
