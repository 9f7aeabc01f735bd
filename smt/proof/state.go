package proof

import (
	"context"
	"fmt"
)

// none stands for no clause.
const none int32 = -1

// What is known of a clause. An active one of two literals or more is watched
// by both of its first two; one that is not may still stand in watch lists,
// from which it is taken when it is next looked at.
const (
	active  uint8 = 1 << iota // it is there at the step that is checked
	matters                   // a conflict rests on it
	watch0                    // it is in a list of its first literal
	watch1                    // it is in a list of its second literal
)

// watch is an entry of a watch list. Where blocker holds, the clause does.
type watch struct {
	clause  int32
	blocker literal
}

// step is a step of the proof that the check takes.
type step struct {
	clause  int32
	number  int32 // in the proof, from 1
	deletes bool
}

// checker is the state of a check. Clauses of the formula come first, then
// lemmas in the order of the proof.
type checker struct {
	ctx     context.Context
	err     error
	visits  int64
	ask     int64 // visits at which to look at ctx again
	limit   int64 // of visits
	table         // all clauses; the order of literals changes
	formula int   // clauses of the formula
	pivots  []literal
	steps   []step
	ignored int
	flags   []uint8 // by clause

	value  []int8       // by literal: 1 holds, -1 its complement does, 0 open
	lists  [2][][]watch // by literal; the second of clauses that matter, as far as noticed
	trail  []literal
	next   [2]int  // what of the trail has been propagated over each of the lists
	reason []int32 // by variable, while it has a value: the clause, or none for an assumption
	place  []int32 // by variable: on the trail

	base  int     // of the trail, without assumptions
	known []bool  // by variable of the base: what it rests on is marked
	seen  []int64 // by variable: round of explain
	round int64
	stack []literal
}

// askEvery is how many visits may pass between looks at ctx.
const askEvery = 1 << 16

// work counts visits of clauses and stops the check where it must.
func (c *checker) work(n int64) {
	if c.visits += n; c.visits < c.ask || c.err != nil {
		return
	}
	c.ask = c.visits + askEvery
	if c.err = c.ctx.Err(); c.err == nil && c.limit > 0 && c.visits > c.limit {
		c.err = fmt.Errorf("%w: more than %d visits of clauses", ErrLimit, c.limit)
	}
}

func (c *checker) assign(l literal, why int32) {
	c.value[l], c.value[l.not()] = 1, -1
	c.reason[l>>1], c.place[l>>1] = why, int32(len(c.trail))
	c.trail = append(c.trail, l)
}

// undo takes back the end of the trail. What stays has been propagated.
func (c *checker) undo(to int) {
	for _, l := range c.trail[to:] {
		c.value[l], c.value[l.not()] = 0, 0
		c.known[l>>1] = false
	}
	c.trail = c.trail[:to]
	c.next = [2]int{min(c.next[0], to), min(c.next[1], to)}
}

// attach adds clause k. It reports whether all its literals are false.
func (c *checker) attach(k int32) (conflict bool) {
	lits := c.clause(k)
	c.flags[k] |= active
	for i := range min(2, len(lits)) { // literals that may hold first, then the one that was false last
		best := i
		for j := i; j < len(lits); j++ {
			if c.rank(lits[j]) > c.rank(lits[best]) {
				best = j
			}
		}
		lits[i], lits[best] = lits[best], lits[i]
	}
	if len(lits) > 1 {
		c.watch(k)
	}
	if len(lits) == 0 || c.value[lits[0]] < 0 {
		return true
	}
	if c.value[lits[0]] == 0 && (len(lits) == 1 || c.value[lits[1]] < 0) {
		c.assign(lits[0], k)
	}
	return false
}

// rank orders literals by how good they are to watch.
func (c *checker) rank(l literal) int {
	if c.value[l] >= 0 {
		return len(c.trail)
	}
	return int(c.place[l>>1])
}

// watch puts a clause into the lists where it is missing.
func (c *checker) watch(k int32) {
	lits := c.clause(k)
	for i, bit := range [2]uint8{watch0, watch1} {
		if c.flags[k]&bit == 0 {
			c.flags[k] |= bit
			c.enlist(k, lits[i], lits[1-i])
		}
	}
}

func (c *checker) enlist(k int32, l, blocker literal) {
	at := &c.lists[c.flags[k]&matters/matters][l]
	*at = append(*at, watch{k, blocker})
}

// isReason reports whether a literal follows from clause k.
func (c *checker) isReason(k int32) bool {
	lits := c.clause(k)
	return len(lits) > 0 && c.value[lits[0]] > 0 && c.reason[lits[0]>>1] == k
}

// withdraw takes back that clause k was added, and all that followed from it.
func (c *checker) withdraw(k int32) {
	c.flags[k] &^= active
	if c.isReason(k) {
		c.undo(int(c.place[c.clause(k)[0]>>1]))
	}
}

// restore takes back that clause k was deleted. The trail is what it was then,
// so the literals that were watched still are good to watch.
func (c *checker) restore(k int32) {
	c.flags[k] |= active
	if len(c.clause(k)) > 1 {
		c.watch(k)
	}
}

// propagate finds all that follows from the trail, over clauses that matter
// before others. It returns a clause that is false, or none.
func (c *checker) propagate() int32 {
	for c.err == nil {
		list := 1
		if c.next[1] == len(c.trail) {
			list = 0
		}
		if c.next[list] == len(c.trail) {
			return none
		}
		l := c.trail[c.next[list]].not()
		c.next[list]++
		if conflict := c.visit(list, l); conflict != none {
			return conflict
		}
	}
	return none
}

// visit looks at the clauses that watch l, which has become false.
func (c *checker) visit(list int, l literal) int32 {
	ws := c.lists[list][l]
	keep, conflict := ws[:0], none
	i := 0
	for ; i < len(ws) && conflict == none; i++ {
		w := ws[i]
		if c.value[w.blocker] > 0 {
			keep = append(keep, w)
			continue
		}
		c.visits++
		lits := c.clause(w.clause)
		if c.flags[w.clause]&active == 0 {
			bit := watch0
			if lits[0] != l {
				bit = watch1
			}
			c.flags[w.clause] &^= bit
			continue
		}
		if lits[0] == l {
			lits[0], lits[1] = lits[1], l
		}
		other := lits[0]
		if c.value[other] <= 0 && c.move(w.clause, lits) {
			continue
		}
		w.blocker = other
		if list == 0 && c.flags[w.clause]&matters != 0 {
			c.enlist(w.clause, l, other)
		} else {
			keep = append(keep, w)
		}
		switch {
		case c.value[other] < 0:
			conflict = w.clause
		case c.value[other] == 0:
			c.assign(other, w.clause)
		}
	}
	c.lists[list][l] = append(keep, ws[i:]...)
	c.work(1)
	return conflict
}

// move lets a clause be watched by another literal than its second, if there
// is one that may hold.
func (c *checker) move(k int32, lits []literal) bool {
	for j := 2; j < len(lits); j++ {
		if c.value[lits[j]] >= 0 {
			lits[1], lits[j] = lits[j], lits[1]
			c.enlist(k, lits[1], lits[0])
			return true
		}
	}
	return false
}
