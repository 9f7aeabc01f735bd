package proof

import (
	"context"
	"errors"
	"fmt"
)

// Verdict is what a check found.
type Verdict uint8

// The verdicts. NotVerified is the zero value; it says nothing about the
// formula.
const (
	NotVerified Verdict = iota // Report.Reason says why
	Verified                   // the formula is unsatisfiable
)

// String returns "not verified" or "verified".
func (v Verdict) String() string {
	if v == Verified {
		return "verified"
	}
	return "not verified"
}

// Report is the result of a check.
type Report struct {
	Verdict Verdict
	Reason  string // if not verified: why, with the step
	Lemmas  int    // added up to the conflict
	Checked int    // of these, how many the conflict rests on
	RAT     int    // of those, how many are RAT and not RUP
	Core    int    // clauses of the formula that the conflict rests on
	Ignored int    // deletions that were ignored
	Visits  int64  // clauses looked at
}

// errBroken says that the second look found a conflict to be none: the checker
// is wrong.
var errBroken = errors.New("a conflict does not hold on a second look: the checker is wrong")

// Check decides whether the proof shows that the formula is unsatisfiable. An
// error means that the check was not finished: ctx ended, or a limit.
func Check(ctx context.Context, f *Formula, p *Proof, limits Limits) (Report, error) {
	c := newChecker(ctx, f, p, limits)
	r := c.run()
	if c.err != nil {
		return Report{}, fmt.Errorf("proof: check: %w", c.err)
	}
	return r, nil
}

// run is the whole check.
func (c *checker) run() Report {
	conflict, steps := c.forward()
	r := Report{Lemmas: c.count(steps), Ignored: c.ignored}
	if conflict == none {
		r.Reason = "the proof ends without a conflict"
		r.Visits = c.visits
		return r
	}
	c.base = len(c.trail)
	c.explain(c.clause(conflict), conflict)
	for i := len(steps) - 1; i >= 0 && c.err == nil; i-- {
		k := steps[i].clause
		if steps[i].deletes {
			c.restore(k)
			continue
		}
		c.withdraw(k)
		if c.flags[k]&matters == 0 {
			continue
		}
		r.Checked++
		rat, ok := c.lemma(k)
		if !ok {
			r.Reason = fmt.Sprintf("step %d: the lemma is neither RUP nor RAT on its first literal", steps[i].number)
			r.Visits = c.visits
			return r
		}
		if rat {
			r.RAT++
		}
	}
	if c.err != nil {
		return Report{}
	}
	for k := range c.formula {
		if c.flags[k]&matters != 0 {
			r.Core++
		}
	}
	r.Verdict, r.Visits = Verified, c.visits
	return r
}

func (c *checker) count(steps []step) int {
	n := 0
	for _, s := range steps {
		if !s.deletes {
			n++
		}
	}
	return n
}

// forward adds and deletes as the proof says, without checking lemmas, until
// unit propagation finds a conflict. It returns the clause that is false, and
// the steps taken.
func (c *checker) forward() (conflict int32, taken []step) {
	for k := range c.formula {
		if c.attach(int32(k)) {
			return int32(k), nil
		}
	}
	if conflict = c.propagate(); conflict != none {
		return conflict, nil
	}
	taken = c.steps[:0] // in place: what is taken is never ahead of what is read
	for _, s := range c.steps {
		switch {
		case c.err != nil:
			return none, nil
		case !s.deletes:
			taken = append(taken, s)
			if c.attach(s.clause) {
				return s.clause, taken
			}
			if conflict = c.propagate(); conflict != none {
				return conflict, taken
			}
		case c.isReason(s.clause):
			c.ignored++
		default:
			taken = append(taken, s)
			c.flags[s.clause] &^= active
		}
	}
	return none, taken
}

// lemma checks the lemma k against the clauses that are active.
func (c *checker) lemma(k int32) (rat, ok bool) {
	c.base = len(c.trail)
	defer c.undo(c.base)
	if c.refuteBut(c.clause(k), 0) {
		return false, true
	}
	if c.err != nil || len(c.clause(k)) == 0 {
		return false, false
	}
	pivot := c.pivots[int(k)-c.formula]
	level := len(c.trail)
	for d := range k {
		if c.flags[d]&active == 0 {
			continue
		}
		clause := c.clause(d)
		c.work(int64(len(clause))/8 + 1)
		if c.err != nil {
			return false, false
		}
		found := false
		for _, l := range clause {
			found = found || l == pivot.not()
		}
		if !found {
			continue
		}
		ok := c.refuteBut(clause, pivot.not())
		c.undo(level)
		if !ok {
			return false, false
		}
	}
	return true, true
}

// refuteBut assumes the complements of all literals but one, or 0, and
// propagates. If that fails, it marks on what the failure rests.
func (c *checker) refuteBut(lits []literal, but literal) bool {
	for _, l := range lits {
		switch {
		case l == but || c.value[l] < 0:
		case c.value[l] > 0: // it holds, so its complement fails at once
			c.explain([]literal{l.not()}, none)
			return c.err == nil
		default:
			c.assign(l.not(), none)
		}
	}
	conflict := c.propagate()
	if conflict == none {
		return false
	}
	c.explain(c.clause(conflict), conflict)
	return c.err == nil
}

// explain marks all clauses that a conflict rests on: clause k, with literals
// lits that are all false. If k is none, lits is one assumption that fails.
func (c *checker) explain(lits []literal, k int32) {
	if k != none {
		if c.flags[k]&active == 0 {
			c.err = errBroken
			return
		}
		c.flags[k] |= matters
	}
	c.round++
	c.stack = c.stack[:0]
	c.push(lits, len(c.trail))
	for len(c.stack) > 0 && c.err == nil {
		l := c.stack[len(c.stack)-1] // it is true
		c.stack = c.stack[:len(c.stack)-1]
		v := l >> 1
		why := c.reason[v]
		if why == none {
			if int(c.place[v]) < c.base {
				c.err = errBroken
			}
			continue
		}
		clause := c.clause(why)
		c.work(1)
		if c.flags[why]&active == 0 || clause[0] != l {
			c.err = errBroken
			return
		}
		c.flags[why] |= matters
		c.push(clause[1:], int(c.place[v]))
	}
}

// push remembers the complements of literals, which must be false since before
// the given place on the trail.
func (c *checker) push(lits []literal, before int) {
	for _, l := range lits {
		v := l >> 1
		if c.value[l] >= 0 || int(c.place[v]) >= before {
			c.err = errBroken
			return
		}
		if c.seen[v] != c.round && !c.known[v] {
			c.seen[v] = c.round
			c.known[v] = int(c.place[v]) < c.base
			c.stack = append(c.stack, l.not())
		}
	}
}
