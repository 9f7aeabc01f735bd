package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/native"
)

// benchRunJSON is one program in one tier (DESIGN section 5). Fields of a
// column that is left out are missing.
type benchRunJSON struct {
	Program     string   `json:"program"`
	Tier        string   `json:"tier"` // vm, baseline or optimising
	Maps        bool     `json:"maps"`
	Ns          float64  `json:"ns"`
	KernelNs    *float64 `json:"kernel_ns,omitempty"`
	NativeNs    *float64 `json:"native_ns,omitempty"` // C compiled for this machine
	RatioKernel *float64 `json:"ratio_kernel,omitempty"`
	RatioNative *float64 `json:"ratio_native,omitempty"`
}

// benchRow is what was measured of one program: medians in nanoseconds a run,
// by column.
type benchRow struct {
	program string
	maps    bool
	ns      map[string]float64
}

// The columns of a table of engines.
const (
	vmColumn       = "vm"
	baselineColumn = "baseline"
	optColumn      = "optimising"
	hardColumn     = "hardened" // the optimising tier with blinded constants
	kernelColumn   = "kernel"
	cColumn        = "C"
)

// engineBench compares engines of ours with what they must not be too far
// behind.
type engineBench struct {
	rounds
	policy policyFlags
	only   []string
	cc     string
	ours   []string    // columns
	maps   bool        // programs with maps too
	ratios [][2]string // quotients of columns that the table shows
	passes []string    // of the optimising tier, as --passes says
	harden hardenFlags
	native native.Options

	check    runtime.Check
	compiler *compiler // nil: left out
	kernel   bool
	columns  []string
}

func benchVMCmd() *cobra.Command {
	b := engineBench{ours: []string{vmColumn, baselineColumn},
		ratios: [][2]string{{vmColumn, cColumn}, {vmColumn, kernelColumn}, {baselineColumn, cColumn}, {baselineColumn, kernelColumn}}}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "vm",
		Short: "the interpreter beside our native code, the kernel's JIT and native C",
		Long: "Measure the map-less programs of corpus/bench in the interpreter, in our native code, in the live\n" +
			"kernel's JIT and as C compiled for this machine.\n\n" +
			"All columns of a program are measured in one run, round by round in turn; a number is the median of\n" +
			"the rounds, in nanoseconds of processor time a run, so that other processes disturb it little. A run is\n" +
			"one call on the same packet of 1514 bytes, and every column has to return the same result. Our engines\n" +
			"are measured around many runs of one session, the kernel by the clock of BPF_PROG_TEST_RUN, which stops\n" +
			"for other processes too and counts whole nanoseconds.\n" +
			"Native C is the source of the program under cc -O2, in a process that times its own calls.\n" +
			"What is missing, a C compiler or the right to call bpf(2), is left out and named on stderr.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return b.run(cmd, newPrinter(cmd, asJSON)) },
	}
	b.flags(cmd)
	b.policy.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().StringSliceVar(&b.only, "prog", nil, "only the programs of these names")
	cmd.Flags().StringVar(&b.cc, "cc", "cc", "C compiler of the native column")
	return cmd
}

