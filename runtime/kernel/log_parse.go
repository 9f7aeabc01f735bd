package kernel

import (
	"regexp"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
)

// logParser is the state of one ParseLog: what the lines before decide about
// the next.
type logParser struct {
	log     *Log
	bad     LogError
	await   *Step // a heading whose state stands on the next line
	table   bool  // inside the table of live registers
	pending int   // messages since the last step
}

func (p *logParser) fail(line int, text, reason string) {
	p.bad.Count++
	if len(p.bad.Lines) < maxLineErrors {
		p.bad.Lines = append(p.bad.Lines, &LineError{Line: line, Text: text, Reason: reason})
	}
}

// structured recognises lines that are no words: they must be understood.
var structured = regexp.MustCompile(`^(\d+:|from \d|mark_precise:|force_precise:|frame ?\d|\s|R\d+(_[rwD]+)?=|func#|Live regs|SCC (enter|exit|backedge) \(|\(\d|caller:|callee:|returning from|to caller at|cur state:|old state:|;|processed|verification time|stack depth)`)

// joined finds two lines that the verifier made one: at level 1 it goes back in
// the log to where a path was left, behind a jump or call whose line's end it had
// overwritten with a blank.
var joined = regexp.MustCompile(`^\d+: \([0-9a-f]{2}\) [^;]*?(?:goto pc[+-]\d+|call [^ ;]+) ([^ ;])`)

func (p *logParser) line(text string) {
	if m := joined.FindStringSubmatchIndex(text); m != nil {
		p.whole(text[:m[2]-1])
		text = text[m[2]:]
	}
	p.whole(text)
}

// whole reads a line of one part.
func (p *logParser) whole(text string) {
	if p.await != nil {
		s := p.await
		p.await = nil
		st, why := parseState(text)
		if why == "" {
			s.State = st
			p.step(*s)
			return
		}
		p.fail(s.Line, text, "heading without a state: "+why)
	}
	if text == "" {
		p.table = false
		return
	}
	if p.table {
		if l, ok := parseLive(text); ok {
			l.Line = p.log.Lines
			p.log.Live = append(p.log.Live, l)
			return
		}
		p.table = false
	}
	s, why := p.structure(text)
	switch {
	case why != "":
		p.fail(p.log.Lines, text, why)
	case s == nil:
	case s.Kind == 0:
		p.log.Messages = append(p.log.Messages, Message{p.log.Lines, text})
		p.pending++
	default:
		p.step(*s)
	}
}

// step adds a step. Words before it were no verdict, unless the step is one of
// the states that belong to the verdict.
func (p *logParser) step(s Step) {
	if p.pending > 0 && s.Kind != StepCurrent && s.Kind != StepOld {
		n := len(p.log.Messages) - p.pending
		for _, m := range p.log.Messages[n:] {
			p.fail(m.Line, m.Text, "words in the middle of the log")
		}
		p.log.Messages, p.pending = p.log.Messages[:n], 0
	}
	p.log.Steps = append(p.log.Steps, s)
}

func (p *logParser) end() {
	if p.await != nil {
		p.fail(p.await.Line, "", "heading without a state")
	}
}

// newStep returns a step at the current line.
func (p *logParser) newStep(kind StepKind, pc ir.PC) *Step {
	return &Step{Line: p.log.Lines, Kind: kind, PC: pc, From: -1, First: -1, Next: -1}
}

