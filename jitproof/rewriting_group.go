package jitproof

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jitproof/translated"
	"github.com/bpfproof/bpfproof/smt"
)

// behindCall forgets the registers that a call does not keep, and names its result
// by the number of the calls in front of it.
func (s *sim[V]) behindCall(a words[V], m *meaning[V]) V {
	n := 0
	for _, e := range m.before {
		if e.kind >= evHelper {
			n++
		}
	}
	for r := ir.R1; r <= ir.R5; r++ {
		m.after.r[r] = a.fresh(fmt.Sprintf("lost%d.%v", n, r), ir.W64)
	}
	return a.fresh(fmt.Sprintf("ret%d", n), ir.W64)
}

// anyState is any state of the program's registers, and of the kernel's own.
func (r *rewriter) anyState() regs[smt.Term] {
	var s regs[smt.Term]
	for i := range s.r {
		s.r[i] = r.b.Var(ir.Reg(i).String(), ir.W64)
	}
	s.r[translated.AX] = r.b.Var("ax", ir.W64)
	s.count = r.b.Var("count", ir.W64)
	s.tail = r.dst.tailSymbols()
	return s
}

// follow executes rewritten bytecode from a slot along all ways to the next places
// that belong to instructions of the program.
func (r *rewriter) follow(slot ir.PC) ([]way[smt.Term], error) {
	s := r.dst
	work := []way[smt.Term]{{outcome: outcome[smt.Term]{pc: slot}, after: r.anyState()}}
	var done []way[smt.Term]
	for len(work) > 0 {
		o := work[len(work)-1]
		work = work[:len(work)-1]
		if o.insns > maxGroup || len(work)+len(done) > maxWays {
			return nil, fmt.Errorf("more than %d instructions or %d ways", maxGroup, maxWays)
		}
		m, err := s.spec(s.w.assume(o.conds), o.pc, o.after, -1, o.events)
		if err != nil {
			return nil, fmt.Errorf("slot %d: %w", o.pc, err)
		}
		for _, out := range m.outs {
			n := o.fork()
			n.outcome, n.after = out, m.after
			n.events = append(append(n.events, m.events...), out.events...)
			n.insns++
			if x, known := s.w.known(out.cond); known && x == 0 {
				continue
			} else if !known {
				n.conds = append(n.conds, out.cond)
			}
			if n.exit || n.tail || r.head[n.pc] {
				done = append(done, n)
			} else {
				work = append(work, n)
			}
		}
	}
	return done, nil
}

// randomUpper is BPF_F_TEST_RND_HI32.
const randomUpper = 1 << 2

// maxGroup bounds what one instruction may become.
const maxGroup = 64

// means gives an instruction a meaning in the state after the conditions.
type means func(a words[smt.Term], s regs[smt.Term]) (*meaning[smt.Term], error)

// group compares an instruction with what it became, and says by which rule.
func (r *rewriter) group(pc ir.PC) (Rule, error) {
	in, slot := r.from.Insns[pc], r.at[pc]
	first := r.to.Insns[slot]
	if single := r.end[pc]-slot == first.Row().Slots(); single && first.Kind() == ir.KindJump {
		target, _ := first.Target(slot)
		if target == slot {
			return RuleDeadCode, nil // a trap: the verifier found that nothing comes here
		}
		if to, ok := in.Target(pc); in.Kind() == ir.KindBranch && ok {
			if r.leads(to, target, maxLeft) {
				r.never[pc] = pc + 1
				return RuleDeadBranch, nil
			} else if r.leads(pc+1, target, maxLeft) {
				r.never[pc] = to
				return RuleDeadBranch, nil
			}
		}
	}
	ways, err := r.follow(slot)
	if err != nil {
		return RuleNone, err
	}
	if in.Kind() == ir.KindLoadPacket { // whose own meaning is that of our runtime
		return r.another(pc, in, ways, fmt.Errorf("no loads from the packet are recognised"))
	}
	plain := func(a words[smt.Term], s regs[smt.Term]) (*meaning[smt.Term], error) {
		return r.src.spec(a, pc, s, -1, nil)
	}
	err = r.same(ways, plain, ir.W64)
	if err == nil {
		return r.plainRule(pc, in), nil
	}
	if r.from.LoadFlags&randomUpper != 0 && r.same(ways, plain, ir.W32) == nil {
		return RuleUpper, nil
	}
	return r.another(pc, in, ways, err)
}

// another compares by the meanings that rules give to an instruction.
func (r *rewriter) another(pc ir.PC, in ir.Insn, ways []way[smt.Term], err error) (Rule, error) {
	for _, other := range r.others(pc, in) {
		if r.same(ways, other.means, ir.W64) == nil {
			return other.rule, nil
		}
	}
	return RuleNone, fmt.Errorf("%v: %w", in.Op, err)
}