func (b *engineBench) run(cmd *cobra.Command, out *printer) error {
	if err := b.rounds.check(); err != nil {
		return err
	}
	programs, err := benchPrograms(b.only, func(c corpus.Benchmark) bool { return b.maps || !c.Maps })
	if err != nil {
		return err
	}
	if err := b.prepare(cmd.ErrOrStderr()); err != nil {
		return err
	}
	if b.compiler != nil {
		defer b.compiler.Close()
	}
	var rows []benchRow
	for i := range programs {
		row, err := b.measure(cmd.Context(), &programs[i])
		if errors.Is(err, errDiffer) {
			fmt.Fprintf(cmd.ErrOrStderr(), "bpfproof: %s: %v\n", programs[i].Name, err)
			return end(no)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", programs[i].Name, err)
		}
		rows = append(rows, row)
	}
	if !out.json {
		return b.table(out.w, rows)
	}
	for _, r := range rows {
		for _, tier := range b.ours {
			if err := out.answer(r.json(tier), ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// prepare finds out which columns there are, and says which are not.
func (b *engineBench) prepare(stderr io.Writer) error {
	v, err := b.policy.verifier()
	if err != nil {
		return err
	}
	b.check, b.columns = pipeline.Accepts(v), slices.Clone(b.ours)
	if err := kernel.Available(); err != nil {
		fmt.Fprintf(stderr, "bpfproof: the kernel's column is left out: %v\n", err)
	} else {
		b.kernel, b.columns = true, append(b.columns, kernelColumn)
	}
	b.compiler, err = newCompiler(b.cc)
	switch {
	case errors.Is(err, errNoCompiler):
		fmt.Fprintf(stderr, "bpfproof: the column of native C is left out: %v\n", err)
	case err != nil:
		return err
	default:
		b.columns = append(b.columns, cColumn)
	}
	return nil
}

func (b *engineBench) open(ctx context.Context, column string, p *benchProgram) (timer, error) {
	switch column {
	case kernelColumn:
		return openKernelTimer(p)
	case cColumn:
		return b.compiler.open(ctx, p)
	}
	loader, err := b.loader(column)
	if err != nil {
		return nil, err
	}
	return openSession(ctx, loader, p, b.check)
}

// loader returns an engine of ours by its column.
func (b *engineBench) loader(column string) (runtime.Loader, error) {
	switch column {
	case vmColumn:
		return loaders["vm"]()
	case baselineColumn:
		return nativeLoader(jit.Options{}, b.native)
	}
	o := jit.Options{Tier: jit.Optimising}
	if column == hardColumn {
		o = b.harden.options(jit.Optimising)
	}
	var err error
	if o.Off, err = passesOff(b.passes); err != nil {
		return runtime.Loader{}, err
	}
	return nativeLoader(o, b.native)
}

func (b *engineBench) measure(ctx context.Context, p *benchProgram) (row benchRow, err error) {
	row = benchRow{program: p.Name, maps: p.Maps, ns: map[string]float64{}}
	var timers []timer
	defer func() {
		for _, t := range timers {
			err = errors.Join(err, t.Close())
		}
	}()
	var columns []string
	for _, c := range b.columns {
		if c == cColumn && p.Maps {
			continue // maps are no part of C
		}
		columns = append(columns, c)
		t, err := b.open(ctx, c, p)
		if err != nil {
			return row, fmt.Errorf("%s: %w", c, err)
		}
		timers = append(timers, t)
	}
	medians, err := b.interleave(ctx, timers)
	for i, ns := range medians {
		row.ns[columns[i]] = ns
	}
	return row, err
}

func (r *benchRow) json(tier string) *benchRunJSON {
	j := &benchRunJSON{Program: r.program, Tier: tier, Maps: r.maps, Ns: r.ns[tier]}
	if ns, ok := r.ns[kernelColumn]; ok {
		ratio := j.Ns / ns
		j.KernelNs, j.RatioKernel = &ns, &ratio
	}
	if ns, ok := r.ns[cColumn]; ok {
		ratio := j.Ns / ns
		j.NativeNs, j.RatioNative = &ns, &ratio
	}
	return j
}

// table prints the rows, the quotients of their columns, and of those of the
// programs without maps the geometric means.
func (b *engineBench) table(w io.Writer, rows []benchRow) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	shown := b.shownRatios()
	fmt.Fprint(t, "program\t")
	for _, c := range b.columns {
		fmt.Fprintf(t, "%s ns\t", c)
	}
	for _, q := range shown {
		fmt.Fprintf(t, "%s/%s\t", q[0], q[1])
	}
	all := make([][]float64, len(shown))
	for _, r := range rows {
		fmt.Fprintf(t, "\n%s\t", r.program)
		for _, c := range b.columns {
			cell(t, "%.1f\t", r.ns[c])
		}
		for i, q := range shown {
			x := r.ns[q[0]] / max(r.ns[q[1]], 1e-9)
			if r.ns[q[1]] == 0 {
				x = 0
			} else if !r.maps {
				all[i] = append(all[i], x)
			}
			cell(t, "%.2f\t", x)
		}
	}
	fmt.Fprint(t, "\ngeometric mean\t")
	if b.maps {
		fmt.Fprint(t, "without maps")
	}
	for range b.columns {
		fmt.Fprint(t, "\t")
	}
	for _, xs := range all {
		fmt.Fprintf(t, "%.2f\t", geomean(xs))
	}
	fmt.Fprintln(t)
	return t.Flush()
}

// cell prints a number, or that there is none.
func cell(w io.Writer, format string, x float64) {
	if x == 0 {
		fmt.Fprint(w, "-\t")
		return
	}
	fmt.Fprintf(w, format, x)
}

func (b *engineBench) shownRatios() [][2]string {
	var shown [][2]string
	for _, q := range b.ratios {
		if slices.Contains(b.columns, q[0]) && slices.Contains(b.columns, q[1]) {
			shown = append(shown, q)
		}
	}
	return shown
}
