package verifier_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/verifier"
)

func TestExamples(t *testing.T) {
	for name, want := range map[string]verifier.Code{
		"examples/xdp_classifier.o":  "",
		"examples/xdp_globals.o":     "",
		"examples/xdp_planted_bug.o": verifier.PacketBounds,
	} {
		t.Run(strings.TrimSuffix(name[9:], ".o"), func(t *testing.T) {
			raw, err := fs.ReadFile(corpus.FS, name)
			require.NoError(t, err)
			o, err := elf.Read(name, bytes.NewReader(raw))
			require.NoError(t, err)
			v, err := verifier.New(verifier.Policy{})
			require.NoError(t, err)
			for _, p := range o.Programs {
				r, err := v.Verify(t.Context(), p, nil)
				require.NoError(t, err)
				t.Logf("%s: %v %v %+v", p.Name, r.Verdict, r.Findings, r.Stats)
				if want == "" {
					require.Equal(t, verifier.Accept, r.Verdict, "%s: %v", p.Name, r.Findings)
					require.Empty(t, r.Findings)
					continue
				}
				require.Equal(t, verifier.Reject, r.Verdict)
				require.Equal(t, want, r.Findings[0].Code, r.Findings[0])
			}
		})
	}
}
