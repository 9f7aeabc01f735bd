package recheck_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/invariant"
	"github.com/bpfproof/bpfproof/verifier/recheck"
)

// TestMalformedSets: what is no set of invariants is refused or unknown with a
// reason, never confirmed and never a panic.
func TestMalformedSets(t *testing.T) {
	p, err := asm.Parse("p", ".type xdp\n.license GPL\ncall get_prandom_u32\n*(u64 *)(r10 - 8) = r0\nr0 = 0\nexit")
	require.NoError(t, err)
	v, err := verifier.New(verifier.Policy{})
	require.NoError(t, err)
	r, err := v.Verify(t.Context(), p, nil)
	require.NoError(t, err)
	data, err := r.Invariants.Data()
	require.NoError(t, err)
	good := data.(*invariant.Set[reduced.T])
	require.Equal(t, recheck.Confirmed, recheck.Program(p, good).Verdict)

	// last returns the good set with another last record, that of the exit.
	last := func(change func(*invariant.Record[reduced.T])) *invariant.Set[reduced.T] {
		set := *good
		set.Records = slices.Clone(good.Records)
		rec := &set.Records[len(set.Records)-1]
		f := *rec.State.Frames[0]
		f.Stack = slices.Clone(f.Stack)
		rec.State.Frames = []*invariant.Frame[reduced.T]{&f}
		change(rec)
		return &set
	}
	type record = invariant.Record[reduced.T]
	slot := func(change func(*invariant.Slot[reduced.T])) func(*record) {
		return func(rec *record) {
			sl := &invariant.Slot[reduced.T]{}
			change(sl)
			rec.State.Frames[0].Stack = []*invariant.Slot[reduced.T]{sl}
		}
	}
	for name, set := range map[string]invariant.Data{
		"nothing":                 nil,
		"no set of tnum":          (*invariant.Set[tnum.T])(nil),
		"no set of interval":      (*invariant.Set[interval.T])(nil),
		"no set of tnum+interval": (*invariant.Set[reduced.T])(nil),
		"no set of another":       (*invariant.Set[uint8])(nil),
		"no records":              &invariant.Set[reduced.T]{},
		"no states":               &invariant.Set[reduced.T]{Records: make([]record, len(good.Records))},
		"no frames":               last(func(rec *record) { rec.State.Frames = nil }),
		"a frame that is nil":     last(func(rec *record) { rec.State.Frames[0] = nil }),
		"a register that is nil":  last(func(rec *record) { rec.State.Frames[0].Regs[ir.R0] = nil }),
		"a slot that is nil":      last(func(rec *record) { rec.State.Frames[0].Stack = []*invariant.Slot[reduced.T]{nil} }),
		"an empty frame":          last(func(rec *record) { *rec.State.Frames[0] = invariant.Frame[reduced.T]{} }),
		"an instruction before":   last(func(rec *record) { rec.PC = -1 }),
		"an instruction behind":   last(func(rec *record) { rec.PC = 1000 }),
		"a reference twice":       last(func(rec *record) { rec.State.Refs = []uint32{1, 1} }),
		"a lock without a map":    last(func(rec *record) { rec.State.Lock = invariant.Lock{Held: true, Index: -1} }),
		"too large a stack":       last(func(rec *record) { rec.State.Frames[0].Stack = make([]*invariant.Slot[reduced.T], 65) }),
		"a spill beyond its slot": last(slot(func(sl *invariant.Slot[reduced.T]) { sl.Lo, sl.N = 200, 100 })),
		"a byte of no kind":       last(slot(func(sl *invariant.Slot[reduced.T]) { sl.Bytes[0] = 9 })),
		"a call site":             last(func(rec *record) { rec.State.Frames[0].Site = 1000 }),
		"the kind of a register":  last(func(rec *record) { rec.State.Frames[0].Regs[ir.R0] = &invariant.Reg[reduced.T]{Kind: 200} }),
	} {
		t.Run(name, func(t *testing.T) {
			got := recheck.Program(p, set)
			require.NotEqual(t, recheck.Confirmed, got.Verdict)
			require.NotEmpty(t, got.Reason)
		})
	}
}
