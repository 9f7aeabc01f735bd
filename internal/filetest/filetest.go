package filetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
)

// Words lists what an expectation may start with:
//
//	state   abstract state after the instruction ("r2=[0,7]")
//	dead    the instruction ("insn"), or one way of a branch ("taken", "fall"), is never executed
//	error   the verifier rejects here: a code and, optionally, text of its message
//	unknown the verifier cannot decide here: the same
//	run     result of a run ("r0 = 0x2", "mem = 0a0b", "map hits[00000000] = 0100000000000000")
//	verify  verdict of the whole program ("accept", "reject", "unknown")
//	prove   result of the proof ("proved", "refuted", "unknown")
func Words() []string { return []string{"state", "dead", "error", "unknown", "run", "verify", "prove"} }

// Error is a mistake in a test file.
type Error struct {
	File   string
	Line   int // counted from 1
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason) }

// File is a test file.
type File struct {
	Name    string
	Program *ir.Program
	Steps   []Step   // at least one
	Expects []Expect // in order of lines
}

// Step is one header line: "test verb arg key=value ...".
type Step struct {
	Line   int
	Verb   string            // such as "verify"
	Args   []string          // words without "="
	Params map[string]string // words with "="
}

// Param returns the value of a parameter, otherwise if it is not given.
func (s Step) Param(key, otherwise string) string {
	if v, ok := s.Params[key]; ok {
		return v
	}
	return otherwise
}

// Expect is an expectation.
type Expect struct {
	Line int
	PC   ir.PC  // of the instruction on the line, -1 if there is none
	Word string // one of Words
	Text string // what follows the colon, blanks cut
}

// On returns the expectations with the given word, in order of lines.
func (f *File) On(word string) []Expect {
	var list []Expect
	for _, e := range f.Expects {
		if e.Word == word {
			list = append(list, e)
		}
	}
	return list
}

// Step returns the steps with the given verb, in order of lines.
func (f *File) Step(verb string) []Step {
	var list []Step
	for _, s := range f.Steps {
		if s.Verb == verb {
			list = append(list, s)
		}
	}
	return list
}

// Parse reads a test file. The error is an *[Error], or for the program an
// *asm.Error with the same line numbers.
func Parse(name, text string) (*File, error) {
	f := &File{Name: name}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "test ")
		if !ok {
			continue
		}
		s, reason := step(i+1, rest)
		if reason != "" {
			return nil, &Error{name, i + 1, reason}
		}
		f.Steps = append(f.Steps, s)
		lines[i] = "" // keeps the numbers of the lines below
	}
	if len(f.Steps) == 0 {
		return nil, &Error{name, 1, `expected a line "test verb ...", found none`}
	}
	var err error
	if f.Program, err = asm.Parse(name, strings.Join(lines, "\n")); err != nil {
		return nil, err
	}
	pcs := map[int]ir.PC{}
	for _, l := range f.Program.Lines {
		pcs[l.Line] = l.PC
	}
	for i, line := range lines {
		e, ok, reason := expectation(line)
		if reason != "" {
			return nil, &Error{name, i + 1, reason}
		}
		if !ok {
			continue
		}
		e.Line, e.PC = i+1, -1
		if pc, found := pcs[e.Line]; found {
			e.PC = pc
		}
		if e.PC < 0 && (e.Word == "state" || e.Word == "dead") {
			return nil, &Error{name, i + 1, fmt.Sprintf("%q stands on a line without an instruction", e.Word)}
		}
		f.Expects = append(f.Expects, e)
	}
	return f, nil
}

// step reads a header line without its first word.
func step(line int, rest string) (s Step, reason string) {
	words := strings.Fields(rest)
	if len(words) == 0 {
		return s, "expected a verb after test"
	}
	s = Step{Line: line, Verb: words[0], Params: map[string]string{}}
	for _, w := range words[1:] {
		key, value, isParam := strings.Cut(w, "=")
		switch _, twice := s.Params[key]; {
		case !isParam:
			s.Args = append(s.Args, w)
		case key == "" || twice:
			return s, fmt.Sprintf("parameter %q has no name or is given twice", w)
		default:
			s.Params[key] = value
		}
	}
	return s, ""
}

// expectation reads the comment of a line.
func expectation(line string) (e Expect, ok bool, reason string) {
	comment := asm.Comment(line)
	word, text, colon := strings.Cut(comment, ":")
	word = strings.TrimSpace(word)
	if !colon || strings.ContainsAny(word, " \t") {
		return e, false, ""
	}
	if slices.Contains(Words(), word) {
		return Expect{Word: word, Text: strings.TrimSpace(text)}, true, ""
	}
	for _, w := range Words() {
		if distance(word, w) <= 2 && len(word) > 2 {
			return e, false, fmt.Sprintf("unknown expectation %q; did you mean %q?", word, w)
		}
	}
	return e, false, ""
}

// distance returns the number of letters to insert, delete or replace to make b
// of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
