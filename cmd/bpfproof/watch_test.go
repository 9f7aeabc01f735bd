package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMetricsServed scrapes a run twice: the counter goes up.
func TestMetricsServed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tick.s")
	require.NoError(t, os.WriteFile(path, []byte(".type tracepoint\n r0 = 0\n exit\n"), 0o600))
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
	runs := func() int {
		resp, err := http.Get(url)
		require.NoError(t, err)
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		found := regexp.MustCompile(`(?m)^bpfproof_program_runs_total\{program="tick"\} (\d+)$`).FindSubmatch(page)
		if found == nil {
			return 0 // not attached yet
		}
		n, err := strconv.Atoi(string(found[1]))
		require.NoError(t, err)
		return n
	}
	before := runs()
	for runs() <= before {
	}
	stop()
	require.NoError(t, <-ended)
	_, err = http.Get(url)
	require.Error(t, err, "nobody serves any more")
}
