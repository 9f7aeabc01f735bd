//go:build !cgo

package z3

import (
	"errors"

	"github.com/bpfproof/bpfproof/smt"
)

// Available reports whether libz3 is linked into this binary.
const Available = false

// New returns an error: libz3 cannot be called without cgo.
func New(smt.Limits) (smt.Solver, error) {
	return nil, errors.New("z3: open libz3: this binary was built without cgo; use a solver over a pipe (smt/smtlib: z3-pipe, cvc5)")
}
