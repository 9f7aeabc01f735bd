package jit

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Label names a place in the code; it may be used before it is bound.
type Label int32

// Brancher encodes a machine's branches. A branch has a long form that reaches
// everywhere and may have a short one. Displacements count from the first byte
// of the branch.
type Brancher interface {
	// BranchForm returns the forms of a kind of branch.
	BranchForm(kind uint8) BranchForm
	// AppendBranch appends the branch with the given displacement.
	AppendBranch(text []byte, kind uint8, short bool, disp int32) []byte
	// AppendPadding appends n bytes of instructions that do nothing.
	AppendPadding(text []byte, n int) []byte
}

// BranchForm tells the lengths in bytes of a branch's two forms, and the
// displacements that the short one can hold: none if Lo > Hi.
type BranchForm struct {
	Long, Short uint8
	Lo, Hi      int16
}

// Assembler collects machine code with labels, branches and relocations. The
// code is first laid out with every branch in its long form; Finish shrinks
// branches to a fixpoint and closes the gaps.
type Assembler struct {
	// Text is the code so far, in the long layout. A backend appends
	// instructions to it, and may change what it appended since the last
	// branch, label or relocation.
	Text []byte

	brancher Brancher
	labels   []place
	branches []branch
	relocs   []relocAt
	aligns   []align // where padding up to a multiple of alignment may be put
	pads     []int32 // by index of align: bytes of padding up to it, and it
	saved    []int32 // by index of branch: bytes that branches before it have shrunk by
}

// place is an offset in the long layout; before counts the branches in front
// of it, so that its offset in the final layout is off - saved[before].
type place struct{ off, before int32 }

type branch struct {
	off   int32
	label Label
	form  BranchForm
	kind  uint8
	short bool
}

type relocAt struct {
	place
	reloc Reloc
}

// align is a place that is padded: always, or where the code from there to a
// label would lie in more cache lines than it needs.
type align struct {
	place
	end Label // unbound: always
}

const unbound = -1

// Alignment is the boundary in bytes that Align pads to.
const Alignment = 32

// NewAssembler returns an empty assembler with n labels, numbered from 0, and
// room for about size bytes.
func NewAssembler(b Brancher, n, size int) *Assembler {
	a := &Assembler{brancher: b}
	a.Restart(n, size)
	return a
}

// Restart empties the assembler for another code with n labels, in the memory
// that it has if that is enough.
func (a *Assembler) Restart(n, size int) {
	a.Text = slices.Grow(a.Text[:0], size)
	a.labels = slices.Grow(a.labels[:0], n)[:n]
	for i := range a.labels {
		a.labels[i] = place{off: unbound}
	}
	a.branches = slices.Grow(a.branches[:0], 8+n/3)
	a.relocs, a.aligns, a.pads = a.relocs[:0], a.aligns[:0], a.pads[:0]
}

// NewLabel returns one more label.
func (a *Assembler) NewLabel() Label {
	a.labels = append(a.labels, place{off: unbound})
	return Label(len(a.labels) - 1)
}

// Bind sets label l to the current end of the code.
func (a *Assembler) Bind(l Label) { a.labels[l] = a.here() }

func (a *Assembler) here() place { return place{int32(len(a.Text)), int32(len(a.branches))} }

// Branch appends a branch of the given kind to label l.
func (a *Assembler) Branch(kind uint8, l Label) {
	a.branches = append(a.branches, branch{off: int32(len(a.Text)), label: l, kind: kind, form: a.brancher.BranchForm(kind)})
	a.Text = a.brancher.AppendBranch(a.Text, kind, false, 0)
}

// Reloc marks the last 8 bytes of the code as a place that the loader fills
// in; r.Off is ignored. The bytes hold zero.
func (a *Assembler) Reloc(r Reloc) {
	at := a.here()
	at.off -= 8
	binary.LittleEndian.PutUint64(a.Text[at.off:], 0)
	a.relocs = append(a.relocs, relocAt{at, r})
}

// Align pads the code here so that what follows begins at a multiple of
// Alignment, from the beginning of the text.
func (a *Assembler) Align() { a.aligns = append(a.aligns, align{a.here(), unbound}) }

// AlignUpTo is Align where the code from here to the label would otherwise lie in
// more cache lines than it needs.
func (a *Assembler) AlignUpTo(end Label) { a.aligns = append(a.aligns, align{a.here(), end}) }

// Mark is a place in the code to go back to.
type Mark struct{ text, branches, relocs, labels, aligns int }

// Mark returns the current end of the code.
func (a *Assembler) Mark() Mark {
	return Mark{len(a.Text), len(a.branches), len(a.relocs), len(a.labels), len(a.aligns)}
}

// Reset takes back everything appended since m, labels made since then too.
// Labels that were bound since then and are older have to be bound again.
func (a *Assembler) Reset(m Mark) {
	a.Text, a.branches, a.relocs, a.labels = a.Text[:m.text], a.branches[:m.branches], a.relocs[:m.relocs], a.labels[:m.labels]
	a.aligns = a.aligns[:m.aligns]
}

