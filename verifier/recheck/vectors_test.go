package recheck_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/vectors"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/recheck"
)

func TestVectors(t *testing.T) {
	all, err := vectors.Read(vectors.Path("../.."))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip(vectors.Missing)
	}
	require.NoError(t, err)
	v, err := verifier.New(verifier.Policy{Domain: os.Getenv("DOM")})
	require.NoError(t, err)
	count := map[string]int{}
	for i := range all {
		p, err := all[i].Program()
		if err != nil {
			continue
		}
		r, err := v.Verify(t.Context(), p, nil)
		if err != nil || r.Verdict != verifier.Accept {
			continue
		}
		if r.Stats.Visits > 100000 && os.Getenv("BIG") == "" {
			continue
		}
		data, err := r.Invariants.Data()
		require.NoError(t, err)
		start := time.Now()
		res := recheck.Program(p, data)
		if e := time.Since(start); e > time.Second {
			t.Log(all[i].ID, e)
		}
		count[res.Verdict.String()+" "+res.Construct]++
		if res.Verdict != recheck.Confirmed {
			t.Logf("%s %q: %v pc=%d rec=%d: %s", all[i].ID, all[i].Name, res.Verdict, res.PC, res.Record, res.Reason)
		}
	}
	t.Log(count)
}
