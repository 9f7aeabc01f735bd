package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/ktypes"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/invariant"
)

// verdictJSON is what verify prints of a program (DESIGN section 5).
type verdictJSON struct {
	Program string  `json:"program"`
	Verdict string  `json:"verdict"`
	Code    string  `json:"code"`
	PC      int     `json:"pc"`
	Message string  `json:"message"`
	Insns   int     `json:"insns"`
	Visits  int     `json:"visits"`
	States  int     `json:"states"`
	Micros  float64 `json:"micros"`
	// What was held at once, of ours: states, and the bytes of their registers and
	// stack slots.
	PeakStates int `json:"peak_states,omitempty"`
	PeakBytes  int `json:"peak_bytes,omitempty"`

	Invariants invariant.Data `json:"invariants,omitempty"` // with --log
	recheckJSON
}

// policyFlags are the flags that can change a verdict.
type policyFlags struct {
	domain       string
	unprivileged bool
	btf          string
	testModule   bool // with the types of the module of the kernel's own tests
}

func (f *policyFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.domain, "domain", "tnum+interval", "abstract domain")
	cmd.Flags().StringVar(&f.btf, "btf", "", "types of the kernel that programs are for: a file of BTF, or none (default: the running kernel's)")
	cmd.Flags().BoolVar(&f.unprivileged, "unprivileged", false, "also refuse what leaks addresses")
}

func (f *policyFlags) verifier() (*verifier.Verifier, error) {
	types, err := f.types()
	if err != nil {
		return nil, err
	}
	return verifier.New(verifier.Policy{Domain: f.domain, Unprivileged: f.unprivileged, Types: types})
}

// types returns the types of the kernel that programs are for, nil for none.
func (f *policyFlags) types() (*ktypes.Types, error) {
	var types *ktypes.Types
	switch f.btf {
	case "none":
		return nil, nil
	case "":
		types = ktypes.Running()
	default:
		file, err := os.Open(f.btf)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		if types, err = ktypes.Read(file); err != nil {
			return nil, fmt.Errorf("%s: %w", f.btf, err)
		}
	}
	if f.testModule {
		types = types.WithTestModule()
	}
	return types, nil
}

func verifyCmd() *cobra.Command {
	var in input
	var policy policyFlags
	var asJSON bool
	var show extras
	var by string
	cmd := &cobra.Command{
		Use:   "verify X",
		Short: "decide whether programs are safe",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			show.data = show.log && asJSON
			programs, err := in.load(cmd, args[0])
			if err != nil {
				return err
			}
			judge, err := chooseJudge(by, &policy, show)
			if err != nil {
				return err
			}
			result := yes
			out := newPrinter(cmd, asJSON)
			for _, p := range programs {
				v, text, err := judge(cmd, p)
				if err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
				if err := out.answer(v, text); err != nil {
					return err
				}
				result = result.worse(verdictStatus(v.Verdict)).worse(v.status())
			}
			return end(result)
		},
	}
	in.flags(cmd)
	policy.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&show.log, "log", false, "print the abstract states, as data with --json (with --by kernel, the kernel's log)")
	cmd.Flags().BoolVar(&show.recheck, "recheck", false, "confirm the invariants of accepted programs by a separate checker")
	cmd.Flags().StringVar(&by, "by", "bpfproof", "who decides: bpfproof or kernel")
	return cmd
}

// extras says what is wanted beside the verdict.
type extras struct{ log, data, recheck bool }

// judge decides one program and says so as data and as text.
type judge func(cmd *cobra.Command, p *ir.Program) (verdictJSON, string, error)

func chooseJudge(by string, policy *policyFlags, show extras) (judge, error) {
	switch by {
	case "bpfproof":
		v, err := policy.verifier()
		if err != nil {
			return nil, err
		}
		return func(cmd *cobra.Command, p *ir.Program) (verdictJSON, string, error) {
			return judgeOurs(cmd, v, p, show)
		}, nil
	case "kernel":
		if show.recheck {
			return nil, errors.New("--recheck: the kernel tells no invariants: want --by bpfproof")
		}
		return func(cmd *cobra.Command, p *ir.Program) (verdictJSON, string, error) {
			return judgeKernel(p, show.log)
		}, nil
	}
	return nil, fmt.Errorf("--by %s: want bpfproof or kernel", by)
}

func judgeOurs(cmd *cobra.Command, v *verifier.Verifier, p *ir.Program, show extras) (verdictJSON, string, error) {
	r, err := v.Verify(cmd.Context(), p, nil)
	if err != nil {
		return verdictJSON{}, "", err
	}
	out := verdictJSON{Program: p.Name, Verdict: r.Verdict.String(), Insns: p.Count(),
		Visits: r.Stats.Visits, States: r.Stats.States, Micros: r.Stats.Micros,
		PeakStates: r.Stats.PeakStates, PeakBytes: r.Stats.PeakBytes}
	text := reportText(p, r)
	if len(r.Findings) > 0 {
		f := r.Findings[0]
		out.Code, out.PC, out.Message = string(f.Code), int(f.PC), f.Msg
	}
	if show.log && r.Invariants != nil {
		text = r.Invariants.String() + text
	}
	if show.data && r.Invariants != nil {
		if out.Invariants, err = r.Invariants.Data(); err != nil {
			return verdictJSON{}, "", err
		}
	}
	if show.recheck {
		if out.recheckJSON, err = recheckReport(p, r); err != nil {
			return verdictJSON{}, "", err
		}
		text += out.recheckJSON.text()
	}
	return out, text, nil
}

// reportText is the verdict for people: one line, then the findings with
// their source lines.
func reportText(p *ir.Program, r *verifier.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v (%d insns, %d visits, %d states, at most %d of %d kB at once, %.0f us)",
		p.Name, r.Verdict, p.Count(), r.Stats.Visits, r.Stats.States, r.Stats.PeakStates, (r.Stats.PeakBytes+1023)/1024, r.Stats.Micros)
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "\n  insn %d: %s: %s", f.PC, f.Code, f.Msg)
		if l, ok := p.LineAt(f.PC); ok {
			fmt.Fprintf(&b, "\n    %s:%d: %s", l.File, l.Line, strings.TrimSpace(l.Text))
		}
	}
	return b.String()
}

func verdictStatus(verdict string) status {
	switch verdict {
	case verifier.Accept.String():
		return yes
	case verifier.Reject.String():
		return no
	}
	return unknown
}