// Finish lays the code out and returns it with its relocations in order. It
// fails where a branch leads to a label that was never bound.
func (a *Assembler) Finish() (text []byte, relocs []Reloc, err error) {
	for _, br := range a.branches {
		if a.labels[br.label].off == unbound {
			return nil, nil, fmt.Errorf("jit: lay out code: label %d is not bound", br.label)
		}
	}
	a.saved = slices.Grow(a.saved[:0], len(a.branches)+1)[:len(a.branches)+1]
	clear(a.saved)
	for a.shrink() {
	}
	a.pad()
	text = a.compact()
	for _, r := range a.relocs {
		r.reloc.Off = a.final(r.place)
		relocs = append(relocs, r.reloc)
	}
	return text, relocs, nil
}

// Offsets writes where the first labels lie in the code that Finish returned, as
// Offset does.
func (a *Assembler) Offsets(offs []int32) {
	plain := len(a.pads) == 0
	for i, l := range a.labels[:len(offs)] {
		switch {
		case l.off == unbound:
			offs[i] = NoCode
		case plain:
			offs[i] = l.off - a.saved[l.before]
		default:
			offs[i] = a.final(l)
		}
	}
}

// Offset returns where label l lies in the code that Finish returned, NoCode
// if it was never bound.
func (a *Assembler) Offset(l Label) int32 {
	if a.labels[l].off == unbound {
		return NoCode
	}
	return a.final(a.labels[l])
}

// final returns where a place is in the final layout, behind the padding there.
func (a *Assembler) final(p place) int32 {
	off := p.off - a.saved[p.before]
	if len(a.pads) > 0 {
		if n := a.alignsTo(p.off); n > 0 {
			off += a.pads[n-1]
		}
	}
	return off
}

// alignsTo returns how many aligns are at an offset of the long layout or before.
func (a *Assembler) alignsTo(off int32) int {
	n, _ := slices.BinarySearchFunc(a.aligns, off+1, func(p align, off int32) int { return int(p.off) - int(off) })
	return n
}

// slack returns how many bytes of padding there can be between a branch and a
// place that is not padded yet.
func (a *Assembler) slack(br, to int32) int32 {
	return int32(max(a.alignsTo(to)-a.alignsTo(br), a.alignsTo(br)-a.alignsTo(to))) * (Alignment - 1)
}

// pad finds the padding of every align in the layout that the branches have now.
func (a *Assembler) pad() {
	total := int32(0)
	for _, p := range a.aligns {
		start := p.off - a.saved[p.before] + total
		if p.end == unbound || a.straddles(p, start) {
			total += -start & (Alignment - 1)
		}
		a.pads = append(a.pads, total)
	}
}

// cacheLine is the size of one in bytes.
const cacheLine = 64

// straddles reports whether the code from a place that comes to lie at start lies
// in more cache lines there than behind padding.
func (a *Assembler) straddles(p align, start int32) bool {
	end := a.labels[p.end]
	if end.off == unbound {
		return false
	}
	n := end.off - a.saved[end.before] - (p.off - a.saved[p.before])
	lines := func(at int32) int32 { return (at&(cacheLine-1) + n + cacheLine - 1) / cacheLine }
	return lines(start) > lines((start+Alignment-1)&^(Alignment-1))
}

// shrink makes every branch short that reaches its label so. Shrinking never
// moves a branch away from its label, and a distance by one round's layout, the
// one before for places ahead, is at least as long as the final one, so a branch
// made short stays in reach; every round makes at least one branch short, so the
// rounds end. What it says is whether another round may find one.
func (a *Assembler) shrink() bool {
	changed, left := false, false
	total := int32(0)
	saved := a.saved[:len(a.branches)+1]
	for i := range a.branches {
		br := &a.branches[i]
		before := saved[i] // as the places ahead have it
		saved[i] = total
		if !br.short {
			to, slack := a.labels[br.label], int32(0)
			if len(a.aligns) > 0 {
				slack = a.slack(br.off, to.off)
			}
			if int(to.before) <= i {
				before = total
			}
			d := to.off - saved[to.before] - br.off + before
			if d-slack < int32(br.form.Lo) || int32(br.form.Hi) < d+slack {
				left = left || br.form.Lo <= br.form.Hi
				continue
			}
			br.short, changed = true, true
		}
		total += int32(br.form.Long - br.form.Short)
	}
	saved[len(a.branches)] = total
	return changed && left
}

// compact writes the final layout.
func (a *Assembler) compact() []byte {
	text := make([]byte, 0, len(a.Text)-int(a.saved[len(a.branches)])+Alignment*len(a.aligns))
	if len(a.branches) == 0 && len(a.aligns) == 0 {
		return append(text, a.Text...)
	}
	from, align := int32(0), 0
	copyTo := func(to int32) {
		for ; align < len(a.aligns) && a.aligns[align].off <= to; align++ {
			text = append(text, a.Text[from:a.aligns[align].off]...)
			from = a.aligns[align].off
			before := int32(0)
			if align > 0 {
				before = a.pads[align-1]
			}
			text = a.brancher.AppendPadding(text, int(a.pads[align]-before))
		}
		text = append(text, a.Text[from:to]...)
	}
	for i := range a.branches {
		br := &a.branches[i]
		copyTo(br.off)
		disp := a.final(a.labels[br.label]) - int32(len(text))
		text = a.brancher.AppendBranch(text, br.kind, br.short, disp)
		from = br.off + int32(br.form.Long)
	}
	copyTo(int32(len(a.Text)))
	return text
}
