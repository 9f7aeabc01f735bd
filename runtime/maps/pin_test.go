package maps

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
)

var pinSpecs = []*ir.MapSpec{
	hashSpec(64, 8, 16),
	{Type: ir.LRUHash, KeySize: 8, ValueSize: 16, MaxEntries: 64},
}

// pinStep is the i-th change of a map: deterministic, so that who watches a
// process knows what it was about to do.
func pinStep(i uint64) (key, value []byte, remove bool) {
	rng := rand.New(rand.NewPCG(i, 5))
	return u64(rng.Uint64N(40)), append(u64(i), u64(^i)...), rng.IntN(4) == 0
}

// TestPinnedChild is the process that TestPinnedSurvivesKill kills: it changes
// the map at a path and says after each change that it is done.
func TestPinnedChild(t *testing.T) {
	if flag.NArg() < 3 {
		t.Skip("the other half of TestPinnedSurvivesKill")
	}
	spec, err := strconv.Atoi(flag.Arg(1))
	require.NoError(t, err)
	first, err := strconv.ParseUint(flag.Arg(2), 10, 64)
	require.NoError(t, err)
	m, err := New(pinSpecs[spec], Pin(flag.Arg(0)))
	require.NoError(t, err)
	for i := first; ; i++ {
		key, value, remove := pinStep(i)
		if remove {
			err = m.Delete(key)
		} else {
			err = m.Update(key, value, 0)
		}
		if err != nil && err != ErrKeyNotExist {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(os.Stdout, "\ndone %d\n", i); err != nil {
			return
		}
	}
}

// TestPinnedSurvivesKill kills a process in the middle of its changes, again and
// again: the map opens, every change that was reported is there, and of the one
// under way all or nothing.
func TestPinnedSurvivesKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "map")
	for n := range pinSpecs {
		spec := pinSpecs[n]
		file := path + strconv.Itoa(n)
		want := map[string]string{}
		next := uint64(0)
		for round := range long.N(100, 1000) {
			last := runAndKill(t, file, n, next, 1+round*37%200)
			for ; next <= last; next++ {
				apply(want, next)
			}
			m, err := New(spec, Pin(file))
			require.NoError(t, err, "round %d", round)
			got := collect(m)
			require.NoError(t, m.Close())
			if fmt.Sprint(got) != fmt.Sprint(want) {
				apply(want, next) // the one under way
				next++
			}
			require.Equal(t, want, got, "round %d, changes up to %d were reported", round, last)
		}
	}
}

func apply(m map[string]string, i uint64) {
	key, value, remove := pinStep(i)
	if remove {
		delete(m, string(key))
	} else {
		m[string(key)] = string(value)
	}
}

// runAndKill starts the child at change first, kills it after some reports, and
// returns the last change that it reported.
func runAndKill(t *testing.T, path string, spec int, first uint64, reports int) (last uint64) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestPinnedChild$", "-test.count=1", "-test.v", "--", path, strconv.Itoa(spec), strconv.FormatUint(first, 10))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	seen := 0
	for lines.Scan() {
		if _, err := fmt.Sscanf(lines.Text(), "done %d", &last); err != nil {
			continue
		}
		if seen++; seen == reports {
			require.NoError(t, cmd.Process.Signal(unix.SIGKILL))
		}
	}
	require.Error(t, cmd.Wait())
	require.GreaterOrEqual(t, seen, reports, "the child ended by itself")
	return last
}

func TestPinned(t *testing.T) {
	dir := t.TempDir()
	for _, spec := range []*ir.MapSpec{arraySpec(9, 12), hashSpec(9, 4, 8), {Type: ir.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: 9},
		{Type: ir.PerCPUHash, KeySize: 4, ValueSize: 8, MaxEntries: 9}, {Type: ir.LRUHash, KeySize: 4, ValueSize: 8, MaxEntries: 9}} {
		path := filepath.Join(dir, spec.Type.String())
		want := map[string]string{}
		for range 3 {
			m, err := New(spec, Pin(path), CPUs(3))
			require.NoError(t, err)
			require.Equal(t, len(want) > 0, m.(interface{ survivor() bool }).survivor())
			if len(want) > 0 {
				require.Equal(t, want, collect(m), "%v", spec.Type)
			}
			_, err = New(spec, Pin(path), CPUs(3))
			require.ErrorIs(t, err, unix.EBUSY, "one process at a time")
			for i := range 30 {
				key := u32(uint32(i % 9))
				size := int(spec.ValueSize)
				if _, ok := AsPerCPU(m); ok {
					size = 24
				}
				v := make([]byte, size)
				binary.NativeEndian.PutUint32(v, uint32(i+len(want)))
				require.NoError(t, m.Update(key, v, 0))
				if i%7 == 0 {
					_ = m.Delete(key)
				}
			}
			want = collect(m)
			require.NoError(t, m.Close())
		}
		other := *spec
		other.MaxEntries++
		_, err := New(&other, Pin(path), CPUs(3))
		require.ErrorContains(t, err, "holds another map")
	}
	_, err := New(&ir.MapSpec{Type: ir.Queue, ValueSize: 8, MaxEntries: 9}, Pin(filepath.Join(dir, "queue")))
	require.ErrorIs(t, err, ErrNotSupported)
	_, err = New(arraySpec(1, 8), Pin(filepath.Join(dir, "no", "such")))
	require.ErrorIs(t, err, ErrPermission)
}

// TestPinnedDamaged: what is no pinned map, or a damaged one, is a clear error.
func TestPinnedDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "map")
	spec := hashSpec(8, 4, 8)
	m, err := New(spec, Pin(path))
	require.NoError(t, err)
	for i := range uint32(8) {
		require.NoError(t, m.Update(u32(i), u64(1), 0))
	}
	require.NoError(t, m.Close())
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	damage := func(change func(b []byte) []byte) error {
		require.NoError(t, os.WriteFile(path, change(append([]byte{}, good...)), 0o600))
		m, err := New(spec, Pin(path))
		if err == nil {
			require.NoError(t, m.Close())
		}
		return err
	}
	require.NoError(t, damage(func(b []byte) []byte { return b }))
	require.ErrorContains(t, damage(func(b []byte) []byte { return []byte("hello") }), "no pinned map")
	require.ErrorContains(t, damage(func(b []byte) []byte { b[40] ^= 1; return b }), "damaged")
	require.ErrorContains(t, damage(func(b []byte) []byte { return b[:5000] }), "shorter")
	require.ErrorContains(t, damage(func(b []byte) []byte { b[pinPage+headerBytes] = 0xff; b[pinPage+headerBytes+3] = 0xff; return b }), "damaged")
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 { // no damage to the links may hang or crash the opening
		_ = damage(func(b []byte) []byte {
			b[pinPage+rng.IntN(1024)] ^= byte(1 << rng.IntN(8))
			return b
		})
	}
}
