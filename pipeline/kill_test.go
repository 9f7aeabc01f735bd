package pipeline

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
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// changing sets or deletes the element that the packet names: a key of 8 bytes
// at 16, a value of 16 at 24, and whether to delete at 0.
const changing = `.type xdp
.map m %s key 8 value 16 entries 64
	r6 = *(u32 *)(r1 + 0)
	r2 = *(u32 *)(r1 + 4)
	r0 = 1
	r3 = r6
	r3 += 40
	if r3 > r2 goto out
	r2 = *(u64 *)(r6 + 16)
	*(u64 *)(r10 - 8) = r2
	r2 = *(u64 *)(r6 + 24)
	*(u64 *)(r10 - 24) = r2
	r2 = *(u64 *)(r6 + 32)
	*(u64 *)(r10 - 16) = r2
	r1 = map[m]
	r2 = r10
	r2 += -8
	r7 = *(u8 *)(r6 + 0)
	if r7 != 0 goto delete
	r3 = r10
	r3 += -24
	r4 = 0
	call map_update_elem
	goto out
delete:
	call map_delete_elem
	r0 = 0
out:
	exit`

// changes are the kinds of maps and the engines of TestProgramsAreKilled.
var changes = []struct {
	kind      string
	interpret bool
}{{"hash", false}, {"lru_hash", false}, {"hash", true}}

// change is the i-th change of a map, as a packet.
func change(i uint64) (packet []byte, key, value string, remove bool) {
	rng := rand.New(rand.NewPCG(i, 7))
	b := make([]byte, 64)
	binary.NativeEndian.PutUint64(b[16:], rng.Uint64N(40))
	binary.NativeEndian.PutUint64(b[24:], i)
	binary.NativeEndian.PutUint64(b[32:], ^i)
	if remove = rng.IntN(4) == 0; remove {
		b[0] = 1
	}
	return b, string(b[16:24]), string(b[24:40]), remove
}

func changer(n int, path string) (*runtime.Object, error) {
	p, err := asm.Parse("change", fmt.Sprintf(changing, changes[n].kind))
	if err != nil {
		return nil, err
	}
	return Load(background, []*ir.Program{p}, Options{Interpret: changes[n].interpret, Pin: map[string]string{"m": path}})
}

// TestKilledChild is the process that TestProgramsAreKilled kills: a program
// changes the map, and the process says after each run that it is done.
func TestKilledChild(t *testing.T) {
	if flag.NArg() < 3 {
		t.Skip("the other half of TestProgramsAreKilled")
	}
	n, err := strconv.Atoi(flag.Arg(1))
	require.NoError(t, err)
	first, err := strconv.ParseUint(flag.Arg(2), 10, 64)
	require.NoError(t, err)
	o, err := changer(n, flag.Arg(0))
	require.NoError(t, err)
	for i := first; ; i++ {
		packet, _, _, _ := change(i)
		res, err := o.Programs()[0].Run(background, runtime.Input{Data: packet})
		if err != nil || res.Ret != 0 {
			t.Fatalf("run %d: %d, %v", i, int32(res.Ret), err)
		}
		if _, err := fmt.Fprintf(os.Stdout, "\ndone %d\n", i); err != nil {
			return
		}
	}
}

// TestProgramsAreKilled kills processes whose programs, in machine code too, are
// changing a pinned map: it opens, all changes that were reported are there, and
// of the one under way all or nothing.
func TestProgramsAreKilled(t *testing.T) {
	for n := range changes {
		file, want, next := filepath.Join(t.TempDir(), "map"), map[string]string{}, uint64(0)
		apply := func() {
			if _, key, value, remove := change(next); remove {
				delete(want, key)
			} else {
				want[key] = value
			}
			next++
		}
		for round := range long.N(15, 200) {
			last := runAndKill(t, file, n, next, 1+round*37%200)
			for next <= last {
				apply()
			}
			m, err := maps.OpenPinned(file)
			require.NoError(t, err, "%+v, round %d", changes[n], round)
			got := map[string]string{}
			for k, v := range maps.All(m) {
				got[string(k)] = string(v)
			}
			require.NoError(t, m.Close())
			if fmt.Sprint(got) != fmt.Sprint(want) {
				apply() // the one under way
			}
			require.Equal(t, want, got, "%+v, round %d, changes up to %d were reported", changes[n], round, last)
		}
	}
}

// runAndKill starts the child at a change, kills it after some reports, and
// returns the last change that it reported.
func runAndKill(t *testing.T, path string, n int, first uint64, reports int) (last uint64) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledChild$", "-test.count=1", "-test.v", "--", path, strconv.Itoa(n), strconv.FormatUint(first, 10))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	lines, seen := bufio.NewScanner(out), 0
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
