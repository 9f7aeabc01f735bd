package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/runtime/hooks"
)

// TestMetricsServed scrapes a run twice: the counter goes up.
func TestMetricsServed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tick.s")
	require.NoError(t, os.WriteFile(path, []byte(".type tracepoint\n.map m array key 4 value 8 entries 2\n.elem m 01000000 0700000000000000\n"+
		" *(u32 *)(r10 - 4) = 0\n r1 = map[m]\n r2 = r10\n r2 += -4\n call map_lookup_elem\n r0 = 0\n exit\n"), 0o600))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	cmd := root()
	cmd.SetArgs([]string{"run", "--event", "timer:1ms", "--metrics", "127.0.0.1:0", path})
	stderr, w := io.Pipe()
	cmd.SetErr(w)
	cmd.SetOut(io.Discard)
	ended := make(chan error, 1)
	go func() { ended <- cmd.ExecuteContext(ctx); w.Close() }()
	line, err := bufio.NewReader(stderr).ReadString('\n')
	require.NoError(t, err)
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "metrics: ")
	require.True(t, ok, "%q", line)
	get := func(url string) string {
		resp, err := http.Get(url)
		require.NoError(t, err)
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(page)
	}
	runs := func() int {
		found := regexp.MustCompile(`(?m)^bpfproof_program_runs_total\{program="tick"\} (\d+)$`).FindStringSubmatch(get(url))
		if found == nil {
			return 0 // not attached yet
		}
		n, err := strconv.Atoi(found[1])
		require.NoError(t, err)
		return n
	}
	before := runs()
	for runs() <= before {
	}
	base := strings.TrimSuffix(url, "metrics")
	require.Equal(t, `{"key":"00000000","value":"0000000000000000"}`+"\n"+`{"key":"01000000","value":"0700000000000000"}`+"\n", get(base+"maps/m"))
	require.Contains(t, get(base+"maps/none"), "not found")
	stop()
	require.NoError(t, <-ended)
	_, err = http.Get(url)
	require.Error(t, err, "nobody serves any more")
}

// TestEventsOfTheMachine runs a program for the loopback's packets, and one for
// the scheduler's tracepoint.
func TestEventsOfTheMachine(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	packets, records := write("packets.s", ".type xdp\n r0 = 2\n exit\n"), write("records.s", ".type tracepoint\n r0 = *(u64 *)(r1 + 32)\n exit\n")
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { // talks to itself
		for ctx.Err() == nil {
			_, _ = conn.WriteTo([]byte("hello"), conn.LocalAddr())
			time.Sleep(time.Millisecond)
		}
	}()
	for _, args := range [][]string{{"--event", "live:lo", packets}, {"--event", "trace:sched:sched_switch", records}} {
		var out bytes.Buffer
		cmd := root()
		cmd.SetOut(&out)
		cmd.SetArgs(append([]string{"run", "--json", "--stats", "--for", "200ms"}, args...))
		err := cmd.ExecuteContext(context.Background())
		if errors.Is(err, os.ErrPermission) || errors.Is(err, hooks.ErrNoTracefs) {
			t.Logf("left out: %s: not permitted here: %v", args[1], err)
			continue
		}
		require.NoError(t, err)
		var a runJSON
		require.NoError(t, json.Unmarshal(out.Bytes(), &a), "%s", out.String())
		require.Positive(t, a.Packets, "%s", args[1])
		require.EqualValues(t, a.Packets, a.Stats.Runs)
		require.Zero(t, a.Stats.Errors)
	}
}
