package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/runtime/hooks"
)

// recording is a trace of a real machine: latency --record. The names of tasks
// are taken out.
const recording = "testdata/sched.trace.gz"

// checked runs f with a meter and compares what it counted with the model of
// the records that it saw.
func checked(t *testing.T, run func(l *meter, each func(*hooks.Record)) error, events []hooks.Layout) totals {
	t.Helper()
	l, err := load(context.Background())
	require.NoError(t, err)
	defer l.object.Close()
	m := newModel(events)
	require.NoError(t, run(l, func(r *hooks.Record) { require.NoError(t, m.record(r)) }))
	h, all, err := l.read()
	require.NoError(t, err)
	require.Equal(t, m.histogram, h)
	require.Equal(t, m.totals, all)
	return all
}

// layouts are those of the recording's events.
func layouts(t *testing.T, path string) []hooks.Layout {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	r, err := hooks.OpenRecording(path, f, hooks.TraceOptions{})
	require.NoError(t, err)
	return r.Events()
}

// TestRecording: the programs count what the model counts.
func TestRecording(t *testing.T) {
	all := checked(t, func(l *meter, each func(*hooks.Record)) error { return l.replay(context.Background(), recording, each) }, layouts(t, recording))
	require.Greater(t, all.Waits, uint64(500), "the recording has something to count")
}

// TestKernel traces the running kernel for a moment, records it, and replays
// the recording: both count the same.
func TestKernel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace.gz")
	var out bytes.Buffer
	err := run(context.Background(), []string{"--seconds", "0.3", "--record", path}, &out)
	if errors.Is(err, hooks.ErrNoTracefs) || errors.Is(err, os.ErrPermission) {
		t.Skipf("tracepoints cannot be read here: %v", err)
	}
	require.NoError(t, err)
	require.Regexp(t, `^\d+ waits for a processor, `, out.String())
	var again bytes.Buffer
	require.NoError(t, run(context.Background(), []string{"--replay", path}, &again))
	lost := func(b []byte) []byte {
		_, rest, _ := bytes.Cut(b, []byte("; "))
		return bytes.TrimPrefix(rest, []byte("0 records lost"))
	}
	require.Equal(t, string(lost(out.Bytes())), string(lost(again.Bytes())))
	checked(t, func(l *meter, each func(*hooks.Record)) error { return l.replay(context.Background(), path, each) }, layouts(t, path))
}

func TestRefuses(t *testing.T) {
	for _, args := range [][]string{{"--replay", "none"}, {"--replay", "main.go"}, {"--colour"}} {
		require.Error(t, run(context.Background(), args, &bytes.Buffer{}), "%v", args)
	}
	l, err := load(context.Background())
	require.NoError(t, err)
	defer l.object.Close()
	path := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.WriteFile(path, []byte(`{"bpfproof_trace":1,"events":[{"name":"sched:sched_wakeup","size":64,"fields":[{"name":"pid","off":40,"size":4}]}]}`+"\n"), 0o600))
	require.ErrorContains(t, l.replay(context.Background(), path, nil), "sched:sched_wakeup of this kernel has {Name:pid Off:40 Size:4 Signed:false}, the program expects")
}
