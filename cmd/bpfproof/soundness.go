package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
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
	width, jobs      int
	solver           solverFlags
	assumptions      bool
	smtDir, cacheDir string
	checkProofs      bool
	confirm          []string
	confirmSteps     uint64
	confirmTimeout   time.Duration
	json             bool
}

// soundnessJSON is what soundness prints of a line (DESIGN section 5).
type soundnessJSON struct {
	Domain     string          `json:"domain"`
	Op         string          `json:"op"`
	Width      int             `json:"width"`
	Status     string          `json:"status"`
	Own        string          `json:"own,omitempty"` // of the goals alone, where the line is unknown for what it rests on
	Seconds    float64         `json:"seconds"`       // by the clock
	Solver     string          `json:"solver"`
	RestsOn    []soundnessLine `json:"rests_on,omitempty"` // lines that the proof takes as given; all are proved if this one is
	Goal       string          `json:"goal,omitempty"`     // the first that is not proved
	Reason     string          `json:"reason,omitempty"`   // why it is not known
	Witness    string          `json:"witness,omitempty"`  // if it is refuted
	Proofs     int             `json:"proofs,omitempty"`   // of the solver, that were checked
	Cached     int             `json:"cached,omitempty"`   // of these, in an earlier run
	ProofBytes int64           `json:"proof_bytes,omitempty"`
	CheckTime  float64         `json:"check_seconds,omitempty"` // of those checked in this run
	RunCPU     float64         `json:"run_cpu_seconds"`         // of the whole run up to here, with its solvers
}

type soundnessLine struct {
	Domain string `json:"domain"`
	Op     string `json:"op"`
	Width  int    `json:"width"`
}

func soundnessCmd() *cobra.Command {
	var f soundnessFlags
	cmd := &cobra.Command{
		Use:   "soundness",
		Short: "prove abstract operators right for all 64-bit words, from their own source",
		Long: `soundness translates the Go source of the domains that this binary holds into
formulas, and has a solver prove of each operator that it does not panic, that
its result is valid for all valid operands, and that it contains the result of
the operation on all members of them; of the lattice and of refinements likewise.
Lines named contract.* prove what other proofs know of a function. A line is
proved only if all lines are that it rests on; those are decided as well where
they are not asked for.

The status is 0 if all is proved, 1 if an operator is refuted, 3 if one is not
known. Two solvers that disagree (--confirm) are an error.`,
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
	cmd.Flags().IntVar(&f.jobs, "jobs", runtime.GOMAXPROCS(0), "lines to decide at the same time")
	f.solver.flags(cmd)
	cmd.Flags().Lookup("solver").DefValue = bitblast.Name
	f.solver.name = bitblast.Name
	cmd.Flags().Lookup("timeout").DefValue = soundnessTimeout.String()
	f.solver.limits.Timeout = soundnessTimeout
	cmd.Flags().BoolVar(&f.assumptions, "assumptions", false, "list what the proofs assume, and prove nothing")
	cmd.Flags().StringVar(&f.smtDir, "smt-dir", "", "write every query as SMT-LIB into this folder")
	cmd.Flags().BoolVar(&f.checkProofs, "check-proofs", false, "count unsat only with a proof that is checked; only "+bitblast.Name+" writes them")
	cmd.Flags().StringVar(&f.cacheDir, "cache", "", "folder in which checked proofs are remembered by content, with --check-proofs; none for none (default in the user's cache)")
	cmd.Flags().StringSliceVar(&f.confirm, "confirm", nil, "ask these solvers as well whatever is unsat")
	cmd.Flags().Uint64Var(&f.confirmSteps, "confirm-steps", 0, "step limit of one query to confirm (0: none)")
	cmd.Flags().DurationVar(&f.confirmTimeout, "confirm-timeout", time.Minute, "time limit of one query to confirm")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object for each operator, on one line")
	return withMutants(cmd, &f)
}

// soundnessTimeout is the net below --steps: on a busy machine, proofs of
// seconds take minutes.
const soundnessTimeout = 10 * time.Minute

// open returns the solver that is asked for, which Confirm adds others to.
func (f *soundnessFlags) open() (*solvers.Confirming, error) {
	var others []smt.Solver
	for _, name := range f.confirm {
		s, err := solvers.New(name, smt.Limits{Steps: f.confirmSteps, Timeout: f.confirmTimeout})
		if err != nil {
			return nil, err
		}
		others = append(others, s)
	}
	if !f.checkProofs {
		s, err := solvers.New(f.solver.name, f.solver.limits)
		if err != nil {
			return nil, err
		}
		return solvers.Confirm(s, others...), nil
	}
	if f.solver.name != bitblast.Name {
		return nil, fmt.Errorf("soundness: check proofs: solver %s writes none, only %s does", f.solver.name, bitblast.Name)
	}
	dir, err := f.cache()
	if err != nil {
		return nil, err
	}
	s, err := bitblast.New(f.solver.limits, bitblast.Options{CheckProof: true, CacheDir: dir})
	if err != nil {
		return nil, err
	}
	return solvers.Confirm(s, others...), nil
}

// cache returns the folder for checked proofs, "" for none.
func (f *soundnessFlags) cache() (string, error) {
	dir := f.cacheDir
	switch dir {
	case "none":
		return "", nil
	case "":
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("soundness: find the user's cache: %w: choose a folder with --cache, or none", err)
		}
		dir = filepath.Join(base, "bpfproof", "proofs")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("soundness: make cache: %w", err)
	}
	return dir, nil
}

