package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/smt/smtlib"
)

// queryDir is a folder that a proof's queries are written into.
type queryDir struct{ path string }

// newQueryDir makes the folder; nil if path is empty.
func newQueryDir(path string) (*queryDir, error) {
	if path == "" {
		return nil, nil
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("--smt-dir: make folder for queries: %w", err)
	}
	return &queryDir{path}, nil
}

// of returns what writes the queries of a program; nil if none are written.
func (d *queryDir) of(p *ir.Program) func(jitproof.Query) error {
	if d == nil {
		return nil
	}
	return func(q jitproof.Query) error {
		out, err := os.Create(filepath.Join(d.path, fileName(p.Name)+"_"+q.Name()+".smt2"))
		if err != nil {
			return err
		}
		title := fmt.Sprintf("%s of %s: %s at insn %d, offset %#x; unsat if it holds", q.Name(), fileName(p.Name), q.Kind, q.PC, q.Off)
		err = smtlib.Write(out, q.Builder, title, q.Assertions()...)
		if closed := out.Close(); err == nil {
			err = closed
		}
		return err
	}
}

// fileName turns a program's name, which is anything, into a part of a file's
// name. Names that differ stay different.
func fileName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '_', c == '-':
			b.WriteByte(c)
		default:
			b.WriteString("%" + hex.EncodeToString([]byte{c}))
		}
	}
	return b.String()
}
