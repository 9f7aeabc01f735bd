package soundness

import (
	"context"
	"fmt"
	"slices"
	"testing/fstest"
	"time"

	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/mutants"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// formsPath is the import path of the forms, which exist in memory only.
const formsPath = "github.com/bpfproof/bpfproof/soundness/forms"

// forms makes elements as a verifier over the domain does while it walks over
// a few instructions, see Form; and calls the operator on low halves, of which
// the harness does not speak.
const forms = `package forms

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	%q
)

type elem = %s

func domain() absint.Domain[elem] { return %s }

func LowALU(op ir.ALUOp, w, n ir.Width, x, y elem) elem { return absint.LowALU[elem](domain(), op, w, n, x, y) }

func Any(w ir.Width, p uint64) elem { return domain().Top(w) }
func Known(w ir.Width, p uint64) elem { return domain().Const(w, p) }
func Wide(w ir.Width, p uint64) elem { return domain().Const(w, p) }
func Zero(w ir.Width, p uint64) elem { return domain().Const(w, 0) }
func Least(w ir.Width, p uint64) elem { return domain().Const(w, w.SignBit()) }
func Bits(w ir.Width, p uint64) elem { return alu(ir.And, w, domain().Top(w), p) }
func Sign(w ir.Width, p uint64) elem { return alu(ir.Arsh, w, domain().Top(w), uint64(w-1)) }
func High(w ir.Width, p uint64) elem { return alu(ir.Add, w, alu(ir.Lsh, w, domain().Top(w), uint64(w/2)), p) }

func alu(op ir.ALUOp, w ir.Width, x elem, k uint64) elem {
	return absint.ALU[elem](domain(), op, w, x, domain().Const(w, k))
}

func AtLeast(w ir.Width, p uint64) elem { return where(sem.UGE, w, p) }
func NotZero(w ir.Width, p uint64) elem { return where(sem.NE, w, 0) }

func where(op sem.CmpOp, w ir.Width, p uint64) elem {
	d := domain()
	x, _ := d.Refine(op, w, d.Top(w), d.Const(w, p))
	return x
}

func Low(w, n ir.Width, x elem, p uint64) elem {
	d := domain()
	low, _ := d.Refine(sem.ULE, n, d.Resize(x, w, n, false), d.Const(n, p))
	return low
}
`

// Form is what is known of an operand, by a word p at most.
type Form uint8

// The forms are those that a few instructions establish.
const (
	Any     Form = iota // a loaded word
	Known               // the word p
	Wide                // the word p, which does not fit in the low half
	Zero                // 0
	Least               // the least signed word
	AtLeast             // a loaded word that is not below p
	NotZero             // a loaded word that is not 0
	Bits                // a loaded word & p
	High                // a loaded word shifted left by half its width, + p
	Sign                // a loaded word, arithmetically shifted right: 0 or -1
	Low                 // of low halves: the first operand's that is not above p
)

var formNames = [...]string{"Any", "Known", "Wide", "Zero", "Least", "AtLeast", "NotZero", "Bits", "High", "Sign", "Low"}

// String returns the name.
func (f Form) String() string { return formNames[f] }

// MutantDomain tells where the source of a wrong domain is.
func MutantDomain(m mutants.Mutant) Domain {
	d := soundProduct()
	d.Name, d.Elem, d.New = m.Name, "mutants.T", m.Expr()
	d.Sources = slices.Insert(d.Sources, 0, symgo.Source{Path: "github.com/bpfproof/bpfproof/absint/mutants", Files: mutants.GoSource})
	return d.withForms()
}

// MutantControl is the domain that mutants change. What refutes them must not
// refute it.
func MutantControl() Domain { return soundProduct().withForms() }

// soundProduct returns the row of the product.
func soundProduct() Domain {
	all := Domains()
	return all[slices.IndexFunc(all, func(d Domain) bool { return d.Name == "tnum+interval" })]
}

func (d Domain) withForms() Domain {
	text := fmt.Sprintf(forms, d.Sources[0].Path, d.Elem, d.New)
	d.Sources = append(slices.Clone(d.Sources), symgo.Source{Path: formsPath, Files: fstest.MapFS{"forms.go": {Data: []byte(text)}}})
	return d
}

// AllRounds bounds the rounds of Reduce by what it does itself.
const AllRounds = -1

// Claim is the statement, false of a mutant, that the operator it has wrong is
// right: for all elements of two forms, and members x and y of them, the result
// contains what package sem makes of x and y.
type Claim struct {
	mutant       mutants.Mutant
	obligation   *Obligation
	machine      *symgo.Machine
	a, b, got    symgo.Value
	x, y, z      smt.Term
	p            [2]smt.Term
	at           *[2]uint64 // what p is, if that is given
	formA, formB Form
	width        ir.Width
}

// Claim states the claim at the greatest width at which m is wrong. The subject
// is a domain of MutantDomain or MutantControl, and the source alone says what
// operators do. Only runs are spoken of in which Reduce ends after so many
// rounds at most: the formula grows with them, and a run in which the claim is
// false is one all the same.
func (s *Subject) Claim(m mutants.Mutant, a, b Form, rounds int) (*Claim, error) {
	return s.claim(&Claim{mutant: m, formA: a, formB: b}, rounds)
}

// ClaimAt is Claim of the two elements that the operands of a refutation are,
// and all their members.
func (s *Subject) ClaimAt(m mutants.Mutant, r Refutation, rounds int) (*Claim, error) {
	return s.claim(&Claim{mutant: m, formA: r.A.Form, formB: r.B.Form, at: &[2]uint64{r.A.P, r.B.P}}, rounds)
}

func (s *Subject) claim(c *Claim, rounds int) (*Claim, error) {
	m, builder := c.mutant, smt.NewBuilder()
	op := m.Operator(m.Full)
	c.width = op.X
	st := &statement{calls: s.calls(builder, true), w: op.X}
	if rounds != AllRounds {
		st.limitReduce(rounds)
	}
	c.machine = st.m
	c.state(st, op.Out)
	if st.err != nil {
		return nil, fmt.Errorf("soundness: claim %s of %s: %w", op.Name, s.Domain.Name, st.err)
	}
	c.obligation = &Obligation{Domain: s.Domain.Name, Op: op.Name, Width: m.Full, Builder: builder, Checks: st.describeChecks(), Premises: st.premises}
	for _, g := range st.goals {
		c.obligation.Goals = append(c.obligation.Goals, Goal{g.Name, builder.Implies(builder.And(st.assume...), g.Term)})
	}
	return c, nil
}

// Obligation returns the claim as an obligation with one goal.
func (c *Claim) Obligation() *Obligation { return c.obligation }

// state makes operands, calls the operator, and states the goal.
func (c *Claim) state(st *statement, out ir.Width) {
	m, w, h := c.mutant, c.width, interval.Half(c.mutant.Full)
	c.a, c.x = c.operand(st, "a", "x", 0, c.formA, w)
	switch m.Kind {
	case mutants.Extend:
		c.y = c.x
	case mutants.RefineLow:
		c.y = st.b.Extract(c.x, h-1, 0)
		c.p[1] = c.param(st, "p.b", 1, ir.W64)
		c.b = st.callForm("Low", w, h, c.a, c.p[1])
		st.assumeThat(st.b.Cmp(sem.ULE, ir.W64, st.b.Resize(c.y, h, ir.W64, false), c.p[1]))
		st.assumeThat(st.b.Cmp(sem.ULE, ir.W64, c.p[1], st.b.Const(ir.W64, h.Mask())))
		st.assumeThat(st.contains(h, c.b, c.y))
	default:
		c.b, c.y = c.operand(st, "b", "y", 1, c.formB, w)
	}
	c.apply(st, h)
	st.goal("sound", st.contains(out, c.got, c.z))
}

// apply calls the operator on elements and words.
func (c *Claim) apply(st *statement, h ir.Width) {
	m, w := c.mutant, c.width
	switch m.Kind {
	case mutants.ALU:
		c.z = sem.ALU[smt.Term](st.algebra(), m.ALU, w, c.x, c.y)
		c.got = st.call("ALU", m.ALU, w, c.a, c.b)[0]
	case mutants.Low:
		x, y := st.b.Extract(c.x, h-1, 0), st.b.Extract(c.y, h-1, 0)
		c.z = st.b.Resize(sem.ALU[smt.Term](st.algebra(), m.ALU, h, x, y), h, w, false)
		c.got = st.callForm("LowALU", m.ALU, w, h, c.a, c.b)
	case mutants.Extend:
		c.z = st.b.Resize(c.x, w, m.Full, false)
		c.got = st.call("Resize", c.a, w, m.Full, false)[0]
	case mutants.Refine:
		st.assumeThat(st.b.Cmp(m.Cmp, w, c.x, c.y))
		c.z = c.x
		c.got = st.call("Refine", m.Cmp, w, c.a, c.b)[0]
	case mutants.RefineLow:
		c.z = c.x
		c.got = st.call("RefineLow", w, h, c.a, c.b)[0]
	}
}

// limitReduce has calls of Reduce assume that the parts agree after so many
// rounds: then its result is what these leave.
func (c *calls) limitReduce(rounds int) {
	parts := map[string]*symgo.Function{}
	for _, name := range []string{"agree", "tighten", "learn", "Reduce"} {
		fn, err := c.s.prog.Func(reducedPath + name)
		if err != nil {
			c.fail(err)
			return
		}
		parts[name] = fn
	}
	call := func(m *symgo.Machine, name string, args ...symgo.Value) []symgo.Value {
		res, err := m.Call(parts[name], args...)
		if err != nil {
			c.fail(err)
			return []symgo.Value{m.Zero(parts[name].Result(0))}
		}
		return res.Results
	}
	c.m.SetContract(parts["Reduce"], func(_ *symgo.Machine, args []symgo.Value, _ func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
		m := symgo.NewMachine(c.s.prog, c.b, symgo.Limits{})
		w, t, r := args[0], args[1], args[2]
		for range rounds {
			ranges := m.Cell(r)
			call(m, "tighten", w, t, ranges)
			r = m.Contents(ranges)
			t = call(m, "learn", w, t, m.Ref(r))[0]
		}
		agree := call(m, "agree", w, t, m.Ref(r))[0].(symgo.Bool).Term
		return []symgo.Value{t, r}, agree, c.b.Bool(true)
	})
}

// callForm calls a function of forms.
func (st *statement) callForm(name string, args ...any) symgo.Value {
	fn, err := st.s.prog.Func(formsPath + "." + name)
	if err != nil {
		st.fail(err)
		return &symgo.Struct{}
	}
	return st.callFunc(fn, args...)[0]
}

// param returns the word p of an operand.
func (c *Claim) param(st *statement, name string, i int, w ir.Width) smt.Term {
	if c.at != nil {
		return st.b.Const(w, c.at[i])
	}
	return st.word(name, w)
}

// operand makes an element of the form and a word in it that a run can have.
func (c *Claim) operand(st *statement, elem, word string, i int, f Form, w ir.Width) (symgo.Value, smt.Term) {
	x, p := st.word(word, w), c.param(st, "p."+elem, i, w)
	c.p[i] = st.b.Resize(p, w, ir.W64, false)
	e := st.callForm(f.String(), w, c.p[i])
	st.assumeThat(st.contains(w, e, x))
	bin := func(op sem.BinOp, k smt.Term) smt.Term { return st.b.Bin(op, w, x, k) }
	switch f { // what words the instructions can leave; what they are taken for is said above
	case Known:
		st.assumeThat(st.b.Eq(x, p))
	case Wide:
		st.assumeThat(st.b.And(st.b.Eq(x, p), st.b.Not(st.b.Eq(st.b.Extract(p, w-1, w/2), st.b.Const(w/2, 0)))))
	case Zero:
		st.assumeThat(st.b.Eq(x, st.b.Const(w, 0)))
	case Least:
		st.assumeThat(st.b.Eq(x, st.b.Const(w, w.SignBit())))
	case NotZero:
		st.assumeThat(st.b.Not(st.b.Eq(x, st.b.Const(w, 0))))
	case AtLeast:
		st.assumeThat(st.b.Cmp(sem.ULE, w, p, x))
	case Bits:
		st.assumeThat(st.b.Eq(x, bin(sem.And, p)))
	case Sign:
		st.assumeThat(st.b.Eq(x, bin(sem.AShr, st.b.Const(w, uint64(w-1)))))
	case High:
		st.assumeThat(st.b.Eq(st.b.Extract(x, w/2-1, 0), st.b.Extract(p, w/2-1, 0)))
	}
	return e, x
}

// Operand is an operand of a program: its form, and the word that this is of.
type Operand struct {
	Form Form
	P    uint64
}

// Refutation is what became of a claim.
type Refutation struct {
	Status smt.Outcome
	Reason string // why it is not known
	// Witness, if it is refuted, has been computed again by the compiled domain;
	// A and B tell of its operands.
	Witness mutants.Witness
	A, B    Operand
	Solver  string
	Elapsed time.Duration // in the solver
}

// Decide has the solver decide the claim. It is refuted only if the solver's
// answer, given to the operator that the mutant of this process has, shows that
// it is false; otherwise that is an error.
func (c *Claim) Decide(ctx context.Context, solver smt.Solver) (r Refutation, err error) {
	began := time.Now()
	proofs, err := c.obligation.Prove(ctx, solver)
	if err != nil {
		return r, err
	}
	r.Solver, r.Elapsed = solver.Name(), time.Since(began)
	last := proofs[len(proofs)-1]
	r.Status, r.Reason = last.Outcome, last.Result.Reason
	if r.Status != smt.Refuted {
		return r, nil
	}
	r.Witness, r.A, r.B = c.witness(last.Result.Model)
	if err := c.mutant.Confirm(r.Witness); err != nil {
		return r, fmt.Errorf("soundness: decide claim of %s: the source shows what the compiled code does not: %w", c.mutant.Name, err)
	}
	return r, nil
}

// witness reads a model.
func (c *Claim) witness(model *smt.Model) (w mutants.Witness, a, b Operand) {
	w.Op, w.Width = c.obligation.Op, c.obligation.Width
	c.machine.Evaluate(model, c.a, &w.A)
	if c.b != nil {
		c.machine.Evaluate(model, c.b, &w.B)
	}
	c.machine.Evaluate(model, c.got, &w.Got)
	words := c.obligation.Builder.Eval(model, c.x, c.y, c.z)
	w.X, w.Y, w.Z = words[0], words[1], words[2]
	operand := func(i int, f Form) Operand {
		if c.p[i] == (smt.Term{}) {
			return Operand{Form: f}
		}
		return Operand{f, c.obligation.Builder.Eval(model, c.p[i])[0]}
	}
	return w, operand(0, c.formA), operand(1, c.formB)
}
