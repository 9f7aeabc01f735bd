package mutants

import (
	"embed"
	"fmt"
)

// GoSource is the Go source of the wrong domains as it was compiled, so that
// they are refuted by what runs (smt/symgo). The table of mutants and the
// searches for witnesses are no part of them.
//
//go:embed doc.go low.go word.go
var GoSource embed.FS

// Expr returns the Go expression that makes the domain of m, as a file that
// imports this package would write it.
func (m Mutant) Expr() string { return fmt.Sprintf("%T{mutants.New()}", m.Domain) }
