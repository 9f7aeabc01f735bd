package opt

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// rotate turns x << n | x >> (w-n) into a rotation; as the parts have no bit in
// common, ^ does the same as |. So does +, but the proof would have to know it.
func rotate(c *Code) {
	for i := range c.Values {
		v := &c.Values[i]
		if v.Op != Or && v.Op != Xor || v.B == None {
			continue
		}
		left, right := c.at(v.A), c.at(v.B)
		if left.Op == Shr {
			left, right = right, left
		}
		if c.multiplied(v, left, right) {
			v.Op, v.A, v.B, v.Imm = Rotl, right.A, None, int64(left.W)-right.Imm
			continue
		}
		fit := left.Op == Shl && right.Op == Shr && left.B == None && right.B == None && left.W == right.W && v.W >= left.W
		if fit && left.Imm > 0 && left.Imm+right.Imm == int64(left.W) && c.root(left.A) == c.root(right.A) {
			v.Op, v.W, v.A, v.B, v.Imm = Rotl, left.W, left.A, None, left.Imm
		}
	}
}

// multiplied reports whether v is a rotation whose shift to the left has become
// part of a product: x * (k << (w-n)) | x * k >> n.
func (c *Code) multiplied(v, left, right *Value) bool {
	if left.Op != Mul || right.Op != Shr || left.B != None || right.B != None || right.Imm == 0 || v.W != left.W || v.W != right.W {
		return false
	}
	m := c.at(right.A)
	return m.Op == Mul && m.B == None && m.W == v.W && c.root(m.A) == c.root(left.A) &&
		uint64(left.Imm)&v.W.Mask() == uint64(m.Imm)<<(int64(v.W)-right.Imm)&v.W.Mask()
}

// address moves additions into the addresses that nothing else uses them for,
// and sums with a shifted operand into one.
func address(c *Code) {
	uses := c.usesHere()
	inAddress := c.baseUses()
	for changed := true; changed; { // a sum may be left to the accesses once others have taken it apart
		changed = false
		for i := range c.Values {
			if v := &c.Values[i]; v.Accesses() {
				for c.foldBase(v, uses, inAddress) {
					changed = true
				}
			}
		}
	}
	indices := c.indexUses()
	for i := range c.Values {
		if v := &c.Values[i]; v.Accesses() {
			c.foldIndex(v, uses, indices)
		}
	}
	for i := range c.Values {
		if uses[i] > 0 {
			c.scaledSum(&c.Values[i], uses)
		}
	}
}

// baseUses counts by value how often it is the base of an access.
func (c *Code) baseUses() []int32 {
	n := make([]int32, len(c.Values))
	for i := range c.Values {
		if v := &c.Values[i]; v.Accesses() {
			n[v.Mem.Base]++
		}
	}
	return n
}

// indexUses counts by value how often it is added to the base of an access.
func (c *Code) indexUses() []int32 {
	n := make([]int32, len(c.Values))
	for i := range c.Values {
		if v := &c.Values[i]; v.Accesses() && v.Mem.Index != None && v.Mem.Scale == 1 {
			n[v.Mem.Index]++
		}
	}
	return n
}

// foldBase takes apart the sum that is the base of an access, if only accesses
// use it.
func (c *Code) foldBase(v *Value, uses, inAddress []int32) bool {
	base := &c.Values[v.Mem.Base]
	if base.Op != Add || base.W != ir.W64 || uses[v.Mem.Base] != inAddress[v.Mem.Base] {
		return false
	}
	old := v.Mem.Base
	if base.B == None {
		disp := int64(v.Mem.Disp) + base.Imm
		if disp != int64(int32(disp)) {
			return false
		}
		v.Mem.Base, v.Mem.Disp = base.A, int32(disp)
	} else {
		if v.Mem.Index != None || c.Values[base.A].Op == FP || c.Values[base.B].Op == FP {
			return false
		}
		v.Mem.Base, v.Mem.Index, v.Mem.Scale = base.A, base.B, 1
		uses[base.B]++
	}
	if uses[old]--; uses[old] == 0 {
		base.Each(func(x ID) { uses[x]-- })
	}
	inAddress[old]--
	uses[v.Mem.Base]++
	inAddress[v.Mem.Base]++
	return true
}

// foldIndex moves a shift of the index into the address, if nothing but addresses
// use it.
func (c *Code) foldIndex(v *Value, uses, indices []int32) {
	if v.Mem.Index == None || v.Mem.Scale != 1 {
		return
	}
	small := func(x ID) bool {
		s := &c.Values[x]
		return s.Op == Shl && s.W == ir.W64 && s.B == None && s.Imm <= 3 && (uses[x] == 1 || uses[x] == indices[x])
	}
	if small(v.Mem.Base) && uses[v.Mem.Base] == 1 && !small(v.Mem.Index) {
		v.Mem.Base, v.Mem.Index = v.Mem.Index, v.Mem.Base
	}
	if small(v.Mem.Index) {
		old := v.Mem.Index
		s := &c.Values[old]
		v.Mem.Index, v.Mem.Scale = s.A, 1<<s.Imm
		indices[old]--
		if uses[s.A]++; uses[old] == 1 {
			uses[s.A]--
		}
		uses[old]--
	}
}

