package main

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/solvers"
	"github.com/bpfproof/bpfproof/verifier/explain"
)

// explainSteps bounds a question to the solver; a count, so that the search
// repeats.
const explainSteps = 2_000_000

// explainJSON is what explain prints of a program.
type explainJSON struct {
	Program string `json:"program"`
	Verdict string `json:"verdict"`
	Code    string `json:"code"`
	PC      int    `json:"pc"`
	Message string `json:"message"`
	Insn    string `json:"insn"`
	Source  string `json:"source"` // "file:line: text", "" if it is not known
	Need    string `json:"need"`
	Path    int    `json:"path"`
	// Slice lists the instructions that decide the demand, in order.
	Slice []explainStep `json:"slice"`
	Lost  *explainLoss  `json:"lost"`
	// Bug is an input on which the program fails, null if none was found in Tries
	// runs; NotRun says why there were none.
	Bug    *explainBug `json:"bug"`
	Tries  int         `json:"tries"`
	NotRun string      `json:"not_run,omitempty"`
}

type explainStep struct {
	PC     int    `json:"pc"`
	Insn   string `json:"insn"`
	Source string `json:"source"`
	Place  string `json:"place"`
	State  string `json:"state"`
}

type explainLoss struct {
	PC     int    `json:"pc"`
	How    string `json:"how"`
	Place  string `json:"place"`
	Before string `json:"before"`
	After  string `json:"after"`
	Text   string `json:"text"`
}

type explainBug struct {
	Kind    string `json:"kind"`
	PC      int    `json:"pc"`
	Detail  string `json:"detail"`
	Input   string `json:"input"`
	Ctx     string `json:"ctx,omitempty"`
	Command string `json:"command"`
}

func explainCmd() *cobra.Command {
	var in input
	var policy policyFlags
	var asJSON bool
	var opts explain.Options
	var solver string
	cmd := &cobra.Command{
		Use:   "explain X",
		Short: "say why programs are rejected, and search inputs on which they fail",
		Long: "Say why programs are rejected: the demand that was not met, the instructions that decide it,\n" +
			"where the fact was lost, and an input on which the program fails in the checking interpreter,\n" +
			"if the search finds one. The exit status is that of verify.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			programs, err := in.load(cmd, args[0])
			if err != nil {
				return err
			}
			v, err := policy.verifier()
			if err != nil {
				return err
			}
			if solver != "none" {
				if opts.Solver, err = solvers.New(solver, smt.Limits{Steps: explainSteps}); err != nil {
					return fmt.Errorf("--solver: %w", err)
				}
			}
			result := yes
			out := newPrinter(cmd, asJSON)
			for _, p := range programs {
				e, err := explain.Explain(cmd.Context(), v, p, opts)
				if err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
				command := again(&in, args[0], p, e)
				text := strings.TrimSuffix(e.String(), "\n")
				if command != "" {
					text += "\nagain:  " + command
				}
				if err := out.answer(explanation(e, command), text); err != nil {
					return err
				}
				result = result.worse(verdictStatus(e.Verdict.String()))
			}
			return end(result)
		},
	}
	in.flags(cmd)
	policy.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().IntVar(&opts.Tries, "tries", explain.DefaultTries, "runs in search of a failing input; -1 for none")
	cmd.Flags().Uint64Var(&opts.Seed, "seed", 1, "of the search")
	cmd.Flags().StringVar(&solver, "solver", solvers.Default(), "asked for inputs that reach the access: "+strings.Join(solvers.Names(), ", ")+" or none")
	cmd.Flags().Uint64Var(&opts.Fuel, "fuel", 0, "instructions of one run; 0 for what the path needs")
	return cmd
}

// again returns the command that runs the failing input again, "" if there is
// none.
func again(in *input, path string, p *ir.Program, e *explain.Explanation) string {
	if e.Search.Bug == nil {
		return ""
	}
	words := []string{"bpfproof", "run", path}
	if in.prog != "" || strings.HasSuffix(path, ".o") || strings.HasSuffix(path, ".c") {
		words = append(words, "--prog", p.Name)
	}
	if in.kind != "" {
		words = append(words, "--type", in.kind)
	}
	return strings.Join(append(words, e.Search.Bug.Input.Args(p)...), " ")
}

func explanation(e *explain.Explanation, command string) *explainJSON {
	out := &explainJSON{Program: e.Program, Verdict: e.Verdict.String(), Code: string(e.Finding.Code), PC: int(e.Finding.PC), Message: e.Finding.Msg,
		Insn: e.Insn, Source: sourceText(e.Line), Need: e.Need, Path: e.Path, Slice: []explainStep{}, Tries: e.Search.Tries, NotRun: e.Search.Why}
	for _, s := range e.Slice {
		out.Slice = append(out.Slice, explainStep{int(s.PC), s.Insn, sourceText(s.Line), s.Place, s.State})
	}
	if l := e.Loss; l != nil {
		out.Lost = &explainLoss{int(l.PC), string(l.How), l.Place, l.Before, l.After, l.Text}
	}
	if b := e.Search.Bug; b != nil {
		out.Bug = &explainBug{Kind: string(b.Kind), PC: int(b.PC), Detail: b.Detail, Input: hex.EncodeToString(b.Input.Data),
			Ctx: hex.EncodeToString(b.Input.Ctx), Command: command}
	}
	return out
}

func sourceText(l *ir.Line) string {
	if l == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d: %s", l.File, l.Line, strings.TrimSpace(l.Text))
}

// withElems returns p with elements added to its maps before load, each given
// as MAP:KEY=VALUE.
func withElems(p *ir.Program, elems []string) (*ir.Program, error) {
	var in explain.Input
	for _, text := range elems {
		name, rest, ok := strings.Cut(text, ":")
		key, value, both := strings.Cut(rest, "=")
		if !ok || !both {
			return nil, fmt.Errorf("--elem %s: want MAP:KEY=VALUE", text)
		}
		e, err := elemOf(p, name, key, value)
		if err != nil {
			return nil, fmt.Errorf("--elem %s: %w", text, err)
		}
		in.Elems = append(in.Elems, e)
	}
	return in.Program(p), nil
}

func elemOf(p *ir.Program, name, key, value string) (e explain.Elem, err error) {
	e.Map = slices.IndexFunc(p.Maps, func(m *ir.MapSpec) bool { return m.Name == name })
	if e.Map < 0 {
		if e.Map, err = strconv.Atoi(name); err != nil || e.Map < 0 || e.Map >= len(p.Maps) {
			return e, fmt.Errorf("no map %q", name)
		}
	}
	if e.Key, err = hex.DecodeString(key); err != nil {
		return e, err
	}
	e.Value, err = hex.DecodeString(value)
	return e, err
}
