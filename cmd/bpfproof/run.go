package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/hooks"
	"github.com/bpfproof/bpfproof/runtime/native"
)

// runJSON is what run prints of a program in one engine (DESIGN section 5).
type runJSON struct {
	Program  string  `json:"program"`
	Engine   string  `json:"engine"`
	RetVal   uint64  `json:"retval"`
	Output   string  `json:"output"`
	NsPerRun float64 `json:"ns_per_run"`
	// With --pcap and --event.
	Packets  int            `json:"packets,omitempty"` // or other events
	Verdicts map[string]int `json:"verdicts,omitempty"`
	// With --stats.
	Stats *statsJSON `json:"stats,omitempty"`
}

type runner struct {
	in         input
	policy     policyFlags
	unverified bool
	data       string
	ctx        string
	pcap       string
	engines    string
	repeat     int
	elems      []string
	opts       engineOptions
	perf       bool
	watch      watchFlags
	out        *printer
}

func runCmd() *cobra.Command {
	var r runner
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "run X",
		Short: "load and call programs on an input, in one engine or several side by side",
		Long: `Load and call programs on an input. With several engines their results are compared:
the exit status is 1 if return values or output bytes differ.
With --event a program is attached to events of this machine, until --for has passed or it is interrupted:
live:INTERFACE runs it for every packet that the interface receives, on a copy; trace:SYSTEM:NAME for every record of a
tracepoint of the running kernel; timer:PERIOD periodically.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.out, r.opts.prove.say = newPrinter(cmd, asJSON), cmd.ErrOrStderr()
			var n native.Options
			closePerf, err := perfMap(r.perf, &n)
			if err != nil {
				return err
			}
			r.opts.perfMap = n.PerfMap
			return first(r.run(cmd, args[0]), closePerf())
		},
	}
	r.in.flags(cmd)
	r.policy.flags(cmd)
	jsonFlag(cmd, &asJSON)
	f := cmd.Flags()
	f.StringVar(&r.data, "input", "", "packet or memory: hex, or @file (64 zero bytes for programs with a packet)")
	f.StringVar(&r.ctx, "ctx", "", "context: hex, or @file")
	f.StringVar(&r.pcap, "pcap", "", "replay the packets of a capture")
	f.StringVar(&r.engines, "engine", "native", "vm, native, opt (native in the optimising tier), kernel, or several with commas")
	f.IntVar(&r.repeat, "repeat", 1, "how often to run")
	f.StringArrayVar(&r.elems, "elem", nil, "element of a map before the run: MAP:KEY=VALUE, the map by name or number, the rest in hex")
	f.Uint64Var(&r.opts.seed, "seed", 0, "of get_prandom_u32, in vm; 0 for the usual one")
	f.BoolVar(&r.perf, "perf-map", false, perfMapUsage)
	r.opts.harden.flags(cmd)
	r.watch.flags(cmd)
	r.opts.prove.flags(cmd)
	f.BoolVar(&r.unverified, "unverified", false, "run without verification (vm only: it checks every access)")
	return cmd
}

func (r *runner) run(cmd *cobra.Command, path string) error {
	names, err := engineNames(r.engines)
	if err != nil {
		return err
	}
	if r.repeat < 1 {
		return fmt.Errorf("--repeat %d: want at least 1", r.repeat)
	}
	if err := first(r.watch.check(names, r.pcap != "" || r.data != "" || r.ctx != "" || r.repeat > 1), r.opts.prove.check(names)); err != nil {
		return err
	}
	if r.pcap != "" && (r.data != "" || r.ctx != "" || r.repeat > 1) {
		return errors.New("--pcap goes without --input, --ctx and --repeat")
	}
	programs, err := r.in.load(cmd, path)
	if err != nil {
		return err
	}
	result := yes
	for _, p := range programs {
		if p, err = withElems(p, r.elems); err != nil {
			return err
		}
		s, err := r.program(cmd, p, names)
		if err != nil {
			return fmt.Errorf("%s: program %s: %w", path, p.Name, err)
		}
		result = result.worse(s)
	}
	return end(result)
}

// program runs p in every engine and compares with the first.
func (r *runner) program(cmd *cobra.Command, p *ir.Program, engines []string) (status, error) {
	opts := runtime.Options{Unverified: r.unverified, Pin: r.watch.pins, PinDir: r.watch.pinDir}
	if !r.unverified {
		v, err := r.policy.verifier()
		if err != nil {
			return bad, err
		}
		opts.Check = pipeline.Accepts(v)
	}
	var first *runJSON
	result := yes
	for _, name := range engines {
		answer, err := r.engine(cmd, p, name, opts)
		var refused *rejectedError
		if errors.As(err, &refused) {
			fmt.Fprintf(cmd.ErrOrStderr(), "bpfproof: %s: %s: %s\n", p.Name, name, oneLine(refused.Error()))
			result = result.worse(refused.status)
			continue
		}
		if err != nil {
			return bad, err
		}
		if err := r.out.answer(answer, r.text(answer)); err != nil {
			return bad, err
		}
		if first == nil {
			first = answer
		} else if why := first.differs(answer); why != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "bpfproof: %s: %s and %s differ: %s\n", p.Name, first.Engine, name, why)
			result = result.worse(no)
		}
	}
	return result, nil
}

func (r *runner) engine(cmd *cobra.Command, p *ir.Program, name string, opts runtime.Options) (*runJSON, error) {
	var clock hooks.EventClock
	eo := r.opts
	if strings.HasPrefix(r.watch.event, traceEvents) {
		eo.clock = &clock // records come later than they were made
	}
	e, err := open(cmd.Context(), name, p, opts, eo)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	stop, err := r.watch.serve(cmd.ErrOrStderr(), e)
	if err != nil {
		return nil, err
	}
	defer stop()
	var a *runJSON
	switch {
	case r.watch.event != "":
		a, err = r.watch.run(cmd.Context(), e.object.Programs()[0], &clock)
	case r.pcap != "":
		a, err = r.replay(cmd, p, e)
	default:
		a, err = r.once(cmd, p, e)
	}
	if err != nil {
		return nil, err
	}
	a.Program, a.Engine = p.Name, name
	if r.watch.stats {
		a.Stats = statsOf(e.object)
	}
	return a, nil
}

// once runs the program on the input.
func (r *runner) once(cmd *cobra.Command, p *ir.Program, e *loaded) (*runJSON, error) {
	in, err := r.input(p)
	if err != nil {
		return nil, err
	}
	run := e.Run
	if e.object != nil { // through a link, which counts
		l, err := e.object.Programs()[0].Attach(hooks.Direct{})
		if err != nil {
			return nil, err
		}
		run = l.(*hooks.DirectLink).Fire
	}
	res, err := run(cmd.Context(), in)
	if err != nil {
		return nil, err
	}
	return &runJSON{RetVal: res.Ret, Output: hex.EncodeToString(res.Data), NsPerRun: res.NsPerRun}, nil
}

// input builds what the program is called on. Programs with a packet get 64
// zero bytes if nothing is given: the kernel takes no packet below 14.
func (r *runner) input(p *ir.Program) (runtime.Input, error) {
	in := runtime.Input{Repeat: r.repeat}
	var err error
	switch {
	case r.data != "":
		in.Data, err = readBytes("--input", r.data)
	case p.Type != ir.Unspec:
		in.Data = make([]byte, 64)
	}
	if err == nil && r.ctx != "" {
		in.Ctx, err = readBytes("--ctx", r.ctx)
	}
	return in, err
}

func (r *runner) text(a *runJSON) string {
	if r.watch.event != "" {
		return fmt.Sprintf("%s: %s: %d events, %.1f ns/event%s%s", a.Program, a.Engine, a.Packets, a.NsPerRun, listed(", ", histogram(a.Verdicts)), a.Stats.text())
	}
	return r.result(a) + a.Stats.text()
}

func (r *runner) result(a *runJSON) string {
	if a.Packets > 0 {
		return fmt.Sprintf("%s: %s: %d packets, %s, %.1f ns/packet", a.Program, a.Engine, a.Packets, histogram(a.Verdicts), a.NsPerRun)
	}
	return fmt.Sprintf("%s: %s: r0 = %#x, %d bytes out, %.1f ns", a.Program, a.Engine, a.RetVal, len(a.Output)/2, a.NsPerRun)
}

// differs says in what two answers differ, "" if in nothing. The kernel tells
// 32 bits of r0, so no more is compared with it.
func (a *runJSON) differs(b *runJSON) string {
	ra, rb := a.RetVal, b.RetVal
	if a.Engine == "kernel" || b.Engine == "kernel" {
		ra, rb = uint64(uint32(ra)), uint64(uint32(rb))
	}
	switch {
	case ra != rb:
		return fmt.Sprintf("r0 = %#x and %#x", ra, rb)
	case !bytes.Equal([]byte(a.Output), []byte(b.Output)):
		return fmt.Sprintf("output %s and %s", a.Output, b.Output)
	case histogram(a.Verdicts) != histogram(b.Verdicts):
		return fmt.Sprintf("%s and %s", histogram(a.Verdicts), histogram(b.Verdicts))
	}
	return ""
}