// scaledSum turns x + (y << n), n up to 3, into one address, and products by 3, 5
// and 9.
func (c *Code) scaledSum(v *Value, uses []int32) {
	if v.Op == Mul && v.B == None && (v.Imm == 3 || v.Imm == 5 || v.Imm == 9) && c.Values[v.A].Op != FP {
		v.Op, v.Mem, v.A = Lea, Mem{Base: v.A, Index: v.A, Scale: uint8(v.Imm - 1)}, None
		return
	}
	if v.Op != Add || v.B == None {
		return
	}
	small := func(x ID) bool {
		s := &c.Values[x]
		return s.Op == Shl && s.W == v.W && s.B == None && s.Imm <= 3 && uses[x] == 1
	}
	x, y := v.A, v.B
	if small(x) {
		x, y = y, x
	}
	if !small(y) || c.Values[x].Op == FP {
		return
	}
	s := &c.Values[y]
	v.Op, v.Mem, v.A, v.B = Lea, Mem{Base: x, Index: s.A, Scale: 1 << s.Imm}, None, None
	uses[y]--
}

// part is a load that is put into its place in a word.
type part struct {
	load  ID
	shift int64
}

// joinLoads turns loads of neighbouring bytes that are put together into one
// load, with the bytes reversed if they are put together that way.
func joinLoads(c *Code) {
	if len(c.Skips) > 0 {
		return // an address may be a choice, and the proof looks at one way at a time
	}
	uses := c.usesHere()
	for i := len(c.Values) - 1; i >= 0; i-- {
		v := &c.Values[i]
		if v.Op != Or && v.Op != Xor || v.B == None {
			continue
		}
		if parts, ok := c.parts(nil, ID(i), v.W, uses); ok && len(parts) > 1 {
			c.join(ID(i), v, parts)
		}
	}
}

// parts collects the loads that x is put together from, each used only there.
func (c *Code) parts(list []part, x ID, w ir.Width, uses []int32) ([]part, bool) {
	v := &c.Values[x]
	if len(list) > 8 {
		return nil, false
	}
	switch {
	case (v.Op == Or || v.Op == Xor) && v.B != None && (len(list) == 0 || uses[x] == 1):
		list, ok := c.parts(list, v.A, v.W, uses)
		if !ok || uses[v.A] != 1 || uses[v.B] != 1 {
			return nil, false
		}
		return c.parts(list, v.B, v.W, uses)
	case v.Op == Shl && v.B == None && v.Imm%8 == 0:
		l := &c.Values[v.A]
		if l.Op != Load || uses[v.A] != 1 || v.Imm+int64(l.W) > int64(min(w, v.W)) {
			return nil, false
		}
		return append(list, part{v.A, v.Imm}), true
	case v.Op == Load && v.W <= w:
		return append(list, part{x, 0}), true
	}
	return nil, false
}

// join puts one load for parts, which v is put together from.
func (c *Code) join(id ID, v *Value, parts []part) {
	slices.SortFunc(parts, func(x, y part) int { return int(c.Values[x.load].Mem.Disp) - int(c.Values[y.load].Mem.Disp) })
	first := c.Values[parts[0].load]
	bytes, little, big := 0, true, true
	total := 0
	for _, p := range parts {
		total += c.Values[p.load].W.Bytes()
	}
	for _, p := range parts {
		l := &c.Values[p.load]
		if l.Mem.Base != first.Mem.Base || l.Mem.Index != None || int64(l.Mem.Disp) != int64(first.Mem.Disp)+int64(bytes) {
			return
		}
		little = little && p.shift == int64(8*bytes)
		bytes += l.W.Bytes()
		big = big && l.W == ir.W8 && p.shift == int64(8*(total-bytes))
	}
	if total != 2 && total != 4 && total != 8 || !little && !big || !c.together(parts) {
		return
	}
	last := parts[0].load
	for _, p := range parts {
		last = max(last, p.load)
	}
	for _, p := range parts {
		if l := &c.Values[p.load]; p.load != last {
			l.Op, l.Mem.Base = Nop, None
		}
	}
	l := &c.Values[last]
	l.W, l.Mem.Disp = ir.Width(8*total), first.Mem.Disp
	if little {
		c.same(id, last)
		v.Op, v.A, v.B = Nop, None, None
		return
	}
	v.Op, v.W, v.A, v.B = Swap, l.W, last, None
}

// together reports whether no other access to memory is between the parts.
func (c *Code) together(parts []part) bool {
	lo, hi := parts[0].load, parts[0].load
	for _, p := range parts {
		lo, hi = min(lo, p.load), max(hi, p.load)
	}
	for x := lo; x <= hi; x++ {
		if c.Values[x].Accesses() && !slices.ContainsFunc(parts, func(p part) bool { return p.load == x }) {
			return false
		}
	}
	return true
}
