package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bpfproof": func() { os.Exit(run()) }})
}

// TestScripts runs the command as users do: arguments, output, exit status.
func TestScripts(t *testing.T) {
	corpus, err := filepath.Abs("../../corpus")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("CORPUS", corpus)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("BIN", filepath.SplitList(env.Getenv("PATH"))[0]) // where bpfproof is, and nothing else
			return nil
		},
		Cmds:      map[string]func(*testscript.TestScript, bool, []string){"status": expectStatus},
		Condition: condition,
	})
}

// condition knows [kernel], whether bpf() is permitted, and [clang].
func condition(name string) (bool, error) {
	switch name {
	case "kernel":
		return kernel.Available() == nil, nil
	case "clang":
		return clangFound(), nil
	}
	return false, nil
}

func clangFound() bool {
	_, err := elf.FindClang("")
	return err == nil
}

// expectStatus is the script command "status N ARG ...": it runs bpfproof with
// the arguments and fails unless it exits with N. Its output is the script's
// stdout and stderr.
func expectStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N ARG ...")
	}
	err := ts.Exec("bpfproof", args[1:]...)
	got := "0"
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = strconv.Itoa(exit.ExitCode())
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}
