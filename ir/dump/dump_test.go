package dump

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func say(text string) func(io.Writer) {
	return func(w io.Writer) { _, _ = io.WriteString(w, text) }
}

func TestNilDiscards(t *testing.T) {
	var s *Sink
	require.False(t, s.Wants("verify"))
	s.Phase("verify", func(io.Writer) { t.Error("a phase that nobody wants was written") })
	s.Printf("verify", "%d", 1)
	require.NoError(t, s.Close())
}

func TestText(t *testing.T) {
	var b strings.Builder
	s := Text(&b)
	s.Phase("verify/entry", say("r1=ctx"))
	s.Printf("jit", "%d bytes\n", 7)
	require.NoError(t, s.Close())
	s.Printf("late", "discarded")
	require.Equal(t, "== verify/entry\nr1=ctx\n== jit\n7 bytes\n", b.String())
}

func TestPhases(t *testing.T) {
	var b strings.Builder
	s := Text(&b, "verify", "jit/code")
	for phase, want := range map[string]bool{"verify": true, "verify/entry": true, "verifyx": false, "jit": false, "jit/code": true} {
		require.Equal(t, want, s.Wants(phase), phase)
	}
	s.Phase("jit", func(io.Writer) { t.Error("a phase that nobody wants was written") })
	require.Empty(t, b.String())
}

func TestHTML(t *testing.T) {
	var b strings.Builder
	s := HTML(&b, "a <b>")
	s.Phase("p", say("if r1 < 2 && x"))
	require.NoError(t, s.Close())
	require.Contains(t, b.String(), "<title>a &lt;b&gt;</title>")
	require.Contains(t, b.String(), "<summary>p</summary><pre>if r1 &lt; 2 &amp;&amp; x\n</pre>")
	require.True(t, strings.HasSuffix(b.String(), "</html>\n"))
	require.NotContains(t, b.String(), "http", "the page is self-contained")
}

type broken struct{ writes int }

func (w *broken) Write([]byte) (int, error) { w.writes++; return 0, errors.New("disk full") }

func TestWriteError(t *testing.T) {
	w := &broken{}
	s := Text(w)
	s.Printf("a", "x")
	s.Printf("b", "y")
	require.EqualError(t, s.Close(), "dump: write phase: disk full")
	require.Equal(t, 1, w.writes)
}
