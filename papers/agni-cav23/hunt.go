package agnicav23

import (
	"math/rand/v2"

	"github.com/bpfproof/bpfproof/papers/agni-cav23/linux58"
)

// hunt looks for violations by running the compiled source on random registers,
// which is far cheaper than a solver; what it does not find is the solver's. It
// finds the same on every run.
func (s *Subject) hunt(op Operator, cond Condition) (found [5]*Witness) {
	rng := rand.New(rand.NewPCG(2023, uint64(cond)))
	for missing := 5; missing > 0; missing-- {
		if !s.huntOne(rng, op, cond, &found) {
			break
		}
	}
	return found
}

// huntOne draws registers until one shows a violation that found does not have,
// s.Tries times at most.
func (s *Subject) huntOne(rng *rand.Rand, op Operator, cond Condition, found *[5]*Witness) bool {
	for range s.Tries {
		w := Witness{X: word(rng), Y: word(rng)}
		if rng.IntN(3) == 0 {
			w.Y = w.X
		}
		w.D, w.S = around(rng, w.X), around(rng, w.Y)
		violated, ok := s.Violated(op, cond, w)
		if !ok {
			continue
		}
		fresh := false
		for _, column := range linux58.Columns() {
			if violated[column] && found[column] == nil {
				found[column], fresh = &w, true
			}
		}
		if fresh {
			return true
		}
	}
	return false
}

// word draws a word near a power of two or its negation.
func word(r *rand.Rand) uint64 {
	x := uint64(1) << r.IntN(64)
	if r.IntN(3) == 0 {
		x = -x
	}
	return x + uint64(r.IntN(7)) - 3
}

// around draws a register that contains x: each view is loose or touches words
// near powers of two, where signs and halves change.
func around(r *rand.Rand, x uint64) linux58.Reg {
	g, y, z := linux58.Unknown(), word(r), word(r)
	switch r.IntN(4) {
	case 0:
		return linux58.Known(x)
	case 1:
		g.Bits = linux58.Bits{Value: x &^ y, Mask: y}
	case 2:
		g.Bits = linux58.Bits{Value: x &^ (1<<32 - 1), Mask: 1<<32 - 1}
	}
	if r.IntN(2) == 0 {
		g.Full.UMin, g.Full.UMax = min(x, y, z), max(x, y, z)
	}
	if r.IntN(2) == 0 {
		g.Full.SMin, g.Full.SMax = min(int64(x), int64(y), int64(z)), max(int64(x), int64(y), int64(z))
	}
	if r.IntN(2) == 0 {
		g.Low.UMin, g.Low.UMax = min(uint32(x), uint32(y)), max(uint32(x), uint32(y))
	}
	if r.IntN(2) == 0 {
		g.Low.SMin, g.Low.SMax = min(int32(x), int32(z)), max(int32(x), int32(z))
	}
	return g
}
