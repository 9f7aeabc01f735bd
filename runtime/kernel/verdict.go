package kernel

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
)

// Verdict is what the kernel's verifier says of a program.
type Verdict uint8

// The verdicts. Unknown means that the kernel did not judge the program.
const (
	Unknown Verdict = iota
	Accept
	Reject
)

// String returns "unknown", "accept" or "reject".
func (v Verdict) String() string {
	switch v {
	case Accept:
		return "accept"
	case Reject:
		return "reject"
	}
	return "unknown"
}

// Report is the outcome of loading a program.
type Report struct {
	Verdict Verdict
	Errno   unix.Errno // 0 if the kernel accepted the program
	Reason  string     // the kernel's last line about the program, or why it did not judge; "" for Accept
	// PC is the last instruction that the log mentions, -1 if it mentions none. Of
	// a rejected program loaded with LogStates it is the one that was rejected.
	PC  ir.PC
	Log string // the verifier's log, whole unless Truncated
	// Truncated reports that the log was longer than MaxLog; Log is its end.
	Truncated bool
	Stats     Stats
}

// Stats are the counts that the verifier prints (log level 4).
type Stats struct {
	Processed        int   // instructions, each visit counting
	MaxStatesPerInsn int   // most states kept at one instruction
	TotalStates      int   // states kept in all
	PeakStates       int   // states kept at one time
	MarkRead         int   // longest chain of marking registers read
	Micros           int   // verification time in microseconds
	StackDepths      []int // bytes, by subprogram
}

// LoadError says that the kernel did not load a program.
type LoadError struct {
	Program string
	Report  *Report
}

func (e *LoadError) Error() string {
	verb := "rejected"
	if e.Report.Verdict == Unknown {
		verb = "not judged"
	}
	return fmt.Sprintf("kernel: load %s: %s: %s (%v)", e.Program, verb, e.Report.Reason, e.Report.Errno)
}

// Unwrap returns the errno, so that errors.Is(err, unix.EPERM) works.
func (e *LoadError) Unwrap() error { return e.Report.Errno }

var (
	processedLine = regexp.MustCompile(`^processed (\d+) insns \(limit \d+\) max_states_per_insn (\d+) total_states (\d+) peak_states (\d+) mark_read (\d+)`)
	timeLine      = regexp.MustCompile(`^verification time (\d+) usec`)
	depthLine     = regexp.MustCompile(`^stack depth ([0-9+]+)`)
	insnLine      = regexp.MustCompile(`^(\d+): \(`)
	maxDepthTail  = regexp.MustCompile(` max \d+$`)
)

// newReport reads the kernel's answer: err is what BPF_PROG_LOAD returned.
func newReport(err error, log string) *Report {
	r := &Report{PC: -1, Log: log}
	last := ""
	for line := range strings.Lines(log) {
		line = strings.TrimRight(line, "\n")
		if m := insnLine.FindStringSubmatch(line); m != nil {
			pc, _ := strconv.Atoi(m[1])
			r.PC = ir.PC(pc)
		}
		if m := joined.FindStringSubmatchIndex(line); m != nil {
			line = line[m[2]:]
		}
		loop := strings.HasPrefix(line, "cur state:") || strings.HasPrefix(line, "old state:") // behind "infinite loop detected"
		if !r.Stats.parse(line) && line != "" && !loop {
			last = line
		}
	}
	if err == nil {
		r.Verdict = Accept
		return r
	}
	errno := unix.EINVAL
	errors.As(err, &errno)
	r.Errno, r.Reason = errno, last
	r.Verdict = judged(errno, last != "")
	if r.Reason == "" {
		r.Reason = errno.Error()
	}
	return r
}

// parse reads a line of statistics; ok is false for any other line.
func (s *Stats) parse(line string) (ok bool) {
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		ok = ok && err == nil
		return n
	}
	ok = true
	if m := processedLine.FindStringSubmatch(line); m != nil {
		s.Processed, s.MaxStatesPerInsn, s.TotalStates = number(m[1]), number(m[2]), number(m[3])
		s.PeakStates, s.MarkRead = number(m[4]), number(m[5])
		return ok
	}
	if m := timeLine.FindStringSubmatch(line); m != nil {
		s.Micros = number(m[1])
		return ok
	}
	if m := depthLine.FindStringSubmatch(maxDepthTail.ReplaceAllString(line, "")); m != nil {
		s.StackDepths = nil
		for d := range strings.SplitSeq(m[1], "+") {
			s.StackDepths = append(s.StackDepths, number(d))
		}
		return ok
	}
	return false
}

// judged maps the errno of a failed load to a verdict. The verifier gives its
// reason in the log for all that it rejects; an errno without one comes from
// the checks before it, which look at the request and not at the program.
//
// ENOTSUPP (524) and EOPNOTSUPP say that this kernel or its JIT lacks
// something; EFAULT with a log is a bug of the verifier that it noticed itself.
func judged(errno unix.Errno, explained bool) Verdict {
	switch errno {
	case unix.EACCES, unix.EINVAL, unix.E2BIG, unix.EPERM, unix.ENOENT, unix.EBADF, unix.ERANGE, unix.ELOOP, unix.EDOM:
		if explained {
			return Reject
		}
	}
	return Unknown
}
