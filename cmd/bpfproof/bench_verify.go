package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	goruntime "runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/internal/vectors"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/verifier"
)

// benchVerifyJSON is what bench verify prints of a program (DESIGN section 5).
type benchVerifyJSON struct {
	Program string  `json:"program"`
	Insns   int     `json:"insns"`
	Visits  int     `json:"visits"`
	States  int     `json:"states"`
	Bytes   int     `json:"peak_bytes"` // of the states held at once
	Micros  float64 `json:"micros"`
	First   float64 `json:"first_micros"` // of the first call, which the others are warmed up by
	Allocs  float64 `json:"allocs"`       // by one call, in steady state
	// The live kernel's; missing where it is not asked.
	KernelMicros    *float64 `json:"kernel_micros,omitempty"`
	KernelProcessed *int     `json:"kernel_processed,omitempty"`
	Ratio           *float64 `json:"ratio,omitempty"` // of micros to the kernel's
}

// verifyBench measures the verifier beside the kernel's.
type verifyBench struct {
	rounds
	policy policyFlags
	only   []string
	limit  time.Duration // bounds the time of one program

	v      *verifier.Verifier
	kernel bool
	// Programs that are not measured.
	refused, refusedByKernel int
}

func benchVerifyCmd() *cobra.Command {
	b := verifyBench{}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [F.jsonl]",
		Short: "the verifier beside the live kernel's, in one run",
		Long: "Verify the programs of the corpus, and those of a file of ground truth, and load them into the live\n" +
			"kernel; measure those that both accept.\n\n" +
			"Ours is the processor time of one call, as the best of the rounds: each makes as many calls as fill the\n" +
			"round time. The kernel's is its own verification time, as the best of as many loads, or the processor\n" +
			"time of the whole load where that is less: so neither counts what other processes take. A program takes\n" +
			"part in as many rounds as the time limit allows, in at least one. Allocations are counted, not timed.\n" +
			"Without the right to call bpf(2) the kernel's columns are left out, and named on stderr.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return b.run(cmd, args, newPrinter(cmd, asJSON)) },
	}
	b.policy.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().IntVar(&b.count, "rounds", 7, "rounds of each measurement; the best counts")
	cmd.Flags().DurationVar(&b.length, "round-time", time.Millisecond, "length of a round of ours")
	cmd.Flags().DurationVar(&b.limit, "limit", 3*time.Second, "time after which a program gets no further round")
	cmd.Flags().StringSliceVar(&b.only, "prog", nil, "only the programs of these names")
	return cmd
}

func (b *verifyBench) run(cmd *cobra.Command, args []string, out *printer) error {
	err := b.rounds.check()
	if err != nil {
		return err
	}
	if b.v, err = b.policy.verifier(); err != nil {
		return err
	}
	programs, err := b.programs(args)
	if err != nil {
		return err
	}
	if err := kernel.Available(); err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "bpfproof: the kernel's columns are left out: %v\n", err)
	} else {
		b.kernel = true
	}
	var rows []*benchVerifyJSON
	for _, p := range programs {
		row, err := b.measure(cmd.Context(), p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if row == nil {
			continue
		}
		rows = append(rows, row)
		if out.json {
			if err := out.answer(row, ""); err != nil {
				return err
			}
		}
	}
	if out.json {
		return nil
	}
	return b.summary(out.w, rows)
}

// programs reads the corpus and the files; those that are not well-formed are
// left out.
func (b *verifyBench) programs(files []string) ([]*ir.Program, error) {
	list, err := corpusPrograms()
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		all, err := vectors.Read(f)
		if err != nil {
			return nil, err
		}
		for i := range all {
			if p, err := all[i].Program(); err == nil {
				list = append(list, p)
			}
		}
	}
	if len(b.only) == 0 {
		return list, nil
	}
	list = slices.DeleteFunc(list, func(p *ir.Program) bool { return !slices.Contains(b.only, p.Name) })
	if len(list) == 0 {
		return nil, fmt.Errorf("--prog %v: no such program", b.only)
	}
	return list, nil
}

// corpusPrograms reads the programs of the corpus, named as their entries.
func corpusPrograms() ([]*ir.Program, error) {
	entries, err := corpus.Entries()
	if err != nil {
		return nil, err
	}
	var list []*ir.Program
	for _, e := range entries {
		data, err := corpus.FS.ReadFile(e.Path)
		if err != nil {
			return nil, err
		}
		var p *ir.Program
		if path.Ext(e.Path) == ".s" {
			p, err = asm.Parse(e.Path, string(data))
		} else {
			var object *elf.Object
			if object, err = elf.Read(e.Path, bytes.NewReader(data)); err == nil {
				p = object.Program(e.Program)
			}
		}
		if err != nil {
			return nil, err
		}
		p.Name = e.Name()
		list = append(list, p)
	}
	return list, nil
}

// measure measures one program; the row is nil where it is not accepted.
func (b *verifyBench) measure(ctx context.Context, p *ir.Program) (*benchVerifyJSON, error) {
	goruntime.LockOSThread() // for cpuTime
	defer goruntime.UnlockOSThread()
	start := cpuTime()
	r, err := b.v.Verify(ctx, p, nil)
	first := float64(cpuTime()-start) / 1e3
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil || r.Verdict != verifier.Accept {
		b.refused++
		return nil, nil
	}
	row := &benchVerifyJSON{Program: p.Name, Insns: p.Count(), Visits: r.Stats.Visits, States: r.Stats.States, Bytes: r.Stats.PeakBytes, First: first}
	var load *kernelLoad
	if b.kernel {
		if load, err = openKernelLoad(p); err != nil {
			b.refusedByKernel++
			return nil, nil
		}
		defer load.close()
	}
	return row, b.repeat(ctx, p, row, load)
}

