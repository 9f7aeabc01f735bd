// Command bpfproof takes eBPF programs through the whole pipeline: compile,
// assemble, verify, prove, run. One subcommand per stage, one file each.
//
// The exit status is part of the contract with scripts: 0 yes (accepted,
// proved, equal), 1 no (rejected, refuted, different), 2 bad usage or input
// with one line on stderr, 3 unknown (budget, time-out, unsupported).
//
// This package joins the stages and prints; it decides nothing itself.
//
//	bpfproof verify corpus/examples/xdp_classifier.o --json
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run()) }

// status is the exit status of the command.
type status int

const (
	yes     status = 0
	no      status = 1
	bad     status = 2
	unknown status = 3
)

// worse returns the status that an answer over several programs has: a no
// outweighs an unknown, which outweighs a yes.
func (s status) worse(t status) status {
	rank := map[status]int{yes: 0, unknown: 1, no: 2, bad: 3}
	if rank[t] > rank[s] {
		return t
	}
	return s
}

// outcome carries a status other than yes out of a subcommand that has
// printed its answer already.
type outcome struct{ status }

func (o outcome) Error() string { return fmt.Sprintf("status %d", o.status) }

// end turns a status into what a subcommand returns.
func end(s status) error {
	if s == yes {
		return nil
	}
	return outcome{s}
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := root()
	cmd.SetArgs(pluginArgs(os.Args[1:]))
	err := cmd.ExecuteContext(ctx)
	var o outcome
	switch {
	case err == nil:
		return int(yes)
	case errors.As(err, &o):
		return int(o.status)
	}
	fmt.Fprintln(os.Stderr, "bpfproof: "+oneLine(err.Error()))
	return int(bad)
}

// oneLine joins a message that spans lines: scripts read one line.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "bpfproof",
		Short:         "eBPF from source to proved machine code",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.CompletionOptions.HiddenDefaultCmd = true
	cmd.AddCommand(compileCmd(), asmCmd(), disCmd(), verifyCmd(), explainCmd(), jitCmd(), proveCmd(), checkCmd(), runCmd(), mapCmd(), vectorsCmd(), conformanceCmd(), benchCmd(), demoCmd(), precisionCmd(), paperCmd(), soundnessCmd())
	return cmd
}
