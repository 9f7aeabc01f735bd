package soundness

import (
	"math/bits"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/bitblast"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// holder computes statements on numbers. Wherever a contract would replace a
// call, the source runs, and what the contract says of that run must be true:
// then what proofs assume is not contradictory, at least here.
type holder struct {
	t      *testing.T
	s      *Subject
	rnd    *rand.Rand
	elem   func(r *rand.Rand, w ir.Width, x uint64) any // an element with a word
	words  map[string]uint64
	said   map[string]int // how often each contract has spoken
	broken []string
}

func (h *holder) word(w ir.Width) uint64 {
	r := runs{h.s, h.rnd}
	return r.word(w)
}

// constant returns a Go value made of words as one of numbers.
func constantOf(b *smt.Builder, v reflect.Value) symgo.Value {
	if v.Kind() == reflect.Struct {
		out := &symgo.Struct{}
		for i := range v.NumField() {
			out.Fields = append(out.Fields, constantOf(b, v.Field(i)))
		}
		return out
	}
	return symgo.Word{Term: b.Const(ir.W64, v.Uint())}
}

// calls returns calls that are held to runs, within those of another, or nil.
func (h *holder) calls(b *smt.Builder, outer *calls) *calls {
	c := h.s.calls(b, false)
	if outer != nil {
		c.words, c.pairs, c.members, c.elems, c.width, c.leaves = outer.words, outer.pairs, outer.members, outer.elems, outer.width, outer.leaves
	}
	c.hard.numbers = func(name string, x, y uint64) uint64 {
		hi, lo := bits.Mul64(x, y)
		switch name {
		case "mulhi":
			return hi
		case "mul":
			return lo
		case "div":
			return sem.Concrete{}.Bin(sem.UDiv, ir.W64, x, y)
		}
		return sem.Concrete{}.Bin(sem.URem, ir.W64, x, y)
	}
	c.choose = func(name string, w ir.Width, elem bool) symgo.Value {
		if !elem {
			return symgo.Word{Term: b.Const(w, h.wordOf(name, w))}
		}
		x := map[string]string{"a": "x", "b": "y", "c": "z", "d": "x"}[name]
		return constantOf(b, reflect.ValueOf(h.elem(h.rnd, w, h.wordOf(x, w))))
	}
	c.hold = func(fn *symgo.Function, say symgo.Contract, m *symgo.Machine, args []symgo.Value, writes []int) ([]symgo.Value, smt.Term, smt.Term) {
		return h.hold(c, fn, say, m, args, writes)
	}
	return c
}

// wordOf returns the word of a name, the same for all of a run; fewer bits of it
// are its low bits.
func (h *holder) wordOf(name string, w ir.Width) uint64 {
	if _, ok := h.words[name]; !ok {
		h.words[name] = h.word(w)
		if h.rnd.IntN(3) == 0 {
			h.words[name] &= 0xff
		}
		if x, ok := h.words["x"]; ok && h.rnd.IntN(3) == 0 {
			h.words[name] = x
		}
	}
	return h.words[name] & w.Mask()
}

// hold runs the function, and holds what is said of it to its results. Calls
// within are held as well.
func (h *holder) hold(c *calls, fn *symgo.Function, say symgo.Contract, m *symgo.Machine, args []symgo.Value, writes []int) ([]symgo.Value, smt.Term, smt.Term) {
	within := h.calls(c.b, c)
	cells, given := map[int]symgo.Value{}, []any{}
	for _, i := range writes {
		cells[i] = within.m.Cell(args[i])
	}
	for i, v := range args {
		switch {
		case cells[i] != nil:
			v = cells[i]
		case isPointer(fn.Param(i)):
			v = within.m.Ref(v)
		}
		given = append(given, v)
	}
	real := within.callFunc(fn, given...)
	require.NoError(h.t, within.err)
	for _, i := range writes {
		real = append(real, within.m.Contents(cells[i]))
	}
	results, assume, needs := say(m, args, func(i int) symgo.Value { return real[i] })
	yes, no := c.b.Bool(true), c.b.Bool(false)
	if results == nil || h.value(c, needs) == 0 { // it says nothing
		return real, yes, yes
	}
	h.said[localName(fn)]++
	if h.value(c, within.fails) != 0 || h.value(c, assume) != 1 {
		h.broken = append(h.broken, localName(fn))
		return real, no, yes
	}
	return real, yes, yes
}

// localName is the name of a function in its package, as Func takes it.
func localName(fn *symgo.Function) string {
	name := strings.NewReplacer("(", "", ")", "", "*", "").Replace(fn.Name())
	name = name[strings.LastIndex(name, "/")+1:]
	return name[strings.Index(name, ".")+1:]
}

// value computes a term, in which no variable is left.
func (h *holder) value(c *calls, t smt.Term) uint64 {
	x, known := c.b.ConstValue(t)
	require.True(h.t, known, "%s", c.b.String(t))
	return x
}

// run computes the statement of an operation. It reports whether the premises
// hold, and what of it is not true.
func (h *holder) run(op Op) (about bool) {
	h.words, h.broken = map[string]uint64{}, nil
	b := smt.NewBuilder()
	st := &statement{calls: h.calls(b, nil), w: op.Width}
	st.width = op.Width
	op.state(st)
	require.NoError(h.t, st.err)
	for _, p := range append(append([]smt.Term{}, st.premises...), st.given...) {
		if h.value(st.calls, p) == 0 {
			return false
		}
	}
	for _, f := range st.hard.instances() {
		if x, known := b.ConstValue(f); known && x == 0 {
			h.broken = append(h.broken, "a lemma")
		}
	}
	for _, g := range append(st.goals, Goal{"no panic", b.Not(st.fails)}) {
		if h.value(st.calls, g.Term) != 1 {
			h.broken = append(h.broken, "goal "+g.Name)
		}
	}
	return true
}

// elementsOf makes elements of a domain from words, as Go computes them.
func elementsOf[E comparable](d absint.Domain[E]) func(r *rand.Rand, w ir.Width, x uint64) any {
	return func(r *rand.Rand, w ir.Width, x uint64) any {
		e := d.Const(w, x)
		small := ir.Width(r.IntN(int(w)) + 1).Mask()
		switch r.IntN(6) {
		case 0:
			return e
		case 1:
			return d.Top(w)
		case 2:
			e, _ = d.Refine(sem.ULE, w, d.Top(w), d.Const(w, max(x, x+r.Uint64()&small&w.Mask())&w.Mask()|x))
		case 3:
			e, _ = d.Refine(sem.SGE, w, d.Join(w, e, d.Const(w, r.Uint64()&small)), d.Join(w, e, d.Const(w, r.Uint64())))
		}
		return d.Join(w, e, d.Const(w, x^r.Uint64()&small))
	}
}

func holders(t *testing.T) (all []*holder) {
	for i, d := range Domains() {
		s, err := Load(d)
		require.NoError(t, err)
		elem := []func(r *rand.Rand, w ir.Width, x uint64) any{elementsOf[tnum.T](tnum.Domain{}), elementsOf[interval.T](interval.Domain{}), elementsOf[reduced.T](reduced.New())}[i]
		all = append(all, &holder{t: t, s: s, rnd: rand.New(rand.NewPCG(1, uint64(i))), elem: elem, said: map[string]int{}})
	}
	return all
}

// TestContractsHold computes what every operation of every domain states on
// numbers, with all contracts on the way; those of 32 bits, and more often, with
// -long.
func TestContractsHold(t *testing.T) {
	often := 1
	if long.Enabled() {
		often = 20
	}
	for _, h := range holders(t) {
		t.Run(h.s.Domain.Name, func(t *testing.T) {
			h.t = t
			for _, op := range Ops() {
				if op.Width == ir.W32 && !long.Enabled() {
					continue
				}
				held := 0
				for i := 0; i < 100*often && held < often; i++ {
					if h.run(op) {
						held++
					}
					require.Empty(t, h.broken, "%s at %d bits: %v", op.Name, op.Width, h.words)
				}
				require.NotZero(t, held, "%s at %d bits: no run satisfies the premises", op.Name, op.Width)
			}
			for _, name := range strings.Fields(contractsThatSpeak[h.s.Domain.Name]) {
				for i := 0; h.said[name] == 0 && i < 500; i++ {
					h.run(aluOps(ir.W64)[i%18])
					require.Empty(t, h.broken, "%v", h.words)
				}
				require.NotZero(t, h.said[name], "the contract of %s has not spoken", name)
			}
			t.Log(h.said)
		})
	}
}

// contractsThatSpeak are those that some run must come to.
var contractsThatSpeak = map[string]string{
	"tnum":          "mulBy divideOr URem",
	"interval":      "mulRange divRange remRange addRange subRange Halves.setSum Halves.setDifference T.settle Range.within lows",
	"tnum+interval": "Reduce tighten learn agree cut T.settle T.Small Short T.SetAdd T.SetALU Add Domain.ALU Domain.Cmp Domain.Swap Domain.Resize Domain.Refine Domain.RefineLow Domain.Meet Domain.Join Domain.Widen Domain.Leq Domain.Ite Domain.Const",
}

// TestContractsContradict: contracts that are not true of the source are found
// out, as is one that nothing satisfies.
func TestContractsContradict(t *testing.T) {
	for _, k := range []struct {
		domain      int
		op, name    string
		contradicts func(c *calls) symgo.Contract
	}{
		{0, "alu.add", tnumPath + "Add", func(c *calls) symgo.Contract {
			return func(_ *symgo.Machine, _ []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
				return []symgo.Value{fresh(0)}, c.b.Bool(false), c.b.Bool(true)
			}
		}},
		{0, "alu.mul", tnumPath + "mulBy", func(c *calls) symgo.Contract { // the products are one more
			return func(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
				r, p := fresh(0), c.pairs[0]
				l := c.words64()
				return []symgo.Value{r}, c.inTnum(r, l.both(l.add(c.hard.multiply(p.x, p.y, true).lo, l.k(1)), leaf(args[0]))), c.b.Bool(true)
			}
		}},
		{1, "alu.mul", intervalPath + "mulRange", func(c *calls) symgo.Contract { // all ranges are empty
			return func(_ *symgo.Machine, _ []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
				r := fresh(0)
				return []symgo.Value{r}, c.run(intervalPath+"Halves.empty", r), c.b.Bool(true)
			}
		}},
		{2, "alu.xor", reducedPath + "Reduce", func(c *calls) symgo.Contract { // whatever either part has is kept
			return func(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
				t, r := fresh(0), fresh(1)
				return []symgo.Value{t, r}, c.isBottomOf(t), c.b.Bool(true)
			}
		}},
		{2, "lattice.Meet", tnumPath + "Domain.Meet", func(c *calls) symgo.Contract { // nothing is shared
			return func(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
				r := fresh(0)
				return []symgo.Value{r}, c.isBottomOf(r), c.b.Bool(true)
			}
		}},
	} {
		t.Run(k.op, func(t *testing.T) {
			h := holders(t)[k.domain]
			set := h.s.contracts.set
			h.s.contracts.set = func(c *calls) {
				set(c)
				c.about(k.name, k.contradicts(c))
			}
			found := false
			for _, op := range Ops() {
				for i := 0; op.Name == k.op && op.Width == ir.W64 && i < 50 && !found; i++ {
					found = h.run(op) && len(h.broken) > 0
				}
			}
			require.True(t, found)
		})
	}
}

func (c *calls) isBottomOf(t symgo.Value) smt.Term {
	k, _ := c.parts()
	return k.isBottom(t)
}

// TestPremisesHold: a solver finds values under which all that a proof assumes
// holds, so that nothing is proved because that is contradictory.
func TestPremisesHold(t *testing.T) {
	solver, err := bitblast.New(smt.Limits{Steps: 200_000, Timeout: time.Minute}, bitblast.Options{})
	if err != nil {
		t.Skip(err)
	}
	names := []string{"alu.add", "alu.mul", "alu.xor", "cmp.ult", "refine.slt", "lattice.Join", "lattice.Leq.transitive", "trunc.64.32", "ite"}
	for i, d := range Domains() {
		s, err := Load(d)
		require.NoError(t, err)
		for _, op := range s.Ops() {
			if op.Width != ir.W64 || !slices.Contains(names, op.Name) && (i != 2 || !strings.HasPrefix(op.Name, contractPrefix) || op.bare) || i == 1 && op.Name == "alu.mul" {
				continue
			}
			state := op.state
			op.state = func(st *statement) {
				state(st)
				st.goals = nil
				st.goalIf("never", st.b.And(append(st.given, st.b.Not(st.fails))...), st.b.Bool(false))
				st.fails = st.b.Bool(false)
			}
			ob, err := s.Build(op)
			require.NoError(t, err)
			proofs, err := ob.Prove(t.Context(), solver)
			require.NoError(t, err)
			last := proofs[len(proofs)-1]
			require.Equal(t, "never", last.Goal)
			require.Equal(t, smt.Refuted, last.Outcome, "%s %s: %s", d.Name, op.Name, last.Result.Reason)
		}
	}
}