// plainRule names the rule of an instruction that means the same as what it became.
func (r *rewriter) plainRule(pc ir.PC, in ir.Insn) Rule {
	row := in.Row()
	switch {
	case r.named[pc] != "":
		return r.named[pc]
	case r.end[pc]-r.at[pc] == row.Slots():
		return RuleSame
	case row.ALU == ir.Div || row.ALU == ir.SDiv || row.ALU == ir.Mod || row.ALU == ir.SMod:
		return RuleGuard
	}
	return RuleExpanded
}

// same proves that on every way of the rewritten bytecode the instruction, by the
// meaning that is given, does the same, as far as the low bits of registers go.
func (r *rewriter) same(ways []way[smt.Term], mean means, low ir.Width) error {
	for _, w := range ways {
		a := r.src.w.assume(w.conds)
		m, err := mean(a, r.anyState())
		if err != nil {
			return err
		}
		for _, out := range m.outs {
			path := w.conds
			if out.exit != w.exit || out.tail != w.tail || !out.exit && !out.tail && !r.leads(out.pc, w.pc, maxLeft) {
				if !r.holds(path, r.b.Not(out.cond)) {
					return fmt.Errorf("the way to insn %d is another one", out.pc)
				}
				continue
			}
			if what := r.differ(append(path[:len(path):len(path)], out.cond), m, out, w, low); what != "" {
				return fmt.Errorf("%s differs", what)
			}
		}
	}
	return nil
}

// differ names what is not proved to be the same where both ways are taken.
func (r *rewriter) differ(path []smt.Term, m *meaning[smt.Term], out outcome[smt.Term], w way[smt.Term], low ir.Width) string {
	events := append(m.events[:len(m.events):len(m.events)], out.events...)
	if len(events) != len(w.events) {
		return "the number of memory accesses and calls"
	}
	var goals []goal[smt.Term]
	for i, x := range events {
		y := w.events[i]
		if x.kind != y.kind || x.w != y.w || x.fn != y.fn {
			return "the kind of memory access or call"
		}
		goals = append(goals, compare(x, y, ir.W32)...)
	}
	switch {
	case out.exit:
		goals = append(goals, goal[smt.Term]{"r0", ir.W64, m.after.r[ir.R0], w.after.r[ir.R0]})
	case out.tail:
		goals = append(goals, goal[smt.Term]{"target", ir.W64, m.after.r[ir.R0], w.after.r[ir.R0]}, goal[smt.Term]{"r1", ir.W64, m.after.r[ir.R1], w.after.r[ir.R1]})
	default:
		for i := ir.R0; i <= ir.FP; i++ {
			if !m.after.lost[i] {
				goals = append(goals, goal[smt.Term]{i.String(), low, r.b.Extract(m.after.r[i], low-1, 0), r.b.Extract(w.after.r[i], low-1, 0)})
			}
		}
	}
	for _, g := range goals {
		if g.x != g.y && !r.holds(path, r.b.Eq(g.x, g.y)) {
			return g.what
		}
	}
	return ""
}

// holds reports whether the path implies the goal, by rewriting or by the solver.
func (r *rewriter) holds(path []smt.Term, goal smt.Term) bool {
	if proof, ok := smt.Rewritten(r.b, path, goal); ok {
		return proof.Outcome == smt.Proved
	}
	if follows(r.b, append([]smt.Term{}, path...), goal, splits) {
		return true
	}
	if r.solver == nil {
		return false
	}
	proof, err := smt.Prove(r.ctx, r.solver, r.b, path, goal)
	return err == nil && proof.Outcome == smt.Proved
}

// alternative is a meaning that an instruction has by a rule.
type alternative struct {
	rule  Rule
	means means
}

// others lists what else an instruction may have become.
func (r *rewriter) others(pc ir.PC, in ir.Insn) (all []alternative) {
	switch {
	case in.Kind() == ir.KindLoad:
		if chain := r.field(in); chain != nil {
			all = append(all, alternative{RuleContext, func(a words[smt.Term], s regs[smt.Term]) (*meaning[smt.Term], error) {
				return r.contextLoad(a, s, in, pc, chain), nil
			}})
		}
	case in.Kind() == ir.KindLoadPacket:
		name := fmt.Sprintf("bpf_skb_load_helper_%d_no_cache", in.Row().Width)
		for slot := r.at[pc]; slot < r.end[pc]; slot++ {
			if r.symbols[slot] == name {
				call := r.to.Insns[slot].Imm
				all = append(all, alternative{RulePacket, func(a words[smt.Term], s regs[smt.Term]) (*meaning[smt.Term], error) {
					return r.packetLoad(a, s, in, pc, call), nil
				}})
			}
		}
	case in.Kind() == ir.KindCall && abi.HelperID(in.Imm) == abi.MapLookupElem && in.Row().Pseudo == ir.CallHelper:
		for _, i := range r.lookedUp(pc) {
			all = append(all, r.lookups(pc, i)...)
		}
	}
	return all
}
