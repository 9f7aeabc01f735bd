package kernel_test

import (
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

func program(t *testing.T, e *corpus.Entry) *ir.Program {
	t.Helper()
	if path.Ext(e.Path) == ".o" {
		p := object(t, e.Path).Program(e.Program)
		require.NotNil(t, p, "%s defines no program %q", e.Path, e.Program)
		return p
	}
	text, err := corpus.FS.ReadFile(e.Path)
	require.NoError(t, err)
	p, err := asm.Parse(e.Path, string(text))
	require.NoError(t, err)
	require.NoError(t, p.Check())
	return p
}

// Every program of the corpus has the verdict and the results that the corpus
// states, on the kernel that the test runs on.
func TestCorpus(t *testing.T) {
	need(t)
	entries, err := corpus.Entries()
	require.NoError(t, err)
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			p := program(t, &e)
			if !e.Accept {
				r, err := kernel.Verify(p, kernel.Options{Log: kernel.LogStates})
				require.NoError(t, err)
				require.Equal(t, kernel.Reject, r.Verdict, "%s", r.Log)
				require.NotEmpty(t, e.Kernel, "the corpus does not state the kernel's reason: %q", r.Reason)
				require.Contains(t, r.Log, e.Kernel)
				return
			}
			k, err := kernel.Load(p, kernel.Options{Log: kernel.LogStates})
			if err != nil {
				t.Fatal(err.(*kernel.LoadError).Report.Log)
			}
			defer k.Close()
			runs(t, &e, k)
			contents(t, &e, k)
		})
	}
}

func runs(t *testing.T, e *corpus.Entry, k *kernel.Program) {
	for i, r := range e.Runs {
		res, err := k.Run(t.Context(), runtime.Input{Data: r.Packet})
		require.NoError(t, err, "run %d", i)
		require.Equal(t, uint64(r.Ret), res.Ret, "run %d on %x: got %#x, want %#x", i, r.Packet, res.Ret, r.Ret)
		require.Equal(t, r.Data, res.Data, "run %d: packet after the run", i)
	}
}

func contents(t *testing.T, e *corpus.Entry, k *kernel.Program) {
	byName := map[string]*kernel.Map{}
	for _, m := range k.Maps() {
		byName[m.Spec().Name] = m
	}
	for _, want := range e.Maps {
		m := byName[want.Map]
		require.NotNil(t, m, "no map %q", want.Map)
		if want.Key == nil {
			elems, err := m.Elems()
			require.NoError(t, err)
			require.Empty(t, elems, "map %q", want.Map)
			continue
		}
		v, err := m.Lookup(want.Key)
		require.NoError(t, err)
		require.Equal(t, want.Value, v, "map %q, key %x", want.Map, want.Key)
	}
}
