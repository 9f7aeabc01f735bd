package verifier_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/verifier"
)

// TestDeadCode: what is refused although no path comes there, and what is not.
// The live kernel is asked the same, where it may be.
func TestDeadCode(t *testing.T) {
	tests := []struct {
		name, text string
		want       verifier.Verdict
		kernel     kernel.Verdict
		code       verifier.Code
	}{
		{"map of several elements", "r1 = map[two] + 0", verifier.Reject, kernel.Unknown, verifier.MapReference},
		{"map without direct values", "r1 = map[hash] + 0", verifier.Reject, kernel.Reject, verifier.MapReference},
		{"offset behind the value", "r1 = map[one] + 8", verifier.Reject, kernel.Reject, verifier.MapReference},
		{"map", "r1 = map[hash]", verifier.Accept, kernel.Accept, ""},
		{"call of an address", "callx r2", verifier.Reject, kernel.Reject, verifier.IndirectCall},
		{"kernel function", "call kfunc[1]", verifier.Unknown, kernel.Reject, verifier.Unsupported},
		{"kernel function that is missing", "call kfunc[0]", verifier.Accept, kernel.Accept, ""},
		{"write to r10", "r10 += 8", verifier.Accept, kernel.Accept, ""},
		{"unknown helper", "call 9999", verifier.Accept, kernel.Accept, ""},
		{"division by zero", "r0 /= 0", verifier.Accept, kernel.Accept, ""},
		{"shift", "r0 <<= 64", verifier.Accept, kernel.Accept, ""},
		{"unwritten register", "r0 = r9", verifier.Accept, kernel.Accept, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := asm.Parse("dead", `
	.type xdp
	.license GPL
	.map one array key 4 value 8 entries 1
	.map two array key 4 value 8 entries 2
	.map hash hash key 4 value 8 entries 1
	r1 = map[one]
	r1 = map[two]
	r1 = map[hash]
	r0 = 1
	if r0 == 1 goto out
	`+tt.text+`
out:
	exit`)
			require.NoError(t, err)
			v, err := verifier.New(verifier.Policy{})
			require.NoError(t, err)
			r, err := v.Verify(t.Context(), p, nil)
			require.NoError(t, err)
			require.Equal(t, tt.want, r.Verdict, "%v", r.Findings)
			if tt.want != verifier.Accept {
				require.Equal(t, tt.code, r.Findings[0].Code)
				require.EqualValues(t, 8, r.Findings[0].PC)
			}
			if err := kernel.Available(); err != nil {
				t.Skipf("the live kernel is left out: %v", err)
			}
			k, err := kernel.Verify(p, kernel.Options{})
			require.NoError(t, err)
			require.Equal(t, tt.kernel, k.Verdict, "%s", k.Reason)
		})
	}
}
