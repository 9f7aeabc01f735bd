package jitproof

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
)

// Query is the question that an obligation asks: whether there is a state in
// which all premises are 1 and the goal is not. Its terms have been through the
// rewriting as they were built.
type Query struct {
	Index    int // in the order in which they are asked, from 0
	Func     int
	PC       ir.PC // -1 for a prologue
	Off      int   // where the machine path ends
	Kind     Kind
	Builder  *smt.Builder // of the terms
	Premises []smt.Term   // conditions of the path
	Goal     smt.Term
}

// Name returns a name that no other query of the program has, fit for a file:
// "0007_func0_insn12_off2e_registers".
func (q Query) Name() string {
	place := fmt.Sprintf("insn%d", q.PC)
	if q.PC == prologuePC {
		place = "prologue"
	}
	return fmt.Sprintf("%04d_func%d_%s_off%x_%s", q.Index, q.Func, place, q.Off, q.Kind)
}

// Assertions returns what is satisfiable if the obligation does not hold.
func (q Query) Assertions() []smt.Term {
	return append(append([]smt.Term{}, q.Premises...), q.Builder.Not(q.Goal))
}

// show gives the query of an obligation to whoever wants to see it.
func (v *proving) show(o *Obligation, path []smt.Term, goal smt.Term) error {
	if v.v.opts.Query == nil {
		return nil
	}
	q := Query{v.queries, o.Func, o.PC, o.Off, o.Kind, v.b, path, goal}
	v.queries++
	if err := v.v.opts.Query(q); err != nil {
		return fmt.Errorf("show query %s: %w", q.Name(), err)
	}
	return nil
}
