package hooks

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// countCalls counts system calls 121 with a first argument of 0x1234, and keeps
// the time of the last.
const countCalls = `.type tracepoint
.license GPL
.map seen array key 4 value 16 entries 1
	r6 = *(u64 *)(r1 + 8)
	if r6 != 121 goto out
	r6 = *(u64 *)(r1 + 16)
	if r6 != 0x1234 goto out
	*(u32 *)(r10 - 4) = 0
	r1 = map[seen]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto out
	r1 = 1
	lock *(u64 *)(r0 + 0) += r1
	r6 = r0
	call ktime_get_ns
	*(u64 *)(r6 + 8) = r0
out:
	r0 = 0
	exit`

// tracefs returns the kernel's tracepoints, or skips the test.
func tracefs(t *testing.T) Tracefs {
	fs, err := FindTracefs(true)
	if err != nil {
		t.Skipf("tracepoints cannot be read here: %v", err)
	}
	return fs
}

func tracer(t *testing.T, opts TracerOptions) *Tracer {
	tr, err := OpenTracer(tracefs(t), opts)
	if errors.Is(err, os.ErrPermission) {
		t.Skipf("perf_event_open is not permitted here: %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tr.Close()) })
	return tr
}

func clocked(t *testing.T, source string, c *EventClock) *runtime.Object {
	p, err := asm.Parse("test", source)
	require.NoError(t, err)
	opts := vm.Options{}
	if c != nil {
		opts.Clock = c
	}
	o, err := runtime.Load(background, []*ir.Program{p}, runtime.Options{Loader: vm.Loader(opts), Unverified: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	return o
}

func onEvent(t *testing.T, o *runtime.Object, tr *Trace, name string) runtime.Link {
	h, err := tr.Event(name)
	require.NoError(t, err)
	return attach(t, o.Programs()[0], h)
}

// TestTracer: every system call that a thread makes is delivered once, with its
// arguments and its time; the recording of the trace has the same outcome.
func TestTracer(t *testing.T) {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	clock := &EventClock{}
	var file bytes.Buffer
	var rec *Recorder
	last := uint64(0)
	opts := TracerOptions{Events: []string{"raw_syscalls:sys_enter", "sched:sched_switch"}, PID: unix.Gettid()}
	opts.Clock = clock
	opts.Each = func(r *Record) {
		if r.Time < last {
			t.Errorf("time %d behind %d", r.Time, last)
		}
		last = r.Time
		rec.Write(r)
	}
	tr := tracer(t, opts)
	rec, err := NewRecorder(&file, tr.Events())
	require.NoError(t, err)
	o := clocked(t, countCalls, clock)
	calls := onEvent(t, o, tr.Trace, "raw_syscalls:sys_enter")
	switches := onEvent(t, clocked(t, ".type tracepoint\n r0 = 0\n exit", nil), tr.Trace, "sched:sched_switch")

	ctx, cancel := context.WithCancel(background)
	ended := make(chan error)
	go func() { ended <- tr.Run(ctx) }()
	for tr.Delivered() == 0 { // until it records
		_, _ = unix.Getpgid(0)
		time.Sleep(time.Millisecond)
	}
	const n = 500
	before := monotonic()
	for range n {
		_, _ = unix.Getpgid(0x1234)
	}
	after := monotonic()
	time.Sleep(5 * time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	seen, err := o.Map("seen").Lookup(u32s(0))
	require.NoError(t, err)
	require.EqualValues(t, n, binary.NativeEndian.Uint64(seen))
	when := binary.NativeEndian.Uint64(seen[8:])
	require.True(t, before <= when && when <= after, "the last call was at %d, between %d and %d", when, before, after)
	require.GreaterOrEqual(t, calls.Stats().Runs, uint64(n))
	require.Zero(t, calls.Stats().Drops)
	require.Positive(t, switches.Stats().Runs)
	require.NoError(t, rec.Flush())

	again := clocked(t, countCalls, clock)
	r, err := OpenRecording("x", &file, TraceOptions{Clock: clock})
	require.NoError(t, err)
	replayed := onEvent(t, again, r.Trace, "raw_syscalls:sys_enter")
	require.NoError(t, r.Run(background))
	require.Equal(t, calls.Stats().Runs, replayed.Stats().Runs)
	got, err := again.Map("seen").Lookup(u32s(0))
	require.NoError(t, err)
	require.Equal(t, seen, got)
}

// TestTracerLoses: a buffer that is too small loses records, and they are
// counted.
func TestTracerLoses(t *testing.T) {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	opts := TracerOptions{Events: []string{"raw_syscalls:sys_enter"}, PID: unix.Gettid(), Buffer: os.Getpagesize(),
		Filters: map[string]string{"raw_syscalls:sys_enter": "id == 121"}}
	tr := tracer(t, opts)
	l := onEvent(t, clocked(t, countCalls, nil), tr.Trace, "raw_syscalls:sys_enter")
	require.NoError(t, tr.enable(unix.PERF_EVENT_IOC_ENABLE))
	const n = 1000
	for range n {
		_, _ = unix.Getpgid(0x1234)
	}
	tr.drain()
	require.Less(t, len(tr.pending), n)
	_, _ = unix.Getpgid(0x1234) // the kernel tells of its losses with the next record
	ctx, cancel := context.WithCancel(background)
	cancel()
	require.NoError(t, tr.Run(ctx))
	s := l.Stats()
	require.Positive(t, s.Drops)
	require.EqualValues(t, n+1, s.Runs+s.Drops)
	require.Equal(t, []uint64{s.Runs, s.Drops}, []uint64{tr.Delivered(), tr.Lost()})
	require.NoError(t, tr.Close())
	require.ErrorIs(t, tr.Run(background), ErrDetached)
}

func TestTracerRefuses(t *testing.T) {
	fs := tracefs(t)
	for _, tt := range []struct {
		opts TracerOptions
		want string
	}{
		{TracerOptions{}, "hooks: trace: no events are named"},
		{TracerOptions{Events: []string{"sched"}}, `hooks: event "sched": want SYSTEM:NAME`},
		{TracerOptions{Events: []string{"../x:y"}}, `hooks: event "../x:y": want SYSTEM:NAME`},
		{TracerOptions{Events: []string{"no:such"}}, `hooks: event "no:such": the kernel has none: open `},
		{TracerOptions{Events: []string{"sched:sched_switch"}, Buffer: 12288}, "hooks: trace: buffer of 12288 bytes is no power of two of pages"},
	} {
		_, err := OpenTracer(fs, tt.opts)
		require.ErrorContains(t, err, tt.want)
	}
	opts := TracerOptions{Events: []string{"sched:sched_switch"}, Filters: map[string]string{"sched:sched_switch": "colour == 5"}}
	if _, err := OpenTracer(fs, opts); !errors.Is(err, os.ErrPermission) {
		require.ErrorContains(t, err, `filter "colour == 5": invalid argument`)
	}
}

func TestParseFormat(t *testing.T) {
	text := "name: x\nID: 77\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n" +
		"\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;\n\tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:1;\n" +
		"\tfield:const char * path;\toffset:32;\tsize:8;\tsigned:0;\n\tfield:u8 addr[sizeof(struct s)];\toffset:40;\tsize:28;\tsigned:0;\n\nprint fmt: \"\"\n"
	id, l, err := parseFormat("a:b", text)
	require.NoError(t, err)
	require.EqualValues(t, 77, id)
	require.Equal(t, Layout{Name: "a:b", Size: 68, Fields: []Field{{"common_type", 0, 2, false}, {"comm", 8, 16, false}, {"name", 24, 4, true},
		{"path", 32, 8, false}, {"addr", 40, 28, false}}}, l)
	for _, tt := range []struct{ text, want string }{
		{"", `hooks: event "a:b": format: no ID or no fields`},
		{"ID: many\n", `hooks: event "a:b": format, line 1: "ID: many": no number`},
		{"ID: 7\nfield:;offset:1;size:1;", `line 2: "field:;offset:1;size:1;": no field`},
		{"ID: 7\nfield:int x;offset:-1;size:1;", "no field"},
		{"ID: 7\nfield:int x;offset:1;size:99999;", "no field"},
	} {
		_, _, err := parseFormat("a:b", tt.text)
		require.ErrorContains(t, err, tt.want)
	}
}

func TestRecordingErrors(t *testing.T) {
	head := `{"bpfproof_trace":1,"events":[{"name":"a:b","size":24}]}` + "\n"
	for _, tt := range []struct{ text, want string }{
		{"", "hooks: read x: line 1: no recording of a trace"},
		{"{}\n", "hooks: read x: line 1: no recording of a trace"},
		{`{"bpfproof_trace":1,"events":[{"size":-1}]}` + "\n", `hooks: read x: line 1: hooks: event "": records of -1 bytes`},
		{head + "0 5 0 AAAA\n0 6", "hooks: read x: line 3: the file ends inside the line"},
		{head + "0 5 AAAA\n", "hooks: read x: line 2: want event, time, processor and bytes"},
		{head + "hello\n", "hooks: read x: line 2: want event, time, processor and bytes"},
		{head + "0 5 0x AAAA\n", "hooks: read x: line 2: want event, time, processor and bytes"},
		{head + "1 5 0 AAAA\n", "hooks: read x: line 2: event 1 of 1"},
		{head + "0 5 0 A!\n", "hooks: read x: line 2: bytes: illegal base64"},
		{head + "0 5 0 AAAA\n0 4 0 AAAA\n", "hooks: read x: line 3: time 4 is before 5"},
		{head + "0 5 0 " + strings.Repeat("AAAA", 3000) + "\n", "hooks: read x: line 2: record of 9000 bytes, at most 8192"},
		{head + strings.Repeat("A", 2<<20) + "\n", "hooks: read x: line 2: it has more than 1048576 bytes"},
	} {
		r, err := OpenRecording("x", strings.NewReader(tt.text), TraceOptions{})
		if err == nil {
			err = r.Run(background)
		}
		require.ErrorContains(t, err, tt.want)
	}
	r, err := OpenRecording("x", strings.NewReader(head+"0 5 0 AAAA\n"), TraceOptions{})
	require.NoError(t, err)
	_, err = r.Event("no:such")
	require.EqualError(t, err, `hooks: trace: it has no event "no:such"`)
	h, err := r.Event("a:b")
	require.NoError(t, err)
	_, err = returns(t, "xdp", 1).Attach(h)
	require.EqualError(t, err, `hooks: attach program "test" to a:b: programs of type xdp take no such events`)
	l := attach(t, text(t, ".type tracepoint\n r0 = *(u8 *)(r10 + 8)\n exit\n").Programs()[0], h)
	err = r.Run(background)
	require.ErrorContains(t, err, "hooks: read x: line 2: hooks: run program")
	require.EqualValues(t, 1, l.Stats().Errors)
}

// FuzzRecording: any text is delivered up to one clear error.
func FuzzRecording(f *testing.F) {
	f.Add([]byte(`{"bpfproof_trace":1,"events":[{"name":"a:b","size":24}]}` + "\n0 5 0 AAAA\n"))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := OpenRecording("x", bytes.NewReader(in), TraceOptions{})
		if err == nil {
			err = r.Run(background)
		}
		if err != nil && !strings.HasPrefix(fmt.Sprint(err), "hooks: read x: ") {
			t.Fatalf("error without place: %v", err)
		}
	})
}
