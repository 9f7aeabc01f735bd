package verifier_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/wire"
	"github.com/bpfproof/bpfproof/verifier"
)

// FuzzVerify takes bytes to a verdict: there is an error or a report with a
// reason, never a panic, and the same one again.
func FuzzVerify(f *testing.F) {
	for _, tt := range programs {
		p := parse(f, tt.name, tt.text)
		raw, err := wire.Encode(p.Insns)
		require.NoError(f, err)
		f.Add(raw, uint8(p.Type), false)
	}
	maps := []*ir.MapSpec{
		{Name: "m", Type: ir.Array, KeySize: 4, ValueSize: 16, MaxEntries: 1},
		{Name: "h", Type: ir.Hash, KeySize: 8, ValueSize: 8, MaxEntries: 4},
		{Name: "p", Type: ir.ProgArray, KeySize: 4, ValueSize: 4, MaxEntries: 4},
	}
	f.Fuzz(func(t *testing.T, raw []byte, kind uint8, unprivileged bool) {
		insns, err := wire.Decode(raw)
		if err != nil {
			return
		}
		v, err := verifier.New(verifier.Policy{Unprivileged: unprivileged, Budget: verifier.Budget{Visits: 2000}})
		require.NoError(t, err)
		p := &ir.Program{Name: "fuzz", Type: ir.ProgType(kind), License: "GPL", Insns: insns, Maps: maps}
		r, err := v.Verify(t.Context(), p, nil)
		if err != nil {
			require.Nil(t, r)
			return
		}
		require.Equal(t, r.Verdict == verifier.Accept, len(r.Findings) == 0, "%v %v", r.Verdict, r.Findings)
		again, err := v.Verify(t.Context(), p, nil)
		require.NoError(t, err)
		require.Equal(t, r.Verdict, again.Verdict)
		require.Equal(t, r.Findings, again.Findings)
		require.Equal(t, r.Stats.Visits, again.Stats.Visits)
		require.Equal(t, r.Invariants.String(), again.Invariants.String())
	})
}
