package native_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	goruntime "runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/native"
)

// faulty are programs that access r1 + 8, and the instruction that does.
var faulty = []struct {
	text string
	pc   ir.PC
}{
	{"r0 = *(u8 *)(r1 + 8)\nexit", 0},
	{"r0 = 1\nr0 = *(s32 *)(r1 + 8)\nexit", 1},
	{"*(u64 *)(r1 + 8) = 7\nr0 = 0\nexit", 0},
	{"r2 = 3\nr3 = 4\n*(u16 *)(r1 + 8) = r2\nr0 = 0\nexit", 2},
	{"r2 = 1\nlock *(u64 *)(r1 + 8) += r2\nr0 = 0\nexit", 1},
	{"r2 = 1\nr2 = atomic_fetch_or((u32 *)(r1 + 8), r2)\nr0 = r2\nexit", 1},
	{"call f\nexit\nf:\nr6 = r1\nr0 = *(u64 *)(r6 + 8)\nexit", 3},
	{"r6 = r1\nr3 = r1\nr1 = 3\nr2 = func[f]\nr4 = 0\ncall loop\nexit\nf:\nr0 = *(u32 *)(r2 + 8)\nexit", 8},
	{".map m hash key 4 value 8 entries 9\nr2 = r1\nr2 += 8\nr1 = map[m]\ncall map_lookup_elem\nexit", 4},
	{".map m hash key 8 value 8 entries 9\nr3 = r1\nr3 += 8\nr2 = r10\nr2 += -8\n*(u64 *)(r2 + 0) = 0\nr1 = map[m]\nr4 = 0\ncall map_update_elem\nexit", 8},
	{".map m lru_hash key 8 value 8 entries 9\nr2 = r1\nr2 += 8\nr1 = map[m]\ncall map_delete_elem\nexit", 4},
}

// TestFaultStorm makes faults of every kind of access on many goroutines, at
// bad addresses all over, while the collector runs, goroutines come and go, and
// Go's own faults are panics. With -long there are 100,000.
func TestFaultStorm(t *testing.T) {
	workers := len(faulty)
	var stop atomic.Bool
	var load sync.WaitGroup
	load.Go(func() {
		for !stop.Load() {
			goruntime.GC()
		}
	})
	load.Go(func() {
		for !stop.Load() {
			done := make(chan []byte)
			go func() { done <- make([]byte, 1<<16) }()
			<-done
		}
	})
	n := (long.N(4000, 100_000) + workers - 1) / workers
	var faults atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		r, _ := newRun(t, parse(t, faulty[w].text), nil)
		want := faulty[w].pc
		rng := rand.New(rand.NewPCG(uint64(w), 7))
		wg.Go(func() {
			for range n {
				addr := badAddress(rng)
				_, err := r.Call(addr, 0)
				var fault *native.FaultError
				if !errors.As(err, &fault) || fault.PC != want || fault.Signal != unix.SIGSEGV {
					t.Errorf("program %d at %#x: %v, want a fault at insn %d", w, addr, err, want)
					return
				}
				if addr < 1<<47 && fault.Addr != addr+8 { // the machine tells no address that is not canonical
					t.Errorf("program %d at %#x: %v, want address %#x", w, addr, err, addr+8)
					return
				}
				faults.Add(1)
				if rng.IntN(64) == 0 {
					require.Panics(t, func() { nilRead(nil) })
				}
			}
		})
	}
	wg.Wait()
	stop.Store(true)
	load.Wait()
	require.EqualValues(t, n*workers, faults.Load())
}

// badAddress returns an address that nothing is mapped at: in the first page,
// not canonical, or the kernel's.
func badAddress(rng *rand.Rand) uint64 {
	switch rng.IntN(4) {
	case 0:
		return 1<<47 + rng.Uint64N(1<<62)
	case 1:
		return 0xffff_8000_0000_0000 + rng.Uint64N(1<<40)
	}
	return rng.Uint64N(2048)
}

// TestNeverWritableAndExecutable: while programs come and go, no memory of the
// process is both.
func TestNeverWritableAndExecutable(t *testing.T) {
	p := count()
	code := compile(t, p)
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !stop.Load() {
			np, err := native.Load(code, p, nil, native.Options{})
			require.NoError(t, err)
			require.NoError(t, np.Close())
		}
	})
	for range 50 {
		raw, err := os.ReadFile("/proc/self/maps")
		require.NoError(t, err)
		for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
			perms := strings.Fields(lines.Text())[1]
			require.False(t, strings.Contains(perms, "w") && strings.Contains(perms, "x"), lines.Text())
		}
	}
	stop.Store(true)
	wg.Wait()
}

// TestPerfMap: a line for each function, where the code is.
func TestPerfMap(t *testing.T) {
	p := parse(t, "call f\nexit\nf:\nr0 = 3\nexit")
	p.Name = "two parts"
	code := compile(t, p)
	var b bytes.Buffer
	np, err := native.Load(code, p, nil, native.Options{PerfMap: &b})
	require.NoError(t, err)
	defer np.Close()
	var first, second, size0, size1 uint64
	var name0, name1 string
	n, err := fmt.Sscanf(b.String(), "%x %x %s\n%x %x %s\n", &first, &size0, &name0, &second, &size1, &name1)
	require.NoError(t, err, b.String())
	require.Equal(t, 6, n)
	require.Equal(t, []string{"bpf_prog_two_parts", "bpf_prog_two_parts_f1"}, []string{name0, name1})
	require.EqualValues(t, code.Funcs[1].Entry, second-first)
	require.EqualValues(t, len(code.Text), size0+size1)

	_, err = native.Load(code, p, nil, native.Options{PerfMap: failingWriter{}})
	require.EqualError(t, err, `native: load "two parts": write perf map: full`)

	f, err := native.OpenPerfMap()
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, os.Remove(fmt.Sprintf("/tmp/perf-%d.map", os.Getpid())))
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("full") }
