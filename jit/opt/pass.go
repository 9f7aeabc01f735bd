package opt

import (
	"fmt"
	"io"
	"slices"

	"github.com/bpfproof/bpfproof/ir/dump"
)

// Pass names a pass: what can be switched off.
type Pass string

// The passes. The first ones are about a whole function, the others about the
// values of a segment.
const (
	PassLive    Pass = "live"
	PassUpper   Pass = "upper"
	PassPoll    Pass = "poll"
	PassBounded Pass = "bounded"
	PassSelect  Pass = "select"
	PassThread  Pass = "thread"
	PassLayout  Pass = "layout"
	PassAlign   Pass = "align"
	PassDivide  Pass = "divide"
	PassCopy    Pass = "copy"
	PassFold    Pass = "fold"
	PassNarrow  Pass = "narrow"
	PassBytes   Pass = "bytes"
	PassRotate  Pass = "rotate"
	PassAddress Pass = "address"
	PassDead    Pass = "dead"
	PassFuse    Pass = "fuse"
)

// Info describes a pass.
type Info struct {
	Name  Pass
	Does  string // one sentence
	Proof string // what the proof of its results rests on
	run   func(*Code)
}

// passes in their order; those without a function are done by New.
var passes = []Info{
	{PassLive, "registers that are not read before they are written need not be kept", "dead registers at cuts", nil},
	{PassUpper, "registers whose upper halves are zero on every way to a cut are known there", "upper halves at cuts, proved by induction", nil},
	{PassPoll, "jumps backward that lead to no loop around them do not count down the budget", "no cycle of the bytecode without a counted jump", nil},
	{PassBounded, "loops that are short for certain do not count down the budget", "the register that ends the loop, by rules of the bytecode alone", nil},
	{PassSelect, "a branch over few simple instructions becomes a choice of values", "both ways of the bytecode against one of the machine", nil},
	{PassThread, "a branch in front of a goto that does not count leads to both targets", "cuts may be anywhere", nil},
	{PassLayout, "code is in the order in which it is likely to be executed", "cuts may be anywhere", nil},
	{PassAlign, "heads of innermost loops begin at a boundary", "nops do nothing", nil},
	{PassDivide, "a division by a constant becomes a multiplication", "the theorem of Granlund and Montgomery, as rules of the proof", nil},
	{PassCopy, "a moved word is the word", "equal terms", copies},
	{PassFold, "operations on constants are done, and constants become immediates", "arithmetic of terms", fold},
	{PassNarrow, "extensions and masks that change nothing go, and shifts that extend become extensions", "known bits of terms", narrow},
	{PassBytes, "loads of neighbouring bytes that are put together become one (not without dead)", "one load stands for its bytes", joinLoads},
	{PassRotate, "two shifts and an or become a rotation", "equal terms", rotate},
	{PassAddress, "additions move into addresses", "sums of terms", address},
	{PassDead, "what nobody uses is not computed", "equal terms", dead},
	{PassFuse, "operations take operands from memory, change words in place, and reverse bytes on their way", "equal terms, accesses in their order", fuse},
}

// Passes lists the passes in their order.
func Passes() []Info { return slices.Clone(passes) }

// Values returns a segment's values, which last until the next ones are built, after the passes that are not switched off.
// The sink gets what each makes of it.
func (f *Plan) Values(s *Segment, d *dump.Sink) *Code {
	c := f.Build(s)
	show := func(name string) {
		if d == nil {
			return // not even the phase's name
		}
		d.Phase(fmt.Sprintf("jit/insn%d/%s", s.Start, name), func(w io.Writer) { fmt.Fprintln(w, c) })
	}
	show("build")
	for _, p := range passes {
		if p.run == nil || f.cfg.Off[p.Name] || p.Name == PassBytes && f.cfg.Off[PassDead] || p.Name == PassFold && f.cfg.Blind {
			continue
		}
		p.run(c)
		c.settle()
		show(string(p.Name))
	}
	return c
}

// copies puts the source of a move for it.
func copies(c *Code) {
	for i := range c.Values {
		if v := &c.Values[i]; v.Op == Copy {
			c.same(ID(i), v.A)
			v.Op = Nop
		}
	}
}

// dead takes out values without use, from the last to the first.
func dead(c *Code) {
	uses := c.usesHere()
	for i := len(c.Values) - 1; i >= 0; i-- {
		v := &c.Values[i]
		if uses[i] > 0 || v.Accesses() || v.Op == Nop {
			continue
		}
		v.Each(func(x ID) { uses[x]-- })
		v.Op, v.A, v.B = Nop, None, None
	}
}
