package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/internal/conformance"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// conformanceName is the subcommand's name.
const conformanceName = "conformance"

// plugin is one call by the public runner.
type plugin struct {
	engine  string
	program string
	elf     bool
	debug   bool
}

func conformanceCmd() *cobra.Command {
	var p plugin
	cmd := &cobra.Command{
		Use:   conformanceName + " [MEMORY]",
		Short: "plugin for the runner of the public bpf_conformance suite",
		Long: "Plugin for the runner of github.com/Alan-Jowett/bpf_conformance:\n\n" +
			"  bpf_conformance_runner --test_file_directory tests --cpu_version v4 \\\n" +
			"      --plugin_path bpfproof --plugin_options \"conformance --engine native\"\n\n" +
			"It reads a program from standard input (instruction slots in hex; with --elf an object in hex),\n" +
			"runs it on MEMORY (hex; may be empty) with r1 = its address and r2 = its length, and prints r0 in hex.\n" +
			"The program is NOT verified: vm checks every access, native does not. Helper 5 returns its first\n" +
			"argument and ends the program where that is zero. Call by register (callx) is refused: RFC 9669 does\n" +
			"not define it, Linux refuses it, and what the register holds differs from tool to tool.\n\n" +
			"The exit status is 0 with a result, 1 if the run failed or the kernel rejects the program, 2 for bad\n" +
			"input, 3 if the engine does not support the program or is not there.",
		Args: p.args,
		RunE: func(cmd *cobra.Command, args []string) error { return p.run(cmd, args) },
	}
	f := cmd.Flags()
	f.StringVar(&p.engine, "engine", "vm", strings.Join(conformance.Engines(), ", "))
	f.StringVar(&p.program, "program", "", "the program in hex, instead of standard input")
	f.BoolVar(&p.elf, "elf", false, "the program is an object file in hex")
	f.BoolVar(&p.debug, "debug", false, "print the program, and the kernel's log where it rejects it, on standard error")
	return cmd
}

// pluginArgs puts the subcommand first. The runner calls a plugin with the
// memory, if there is any, before the plugin's own options.
func pluginArgs(args []string) []string {
	if len(args) < 2 || args[1] != conformanceName {
		return args
	}
	if _, err := conformance.ParseHex(args[0]); err != nil {
		return args
	}
	return slices.Concat([]string{args[1], args[0]}, args[2:])
}

// args takes the memory. The runner splits options at every blank, so empty
// arguments mean nothing.
func (p *plugin) args(_ *cobra.Command, args []string) error {
	given := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "" })
	if len(given) > 1 {
		return fmt.Errorf("%s: unexpected argument %q behind the memory", conformanceName, given[1])
	}
	if !slices.Contains(conformance.Engines(), p.engine) {
		return fmt.Errorf("--engine %s: want %s", p.engine, strings.Join(conformance.Engines(), ", "))
	}
	return nil
}

func (p *plugin) run(cmd *cobra.Command, args []string) error {
	memory, err := conformance.ParseMemory(strings.Join(args, ""))
	if err != nil {
		return err
	}
	text := p.program
	if !cmd.Flags().Changed("program") {
		if text, err = readInput(cmd.InOrStdin()); err != nil {
			return err
		}
	}
	parse := conformance.ParseProgram
	if p.elf {
		parse = conformance.ParseObject
	}
	prog, err := parse(text)
	if err != nil {
		return err
	}
	if p.debug {
		p.list(cmd.ErrOrStderr(), prog)
	}
	r0, err := conformance.Run(cmd.Context(), p.engine, prog, memory)
	if err != nil {
		return p.failed(cmd, err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%x\n", r0)
	return err
}

// readInput reads standard input, which is refused when it is longer than any
// program.
func readInput(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, conformance.MaxInput+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read standard input: %w", err)
	case len(data) > conformance.MaxInput:
		return "", fmt.Errorf("standard input is longer than %d bytes", conformance.MaxInput)
	}
	return string(data), nil
}

func (p *plugin) list(w io.Writer, prog *ir.Program) {
	fmt.Fprintf(w, "engine %s, %d instructions\n", p.engine, prog.Count())
	for pc := range prog.All() {
		fmt.Fprintf(w, "%d: %s\n", pc, asm.Insn(prog, pc))
	}
}

// failed prints why there is no result and tells it by the exit status.
func (p *plugin) failed(cmd *cobra.Command, err error) error {
	var bad *conformance.Error
	if !errors.As(err, &bad) || bad.Kind == conformance.Malformed {
		return err
	}
	var refused *kernel.LoadError
	if p.debug && errors.As(err, &refused) {
		fmt.Fprint(cmd.ErrOrStderr(), refused.Report.Log)
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "bpfproof: "+oneLine(bad.Error()))
	if bad.Kind == conformance.Unsupported {
		return end(unknown)
	}
	return end(no)
}