// structure reads a line that stands for itself. It returns the step; a step
// without kind for words; nil for what is stored already; or a reason.
func (p *logParser) structure(text string) (*Step, string) {
	switch text {
	case "Live regs before insn:":
		p.table = true
		return nil, ""
	case "caller:":
		p.await = p.newStep(StepCaller, -1)
		return nil, ""
	case "callee:":
		p.await = p.newStep(StepCallee, -1)
		return nil, ""
	case "returning from callee:":
		p.await = p.newStep(StepReturning, -1)
		return nil, ""
	}
	if strings.IndexByte("pvs", text[0]) >= 0 && wholeStats.MatchString(text) && p.log.Stats.parse(text) {
		return nil, ""
	}
	c := &cursor{s: text}
	var s *Step
	switch {
	case text[0] >= '0' && text[0] <= '9' && structured.MatchString(text):
		s = p.numbered(c)
	case c.lit("from "):
		s = p.from(c)
	case c.lit("to caller at "):
		pc := c.pc()
		c.want(":")
		if c.done() {
			p.await = p.newStep(StepReturned, pc)
		}
		return nil, c.why()
	case c.lit("func#"):
		if n := c.int(); n == int64(len(p.log.Funcs)) && c.lit(" @") {
			p.log.Funcs = append(p.log.Funcs, c.pc())
			return nil, c.whyAtEnd()
		}
		return nil, "functions are not numbered in order"
	case c.lit("mark_precise: frame"):
		s = p.precise(c)
	case c.lit("force_precise: frame"):
		s = p.forced(c)
	case strings.HasPrefix(text, "frame ") && structured.MatchString(text):
		s = p.propagate(c)
	case text[0] == '(' && structured.MatchString(text):
		s = p.liveStack(c)
	case c.lit("SCC enter "):
		s = p.newStep(StepSCCEnter, -1)
		s.Calls = c.calls()
	case c.lit("SCC exit "):
		s = p.newStep(StepSCCExit, -1)
		s.Calls = c.calls()
	case c.lit("SCC backedge "):
		s = p.newStep(StepSCCBackedge, -1)
		s.Calls = c.calls()
	case c.lit("cur state:"):
		s = p.newStep(StepCurrent, -1)
		s.State = c.state()
	case c.lit("old state:"):
		s = p.newStep(StepOld, -1)
		s.State = c.state()
	case c.lit("; "):
		s = p.source(c)
	default:
		return p.words(text)
	}
	if why := c.whyAtEnd(); why != "" {
		return nil, why
	}
	return s, ""
}

var (
	wholeStats = regexp.MustCompile(`^(verification time \d+ usec|stack depth \d+(\+\d+)*( max \d+)?|processed .* mark_read \d+)$`)
	validating = regexp.MustCompile(`^Validating \S+\(\) func#\d+\.\.\.$`)
	assumed    = regexp.MustCompile(`^Func#\d+ \('\S+'\) is (global and assumed valid\.|safe for any args that match its prototype)$`)
	iterations = regexp.MustCompile(`^frame\d+ bpf_loop iteration limit reached$`)
)

func (p *logParser) words(text string) (*Step, string) {
	if validating.MatchString(text) || assumed.MatchString(text) || iterations.MatchString(text) {
		s := p.newStep(StepFunc, -1)
		s.Text = text
		return s, ""
	}
	if structured.MatchString(text) {
		return nil, "unknown form"
	}
	return &Step{}, ""
}

// numbered reads what starts with a PC.
func (p *logParser) numbered(c *cursor) *Step {
	pc := c.pc()
	c.want(":")
	switch {
	case c.lit(" safe"):
		return p.newStep(StepSafe, pc)
	case c.lit(" ("):
		s := p.newStep(StepInsn, pc)
		s.Opcode = c.hexByte()
		c.want(") ")
		text, state, ok := strings.Cut(c.rest(), ";")
		s.Text = strings.TrimRight(text, " ")
		if s.Text == "" {
			c.fail("instruction without text")
		}
		if ok {
			s.State = (&cursor{s: state, parent: c}).state()
		}
		return s
	}
	s := p.newStep(StepState, pc)
	s.State = c.state()
	return s
}

func (p *logParser) from(c *cursor) *Step {
	from := c.pc()
	c.want(" to ")
	pc := c.pc()
	speculative := c.lit(" (speculative execution)")
	c.want(":")
	s := p.newStep(StepFrom, pc)
	if c.lit(" safe") {
		s.Kind = StepSafe
	} else {
		s.State = c.state()
	}
	s.From, s.Speculative = from, speculative
	return s
}

