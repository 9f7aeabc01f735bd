package explain

import (
	"fmt"
	"math"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/verifier"
)

// String returns the explanation as text, without the command that runs the
// failing input again: see Input.Args.
func (e *Explanation) String() string {
	var b strings.Builder
	if e.Verdict == verifier.Accept {
		return fmt.Sprintf("%s: accept: nothing to explain\n", e.Program)
	}
	f := e.Finding
	fmt.Fprintf(&b, "%s: %v: %s: %s\n", e.Program, e.Verdict, f.Code, f.Msg)
	fmt.Fprintf(&b, "  insn %d: %s\n", f.PC, e.Insn)
	source(&b, "    ", e.Line, nil)
	if e.Verdict != verifier.Reject {
		return b.String()
	}
	if e.Need != "" {
		fmt.Fprintf(&b, "needed: %s\n", e.Need)
	}
	if e.Loss != nil {
		fmt.Fprintf(&b, "lost:   %s\n", e.Loss.Text)
	}
	if len(e.Slice) > 0 {
		fmt.Fprintf(&b, "decided by %d of the %d instructions on the path:\n", len(e.Slice), e.Path)
		var last *ir.Line
		for i := range e.Slice {
			if n := len(e.Slice) - head - tail; n > 1 && i >= head && i < head+n {
				if i == head {
					fmt.Fprintf(&b, "        ... %d more ...\n", n)
				}
				continue
			}
			s := &e.Slice[i]
			source(&b, "    ; ", s.Line, last)
			last = s.Line
			fmt.Fprintf(&b, "  %4d: %-36s %s=%s\n", s.PC, s.Insn, s.Place, s.State)
		}
	}
	b.WriteString(e.Search.String())
	return b.String()
}

// A long slice is printed with its first and last steps.
const head, tail = 16, 32

// source prints a line of source, unless it was printed just before.
func source(b *strings.Builder, indent string, l, before *ir.Line) {
	if l == nil || before != nil && l.File == before.File && l.Line == before.Line {
		return
	}
	fmt.Fprintf(b, "%s%s:%d: %s\n", indent, l.File, l.Line, strings.TrimSpace(l.Text))
}

// String says what the search found.
func (s *Search) String() string {
	switch {
	case s.Bug != nil:
		text := fmt.Sprintf("real bug (%s, try %d): %s\n", s.Bug.Kind, s.Tries, s.Bug.Detail)
		return text + fmt.Sprintf("input:  %s\n", s.Bug.Input.String())
	case s.Why != "":
		return fmt.Sprintf("not proved; not run: %s\n", s.Why)
	}
	return fmt.Sprintf("not proved; no failing input found in %d tries\n", s.Tries)
}

// short returns a value in a few words: what a reader compares with the need.
func short(v verifier.Value) string {
	b := v.Bounds
	interval := ""
	switch {
	case b.SMin == b.SMax:
		interval = fmt.Sprint(b.SMin)
	case b.UMax <= math.MaxInt64:
		interval = fmt.Sprintf("[%d, %d]", b.UMin, b.UMax)
	case b.SMin == math.MinInt64 && b.SMax == math.MaxInt64:
		interval = "any"
	default:
		interval = fmt.Sprintf("[%d, %d]", b.SMin, b.SMax)
	}
	switch {
	case v.Kind == "":
		return "unreadable"
	case !v.Pointer:
		if interval == "any" {
			return "any number"
		}
		return interval
	}
	text := v.Kind
	if v.Off != 0 {
		text += fmt.Sprintf("%+d", v.Off)
	}
	if interval != "0" {
		text += "+" + interval
	}
	if v.Room > 0 {
		text += fmt.Sprintf(" (%d bytes)", v.Room)
	}
	return text
}
