package absint

import "fmt"

// Component is an element of a weak topological order (F. Bourdoncle:
// Efficient chaotic iteration strategies with widenings, 1993): a single node,
// or a loop of which Node is the head and Body the rest, itself ordered.
// Nodes are numbered from 0.
type Component struct {
	Node int
	Loop bool
	Body []Component
}

// Flow is a system of equations over a graph: the state at a node is the join
// of what its edges bring and, at entries, of what starts there. S is a state
// of the analysis, not an element of a domain: a state usually maps registers
// to elements.
type Flow[S any] interface {
	// Start returns what holds at the node before any edge: Bottom except at
	// entries.
	Start(node int) S
	// Preds returns the nodes from which edges lead to the node, in a fixed
	// order.
	Preds(node int) []int
	// Edge returns what holds at to after the edge, given what holds at from.
	Edge(from, to int, s S) S
	Join(a, b S) S
	// Widen is a join that makes ascending chains finite.
	Widen(prev, next S) S
	Leq(a, b S) bool
}

// BudgetError says that a fixpoint was not reached within the given number of
// node visits.
type BudgetError struct{ Visits int }

func (e *BudgetError) Error() string {
	return fmt.Sprintf("absint: solve: no fixpoint after %d node visits", e.Visits)
}

// Solve returns a state for each of n nodes that holds whenever it is reached: by
// the recursive strategy over the order, widening at loop heads, then with
// `descend` further passes that do not widen and so can win back precision. It
// visits at most budget nodes; the error is a *BudgetError.
//
// Sound: every edge that does not lead to a loop head goes forward in the
// order, so once a head's state has not grown, no equation in its loop is
// violated. A pass down from a post-fixpoint stays above the least fixpoint,
// as transfers and joins are monotone in what they stand for.
func Solve[S any](order []Component, n int, f Flow[S], descend, budget int) ([]S, error) {
	s := solver[S]{flow: f, states: make([]S, n), budget: budget, limit: budget}
	for node := range s.states {
		s.states[node] = f.Start(node)
	}
	s.climb(order)
	for range descend {
		s.sink(order)
	}
	if s.budget < 0 {
		return nil, &BudgetError{Visits: s.limit}
	}
	return s.states, nil
}

type solver[S any] struct {
	flow          Flow[S]
	states        []S
	budget, limit int
}

// gather evaluates a node's equation.
func (s *solver[S]) gather(node int) S {
	s.budget--
	state := s.flow.Start(node)
	for _, p := range s.flow.Preds(node) {
		state = s.flow.Join(state, s.flow.Edge(p, node, s.states[p]))
	}
	return state
}

// climb brings the components to a post-fixpoint, inner loops first.
func (s *solver[S]) climb(order []Component) {
	for _, c := range order {
		if s.budget < 0 {
			return
		}
		s.states[c.Node] = s.gather(c.Node)
		for c.Loop && s.budget >= 0 {
			s.climb(c.Body)
			next := s.gather(c.Node)
			if s.flow.Leq(next, s.states[c.Node]) {
				break
			}
			s.states[c.Node] = s.flow.Widen(s.states[c.Node], next)
		}
	}
}

// sink evaluates every equation once in order, without widening.
func (s *solver[S]) sink(order []Component) {
	for _, c := range order {
		if s.budget < 0 {
			return
		}
		s.states[c.Node] = s.gather(c.Node)
		s.sink(c.Body)
	}
}