// precise reads the lines of mark_chain_precision.
func (p *logParser) precise(c *cursor) *Step {
	frame := int(c.int())
	c.want(": ")
	s := p.newStep(StepPrecise, -1)
	s.Frame = frame
	switch {
	case c.lit("falling back to forcing all scalars precise"):
		s.Kind = StepPreciseAll
	case c.lit("last_idx "):
		s.Kind, s.PC = StepPreciseFrom, c.pc()
		c.want(" first_idx ")
		s.First = c.pc()
		c.want(" subseq_idx ")
		s.Next = c.pc()
		c.lit(" ")
	case c.lit("parent state regs="):
		s.Kind, s.Marks = StepPreciseIn, c.marks()
		c.want(": ")
		s.State = c.state()
	default:
		c.want("regs=")
		s.Marks = c.marks()
		c.want(" before ")
		s.PC = c.pc()
		c.want(": (")
		s.Opcode = c.hexByte()
		c.want(") ")
		s.Text = c.rest()
	}
	return s
}

// forced reads "force_precise: frame0: forcing r1 to be precise".
func (p *logParser) forced(c *cursor) *Step {
	s := p.newStep(StepPreciseAll, -1)
	s.Frame = int(c.int())
	c.want(": forcing ")
	s.Marks = c.places(nil)
	c.want(" to be precise")
	return s
}

// propagate reads "frame 0: propagating r1,fp-8".
func (p *logParser) propagate(c *cursor) *Step {
	s := p.newStep(StepPropagate, -1)
	c.want("frame ")
	s.Frame = int(c.int())
	c.want(": propagating ")
	s.Marks = c.places(nil)
	return s
}

// liveStack reads the lines of the analysis of live stack slots.
func (p *logParser) liveStack(c *cursor) *Step {
	s := p.newStep(StepLiveStack, -1)
	s.Calls = c.calls()
	c.want(" ")
	if c.lit("live stack update done in ") {
		s.Kind, s.Count = StepLiveDone, int(c.int())
		c.want(" iterations")
		return s
	}
	c.want("frame ")
	s.Frame = int(c.int())
	c.want(" insn ")
	s.PC = c.pc()
	c.want(" ")
	for _, removed := range []bool{false, true} {
		sign := "+"
		if removed {
			sign = "-"
		}
		if !c.lit(sign) {
			continue
		}
		if s.Written = c.lit("written "); !s.Written {
			c.want("live ")
		}
		if removed {
			s.Removed = c.offsets(nil)
		} else {
			s.Marks = c.offsets(nil)
		}
		c.lit(" ")
	}
	if s.Marks == nil && s.Removed == nil {
		c.fail("no change of stack slots")
	}
	return s
}

// source reads "; text @ file:line", or "; text" of older kernels.
func (p *logParser) source(c *cursor) *Step {
	s := p.newStep(StepSource, -1)
	s.Text = c.rest()
	if i := strings.LastIndex(s.Text, " @ "); i >= 0 {
		if j := strings.LastIndexByte(s.Text, ':'); j > i {
			n := cursor{s: s.Text[j+1:]}
			if line := n.int(); n.done() {
				s.Text, s.File, s.FileLine = s.Text[:i], s.Text[i+3:j], int(line)
			}
		}
	}
	return s
}

// parseLive reads a row of the table: "  1   4: 012..5.... (bf) r3 = r1", where
// the first column is the component.
func parseLive(text string) (Live, bool) {
	c := &cursor{s: strings.TrimLeft(text, " ")}
	var l Live
	n := c.int()
	if !c.lit(":") {
		c.want(" ")
		l.SCC = int(n)
		c.s, c.i = strings.TrimLeft(c.left(), " "), 0
		n = c.int()
		c.want(":")
	}
	l.PC = ir.PC(n)
	c.want(" ")
	if len(c.left()) < 10 || n > ir.MaxSlots {
		return l, false
	}
	for r := range 10 {
		switch c.s[c.i+r] {
		case '.':
		case byte('0' + r):
			l.Regs = append(l.Regs, r)
		default:
			return l, false
		}
	}
	c.i += 10
	c.want(" (")
	l.Opcode = c.hexByte()
	c.want(") ")
	l.Text = c.rest()
	return l, c.why() == ""
}
