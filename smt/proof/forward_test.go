package proof_test

import (
	"slices"
	"strconv"
	"strings"
)

// forward checks a text proof lemma by lemma, with no data structure but lists
// of clauses, and reports whether every lemma holds and a conflict follows.
// Like the checker it stops at the conflict and ignores the deletion of clauses
// that are unit; since which of several unit clauses is a reason depends on
// order, it ignores all of them.
func forward(c cnf, text string) bool {
	var there [][]int
	for _, cl := range c.clauses {
		there = append(there, set(cl))
	}
	for l := range strings.Lines(text) {
		fields := strings.Fields(l)
		deletes := fields[0] == "d"
		if deletes {
			fields = fields[1:]
		}
		var cl []int
		for _, f := range fields[:len(fields)-1] {
			n, _ := strconv.Atoi(f)
			cl = append(cl, n)
		}
		if _, conflict := units(there, nil); conflict {
			return true
		}
		lemma := set(cl)
		if deletes {
			have, _ := units(there, nil)
			i := slices.IndexFunc(there, func(x []int) bool { return slices.Equal(x, lemma) })
			if i >= 0 && !unit(lemma, have) {
				there = slices.Delete(there, i, i+1)
			}
			continue
		}
		if !rup(there, lemma) && (len(cl) == 0 || !rat(there, lemma, cl[0])) {
			return false
		}
		there = append(there, lemma)
	}
	_, conflict := units(there, nil)
	return conflict
}

func set(cl []int) []int {
	cl = slices.Clone(cl)
	slices.Sort(cl)
	return slices.Compact(cl)
}

// unit reports whether all literals but one are false.
func unit(cl []int, have map[int]bool) bool {
	open := 0
	for _, l := range cl {
		if !have[-l] {
			open++
		}
	}
	return open <= 1
}

// units returns the literals that follow by unit propagation.
func units(there [][]int, assumed []int) (have map[int]bool, conflict bool) {
	have = map[int]bool{}
	for _, l := range assumed {
		have[l] = true
		if have[-l] {
			return have, true
		}
	}
	for again := true; again; {
		again = false
		for _, cl := range there {
			var open []int
			holds := false
			for _, l := range cl {
				holds = holds || have[l]
				if !have[-l] {
					open = append(open, l)
				}
			}
			switch {
			case holds:
			case len(open) == 0:
				return have, true
			case len(open) == 1:
				have[open[0]], again = true, true
			}
		}
	}
	return have, false
}

func rup(there [][]int, lemma []int) bool {
	var assumed []int
	for _, l := range lemma {
		assumed = append(assumed, -l)
	}
	_, conflict := units(there, assumed)
	return conflict
}

func rat(there [][]int, lemma []int, pivot int) bool {
	for _, cl := range there {
		if !slices.Contains(cl, -pivot) {
			continue
		}
		resolvent := slices.Clone(lemma)
		for _, l := range cl {
			if l != -pivot {
				resolvent = append(resolvent, l)
			}
		}
		if !rup(there, resolvent) {
			return false
		}
	}
	return true
}