// repeat measures ours and the kernel's in turn and keeps the best of each.
func (b *verifyBench) repeat(ctx context.Context, p *ir.Program, row *benchVerifyJSON, load *kernelLoad) error {
	start := time.Now()
	n := 1
	for i := 0; i < b.count && (i == 0 || time.Since(start) < b.limit); i++ {
		ns, allocs, err := b.time(ctx, p, n)
		if err != nil {
			return err
		}
		if row.Micros == 0 || ns/1e3 < row.Micros {
			row.Micros = ns / 1e3
		}
		if i == 0 || allocs < row.Allocs {
			row.Allocs = allocs
		}
		n = max(1, min(maxRepeat, int(float64(b.length)/max(ns, 1))))
		if load == nil {
			continue
		}
		micros, processed, err := load.time()
		if err != nil {
			return err
		}
		if row.KernelMicros == nil || micros < *row.KernelMicros {
			row.KernelMicros, row.KernelProcessed = &micros, &processed
		}
	}
	if row.KernelMicros != nil {
		ratio := row.Micros / max(*row.KernelMicros, 1)
		row.Ratio = &ratio
	}
	return nil
}

// time verifies n times and returns one call's processor time in nanoseconds and
// its allocations.
func (b *verifyBench) time(ctx context.Context, p *ir.Program, n int) (ns, allocs float64, err error) {
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	start := cpuTime()
	for range n {
		if _, err := b.v.Verify(ctx, p, nil); err != nil {
			return 0, 0, err
		}
	}
	ns = float64(cpuTime()-start) / float64(n)
	goruntime.ReadMemStats(&after)
	return ns, float64(after.Mallocs-before.Mallocs) / float64(n), nil
}

// kernelLoad loads one program into the live kernel again and again, with the
// same maps.
type kernelLoad struct {
	program *ir.Program
	first   *kernel.Program // owns the maps
}

// openKernelLoad loads the program once. The error says that the kernel does
// not take it.
func openKernelLoad(p *ir.Program) (*kernelLoad, error) {
	first, err := kernel.Load(p, kernel.Options{})
	if err != nil {
		return nil, err
	}
	return &kernelLoad{p, first}, nil
}

func (l *kernelLoad) close() { _ = l.first.Close() }

// time loads the program once and returns how long the kernel verified.
func (l *kernelLoad) time() (micros float64, processed int, err error) {
	start := cpuTime()
	p, err := kernel.Load(l.program, kernel.Options{Maps: l.first.Maps()})
	if err != nil {
		return 0, 0, err
	}
	whole := float64(cpuTime()-start) / 1e3
	s := p.Report().Stats
	return min(float64(s.Micros), whole), s.Processed, p.Close()
}

// worstShown is how many of the programs with the greatest ratios are listed.
const worstShown = 10

// summary prints what the goals speak of, and the worst programs.
func (b *verifyBench) summary(w io.Writer, rows []*benchVerifyJSON) error {
	var micros, firsts, kernelMicros, allocs, ratios []float64
	visits, processed := 0, 0
	for _, r := range rows {
		micros, firsts, allocs, visits = append(micros, r.Micros), append(firsts, r.First), append(allocs, r.Allocs), visits+r.Visits
		if r.Ratio != nil {
			kernelMicros, ratios, processed = append(kernelMicros, *r.KernelMicros), append(ratios, *r.Ratio), processed+*r.KernelProcessed
		}
	}
	fmt.Fprintf(w, "%d programs measured; %d not accepted here, %d not by the kernel\n", len(rows), b.refused, b.refusedByKernel)
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintf(w, "ours: %.1f us median, %.0f us total, %d visits, %.0f ns a visit\n", median(micros), total(micros), visits, 1e3*total(micros)/float64(visits))
	fmt.Fprintf(w, "ours, first calls: %.1f us median, %.0f us total\n", median(firsts), total(firsts))
	if len(ratios) > 0 {
		fmt.Fprintf(w, "kernel: %.1f us median, %.0f us total, %d processed, %.0f ns each\n", median(kernelMicros), total(kernelMicros), processed, 1e3*total(kernelMicros)/float64(processed))
		fmt.Fprintf(w, "ours/kernel: %.2f median, %.2f total\n", median(ratios), total(micros)/total(kernelMicros))
	}
	fmt.Fprintf(w, "allocations: %.0f a program in the median, %.4f a visit\n", median(allocs), total(allocs)/float64(visits))
	if len(ratios) == 0 {
		return nil
	}
	slices.SortStableFunc(rows, func(x, y *benchVerifyJSON) int { return cmp.Compare(*y.Ratio, *x.Ratio) })
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "worst\tinsns\tvisits\tus\tkernel us\tprocessed\tratio\tallocations\t")
	for _, r := range rows[:min(worstShown, len(rows))] {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.1f\t%.0f\t%d\t%.2f\t%.0f\t\n", r.Program, r.Insns, r.Visits, r.Micros, *r.KernelMicros, *r.KernelProcessed, *r.Ratio, r.Allocs)
	}
	return t.Flush()
}

func median(xs []float64) float64 {
	sorted := slices.Sorted(slices.Values(xs))
	return stat.Quantile(0.5, stat.Empirical, sorted, nil)
}

func total(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum
}
