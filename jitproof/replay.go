package jitproof

import (
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
)

// samples is how many states are tried before a solver is asked.
const samples = 24

// trial is the checker of a replay: it compares numbers and keeps the first
// difference of the kind it looks for.
type trial struct {
	kind  Kind
	found *Witness
}

func (t *trial) prove(at site, kind Kind, _ []pair, goals []goal[pair]) {
	for _, g := range goals {
		if kind == t.kind && t.found == nil && g.x.x != g.y.x {
			t.found = &Witness{What: g.what, Width: uint8(g.w), Bytecode: g.x.x, Machine: g.y.x, Path: slices.Clone(at.seen)}
		}
	}
}

func (t *trial) fail(at site, _ []pair, err *pathError) {
	if err.status == Refuted && err.kind == t.kind && t.found == nil {
		t.found = &Witness{What: err.reason, Path: slices.Clone(at.seen)}
	}
}

// replay evaluates both sides at one place from one state, and returns what is
// wrong of the given kind, or nil.
func (v *proving) replay(at site, kind Kind, value func(string, ir.Width) uint64) *Witness {
	t := &trial{kind: kind}
	read := map[string]uint64{}
	w := pairs{b: v.b, value: func(name string, w ir.Width) uint64 {
		x := value(name, w) & w.Mask()
		read[name] = x
		return x
	}}
	s := &sim[pair]{w: w, p: v.p, code: v.img.code, img: v.img, conv: v.img.conv, out: t}
	s.at(at.fn, at.pc)
	if t.found == nil {
		return nil
	}
	for name, x := range read {
		if !strings.HasPrefix(name, "any.") || x != 0 {
			t.found.State = append(t.found.State, Value{name, x})
		}
	}
	slices.SortFunc(t.found.State, func(a, b Value) int { return strings.Compare(a.Name, b.Name) })
	return t.found
}

// sample looks for a state that refutes, among corner cases.
func (v *proving) sample(at site, kind Kind) *Witness {
	for seed := range uint64(samples) {
		w := v.replay(at, kind, func(name string, _ ir.Width) uint64 { return corner(name, seed) })
		if w != nil {
			return w
		}
	}
	return nil
}

// fromModel replays a solver's model.
func (v *proving) fromModel(at site, kind Kind, m *smt.Model) *Witness {
	return v.replay(at, kind, func(name string, _ ir.Width) uint64 {
		x, _ := m.Value(name)
		return x
	})
}

var corners = [...]uint64{0, 1, 2, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 32, 0xffffffff00000000,
	0xffffffff80000000, 1<<63 - 1, 1 << 63, ^uint64(0), ^uint64(1), 0x0123456789abcdef}

// corner returns a value for a symbol that depends on its name and the seed
// only: mostly of those above, otherwise any.
func corner(name string, seed uint64) uint64 {
	h := seed*0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d
	for _, c := range []byte(name) {
		h = (h ^ uint64(c)) * 0x100000001b3
		h ^= h >> 29
	}
	h *= 0xff51afd7ed558ccd
	h ^= h >> 32
	if h&3 == 0 || seed == 0 {
		return h * 0xc4ceb9fe1a85ec53
	}
	return corners[(h>>8)%uint64(len(corners))]
}
