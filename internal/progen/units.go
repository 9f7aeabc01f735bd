package progen

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// unit is an instruction whose target does not depend on where it stands: the
// form in which programs are taken apart.
type unit struct {
	in     ir.Insn // without its distance, if it has a target
	target int     // index of a unit, or none
}

const none = -1

// units takes the instructions of a well-formed program apart.
func units(p *ir.Program) []unit {
	index := make([]int, len(p.Insns))
	n := 0
	for pc := range p.All() {
		index[pc] = n
		n++
	}
	list := make([]unit, 0, n)
	for pc, in := range p.All() {
		u := unit{in, none}
		if target, ok := in.Target(pc); ok {
			u.target = index[target]
			u.in.Off, u.in.Imm = 0, in.Imm
			if distant(in) {
				u.in.Off, u.in.Imm = in.Off, 0
			}
		}
		list = append(list, u)
	}
	return list
}

// distant reports whether the instruction's distance is in its immediate.
func distant(in ir.Insn) bool {
	row := in.Row()
	return row.Long || row.Kind == ir.KindCall || row.Kind == ir.KindLoadImm
}

// assemble puts units together as a program like p, without what no path
// reaches and without maps that nothing refers to. ok is false if that is no
// well-formed program.
func assemble(p *ir.Program, list []unit) (q *ir.Program, ok bool) {
	list = reached(list)
	pcs := make([]ir.PC, len(list))
	at := ir.PC(0)
	for i, u := range list {
		pcs[i] = at
		at += u.in.Row().Slots()
	}
	q = &ir.Program{Name: p.Name, Type: p.Type, License: p.License, AttachType: p.AttachType, LoadFlags: p.LoadFlags, Maps: p.Maps}
	for i, u := range list {
		in := u.in
		if u.target != none {
			if u.target >= len(list) {
				return nil, false
			}
			d := pcs[u.target] - pcs[i] - 1
			if distant(in) {
				in.Imm = int64(d)
			} else if in.Off = int16(d); ir.PC(in.Off) != d {
				return nil, false
			}
		}
		q.Insns = append(q.Insns, in)
		if in.Row().Slots() == 2 {
			q.Insns = append(q.Insns, ir.Pad())
		}
	}
	dropMaps(q)
	q.FindFuncs()
	for i := range q.Funcs {
		if len(q.Funcs) == len(p.Funcs) {
			q.Funcs[i].Global = p.Funcs[i].Global
		}
	}
	return q, q.Check() == nil
}

// remove returns the units without those from index i up to j. Jumps to a
// removed one lead to the next that is left.
func remove(list []unit, i, j int) []unit {
	out := make([]unit, 0, len(list)-(j-i))
	for k, u := range list {
		if k >= i && k < j {
			continue
		}
		switch {
		case u.target >= j:
			u.target -= j - i
		case u.target > i:
			u.target = i
		}
		out = append(out, u)
	}
	return out
}

// reached drops what no path leads to: the verifiers demand it.
func reached(list []unit) []unit {
	seen := make([]bool, len(list))
	work := []int{0}
	for len(work) > 0 {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		if i < 0 || i >= len(list) || seen[i] {
			continue
		}
		seen[i] = true
		if list[i].target != none {
			work = append(work, list[i].target)
		}
		if list[i].in.FallsThrough() {
			work = append(work, i+1)
		}
	}
	for i := len(list) - 1; i >= 0; i-- {
		if !seen[i] {
			list = remove(list, i, i+1)
		}
	}
	return list
}

// dropMaps removes the maps that no instruction refers to.
func dropMaps(p *ir.Program) {
	used := make([]bool, len(p.Maps))
	for _, in := range p.Insns {
		if m, _, ok := in.Map(); ok && m >= 0 && m < len(used) {
			used[m] = true
		}
	}
	moved := make([]int, len(p.Maps))
	var left []*ir.MapSpec
	for i, m := range p.Maps {
		moved[i] = len(left)
		if used[i] {
			left = append(left, m)
		}
	}
	for pc, in := range p.Insns {
		if m, offset, ok := in.Map(); ok && m >= 0 && m < len(moved) {
			p.Insns[pc].Imm = int64(moved[m]) | int64(offset)<<32
		}
	}
	p.Maps = slices.Clip(left)
}
