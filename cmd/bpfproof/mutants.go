package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/absint/mutants"
	"github.com/bpfproof/bpfproof/internal/e2e/exploit"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/smtlib"
)

// mutantJSON is what soundness --mutants prints of a mutant.
type mutantJSON struct {
	Name      string  `json:"name"`
	Source    string  `json:"source"`
	Bug       string  `json:"bug"`
	Op        string  `json:"op"`
	Width     int     `json:"width"`
	Status    string  `json:"status"` // by the solver: refuted, or unknown, or (wrongly) proved
	Seconds   float64 `json:"seconds"`
	Solver    string  `json:"solver"`
	Reason    string  `json:"reason,omitempty"`
	Witness   string  `json:"witness,omitempty"`
	Control   string  `json:"control"`                   // of the sound domain at the same elements: proved
	Exhausted int     `json:"exhausted_width,omitempty"` // at which exhaustion refutes it
	Small     string  `json:"exhausted_witness,omitempty"`
	Mutant    string  `json:"mutant"` // verdict on the program
	Sound     string  `json:"sound"`
	Fault     string  `json:"fault"`
	Kernel    string  `json:"kernel"`
	KernelWhy string  `json:"kernel_reason,omitempty"`
}

// withMutants adds the flag --mutants to soundness.
func withMutants(cmd *cobra.Command, f *soundnessFlags) *cobra.Command {
	var on bool
	cmd.Flags().BoolVar(&on, "mutants", false, "refute the historical bugs instead, and make a program of each witness; --op chooses by name too")
	prove := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !on {
			return prove(cmd, args)
		}
		return runMutants(cmd, f)
	}
	return cmd
}

// chosenMutants returns the mutants that are asked for.
func (f *soundnessFlags) chosenMutants() ([]mutants.Mutant, error) {
	var found []mutants.Mutant
	for _, m := range mutants.All() {
		for _, name := range []string{m.Name, m.Operator(m.Full).Name} {
			match, err := filepath.Match(f.op, name)
			if err != nil {
				return nil, fmt.Errorf("soundness: choose mutant %q: %w", f.op, err)
			}
			if match || f.op == "" {
				found = append(found, m)
				break
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("soundness: choose mutant %q: no such mutant or operator", f.op)
	}
	return found, nil
}

// runMutants is soundness --mutants. It says yes if every mutant is refuted and
// its program shows that.
func runMutants(cmd *cobra.Command, f *soundnessFlags) error {
	chosen, err := f.chosenMutants()
	if err != nil {
		return err
	}
	solver, err := f.open()
	if err != nil {
		return err
	}
	p := newPrinter(cmd, f.json)
	answer, shown := yes, 0
	for _, m := range chosen {
		r, err := exploit.Run(cmd.Context(), m, solver)
		if err != nil {
			return err
		}
		if err := f.writeMutant(m, r); err != nil {
			return err
		}
		if r.Shown() {
			shown++
		}
		answer = answer.worse(mutantStatus(r))
		row := mutantRow(m, r)
		if err := p.answer(row, row.text()); err != nil {
			return err
		}
	}
	if !f.json {
		fmt.Fprintf(p.w, "%d mutants: %d refuted with a program that only the mutant lets through\n", len(chosen), shown)
	}
	return end(answer)
}

// mutantStatus: a mutant that is not refuted because the solver gave up is
// unknown; anything else that is missing is a no.
func mutantStatus(r *exploit.Report) status {
	switch {
	case r.Shown():
		return yes
	case r.Refutation.Status == smt.Undecided, r.Control.Status == smt.Undecided:
		return unknown
	}
	return no
}

// writeMutant writes the query, and the program that was made of its answer.
func (f *soundnessFlags) writeMutant(m mutants.Mutant, r *exploit.Report) error {
	if f.smtDir == "" {
		return nil
	}
	out, err := os.Create(filepath.Join(f.smtDir, m.Name+".smt2"))
	if err != nil {
		return err
	}
	ob := r.Obligation
	err = smtlib.Write(out, ob.Builder, fmt.Sprintf("%s of %s at %d bits; sat, as it is wrong", ob.Op, m.Name, ob.Width),
		slices.Concat(ob.Premises, []smt.Term{ob.Builder.Not(ob.Goals[0].Term)})...)
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil || r.Program == nil {
		return err
	}
	text := fmt.Sprintf("%s; packet %x\n", r.Program.Text, r.Program.Packet)
	return os.WriteFile(filepath.Join(f.smtDir, m.Name+".s"), []byte(text), 0o644)
}

func mutantRow(m mutants.Mutant, r *exploit.Report) mutantJSON {
	row := mutantJSON{Name: m.Name, Source: m.Source, Bug: m.Bug, Op: r.Obligation.Op, Width: int(m.Full), Status: soundnessWord(r.Refutation.Status),
		Seconds: r.Refutation.Elapsed.Seconds(), Solver: r.Refutation.Solver, Reason: r.Refutation.Reason,
		Control: soundnessWord(r.Control.Status), Mutant: r.Mutant, Sound: r.Sound, Fault: r.Fault, Kernel: r.Kernel, KernelWhy: r.Reason}
	if r.Refutation.Status == smt.Refuted {
		row.Witness = r.Refutation.Witness.String()
	}
	if r.Exhausted {
		row.Exhausted, row.Small = int(m.Width), r.Small.String()
	}
	return row
}

func (r mutantJSON) text() string {
	text := fmt.Sprintf("%-18s %s: %s\n", r.Name, r.Source, r.Bug)
	text += fmt.Sprintf("  solver   %s %d bits: %s in %.2f s by %s", r.Op, r.Width, r.Status, r.Seconds, r.Solver)
	if r.Witness == "" {
		return text + ": " + r.Reason
	}
	text += fmt.Sprintf(": %s; of the sound domain: %s", behindColon(r.Witness), r.Control)
	text += fmt.Sprintf("\n  exhaust  %d bits: %s", r.Exhausted, behindColon(r.Small))
	text += fmt.Sprintf("\n  program  over the mutant: %s; over the sound domain: %s; kernel: %s", r.Mutant, r.Sound, r.Kernel)
	if r.KernelWhy != "" {
		text += " (" + r.KernelWhy + ")"
	}
	return text + "\n  run      " + r.Fault
}

// behindColon leaves out operator and width, which the line names already.
func behindColon(witness string) string {
	_, words, _ := strings.Cut(witness, ": ")
	return words
}
