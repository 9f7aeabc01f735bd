package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/runtime"
)

// The demonstration's program, as it lies in the corpus.
const (
	demoSource  = "examples/xdp_classifier.c"
	demoObject  = "examples/xdp_classifier.o"
	demoPlanted = "examples/xdp_planted_bug.o"
	demoProgram = "xdp_classifier"
)

func demoCmd() *cobra.Command {
	var policy policyFlags
	var solver solverFlags
	var packets int
	var pcap string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "the whole pipeline on one real program, stage by stage",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pr, err := newProver(&policy, &solver)
			if err != nil {
				return err
			}
			dir, err := os.MkdirTemp("", "bpfproof-demo-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			if pcap == "" {
				pcap = filepath.Join(dir, "traffic.pcap")
			}
			d := &demo{w: cmd.OutOrStdout(), prover: pr, policy: policy, pcap: pcap, packets: packets}
			return d.run(cmd.Context())
		},
	}
	policy.flags(cmd)
	solver.flags(cmd)
	cmd.Flags().IntVar(&packets, "packets", 12000, "packets in the generated capture")
	cmd.Flags().StringVar(&pcap, "pcap", "", "file to keep the generated capture in")
	return cmd
}

// demo carries what one stage hands to the next.
type demo struct {
	w       io.Writer
	prover  *prover
	policy  policyFlags
	packets int
	pcap    string // capture of the event source
	stage   int
	result  status

	program *ir.Program
	code    *jit.Code
	object  *runtime.Object
	native  answers // what native execution made of the capture
}

// run goes through the stages; each fails the demonstration if its answer is
// not the one it has to be.
func (d *demo) run(ctx context.Context) error {
	stages := []func(context.Context) error{
		d.load, d.verify, d.compile, d.prove, d.attach, d.readMaps, d.compareKernel, d.rejectPlanted, d.refuteMutants,
	}
	defer func() {
		if d.object != nil {
			d.object.Close()
		}
	}()
	for _, stage := range stages {
		if err := stage(ctx); err != nil {
			return err
		}
	}
	return end(d.result)
}

// title starts a stage.
func (d *demo) title(name, format string, args ...any) {
	d.stage++
	fmt.Fprintf(d.w, "%2d %-10s %s\n", d.stage, name, fmt.Sprintf(format, args...))
}

// say adds a line to the stage.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.w, "   %-10s %s\n", "", fmt.Sprintf(format, args...))
}

// expect records that a stage's answer is, or is not, the one it has to be.
func (d *demo) expect(ok bool, format string, args ...any) {
	if !ok {
		d.result = d.result.worse(no)
		d.say("UNEXPECTED: "+format, args...)
	}
}

func (d *demo) load(context.Context) error {
	source, err := corpus.FS.ReadFile(demoSource)
	if err != nil {
		return err
	}
	object, err := readObject(demoObject)
	if err != nil {
		return err
	}
	d.program = object.Program(demoProgram)
	if d.program == nil {
		return fmt.Errorf("%s: no program %s", demoObject, demoProgram)
	}
	fmt.Fprintf(d.w, "bpfproof: one program through the whole pipeline\n\n")
	d.title("source", "corpus/%s: %d lines of C, compiled by clang (make corpus)", demoSource, lines(source))
	d.title("object", "corpus/%s: program %s (%v), %d instructions in %d slots, licence %s", demoObject,
		d.program.Name, d.program.Type, d.program.Count(), d.program.Slots(), d.program.License)
	for _, m := range d.program.Maps {
		d.say("map %-14s %-6v key %2d B  value %2d B  %4d entries", m.Name, m.Type, m.KeySize, m.ValueSize, m.MaxEntries)
	}
	return nil
}

// readObject reads an object of the corpus.
func readObject(name string) (*elf.Object, error) {
	data, err := corpus.FS.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return elf.ReadBytes(name, data)
}

func lines(text []byte) int {
	n := 0
	for _, c := range text {
		if c == '\n' {
			n++
		}
	}
	return n
}
