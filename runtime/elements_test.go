package runtime_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

var boxed = runtime.Options{Loader: vm.Loader(vm.Options{}), Unverified: true}

// TestMapsSurviveTheirPrograms: a pinned map has its elements when the programs
// are loaded again.
func TestMapsSurviveTheirPrograms(t *testing.T) {
	opts := boxed
	opts.Pin = map[string]string{"h": filepath.Join(t.TempDir(), "h")}
	for round := range byte(3) {
		o, err := runtime.Load(background, []*ir.Program{program("p", ir.XDP, hash("h"), hash("other"))}, opts)
		require.NoError(t, err)
		require.True(t, maps.InfoOf(o.Map("h")).Pinned)
		require.False(t, maps.InfoOf(o.Map("other")).Pinned)
		require.Equal(t, int(round), maps.InfoOf(o.Map("h")).Elements)
		require.NoError(t, o.Map("h").Update([]byte{round, 0, 0, 0}, []byte{1, 2, 3, round}, 0))
		require.NoError(t, o.Close())
	}
	opts.Pin = map[string]string{"no": "file"}
	_, err := runtime.Load(background, []*ir.Program{program("p", ir.XDP, hash("h"))}, opts)
	require.EqualError(t, err, `runtime: pin map "no": no program uses it`)
}

// TestPinnedByName: maps that ask for it are kept in a directory under their
// names.
func TestPinnedByName(t *testing.T) {
	spec := hash("h")
	spec.PinByName = true
	opts := boxed
	_, err := runtime.Load(background, []*ir.Program{program("p", ir.XDP, spec)}, opts)
	require.EqualError(t, err, `runtime: create map 0 of program "p": map "h": it is to be pinned by its name: want a name, and a directory in Options.PinDir`)
	opts.PinDir = filepath.Join(t.TempDir(), "maps")
	for round := range byte(2) {
		o, err := runtime.Load(background, []*ir.Program{program("p", ir.XDP, spec, hash("other"))}, opts)
		require.NoError(t, err)
		require.FileExists(t, filepath.Join(opts.PinDir, "h"))
		require.NoFileExists(t, filepath.Join(opts.PinDir, "other"))
		require.Equal(t, int(round), maps.InfoOf(o.Map("h")).Elements)
		require.NoError(t, o.Map("h").Update([]byte{round, 0, 0, 0}, make([]byte, 4), 0))
		require.NoError(t, o.Close())
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	opts.Pin = map[string]string{"h": elsewhere}
	o, err := runtime.Load(background, []*ir.Program{program("p", ir.XDP, spec)}, opts)
	require.NoError(t, err)
	require.FileExists(t, elsewhere)
	require.NoError(t, o.Close())
	opts.Pin = nil
	for _, name := range []string{"", "..", "a/b"} {
		bad := hash(name)
		bad.PinByName = true
		_, err = runtime.Load(background, []*ir.Program{program("p", ir.XDP, bad)}, opts)
		require.ErrorContains(t, err, "want a name", "%q", name)
	}
}

// TestElementsThatAreMapsAndPrograms are made and filled in at load.
func TestElementsThatAreMapsAndPrograms(t *testing.T) {
	inner := hash("inner")
	outer := &ir.MapSpec{Name: "outer", Type: ir.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 3, Inner: hash(""),
		Contents: []ir.MapElem{{Key: []byte{1, 0, 0, 0}, Map: inner}}}
	tails := &ir.MapSpec{Name: "tails", Type: ir.ProgArray, KeySize: 4, ValueSize: 4, MaxEntries: 3,
		Contents: []ir.MapElem{{Key: []byte{2, 0, 0, 0}, Program: "q"}, {Key: []byte{0, 0, 0, 0}, Program: "absent"}}}
	o, err := runtime.Load(background, []*ir.Program{program("p", ir.XDP, outer, tails), program("q", ir.XDP)}, boxed)
	require.NoError(t, err)
	defer o.Close()
	got, err := o.Map("outer").(maps.Outer).GetMap([]byte{1, 0, 0, 0})
	require.NoError(t, err)
	require.Same(t, o.Map("inner"), got)
	array := o.Map("tails").(*maps.ProgArray)
	require.Equal(t, o.Program("q").Engine(), array.Target(2))
	require.Nil(t, array.Target(0))

	outer.Contents[0].Map = outer
	_, err = runtime.Load(background, []*ir.Program{program("p", ir.XDP, outer)}, boxed)
	require.ErrorContains(t, err, "element 0")
}
