package smtlib

import (
	"fmt"
	"strconv"

	"github.com/bpfproof/bpfproof/smt"
)

// Program is a solver that reads scripts from its standard input.
type Program struct {
	Name    string // of the solver, in results and on the command line
	Path    string // file name, looked for in the search path unless it has a slash
	Install string // how to get it, for the error that it is missing
	// Args returns the arguments that make it read scripts from standard input
	// under these limits.
	Args func(smt.Limits) []string
	// Options returns options to be set in the script, as name and value.
	Options func(smt.Limits) [][2]string
}

// Z3 is the program z3.
func Z3() Program {
	return Program{
		Name: "z3-pipe", Path: "z3", Install: "apt-get install z3",
		Args: func(smt.Limits) []string { return []string{"-in", "-smt2"} },
		Options: func(l smt.Limits) [][2]string {
			options := [][2]string{{"smt.random_seed", fmt.Sprint(l.Seed)}, {"sat.random_seed", fmt.Sprint(l.Seed)}}
			if l.Timeout > 0 {
				options = append(options, [2]string{"timeout", milliseconds(l)})
			}
			if l.Steps > 0 {
				options = append(options, [2]string{"rlimit", steps(l)})
			}
			return options
		},
	}
}

// CVC5 is the program cvc5.
func CVC5() Program {
	return Program{
		Name: "cvc5", Path: "cvc5", Install: "apt-get install cvc5",
		Args: func(l smt.Limits) []string {
			args := []string{"--lang", "smt2", "--incremental", "--produce-models", "--quiet", fmt.Sprintf("--seed=%d", l.Seed)}
			if l.Timeout > 0 {
				args = append(args, "--tlimit-per="+milliseconds(l))
			}
			if l.Steps > 0 {
				args = append(args, "--rlimit-per="+steps(l))
			}
			return args
		},
		Options: func(smt.Limits) [][2]string { return nil },
	}
}

func milliseconds(l smt.Limits) string {
	return strconv.FormatInt(min(max(l.Timeout.Milliseconds(), 1), 1<<32-2), 10)
}

func steps(l smt.Limits) string { return strconv.FormatUint(min(l.Steps, 1<<32-1), 10) }
