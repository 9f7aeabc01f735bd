package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// benchMapsJSON is one operation (DESIGN section 5).
type benchMapsJSON struct {
	Case     string   `json:"case"`
	Ns       float64  `json:"ns"`
	KernelNs *float64 `json:"kernel_ns,omitempty"`
}

// mapsBench measures operations on maps, each in a program of its own.
type mapsBench struct {
	rounds
	policy policyFlags
	only   []string
	engine string
	large  bool

	check  runtime.Check
	kernel bool
}

func benchMapsCmd() *cobra.Command {
	b := mapsBench{}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "maps",
		Short: "operations on maps beside the live kernel's",
		Long: "Measure one operation on a map, made by a program of ours and by the same program in the live kernel, and\n" +
			"operations of the application beside bpf(2).\n\n" +
			"A program makes the operation 500 times a run on keys that jump about; what the same loop takes without it\n" +
			"is subtracted. Ours and the kernel's are measured in one run, round by round in turn; a number is the\n" +
			"median of the rounds in nanoseconds of processor time an operation. A wrong result of any operation\n" +
			"ends the measurement. Of reads it is measured as well what a second thread on the same map brings, and\n" +
			"what it brings to the loop without the operation, which is the machine's limit. The load of the machine is printed with the table, because it moves all numbers.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return b.run(cmd, newPrinter(cmd, asJSON)) },
	}
	b.flags(cmd)
	b.policy.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().StringSliceVar(&b.only, "case", nil, "only the operations of these names")
	cmd.Flags().StringVar(&b.engine, "engine", "native", "engine of ours: native, opt or vm")
	cmd.Flags().BoolVar(&b.large, "large", false, "also tables of 10 million elements, which take a minute to fill")
	return cmd
}

func (b *mapsBench) run(cmd *cobra.Command, out *printer) error {
	if err := b.rounds.check(); err != nil {
		return err
	}
	if _, ok := loaders[b.engine]; !ok {
		return fmt.Errorf("--engine %s: unknown engine: want vm, native or opt", b.engine)
	}
	v, err := b.policy.verifier()
	if err != nil {
		return err
	}
	b.check = pipeline.Accepts(v)
	if err := kernel.Available(); err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "bpfproof: the kernel's column is left out: %v\n", err)
	} else {
		b.kernel = true
	}
	var rows []benchMapsJSON
	for _, c := range mapCases {
		if len(b.only) > 0 && !slices.Contains(b.only, c.name) || c.large && !b.large {
			continue
		}
		row, err := b.measure(cmd.Context(), &c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return fmt.Errorf("--case %v: no such operation", b.only)
	}
	scaling, err := b.scaling(cmd.Context())
	if err != nil {
		return err
	}
	if !out.json {
		return errors.Join(mapsTable(out.w, rows), growthLine(out.w, rows), scalingTable(out.w, scaling))
	}
	for _, r := range rows {
		if err := out.answer(r, ""); err != nil {
			return err
		}
	}
	for _, r := range scaling {
		if err := out.answer(r, ""); err != nil {
			return err
		}
	}
	return nil
}

// measure opens the timers of a case, and of its loop alone, and compares.
func (b *mapsBench) measure(ctx context.Context, c *mapCase) (row benchMapsJSON, err error) {
	row.Case = c.name
	var timers []timer
	defer func() {
		for _, t := range timers {
			err = errors.Join(err, t.Close())
		}
	}()
	opens := []func(context.Context, *mapCase) (timer, error){b.openOurs}
	if b.kernel {
		opens = append(opens, b.openKernel)
	}
	for _, open := range opens {
		for _, x := range c.programs() {
			t, err := open(ctx, x)
			if err != nil {
				return row, err
			}
			timers = append(timers, t)
		}
	}
	ns, err := b.interleave(ctx, timers)
	if err != nil {
		return row, err
	}
	each := len(c.programs())
	row.Ns = c.each(ns[:each])
	if len(ns) > each {
		k := c.each(ns[each:])
		row.KernelNs = &k
	}
	return row, nil
}

func (c *mapCase) program() (*ir.Program, error) {
	p, err := asm.Parse(c.name, c.source())
	if err != nil {
		return nil, err
	}
	p.Name = strings.ReplaceAll(c.name, "-", "_")
	p.FindFuncs()
	return p, p.Check()
}

// mapTimer measures one of our engines from outside.
type mapTimer struct {
	timer
	drain func() error // after each run; nil: not needed
}

// appTimer measures an operation of the application on a map, which it closes.
type appTimer[M interface{ Close() error }] struct {
	m  M
	do func(m M, key, value []byte) error
	i  int

	buffer appBuffer
}

func (t *appTimer[M]) time(_ context.Context, n int) (float64, uint32, error) {
	start := cpuTime()
	for range n {
		key, value := t.buffer.at(t.i)
		if err := t.do(t.m, key, value); err != nil {
			return 0, 0, err
		}
		t.i++
	}
	return float64(cpuTime()-start) / float64(n), 0, nil
}

func (t *appTimer[M]) Close() error { return t.m.Close() }

func (b *mapsBench) openOurs(ctx context.Context, c *mapCase) (timer, error) {
	if c.app != nil {
		m, err := maps.New(c.appSpec())
		if err != nil {
			return nil, err
		}
		return &appTimer[maps.Map]{m: m, do: c.app}, c.fill(m.Update)
	}
	p, err := c.program()
	if err != nil {
		return nil, err
	}
	loader, err := loaders[b.engine]()
	if err != nil {
		return nil, err
	}
	t, err := openSession(ctx, loader, &benchProgram{program: p, packet: make([]byte, 64)}, b.check)
	if err != nil {
		return nil, err
	}
	obj := t.(*sessionTimer).object
	m := obj.Map("m")
	if m == nil {
		return t, nil
	}
	if r, ok := m.(*maps.RingBuf); ok {
		return &mapTimer{t, func() error {
			_, err := r.Drain(func([]byte) bool { return true })
			return err
		}}, nil
	}
	return t, c.fill(m.Update)
}

// time of a ring buffer's writer does not count what the reader takes.
func (t *mapTimer) time(ctx context.Context, n int) (float64, uint32, error) {
	total, last := 0.0, uint32(0)
	for range n {
		ns, result, err := t.timer.time(ctx, 1)
		if err == nil {
			err = t.drain()
		}
		if err != nil {
			return 0, 0, err
		}
		total, last = total+ns, result
	}
	return total / float64(n), last, nil
}

func mapsTable(w io.Writer, rows []benchMapsJSON) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "case\tns\tkernel ns\tours/kernel\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%.1f\t", r.Case, r.Ns)
		if r.KernelNs != nil {
			fmt.Fprintf(t, "%.1f\t%.2f\t", *r.KernelNs, r.Ns / *r.KernelNs)
		} else {
			fmt.Fprint(t, "\t\t")
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		_, err = fmt.Fprintf(w, "load of the machine: %s\n", strings.Join(strings.Fields(string(load))[:3], " "))
	}
	return err
}
