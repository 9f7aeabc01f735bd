package jitproof

import (
	"context"
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof/translated"
	"github.com/bpfproof/bpfproof/smt"
)

// Rule says how an instruction and what a kernel made of it belong together.
type Rule string

// The rules. Of RuleSame, RuleGuard and RuleExpanded it is proved that both mean
// the same, from any state and whatever follows. The others rest on something that
// is looked up, or that the kernel's verifier knows, and are matched.
const (
	RuleSame       Rule = "same"        // one instruction that means the same
	RuleGuard      Rule = "guard"       // a division, with the test of its divisor
	RuleExpanded   Rule = "expanded"    // several instructions that mean the same
	RuleHelper     Rule = "helper"      // a call of the kernel's function for the helper, by its name
	RuleKfunc      Rule = "kfunc"       // a call of the kernel's function of that name
	RuleArray      Rule = "array"       // a lookup in an array, written out
	RuleHash       Rule = "hash"        // a lookup in a hash table: the kernel's function, and the way to the value
	RuleContext    Rule = "context"     // a load from the context, as loads from the kernel's structures
	RulePacket     Rule = "packet"      // a load from the packet, as a call of the kernel's function for it
	RuleUpper      Rule = "upper"       // the same in the lower half; the upper is random, as the loader asked for
	RuleDeadBranch Rule = "dead-branch" // a branch of which the verifier found one way never taken
	RuleDeadCode   Rule = "dead-code"   // removed, or a trap: no way leads there
	RuleJump       Rule = "jump"        // a jump that is left out
	RuleNone       Rule = "none"        // nothing known fits
)

// proves reports whether an instruction under the rule is proved, not matched.
func (r Rule) proves() bool {
	return r == RuleSame || r == RuleGuard || r == RuleExpanded || r == RuleJump
}

// RewritingStep is what was found of one instruction.
type RewritingStep struct {
	PC   ir.PC `json:"pc"`
	Rule Rule  `json:"rule"`
	// Shown says of RuleDeadBranch and RuleDeadCode that the flow that was given shows
	// it, so that the kernel's verifier need not be believed.
	Shown  bool   `json:"shown,omitempty"`
	Reason string `json:"reason,omitempty"` // of RuleNone: why not
}

// Rewriting is what was found of the step from a program to the bytecode that a
// kernel gave to its JIT.
type Rewriting struct {
	Steps  []RewritingStep `json:"steps"`
	Counts map[Rule]int    `json:"counts"`
	Shown  int             `json:"shown"` // steps that are
}

// Flow says which instructions runs of a program come to, and from which to which
// they go, as confirmed invariants do; nil is nothing known.
type Flow map[ir.PC]map[ir.PC]bool

// never reports whether runs that are at pc never go to the other instruction, or
// never are there.
func (f Flow) never(pc, to ir.PC) bool { return f != nil && !f[pc][to] }

// unreached reports whether runs never come to pc.
func (f Flow) unreached(pc ir.PC) bool {
	_, comes := f[pc]
	return f != nil && !comes
}

// Proved returns how many instructions are proved or shown, how many are matched by
// a named rule, and how many are neither.
func (r *Rewriting) Proved() (proved, matched, open int) {
	for rule, n := range r.Counts {
		switch {
		case rule == RuleNone:
			open += n
		case rule.proves():
			proved += n
		default:
			matched += n
		}
	}
	return proved + r.Shown, matched - r.Shown, open
}

// ValidateRewriting compares a program with the bytecode that a kernel made of it,
// instruction by instruction: from any state in which registers and memory are
// alike, both must do the same to the world, leave registers alike, and go on at
// places that belong together. The image must say where what became of each
// instruction begins (jit.LinuxImage.Lines). Memory is alike but for contexts,
// which a kernel lays out in its own way, so that loads from them are matched.
// Flow, which the caller answers for, shows what the kernel left out.
// The error says that there is nothing to compare.
func (v *Validator) ValidateRewriting(ctx context.Context, p *ir.Program, k *jit.LinuxImage, flow Flow) (*Rewriting, error) {
	t, err := translated.Decode(k.Name, k.Slots)
	if err != nil {
		return nil, err
	}
	p = withFuncs(p)
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("jitproof: compare %q: %w", p.Name, err)
	}
	if len(k.Lines) == 0 {
		return nil, &ImageError{k.Name, CodeTables, 0, "the kernel was not asked to keep track of instructions"}
	}
	r, err := newRewriter(ctx, v, p, t, k)
	if err != nil {
		return nil, err
	}
	r.flow = flow
	return r.all()
}

