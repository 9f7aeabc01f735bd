package absint_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// counter is the flow of "i = 0; while (i < 100) i += 3;", its state the range
// of i: node 0 is the entry, 1 the loop's head, 2 its body, 3 its exit.
type counter struct{ interval.Domain }

func (c counter) Start(node int) interval.T {
	if node == 0 {
		return c.Top(ir.W64)
	}
	return c.Bottom()
}

func (counter) Preds(node int) []int { return [][]int{nil, {0, 2}, {1}, {1}}[node] }

func (c counter) Edge(from, to int, s interval.T) interval.T {
	limit := c.Const(ir.W64, 100)
	switch [2]int{from, to} {
	case [2]int{0, 1}:
		return c.Const(ir.W64, 0)
	case [2]int{2, 1}:
		return c.Bin(sem.Add, ir.W64, s, c.Const(ir.W64, 3))
	case [2]int{1, 2}:
		s, _ = c.Refine(sem.ULT, ir.W64, s, limit)
	case [2]int{1, 3}:
		s, _ = c.Refine(sem.UGE, ir.W64, s, limit)
	}
	return s
}

func (c counter) Join(a, b interval.T) interval.T  { return c.Domain.Join(ir.W64, a, b) }
func (c counter) Widen(a, b interval.T) interval.T { return c.Domain.Widen(ir.W64, a, b) }
func (c counter) Leq(a, b interval.T) bool         { return c.Domain.Leq(ir.W64, a, b) }

func order() []absint.Component {
	loop := absint.Component{Node: 1, Loop: true, Body: []absint.Component{{Node: 2}}}
	return []absint.Component{{Node: 0}, loop, {Node: 3}}
}

func TestSolve(t *testing.T) {
	states, err := absint.Solve[interval.T](order(), 4, counter{}, 0, 1000)
	require.NoError(t, err)
	require.Equal(t, "u64=[100,127]", states[3].Format(ir.W64), "widened to a threshold")
	states, err = absint.Solve[interval.T](order(), 4, counter{}, 1, 1000)
	require.NoError(t, err)
	require.Equal(t, "u64=[0,99]", states[2].Format(ir.W64))
	require.Equal(t, "u64=[100,102]", states[3].Format(ir.W64), "won back by a pass down")
}

func TestSolveBudget(t *testing.T) {
	_, err := absint.Solve[interval.T](order(), 4, counter{}, 0, 3)
	require.EqualError(t, err, "absint: solve: no fixpoint after 3 node visits")
}
