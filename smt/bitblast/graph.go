package bitblast

// lit is a gate's output or its complement: twice the gate's number, plus one
// for the complement.
type lit uint32

const (
	no  lit = 0 // the constant false
	yes lit = 1 // the constant true
)

func (x lit) not() lit            { return x ^ 1 }
func (x lit) gate() uint32        { return uint32(x >> 1) }
func (x lit) negative() bool      { return x&1 != 0 }
func (x lit) constant() bool      { return x <= yes }
func (x lit) flip(by lit) lit     { return x ^ by&1 }
func (x lit) positive() lit       { return x &^ 1 }
func ordered(x, y lit) (a, b lit) { return min(x, y), max(x, y) }

// kind is what a gate computes of its fan-ins.
type kind uint8

const (
	kindConst kind = iota // gate 0
	kindInput
	kindAnd // a and b
	kindXor // a xor b; both positive
	kindMux // b if a, otherwise c; a and b positive
	kindMaj // at least two of a, b, c; the first positive
)

type gate struct {
	kind    kind
	a, b, c lit
}

// graph is an and-inverter graph with gates for xor, choice and majority, so
// that adders and shifters keep their shape until they become clauses. Gates
// are in topological order.
type graph struct {
	gates []gate
	table []uint32 // open addressing by the hash of the gate; 0 is free
	limit int      // of gates
	full  bool     // the limit was hit: what has been built since means nothing
}

func newGraph(limit int) *graph {
	return &graph{gates: make([]gate, 1, 1024), table: make([]uint32, 4096), limit: limit}
}

// input returns a new unknown bit.
func (g *graph) input() lit { return g.append(gate{kind: kindInput}) }

func (g *graph) append(n gate) lit {
	if len(g.gates) >= g.limit {
		g.full = true
		return no
	}
	g.gates = append(g.gates, n)
	return lit(len(g.gates)-1) << 1
}

func (n gate) hash() uint32 {
	h := uint64(n.kind)*0x9e3779b97f4a7c15 ^ uint64(n.a)*0xbf58476d1ce4e5b9 ^ uint64(n.b)*0x94d049bb133111eb ^ uint64(n.c)*0xd6e8feb86659fd93
	return uint32((h ^ h>>29) * 0x9e3779b97f4a7c15 >> 32)
}

// intern returns the output of the gate n, which is in normal form.
func (g *graph) intern(n gate) lit {
	mask := uint32(len(g.table) - 1)
	i := n.hash() & mask
	for ; g.table[i] != 0; i = (i + 1) & mask {
		if g.gates[g.table[i]] == n {
			return lit(g.table[i]) << 1
		}
	}
	x := g.append(n)
	if g.full {
		return x
	}
	g.table[i] = x.gate()
	if 2*len(g.gates) > len(g.table) {
		g.grow()
	}
	return x
}

func (g *graph) grow() {
	g.table = make([]uint32, 2*len(g.table))
	mask := uint32(len(g.table) - 1)
	for at, n := range g.gates {
		if n.kind <= kindInput {
			continue
		}
		i := n.hash() & mask
		for g.table[i] != 0 {
			i = (i + 1) & mask
		}
		g.table[i] = uint32(at)
	}
}

// values computes all gates for 64 assignments at a time: bit i of in(k) is
// the k-th input under the i-th one. Inputs count in the order they were made.
func (g *graph) values(in func(k int) uint64) []uint64 {
	out := make([]uint64, len(g.gates))
	of := func(x lit) uint64 { return out[x.gate()] ^ -uint64(x&1) }
	inputs := 0
	for i, n := range g.gates {
		switch n.kind {
		case kindInput:
			out[i] = in(inputs)
			inputs++
		case kindAnd:
			out[i] = of(n.a) & of(n.b)
		case kindXor:
			out[i] = of(n.a) ^ of(n.b)
		case kindMux:
			out[i] = of(n.a)&of(n.b) | ^of(n.a)&of(n.c)
		case kindMaj:
			out[i] = of(n.a)&of(n.b) | of(n.a)&of(n.c) | of(n.b)&of(n.c)
		}
	}
	return out
}
