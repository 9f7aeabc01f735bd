package explain

import (
	"context"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/verifier"
)

// mostQueries bounds how often a search asks the solver.
const mostQueries = 64

// solve runs the input once more with a mirror and asks the solver for bytes
// with which the run goes on along the path, or breaks the rule at its end. What
// it finds is tried next.
func (s *searcher) solve(ctx context.Context, in *Input) error {
	if s.opts.Solver == nil || s.queries >= mostQueries || s.path == nil {
		return nil
	}
	s.tries++
	w := &watch{mirror: newMirror(), clock: usualTime}
	_, done, err := s.run(ctx, in, w)
	defer done()
	if err != nil {
		return err
	}
	query := w.query
	if w.missed != nil {
		query = w.mirror.other(w.missed.pc)
	}
	if len(query) == 0 {
		return nil
	}
	s.queries++
	res, err := s.opts.Solver.Check(ctx, w.mirror.b, query...)
	if err != nil || res.Status != smt.Sat {
		return err
	}
	if next := w.mirror.input(in, res.Model); !s.seen[next.key()] {
		s.seen[next.key()] = true
		s.fresh = append([]Input{next}, s.fresh...)
	}
	return nil
}

// input returns the input with the bytes of the model.
func (m *mirror) input(in *Input, model *smt.Model) Input {
	next := in.clone()
	parts := next.parts()
	for name, at := range m.bytes {
		if x, ok := model.Value(name); ok && at.part < len(parts) && at.off < len(parts[at.part]) {
			parts[at.part][at.off] = byte(x)
		}
	}
	if x, ok := model.Value(randomVar); ok && m.random {
		next.Seed = seedFor(uint32(x))
	}
	return next
}

// ask notes, at the refused instruction, what would break its rule.
func (w *watch) ask(pc ir.PC, regs *[ir.NumRegs]uint64) {
	m := w.mirror
	if m == nil || w.path == nil || w.progress < len(w.path.Steps) {
		return
	}
	in := w.p.Insns[pc]
	if in.Kind() == ir.KindExit && w.code == verifier.ReturnValue {
		if c, _, ok := abi.ContextFor(w.p.Type, abi.AttachType(w.p.AttachType)); ok && c != nil {
			w.query = m.outside(c.RetMin, c.RetMax)
		}
		return
	}
	base := in.Dst
	if k := in.Kind(); k == ir.KindLoad || k == ir.KindLoadAcquire {
		base = in.Src
	} else if k != ir.KindStore && k != ir.KindStoreRelease && k != ir.KindAtomic {
		return
	}
	n := uint64(in.Row().Width.Bytes())
	if x, _, ok := w.objects.pointsInto(in, regs); ok {
		w.query = m.leaving(in, base, x.base, x.size, n)
	} else if p := w.parts[0]; p.addr != 0 {
		w.query = m.leaving(in, base, p.addr, uint64(p.size), n)
	}
}
