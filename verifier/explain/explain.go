package explain

import (
	"context"
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/verifier"
)

// Options bound the search. The zero value is the default.
type Options struct {
	Tries int    // runs of the program; 0 means DefaultTries, below 0 none
	Seed  uint64 // of the search
	Fuel  uint64 // instructions of one run; 0 means DefaultFuel, or more where the path is long
	// Solver, if not nil, is asked for input bytes with which branches go the way
	// of the path. Its limits have to be counts for the search to repeat.
	Solver smt.Solver
}

// The bounds of a search that Options leave open.
const (
	DefaultTries = 2_000
	DefaultFuel  = 1 << 16
)

// Explanation is what is known of a refusal. Where the refusal does not concern
// one path, such as an instruction that nothing reaches, only the finding is
// set.
type Explanation struct {
	Program string
	Verdict verifier.Verdict
	Finding verifier.Finding // zero if the program was accepted
	Insn    string           // the refused instruction as text
	Line    *ir.Line         // its place in the source, nil if it is not known
	Need    string           // what the instruction demands, "" if it is no question of values
	Slice   []Step           // the instructions that decide whether it is met, in order
	Path    int              // instructions on the path
	Loss    *Loss            // nil where no value is at fault
	Search  Search
}

// Step is an instruction of the slice.
type Step struct {
	PC    ir.PC
	Insn  string
	Line  *ir.Line
	Place string // what it makes or compares, such as "R2"
	State string // what is known of that after it
}

// Loss says where the fact that the instruction needs was lost.
type Loss struct {
	PC     ir.PC
	How    How
	Place  string // what holds the value there
	Before string // what was known before, "" if nothing was there
	After  string
	Text   string // the whole as a sentence
}

// How tells how a fact was lost.
type How string

// The ways to lose a fact.
const (
	Operator How = "operator" // it held of the operand, not of the result
	Join     How = "join"     // it held before paths met, not after
	Branch   How = "branch"   // a branch showed that it does not hold
	Call     How = "call"     // a call took it away
	Never    How = "never"    // it did not hold from where the value comes
)

// Explain verifies p and explains the verdict. It returns the verifier's error.
func Explain(ctx context.Context, v *verifier.Verifier, p *ir.Program, o Options) (*Explanation, error) {
	if len(p.Funcs) == 0 {
		q := *p
		q.FindFuncs()
		p = &q
	}
	r, err := v.Verify(ctx, p, nil)
	if err != nil {
		return nil, err
	}
	e := &Explanation{Program: p.Name, Verdict: r.Verdict}
	if len(r.Findings) == 0 {
		return e, nil
	}
	e.Finding = r.Findings[0]
	e.Insn, e.Line = asm.Insn(p, e.Finding.PC), lineOf(p, e.Finding.PC)
	if r.Verdict != verifier.Reject {
		return e, nil
	}
	path, err := r.Path()
	if err != nil {
		return nil, fmt.Errorf("explain: walk program %q again: %w", p.Name, err)
	}
	if path != nil {
		w := &way{p: p, path: path}
		e.Path = path.Skipped + len(path.Steps)
		f := w.fact(e.Finding.Code)
		e.Slice = w.slice(f)
		if f != nil {
			e.Need = f.text
			if f.ok != nil {
				e.Loss = w.loss(f)
			}
		}
	}
	e.Search, err = search(ctx, p, e.Finding, path, o)
	return e, err
}

func lineOf(p *ir.Program, pc ir.PC) *ir.Line {
	if l, ok := p.LineAt(pc); ok {
		return &l
	}
	return nil
}