// choose returns all domains, as lines can rest on those of others, and the
// lines that are asked for.
func (f *soundnessFlags) choose() (subjects []*soundness.Subject, lines []soundness.Line, err error) {
	if _, err := filepath.Match(f.op, ""); err != nil {
		return nil, nil, fmt.Errorf("soundness: choose operator %q: %w", f.op, err)
	}
	var names []string
	for _, d := range soundness.Domains() {
		names = append(names, d.Name)
	}
	if f.domain != "" && !slices.Contains(names, f.domain) {
		return nil, nil, fmt.Errorf("soundness: choose domain %q: there are %s", f.domain, strings.Join(names, ", "))
	}
	for _, d := range soundness.Domains() {
		s, err := soundness.Load(d)
		if err != nil {
			return nil, nil, err
		}
		subjects = append(subjects, s)
	}
	lines = soundness.Find(subjects, func(l soundness.Line) bool {
		match, _ := filepath.Match(f.op, l.Op) // the pattern is right, see above
		return (match || f.op == "") && (f.domain == "" || f.domain == l.Domain) && (f.width == 0 || f.width == int(l.Width))
	})
	if len(lines) == 0 {
		return nil, nil, fmt.Errorf("soundness: choose operator %q: no such operator at this width", f.op)
	}
	return subjects, lines, nil
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
	subjects, lines, err := f.choose()
	if err != nil {
		return err
	}
	solver, err := f.open()
	if err != nil {
		return err
	}
	run := soundness.Run{Solver: solver, Workers: f.jobs}
	if f.smtDir != "" {
		if err := os.MkdirAll(f.smtDir, 0o755); err != nil {
			return fmt.Errorf("soundness: make folder for queries: %w", err)
		}
		run.Built = func(ob *soundness.Obligation) error { return writeQueries(f.smtDir, ob) }
	}
	t := soundnessTotal{count: map[smt.Outcome]int{}, answer: yes}
	err = run.Decide(cmd.Context(), subjects, lines, func(v soundness.Verdict) error {
		t.add(v)
		return p.answer(soundnessRow(v), soundnessText(v))
	})
	if err != nil {
		return err
	}
	if !f.json {
		t.print(p.w, solver.Counts())
	}
	return end(t.answer)
}

// soundnessTotal sums up a run.
type soundnessTotal struct {
	count        map[smt.Outcome]int
	answer       status
	proofs       int
	cached       int
	bytes        int64
	solve, check time.Duration
}

func (t *soundnessTotal) add(v soundness.Verdict) {
	t.count[v.Status]++
	t.answer = t.answer.worse(soundnessStatus(v))
	t.proofs, t.cached, t.bytes = t.proofs+v.Proofs, t.cached+v.Cached, t.bytes+v.ProofBytes
	t.solve, t.check = t.solve+v.Solved-v.CheckTime, t.check+v.CheckTime
}

func (t *soundnessTotal) print(w io.Writer, confirmed []solvers.Confirmations) {
	n := t.count[smt.Proved] + t.count[smt.Refuted] + t.count[smt.Undecided]
	fmt.Fprintf(w, "%d operators: %d proved, %d refuted, %d unknown\n", n, t.count[smt.Proved], t.count[smt.Refuted], t.count[smt.Undecided])
	if t.proofs > 0 {
		fmt.Fprintf(w, "%d kB of proofs: %d checked in %.2f s, after %.2f s of solving; %d checked in earlier runs\n",
			t.bytes>>10, t.proofs-t.cached, t.check.Seconds(), t.solve.Seconds(), t.cached)
	}
	for _, c := range confirmed {
		fmt.Fprintf(w, "%d of %d queries confirmed by %s, %d beyond its limits\n", c.Confirmed, c.Asked, c.Solver, c.Asked-c.Confirmed-c.Failed)
		if c.Failed > 0 {
			fmt.Fprintf(w, "%d times %s failed: %s\n", c.Failed, c.Solver, oneLine(c.Err.Error()))
		}
	}
	fmt.Fprintf(w, "%.1f s of CPU\n", soundnessCPU().Seconds())
}

// soundnessCPU returns what this process and its children that have ended have used.
func soundnessCPU() time.Duration {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil { // fails for unknown arguments only
			sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return sum
}

// writeQueries writes one script for each goal.
func writeQueries(dir string, ob *soundness.Obligation) error {
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

func soundnessRow(v soundness.Verdict) soundnessJSON {
	row := soundnessJSON{Domain: v.Domain, Op: v.Op, Width: int(v.Width), Status: soundnessWord(v.Status), Seconds: v.Elapsed.Seconds(), Solver: v.Solver,
		Goal: v.Goal, Reason: v.Reason, Witness: v.Witness(), Proofs: v.Proofs, Cached: v.Cached, ProofBytes: v.ProofBytes,
		CheckTime: v.CheckTime.Seconds(), RunCPU: soundnessCPU().Seconds()}
	if v.Own != v.Status {
		row.Own = soundnessWord(v.Own)
	}
	for _, l := range v.RestsOn {
		row.RestsOn = append(row.RestsOn, soundnessLine{l.Domain, l.Op, int(l.Width)})
	}
	return row
}

func soundnessText(v soundness.Verdict) string {
	text := fmt.Sprintf("%-14s %-22s %2d %-8s %8.2f s  %s", v.Domain, v.Op, v.Width, soundnessWord(v.Status), v.Elapsed.Seconds(), v.Solver)
	if v.Proofs > 0 {
		text += fmt.Sprintf("  %d kB of proofs checked in %.2f s", v.ProofBytes>>10, v.CheckTime.Seconds())
	}
	if v.Cached > 0 {
		text += fmt.Sprintf(", %d of them in earlier runs", v.Cached)
	}
	for i, l := range v.RestsOn {
		text += [...]string{"  rests on ", ", "}[min(i, 1)] + fmt.Sprintf("%s %s/%d", l.Domain, l.Op, l.Width)
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
