package helpers_test

import (
	"errors"
	"math/rand/v2"
	"os"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// TestLiveTask tells the engines what this process is, and compares what helpers
// say of it with what the kernel's say.
func TestLiveTask(t *testing.T) {
	if err := kernel.Available(); errors.Is(err, unix.EPERM) {
		t.Skipf("the live kernel is not asked: %v", err)
	}
	pin(t)
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	comm, err := os.ReadFile("/proc/thread-self/comm")
	require.NoError(t, err)
	var ns unix.Stat_t
	require.NoError(t, unix.Stat("/proc/self/ns/pid", &ns))
	task := helpers.Task{PID: uint32(unix.Gettid()), TGID: uint32(os.Getpid()), UID: uint32(os.Getuid()), GID: uint32(os.Getgid()),
		Comm: strings.TrimSpace(string(comm)), NamespaceDev: ns.Dev, NamespaceIno: ns.Ino,
		NamespacePID: uint32(os.Getpid()), NamespaceTID: uint32(unix.Gettid())}
	c := &chain{rng: rand.New(rand.NewPCG(1, 1))}
	c.open("sched_cls", "")
	c.line("*(u64 *)(r10 - 64) = 0")
	c.line("*(u64 *)(r10 - 56) = 0")
	c.call("get_current_pid_tgid")
	c.call("get_current_uid_gid")
	c.call("get_numa_node_id")
	c.call("get_smp_processor_id")
	c.call("get_current_comm", "mem", uint64(16))
	c.call("get_ns_current_pid_tgid", ns.Dev, ns.Ino, "word", uint64(8))
	c.call("get_ns_current_pid_tgid", ns.Dev, ns.Ino+1, "word", uint64(8))
	c.call("get_ns_current_pid_tgid", ns.Dev, ns.Ino, "word", uint64(8))
	p, err := asm.Parse("p", c.close())
	require.NoError(t, err)
	p.FindFuncs()
	k, err := kernel.Load(p, kernel.Options{})
	require.NoError(t, err)
	defer k.Close()
	want, err := k.TestRun(make([]byte, 64), nil, 1)
	require.NoError(t, err)
	for name, e := range engines(t, p) {
		s, err := e.(runtime.Opener).Open()
		require.NoError(t, err)
		env := s.(runtime.Environed).Env()
		env.Task, env.CPU = task, 0
		got, err := runtime.RunSession(t.Context(), s, runtime.Input{Data: make([]byte, 64)})
		require.NoError(t, err)
		require.Equal(t, want.Ret, uint32(got.Ret), name)
		require.NoError(t, s.Close())
	}
}
