package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/internal/vectors"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/verifier"
)

// vectorJSON is what vectors prints of one (DESIGN section 5).
type vectorJSON struct {
	ID      string  `json:"id"`
	Expect  string  `json:"expect"`
	Verdict string  `json:"verdict"`
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Micros  float64 `json:"micros"`
	Visits  int     `json:"visits"`
	// Retvals are the results of the vector's runs on which all engines agree;
	// null where the program did not run.
	Retvals []uint32 `json:"retvals"`
	// Runs says what became of the runs: "" (none), equal, different or
	// unsupported; Detail says why not equal.
	Runs   string `json:"runs"`
	Detail string `json:"detail,omitempty"`
	recheckJSON
}

// What became of a vector's runs.
const (
	runsEqual       = "equal"
	runsDifferent   = "different"
	runsUnsupported = "unsupported"
)

func vectorsCmd() *cobra.Command {
	var policy policyFlags
	var asJSON, recheck bool
	var engines string
	cmd := &cobra.Command{
		Use:   "vectors F.jsonl",
		Short: "verify and run the programs of a file of ground truth",
		Long: "Verify the programs of a file of ground truth and compare the verdicts, and run those that are accepted.\n" +
			"With --domain all nothing is run: every domain judges every program, and a table compares them.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := vectors.Read(args[0])
			if err != nil {
				return err
			}
			names, err := engineNames(engines)
			if err != nil {
				return err
			}
			if slices.Contains(names, "kernel") {
				return errors.New("--engine: the vectors hold the kernel's results already: want vm or native")
			}
			if policy.domain == allDomains {
				return compareDomains(cmd, all, policy, newPrinter(cmd, asJSON))
			}
			v, err := policy.verifier()
			if err != nil {
				return err
			}
			j := &vectorJudge{v: v, recheck: recheck, engines: names, unprivileged: policy.unprivileged, count: map[string]int{}}
			out := newPrinter(cmd, asJSON)
			for i := range all {
				got, err := j.judge(cmd.Context(), &all[i])
				if err != nil {
					return err
				}
				if err := out.answer(got, got.text()); err != nil {
					return err
				}
			}
			if !asJSON {
				fmt.Fprint(cmd.OutOrStdout(), j.table())
			}
			return end(j.result)
		},
	}
	policy.flags(cmd)
	policy.testModule = true // whose functions vectors call
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a vector, on one line")
	cmd.Flags().BoolVar(&recheck, "recheck", false, "confirm the invariants of what is accepted by a separate checker")
	cmd.Flags().StringVar(&engines, "engine", "vm,native", "engines of ours that run what is accepted")
	return cmd
}

func (r *vectorJSON) text() string {
	s := fmt.Sprintf("%s: %s, expected %s", r.ID, r.Verdict, r.Expect)
	if r.Code != "" {
		s += fmt.Sprintf(": %s: %s", r.Code, r.Message)
	}
	if r.Runs != "" {
		s += ": runs " + r.Runs
	}
	if r.Detail != "" {
		s += ": " + r.Detail
	}
	return s + r.recheckJSON.text()
}

// vectorJudge verifies and runs vectors, and counts.
type vectorJudge struct {
	v            *verifier.Verifier
	engines      []string
	unprivileged bool
	recheck      bool
	count        map[string]int
	result       status
}

func (j *vectorJudge) judge(ctx context.Context, v *vectors.Vector) (*vectorJSON, error) {
	out := &vectorJSON{ID: v.ID, Expect: v.Expect}
	if j.unprivileged && v.ExpectUnpriv != "" {
		out.Expect = v.ExpectUnpriv
	}
	p, err := v.Program()
	if err == nil {
		var r *verifier.Report
		if r, err = j.v.Verify(ctx, p, nil); err == nil {
			out.Verdict, out.Visits, out.Micros = r.Verdict.String(), r.Stats.Visits, r.Stats.Micros
			if len(r.Findings) > 0 {
				out.Code, out.Message = string(r.Findings[0].Code), r.Findings[0].Msg
			}
			if j.recheck {
				if out.recheckJSON, err = recheckReport(p, r); err != nil {
					return nil, err
				}
			}
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil { // not well-formed: a loader refuses it
		out.Verdict, out.Code, out.Message = verifier.Reject.String(), "malformed", oneLine(err.Error())
	}
	if out.Verdict == verifier.Accept.String() && len(v.Runs) > 0 {
		if err := j.runAll(ctx, v, p, out); err != nil {
			return nil, err
		}
	}
	j.note(out)
	return out, nil
}

// note counts a vector and what it says of the whole.
func (j *vectorJudge) note(r *vectorJSON) {
	j.count["verdict: expected "+r.Expect+", got "+r.Verdict]++
	if r.Runs != "" {
		j.count["runs: "+r.Runs]++
	}
	if r.Recheck != "" {
		j.count["recheck: "+r.Recheck+r.construct()]++
	}
	j.result = j.result.worse(r.status())
	switch {
	case r.Runs == runsDifferent:
		j.result = j.result.worse(no)
	case r.Verdict == r.Expect:
	case r.Verdict == verifier.Unknown.String():
		j.result = j.result.worse(unknown)
	default:
		j.result = j.result.worse(no)
	}
}

// table lists the counts.
func (j *vectorJudge) table() string {
	keys := make([]string, 0, len(j.count))
	for k := range j.count {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "%6d %s\n", j.count[k], k)
	}
	return b.String()
}

// runAll runs the vector's inputs in every engine, each with maps of its own,
// and compares the results with each other and with the vector's.
func (j *vectorJudge) runAll(ctx context.Context, v *vectors.Vector, p *ir.Program, out *vectorJSON) error {
	var first []uint32
	for _, name := range j.engines {
		got, err := j.run(ctx, name, v, p)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			out.Runs, out.Detail = runsUnsupported, name+": "+oneLine(err.Error())
			return nil
		}
		for i, x := range got {
			if want := v.Runs[i].Retval; x != want {
				out.Runs, out.Detail = runsDifferent, fmt.Sprintf("run %d: %s returns %d, want %d", i, name, x, want)
				return nil
			}
		}
		first = got
	}
	out.Runs, out.Retvals = runsEqual, first
	return nil
}

// run runs the vector's inputs in one engine. Results are 32 bits, as
// the kernel reports them.
func (j *vectorJudge) run(ctx context.Context, engine string, v *vectors.Vector, p *ir.Program) (got []uint32, err error) {
	tails, err := v.Tails(p)
	if err != nil {
		return nil, err
	}
	programs := []*ir.Program{p}
	for _, t := range tails {
		programs = append(programs, t.Program)
	}
	loader, err := loaders[engine]()
	if err != nil {
		return nil, err
	}
	obj, err := runtime.Load(ctx, programs, runtime.Options{Loader: loader, Check: pipeline.Accepts(j.v)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, obj.Close()) }()
	for i, t := range tails {
		if err := obj.SetTail(t.Map, t.Index, obj.Programs()[i+1]); err != nil {
			return nil, err
		}
	}
	for _, run := range v.Runs {
		data, err := hex.DecodeString(run.Data)
		if err != nil {
			return nil, err
		}
		res, err := obj.Programs()[0].Run(ctx, runtime.Input{Data: data})
		if err != nil {
			return nil, err
		}
		got = append(got, uint32(res.Ret))
	}
	return got, nil
}
