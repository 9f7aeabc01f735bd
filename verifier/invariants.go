package verifier

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/verifier/invariant"
)

// Invariants are the abstract states that the walk explored, by instruction:
// each run of an accepted program is at every instruction described by one of
// that instruction's states. They are made on demand, by walking again; the
// walk is deterministic.
type Invariants struct {
	replay func(record func(ir.PC, string)) error
	data   func() (invariant.Data, error)
	path   func() (*Path, error)
	once   sync.Once
	states map[ir.PC][]string
	err    error
}

func (v *Invariants) load() {
	v.once.Do(func() {
		if v.replay == nil {
			return
		}
		v.states = map[ir.PC][]string{}
		seen := map[string]map[ir.PC]bool{}
		v.err = v.replay(func(pc ir.PC, text string) {
			if seen[text] == nil {
				seen[text] = map[ir.PC]bool{}
			}
			if !seen[text][pc] {
				seen[text][pc] = true
				v.states[pc] = append(v.states[pc], text)
			}
		})
	})
}

// At returns the states at pc as text in the style of the kernel's log, in the
// order in which they were found, each once. It is empty where no path of the
// walk came to pc. The caller must not change it.
func (v *Invariants) At(pc ir.PC) []string {
	v.load()
	return v.states[pc]
}

// PCs returns the instructions that have a state, ascending.
func (v *Invariants) PCs() []ir.PC {
	v.load()
	pcs := make([]ir.PC, 0, len(v.states))
	for pc := range v.states {
		pcs = append(pcs, pc)
	}
	slices.Sort(pcs)
	return pcs
}

// String returns all states, one a line behind its PC.
func (v *Invariants) String() string {
	var b strings.Builder
	for _, pc := range v.PCs() {
		for _, text := range v.At(pc) {
			fmt.Fprintf(&b, "%d: %s\n", pc, text)
		}
	}
	return b.String()
}

// describe returns the state as text: of each frame the registers that are
// readable and the stack that was written. Ids are numbered anew in order of
// appearance, so the text does not depend on the rest of the walk.
func (w *words[E]) describe(s *state[E]) string {
	ids := map[uint32]uint32{0: 0}
	var b strings.Builder
	for i := range s.frames {
		if i > 0 {
			fmt.Fprintf(&b, " frame%d:", i)
		}
		fr := &s.frames[i]
		if fr.calls > 0 {
			fmt.Fprintf(&b, " callback_depth=%d", fr.calls)
		}
		for n := range fr.regs {
			if r := &fr.regs[n]; r.kind != uninit {
				fmt.Fprintf(&b, " R%d=%s", n, w.renamed(r, ids))
			}
		}
		for n := range fr.stack {
			w.describeSlot(&b, &fr.stack[n], n, ids)
		}
	}
	return strings.TrimPrefix(b.String(), " ")
}

func (w *words[E]) renamed(r *reg[E], ids map[uint32]uint32) string {
	q := *r
	if _, ok := ids[r.id]; !ok {
		ids[r.id] = uint32(len(ids))
	}
	q.id = ids[r.id]
	return w.text(&q)
}

// describeSlot prints a slot as the kernel does: a spill's value, and for the
// other bytes one letter each, highest address first.
func (w *words[E]) describeSlot(b *strings.Builder, s *slot[E], i int, ids map[uint32]uint32) {
	if s.bytes == [slotSize]byteKind{} {
		return
	}
	fmt.Fprintf(b, " fp-%d=", slotSize*(i+1))
	if s.n == slotSize {
		b.WriteString(w.renamed(&s.spill, ids))
		return
	}
	for k := slotSize - 1; k >= 0; k-- {
		b.WriteByte("?m0r"[s.bytes[k]])
	}
	if s.n > 0 {
		fmt.Fprintf(b, ":%s", w.renamed(&s.spill, ids))
	}
}
