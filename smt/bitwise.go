package smt

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

const (
	maxOperands = 32 // of one And, Or or Xor; longer ones nest
	maxSlices   = 9  // parts that a bitwise operation is cut into
)

// bitwise returns x op y for op And, Or (wider than one bit) or Xor.
func (b *Builder) bitwise(op Op, w ir.Width, x, y Term) Term {
	args := b.terms[:0]
	b.terms = nil
	k := w.Mask() // the constant operand
	if op != OpAnd {
		k = 0
	}
	args, k = b.gather(args, op, x, k)
	args, k = b.gather(args, op, y, k)
	if len(args) > maxOperands {
		args, k = append(args[:0], x, y), b.unit(op, w)
	}
	t := b.bitwiseOf(op, w, args, k)
	if cap(args) > cap(b.terms) {
		b.terms = args[:0]
	}
	return t
}

// gather appends the operands of t, and combines constants into k.
func (b *Builder) gather(args []Term, op Op, t Term, k uint64) ([]Term, uint64) {
	n := b.at(t)
	if n.op == op {
		for _, a := range b.Args(t) {
			if b.Op(a) == op { // a chain that was cut at maxOperands
				args = append(args, a)
				continue
			}
			args, k = b.gather(args, op, a, k)
		}
		return args, k
	}
	switch {
	case n.op == OpConst && op == OpAnd:
		return args, k & n.val
	case n.op == OpConst && op == OpOr:
		return args, k | n.val
	case n.op == OpConst:
		return args, k ^ n.val
	case n.op == OpNot && op == OpXor: // ~x ^ y = ~(x ^ y)
		return append(args, b.Args(t)[0]), k ^ n.w.Mask()
	}
	return append(args, t), k
}

// unit is the constant that changes nothing.
func (b *Builder) unit(op Op, w ir.Width) uint64 {
	if op == OpAnd {
		return w.Mask()
	}
	return 0
}

// bitwiseOf returns the operation on args and the constant k. It may reorder
// args.
func (b *Builder) bitwiseOf(op Op, w ir.Width, args []Term, k uint64) Term {
	slices.SortFunc(args, func(x, y Term) int { return cmp.Compare(x.id, y.id) })
	if op == OpXor {
		args = cancelPairs(args)
	} else {
		args = slices.Compact(args)
		if k == ^b.unit(op, w)&w.Mask() || b.hasComplements(args) {
			return b.Const(w, ^b.unit(op, w))
		}
	}
	if w == ir.W1 && op == OpAnd {
		if t, ok := b.absorb(args); ok {
			return t
		}
	}
	if len(args) == 0 {
		return b.Const(w, k)
	}
	if op == OpXor && k == w.Mask() {
		return b.Not(b.bitwiseOf(op, w, args, 0))
	}
	if k == b.unit(op, w) && len(args) == 1 {
		return args[0]
	}
	if w > 1 {
		if cuts := b.cuts(op, w, args, k); cuts&(cuts-1) != 0 && bits.OnesCount64(cuts) <= maxSlices {
			return b.sliced(op, w, slices.Clone(args), k, cuts)
		}
	}
	if k != b.unit(op, w) {
		args = append(args, b.Const(w, k))
	}
	return b.node(op, w, 0, args...)
}

func cancelPairs(sorted []Term) []Term {
	out := sorted[:0]
	for _, t := range sorted {
		if len(out) > 0 && out[len(out)-1] == t {
			out = out[:len(out)-1]
			continue
		}
		out = append(out, t)
	}
	return out
}

// absorb drops from a negated conjunction what stands beside it: where x holds,
// ~(x & y) is ~y. ok is false if there is no such thing.
func (b *Builder) absorb(sorted []Term) (t Term, ok bool) {
	for i, t := range sorted {
		if b.Op(t) != OpNot || b.Op(b.Args(t)[0]) != OpAnd {
			continue
		}
		inner := b.Args(b.Args(t)[0])
		rest := slices.DeleteFunc(slices.Clone(inner), func(a Term) bool { return contains(sorted, a) })
		if len(rest) < len(inner) {
			others := slices.Delete(slices.Clone(sorted), i, i+1)
			return b.And(append(others, b.Not(b.And(rest...)))...), true
		}
	}
	return Term{}, false
}

func contains(sorted []Term, t Term) bool {
	_, found := slices.BinarySearchFunc(sorted, t, func(x, y Term) int { return cmp.Compare(x.id, y.id) })
	return found
}

func (b *Builder) hasComplements(sorted []Term) bool {
	for _, t := range sorted {
		if b.Op(t) != OpNot {
			continue
		}
		if contains(sorted, b.Args(t)[0]) {
			return true
		}
	}
	return false
}

// cuts returns the set of the lowest bits of the slices into which known bits
// divide the operation: within a slice each operand is known throughout or
// unknown throughout. Bit 0 is always in the set.
func (b *Builder) cuts(op Op, w ir.Width, args []Term, k uint64) uint64 {
	set := uint64(1)
	for _, t := range args {
		k := b.nodes[t.id].known
		set |= edges(k.zero) | edges(k.one)
	}
	if k != b.unit(op, w) {
		set |= edges(k)
	}
	return set & w.Mask()
}

// edges returns the bits that differ from the bit below.
func edges(x uint64) uint64 { return (x ^ x<<1) &^ 1 }

// sliced does the operation slice by slice; where an operand is known the
// slice simplifies.
func (b *Builder) sliced(op Op, w ir.Width, args []Term, k, cuts uint64) Term {
	var parts []Term
	for hi := w - 1; ; {
		lo := ir.Width(bits.Len64(cuts&(hi+1).Mask()) - 1)
		kept, c := make([]Term, 0, len(args)), k>>lo&(hi-lo+1).Mask()
		for _, t := range args {
			kept, c = b.gather(kept, op, b.Extract(t, hi, lo), c)
		}
		if op == OpOr && hi == lo {
			parts = append(parts, b.Or(append(kept, b.Const(ir.W1, c))...))
		} else {
			parts = append(parts, b.bitwiseOf(op, hi-lo+1, kept, c))
		}
		if lo == 0 {
			return b.concat(parts...)
		}
		hi = lo - 1
	}
}
