package kernel

import (
	"fmt"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
)

// Log is the verifier's log as data: every line of it is in Funcs, Live, Steps,
// Messages or Stats, except blank lines and the line that heads Live.
type Log struct {
	Funcs    []ir.PC   // where the subprograms start ("func#1 @7"), by number
	Live     []Live    // the table of live registers, in order of PC
	Steps    []Step    // what the verifier did, in its order
	Messages []Message // what it says of the program: the reason of a rejection
	Stats    Stats
	Lines    int // of the text, blank ones included
}

// Message is a line of words.
type Message struct {
	Line int // counted from 1
	Text string
}

// Live is a row of the table that the verifier prints before it walks the
// program.
type Live struct {
	Line   int // counted from 1
	PC     ir.PC
	SCC    int    // the loop that the instruction is part of, 0 for none
	Regs   []int  // registers that are read later, ascending
	Opcode byte   // of the instruction
	Text   string // of the instruction
}

// StepKind tells what a Step is.
type StepKind uint8

// The kinds of steps.
const (
	StepInsn        StepKind = 1 + iota // "7: (bf) r2 = r1   ; R1=ctx() R2=ctx()": State is what changed, nil if nothing did
	StepState                           // "7: R1=ctx()": the state before PC; whole at the start of a path, else what changed
	StepFrom                            // "from 3 to 7: R1=ctx()": a path is taken up again; the whole state
	StepSafe                            // "7: safe", "from 3 to 7: safe": a state seen before covers this one
	StepCaller                          // "caller:" at a call, and the caller's state
	StepCallee                          // "callee:" and the state it starts in
	StepReturning                       // "returning from callee:" and the state it ends in
	StepReturned                        // "to caller at 7:" and the state the caller goes on with
	StepPrecise                         // "mark_precise: frame0: regs=r1 stack=-8 before 6: (07) r1 += 1": what must be exact before PC
	StepPreciseFrom                     // "mark_precise: frame0: last_idx 7 first_idx 3 subseq_idx -1": marking starts
	StepPreciseIn                       // "mark_precise: frame0: parent state regs=r1 stack=:" and that state
	StepPreciseAll                      // "mark_precise: frame0: falling back to forcing all scalars precise", "force_precise: ..."
	StepPropagate                       // "frame 0: propagating r1,fp-8": marks of a covering state are taken over
	StepLiveStack                       // "(0) frame 0 insn 7 +live -8": stack slots that are read later, or written
	StepLiveDone                        // "(0) live stack update done in 2 iterations"
	StepSCCEnter                        // "SCC enter (2,1)": a path enters a loop; Calls ends with its number
	StepSCCExit                         // "SCC exit (2,1)": all its paths are done
	StepSCCBackedge                     // "SCC backedge (2,1)": a path comes back to a state whose own paths are not done
	StepCurrent                         // "cur state:" of an infinite loop
	StepOld                             // "old state:" that it repeats
	StepSource                          // "; x = y; @ a.c:7": a line of the source
	StepFunc                            // "Validating f() func#1...", "Func#1 ('f') is safe ..." and the like: Text
)

var stepNames = [...]string{"none", "insn", "state", "from", "safe", "caller", "callee", "returning", "returned", "precise", "precise-from",
	"precise-in", "precise-all", "propagate", "live-stack", "live-done", "scc-enter", "scc-exit", "scc-backedge", "current", "old", "source", "func"}

// String returns a short name, such as "insn".
func (k StepKind) String() string {
	if int(k) < len(stepNames) {
		return stepNames[k]
	}
	return fmt.Sprintf("step(%d)", uint8(k))
}

// Step is one thing that the verifier did. Fields that the kind does not have
// are zero; PC and From are -1 then.
type Step struct {
	Line        int // counted from 1
	Kind        StepKind
	PC          ir.PC
	From        ir.PC  // where the path was left
	Speculative bool   // the path is one that only a processor that guesses takes
	Opcode      byte   // of the instruction at PC
	Text        string // of the instruction at PC, of the source line, or of StepFunc
	State       *State
	Frame       int     // of marks and live stack slots
	Marks       []Place // registers and stack slots that the line lists
	Removed     []Place // StepLiveStack: slots that no longer are
	Written     bool    // StepLiveStack: the slots are written, not read
	Calls       []int   // StepLiveStack, StepLiveDone: the call sites, and last the start of the function
	First, Next ir.PC   // StepPreciseFrom: the first instruction of the state, and the one behind it or -1
	Count       int     // StepLiveDone: iterations; StepSCC*: the number of the component
	File        string  // StepSource
	FileLine    int     // StepSource
}

// Place is a register, or 8 bytes of the stack.
type Place struct {
	Stack bool
	Reg   int   // 0 to 10
	Off   int32 // of the slot, from the frame's end: -8, -16, ...
}

// String returns "r3" or "fp-8".
func (p Place) String() string {
	if p.Stack {
		return fmt.Sprintf("fp%d", p.Off)
	}
	return fmt.Sprintf("r%d", p.Reg)
}

// LineError is a line of a log that is not understood.
type LineError struct {
	Line   int // counted from 1
	Text   string
	Reason string
}

func (e *LineError) Error() string {
	text := e.Text
	if len(text) > 200 {
		text = text[:200] + "..."
	}
	return fmt.Sprintf("line %d: %s: %q", e.Line, e.Reason, text)
}

// maxLineErrors bounds the lines that a LogError keeps.
const maxLineErrors = 20

// LogError says that lines of a log are not understood.
type LogError struct {
	Count int          // of such lines
	Lines []*LineError // the first of them, at most 20
}

func (e *LogError) Error() string {
	return fmt.Sprintf("kernel: parse log: %d lines not understood: %v", e.Count, e.Lines[0])
}

// ParseLog reads a log of level 1 or 2. Every line must be understood to its
// last character: one that is not is counted in a *LogError, which comes with
// the log of the other lines. Words are taken for a message only where the
// verifier gives a verdict: a line of words that is followed by further steps
// is not understood. The time taken is linear in the text.
//
// Source: print_verifier_state and print_reg_state in kernel/bpf/log.c,
// kernel/bpf/verifier.c and kernel/bpf/liveness.c of Linux 6.18.
func ParseLog(text string) (*Log, error) {
	p := logParser{log: &Log{}}
	for line := range strings.Lines(text) {
		p.log.Lines++
		p.line(strings.TrimSuffix(line, "\n"))
	}
	p.end()
	if p.bad.Count > 0 {
		return p.log, &p.bad
	}
	return p.log, nil
}

// ParseLog parses the report's log; see ParseLog. Of a truncated log the first
// line is passed over, since it is cut.
func (r *Report) ParseLog() (*Log, error) {
	text := r.Log
	if r.Truncated {
		_, text, _ = strings.Cut(text, "\n")
	}
	return ParseLog(text)
}

// States iterates over the steps that carry a state, by PC: what Step.State
// says holds before PC, or after the instruction for StepInsn.
func (l *Log) States(yield func(*Step) bool) {
	for i := range l.Steps {
		s := &l.Steps[i]
		if s.State != nil && s.PC >= 0 && !yield(s) {
			return
		}
	}
}