// rewriter compares one program with its rewritten form.
type rewriter struct {
	ctx      context.Context
	solver   smt.Solver
	b        *smt.Builder
	k        *jit.LinuxImage
	from, to *ir.Program // with the same numbers for calls and maps
	src, dst *sim[smt.Term]
	at       map[ir.PC]ir.PC // where what became of an instruction begins
	head     map[ir.PC]bool  // slots of at
	end      map[ir.PC]ir.PC // where it ends
	named    map[ir.PC]Rule  // calls that were matched by their names
	flow     Flow
	never    map[ir.PC]ir.PC  // branches of which a way was left out, with where that leads
	before   [][]ir.PC        // by instruction of from
	symbols  map[ir.PC]string // of the kernel's functions that calls in to call
	live     map[ir.PC]bool   // removed instructions that a way leads to
	result   *Rewriting
}

// all compares all instructions, in order.
func (r *rewriter) all() (*Rewriting, error) {
	steps := map[ir.PC]RewritingStep{}
	for pc := range r.from.All() {
		if _, ok := r.at[pc]; !ok {
			continue
		}
		if r.ctx.Err() != nil {
			return nil, r.ctx.Err()
		}
		rule, err := r.group(pc)
		step := RewritingStep{PC: pc, Rule: rule, Shown: r.shown(pc, rule)}
		if err != nil {
			step.Rule, step.Reason = RuleNone, err.Error()
		}
		steps[pc] = step
	}
	for pc, in := range r.from.All() { // after all ways have been followed
		step, ok := steps[pc]
		if !ok {
			step = r.removed(pc, in)
		}
		r.result.Steps = append(r.result.Steps, step)
		r.result.Counts[step.Rule]++
		if step.Shown {
			r.result.Shown++
		}
	}
	return r.result, nil
}

// removed says of an instruction that the kernel left out why it may be.
func (r *rewriter) removed(pc ir.PC, in ir.Insn) RewritingStep {
	switch {
	case !r.live[pc]: // no way that is left leads there
		return RewritingStep{PC: pc, Rule: RuleDeadCode, Shown: r.shown(pc, RuleDeadCode)}
	case in.Kind() == ir.KindJump:
		return RewritingStep{PC: pc, Rule: RuleJump}
	case in.Kind() == ir.KindBranch:
		return RewritingStep{PC: pc, Rule: RuleDeadBranch, Shown: r.shown(pc, RuleDeadBranch)}
	}
	return RewritingStep{PC: pc, Rule: RuleNone, Reason: fmt.Sprintf("%v was removed", in.Op)}
}

// shown reports whether the flow shows what a rule says of an instruction.
func (r *rewriter) shown(pc ir.PC, rule Rule) bool {
	switch to, ok := r.never[pc]; rule {
	case RuleDeadCode:
		return r.flow.unreached(pc)
	case RuleDeadBranch:
		return ok && r.flow.never(pc, to)
	}
	return false
}

// leads reports whether execution that comes to the instruction at pc goes on at
// the slot: at once, or behind jumps and branches that were left out. A branch that
// was left out has one way that is never taken, and this notes which branches
// these are.
func (r *rewriter) leads(pc, slot ir.PC, steps int) bool {
	if at, ok := r.at[pc]; ok {
		return at == slot
	}
	if steps == 0 || pc < 0 || pc >= r.from.Slots() {
		return false
	}
	in := r.from.Insns[pc]
	target, _ := in.Target(pc)
	found := false
	switch in.Kind() {
	case ir.KindJump:
		found = r.leads(target, slot, steps-1)
	case ir.KindBranch:
		if found = r.leads(pc+1, slot, steps-1); found {
			r.never[pc] = target
		} else if found = r.leads(target, slot, steps-1); found {
			r.never[pc] = pc + 1
		}
	}
	r.live[pc] = r.live[pc] || found
	return found
}

// maxLeft bounds how many jumps and branches in a row may be left out.
const maxLeft = 16
