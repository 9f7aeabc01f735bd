// Package solvers picks a solver by name: a table over smt/z3, smt/smtlib and
// smt/bitblast.
//
// It is apart from them so that none knows another, and so that whoever
// is given an smt.Solver need not link libz3. It must not know what is solved.
// The table does not change while a program runs.
//
//	s, err := solvers.New("cvc5", smt.Limits{Timeout: time.Minute})
package solvers

import (
	"fmt"
	"strings"

	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/bitblast"
	"github.com/bpfproof/bpfproof/smt/smtlib"
	"github.com/bpfproof/bpfproof/smt/z3"
)

type choice struct {
	name string
	open func(smt.Limits) (smt.Solver, error)
}

func table() []choice {
	pipe := func(p smtlib.Program) choice {
		return choice{p.Name, func(l smt.Limits) (smt.Solver, error) { return smtlib.New(p, l) }}
	}
	cadical := func(l smt.Limits) (smt.Solver, error) { return bitblast.New(l, bitblast.Options{}) }
	return []choice{{z3.Name, z3.New}, pipe(smtlib.Z3()), pipe(smtlib.CVC5()), {bitblast.Name, cadical}}
}

// Names lists the solvers that New knows: libz3 in this process, and programs
// over a pipe; cadical decides after bit-blasting. Whether they are there is not
// looked at.
func Names() []string {
	var names []string
	for _, c := range table() {
		names = append(names, c.name)
	}
	return names
}

// Default is the solver to use where none is named: libz3 if it is linked into
// this binary, otherwise z3 over a pipe.
func Default() string {
	if z3.Available {
		return z3.Name
	}
	return smtlib.Z3().Name
}

// New returns the solver with the given name; "" stands for Default. An error
// lists the names that exist, or says how to get a solver that is missing.
func New(name string, limits smt.Limits) (smt.Solver, error) {
	if name == "" {
		name = Default()
	}
	for _, c := range table() {
		if c.name == name {
			return c.open(limits)
		}
	}
	return nil, fmt.Errorf("solvers: find solver %q: the solvers are %s", name, strings.Join(Names(), ", "))
}
