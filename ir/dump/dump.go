// Package dump writes what a stage made of a program to wherever somebody
// wants to read it: the intermediate results that explain a verdict.
//
// It knows phases and text, not programs: a stage passes a function that
// writes its state, and that function runs only if its phase is wanted. So a
// stage dumps without asking whether anybody listens, and pays nothing if
// nobody does.
//
// # Invariants
//
// A nil *Sink discards everything. A dump never changes a verdict: a write
// error is kept for Close and no stage sees it. Phases appear in the order in
// which they were dumped; a Sink serves one goroutine at a time, by a lock.
//
//	sink := dump.Text(os.Stderr, "verify")
//	sink.Phase("verify/entry", func(w io.Writer) { asm.Print(w, p) })
//	err := sink.Close()
//
// Source: the idea of GOSSAFUNC in cmd/compile/internal/ssa.
package dump

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"sync"
)

// Sink receives the dumps of the phases that it was made for.
type Sink struct {
	mu     sync.Mutex
	w      io.Writer
	phases []string
	page   bool
	err    error
	closed bool
}

// Text returns a sink that writes each phase as a heading and its text. Where
// phases are given only these are dumped: a phase is wanted if it is one of
// them or lies below one ("verify" wants "verify/entry").
func Text(w io.Writer, phases ...string) *Sink { return &Sink{w: w, phases: phases} }

// HTML returns a sink that writes one self-contained page, a section that can
// be folded for each phase. Close completes the page.
func HTML(w io.Writer, title string, phases ...string) *Sink {
	s := &Sink{w: w, phases: phases, page: true}
	s.write(fmt.Sprintf(pageHead, html.EscapeString(title), html.EscapeString(title)))
	return s
}

const pageHead = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>%s</title>
<style>
body { font-family: sans-serif; margin: 1em; }
details { border: 1px solid #ccc; margin: 0.3em 0; }
summary { cursor: pointer; padding: 0.3em; background: #eee; }
pre { margin: 0; padding: 0.5em; overflow-x: auto; }
</style></head><body>
<h1>%s</h1>
`

const pageFoot = "</body></html>\n"

// Wants reports whether a phase of that name is dumped. It is for stages that
// would have to collect what they dump; others call Phase at once.
func (s *Sink) Wants(phase string) bool {
	if s == nil {
		return false
	}
	return len(s.phases) == 0 || slices.ContainsFunc(s.phases, func(want string) bool {
		return phase == want || strings.HasPrefix(phase, want+"/")
	})
}

// Phase dumps what write writes under the name phase, a path such as
// "verify/entry". Write is called before Phase returns, at most once; it must
// not use the sink.
func (s *Sink) Phase(phase string, write func(w io.Writer)) {
	if !s.Wants(phase) {
		return
	}
	var b bytes.Buffer
	write(&b)
	if b.Len() > 0 && b.Bytes()[b.Len()-1] != '\n' {
		b.WriteByte('\n')
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.page {
		s.write(fmt.Sprintf("<details open><summary>%s</summary><pre>%s</pre></details>\n", html.EscapeString(phase), html.EscapeString(b.String())))
		return
	}
	s.write(fmt.Sprintf("== %s\n%s", phase, b.String()))
}

// Printf dumps one line of formatted text as a phase.
func (s *Sink) Printf(phase, format string, args ...any) {
	s.Phase(phase, func(w io.Writer) { fmt.Fprintf(w, format, args...) })
}

// Close completes the output and returns the first write error. It does not
// close the writer. Further dumps are discarded.
func (s *Sink) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.page {
		s.write(pageFoot)
	}
	s.closed = true
	return s.err
}

// write writes text unless an earlier write failed.
func (s *Sink) write(text string) {
	if s.err != nil || s.closed {
		return
	}
	if _, err := io.WriteString(s.w, text); err != nil {
		s.err = fmt.Errorf("dump: write phase: %w", err)
	}
}
