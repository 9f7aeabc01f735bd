package native_test

import (
	"bytes"
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/native"
)

func readEntry(t *testing.T, e *corpus.Entry) *ir.Program {
	t.Helper()
	file, err := corpus.FS.ReadFile(e.Path)
	require.NoError(t, err)
	if path.Ext(e.Path) == ".s" {
		p, err := asm.Parse(e.Path, string(file))
		require.NoError(t, err)
		return p
	}
	obj, err := elf.Read(e.Path, bytes.NewReader(file))
	require.NoError(t, err)
	for _, p := range obj.Programs {
		if p.Name == e.Program {
			return p
		}
	}
	require.Failf(t, "no such program", "%s in %s", e.Program, e.Path)
	return nil
}

func runEntry(t *testing.T, loader runtime.Loader, e *corpus.Entry) {
	p := readEntry(t, e)
	ms, err := runtime.CreateMaps(p)
	require.NoError(t, err)
	engine, err := loader.Load(t.Context(), p, ms)
	require.NoError(t, err)
	for i, r := range e.Runs {
		res, err := engine.Run(t.Context(), runtime.Input{Data: r.Packet})
		require.NoError(t, err, "run %d", i)
		require.Equal(t, r.Ret, uint32(res.Ret), "run %d", i)
		require.Equal(t, r.Data, res.Data, "run %d", i)
	}
	checkMaps(t, e, ms)
	require.NoError(t, engine.Close())
	for _, m := range ms {
		require.NoError(t, m.Close())
	}
}

// TestCorpus runs the accepted programs of the corpus: results, packets and
// maps are as stated.
func TestCorpus(t *testing.T) {
	entries, err := corpus.Entries()
	require.NoError(t, err)
	for _, tier := range []string{"baseline", "opt"} {
		loader := native.Loader(backendOf(tier), native.Options{})
		for _, e := range entries {
			if e.Accept && e.RunsIn("native") {
				t.Run(tier+"/"+e.Name(), func(t *testing.T) { runEntry(t, loader, &e) })
			}
		}
	}
}

func checkMaps(t *testing.T, e *corpus.Entry, ms []maps.Map) {
	t.Helper()
	for _, want := range e.Maps {
		found := false
		for _, m := range ms {
			if m.Spec().Name != want.Map {
				continue
			}
			found = true
			if want.Key == nil {
				_, err := m.NextKey(nil)
				require.ErrorIs(t, err, maps.ErrKeyNotExist, "map %s", want.Map)
				continue
			}
			got, err := m.Lookup(want.Key)
			require.NoError(t, err, "map %s key %x", want.Map, want.Key)
			require.Equal(t, want.Value, got, "map %s key %x", want.Map, want.Key)
		}
		require.True(t, found, "map %s", want.Map)
	}
}
