package corpus

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEntries(t *testing.T) {
	entries, err := Entries()
	require.NoError(t, err)
	byPath, accepted, rejected := map[string]bool{}, 0, 0
	for _, e := range entries {
		require.NotEmpty(t, e.Origin, e.Path)
		require.NotEmpty(t, e.License, e.Path)
		require.Equal(t, e.Accept, e.Finding == "", "%s: a program is accepted or there is a finding", e.Path)
		require.Equal(t, e.Accept, e.Kernel == "", e.Path)
		require.True(t, e.Accept || len(e.Runs) == 0, "%s: a rejected program cannot run", e.Path)
		byPath[e.Path] = true
		if e.Accept {
			accepted++
		} else {
			rejected++
		}
	}
	require.Greater(t, accepted, 25)
	require.Greater(t, rejected, 30)
	err = fs.WalkDir(FS, ".", func(p string, d fs.DirEntry, err error) error {
		if ext := path.Ext(p); ext == ".s" || ext == ".o" {
			require.True(t, byPath[p], "%s has no entry", p)
		}
		if path.Ext(p) == ".c" {
			_, err := FS.Open(strings.TrimSuffix(p, ".c") + ".o")
			require.NoError(t, err, "%s has no object: run make corpus", p)
		}
		return err
	})
	require.NoError(t, err)
}

func TestStatementsAreChecked(t *testing.T) {
	for _, bad := range []struct{ key, value string }{
		{"expect", "maybe"}, {"expect", "reject"}, {"expect", "accept stack-bounds"},
		{"run", "r0 = x"}, {"run", "r1 = 2"}, {"run", "r0 = 2 packet=0"}, {"run", "r0 = 2 color=00"}, {"run", "r0 = 0x100000000"},
		{"engines", "vm"}, {"engines", ": why"}, {"map", "m"}, {"map", "m zz 00"}, {"map", "m 00 0"},
	} {
		var e Entry
		require.Error(t, e.state(bad.key, bad.value), "%v", bad)
	}
	var e Entry
	require.NoError(t, e.state("run", "r0 = 2"))
	require.Equal(t, []Run{{Packet: DefaultPacket(), Ret: 2, Data: DefaultPacket()}}, e.Runs)
}
