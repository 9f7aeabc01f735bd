package jitproof

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof/x86"
)

// machine is the machine side of one path: its state, and what it has done.
type machine[V any] struct {
	s    *sim[V]
	pc   ir.PC // of the instruction, or prologuePC
	st   x86.State[V]
	off  int
	path []V // conditions, one bit each
	seen []int

	events []event[V]
	want   []event[V]  // what the bytecode does from the cut on, where that is certain
	slots  map[int64]V // known words of the private frame, by offset from the entry stack pointer
	calls  int

	cell     V    // the count of tail calls
	counting bool // the frame's words for it are in place

	budget V    // at the cut, or as the last call left it
	polled bool // the poll exit was called, and gave refill
	refill V

	loop *loop[V] // once a loop inside the instruction has been entered
}

// fork returns a copy that can go its own way.
func (m *machine[V]) fork() *machine[V] {
	n := *m
	n.path, n.events, n.seen = slices.Clip(m.path), slices.Clip(m.events), slices.Clip(m.seen)
	n.slots = maps.Clone(m.slots)
	return &n
}

func (m *machine[V]) a() words[V] { return m.s.w }

// where tells what a machine address belongs to.
type where uint8

const (
	inProgram where = iota
	inFrame
	inEnv
	inCounter // of tail calls
	inSegment // the processor's own data
)

// place classifies an address by its distance to the entry stack pointer and
// to the environment. The eBPF stack, if there is one, is the program's.
func (m *machine[V]) place(addr V, w ir.Width) (where, int64, error) {
	if m.s.conv.env {
		if off, ok := m.a().offset(addr, m.s.env()); ok {
			return inEnv, off, nil
		}
	}
	if m.s.img.kernel != nil {
		if off, ok := m.a().offset(addr, m.st.GS); ok {
			return inSegment, off, nil
		}
	}
	if m.counts(addr) {
		return inCounter, 0, counterAccess(w)
	}
	off, ok := m.a().offset(addr, m.s.entrySP())
	if !ok {
		return inProgram, 0, nil
	}
	low, high := m.s.fr.low, m.s.fr.high
	end := off + int64(w.Bytes())
	switch {
	case off >= low && end <= high:
		return inProgram, off, nil
	case off < high && end > low:
		return 0, 0, refused(KindFrame, "access at frame offset %d crosses the edge of the eBPF stack", off)
	case end > 8:
		return 0, 0, refused(KindFrame, "access at offset %d from the entry stack pointer is above the frame", off)
	case w != ir.W64 || off%8 != 0:
		return 0, 0, unclear(KindFrame, "access of %d bits at frame offset %d", w, off)
	case off < -jit.StackBytes/8:
		return 0, 0, refused(KindFrame, "access at frame offset %d is below the stack", off)
	}
	return inFrame, off, nil
}

// Load implements x86.Memory.
func (m *machine[V]) Load(addr V, w ir.Width) (V, error) {
	at, off, err := m.place(addr, w)
	switch {
	case err != nil:
		return addr, err
	case at == inCounter:
		return m.cell, nil
	case at == inSegment:
		return m.loadSegment(off, w)
	case at == inFrame:
		x, ok := m.counterWord(off)
		if ok {
			return x, nil
		}
		if x, ok = m.slots[off]; !ok {
			x = m.a().fresh(fmt.Sprintf("slot%d.%d", off, m.calls), w)
			m.slots[off] = x
		}
		return x, nil
	case at == inEnv:
		return m.loadEnv(off, w)
	}
	if x, ok := m.loadParts(addr, w); ok {
		return x, nil
	}
	x := symbol(m.a(), m.events, evLoad, w)
	m.events = append(m.events, event[V]{kind: evLoad, w: w, addr: addr})
	return x, nil
}

// loadParts is a load in whose place the bytecode has several narrower ones, one
// directly behind the other, of all of the word's bytes: it is taken as these,
// in the bytecode's order.
func (m *machine[V]) loadParts(addr V, w ir.Width) (x V, ok bool) {
	a, n := m.a(), 0
	var seen uint64
	for i := len(m.events); seen != w.Mask(); i, n = i+1, n+1 {
		if i >= len(m.want) || m.want[i].kind != evLoad || m.want[i].w >= w {
			return x, false
		}
		off, known := within(a, m.want[i].addr, addr, w)
		part := m.want[i].w.Mask()
		if !known || off+int64(m.want[i].w.Bytes()) > int64(w.Bytes()) || seen&(part<<(8*off)) != 0 {
			return x, false
		}
		seen |= part << (8 * off)
	}
	x = a.Const(w, 0)
	for _, e := range m.want[len(m.events) : len(m.events)+n] {
		off, _ := within(a, e.addr, addr, w)
		part := a.Resize(symbol(a, m.events, evLoad, e.w), e.w, w, false)
		x = a.Bin(sem.Or, w, x, a.Bin(sem.Shl, w, part, a.Const(w, uint64(8*off))))
		m.events = append(m.events, event[V]{kind: evLoad, w: e.w, addr: a.Bin(sem.Add, ir.W64, addr, a.Const(ir.W64, uint64(off)))})
	}
	return x, true
}

// within returns how many bytes behind addr x is, if it is in the word of w bits
// there. The difference need not be a constant as terms go: sums of words with
// known bits are none. In the end it is guessed: that the addresses are equal is to
// be proved all the same, as of every access.
func within[V any](a words[V], x, addr V, w ir.Width) (off int64, ok bool) {
	if off, ok := a.offset(x, addr); ok {
		return off, off >= 0 && off < int64(w.Bytes())
	}
	for off := range int64(w.Bytes()) {
		if a.same(x, a.Bin(sem.Add, ir.W64, addr, a.Const(ir.W64, uint64(off)))) {
			return off, true
		}
	}
	off, ok = a.near(x, addr)
	return off, ok && off >= 0 && off < int64(w.Bytes())
}

func (m *machine[V]) loadEnv(off int64, w ir.Width) (V, error) {
	if w == ir.W64 {
		if off == jit.EnvHelper || off == jit.EnvPoll {
			return m.s.exitAddr(off), nil
		}
		if off == jit.EnvCPU {
			return m.s.cpu(), nil
		}
	}
	return m.budget, refused(KindEnv, "read of %d bits at offset %d of the environment", w, off)
}

// Store implements x86.Memory.
func (m *machine[V]) Store(addr V, w ir.Width, x V) error {
	at, off, err := m.place(addr, w)
	switch {
	case err != nil:
		return err
	case at == inCounter:
		m.cell = x
		return nil
	case at == inSegment:
		return refused(KindEnv, "write of %d bits at %#x of the processor's data", w, off)
	case at == inFrame:
		if _, ok := m.counterWord(off); ok {
			return unclear(KindFrame, "the words of the tail-call counter are written")
		}
		m.slots[off] = x
		return nil
	case at == inEnv:
		return refused(KindEnv, "write of %d bits at offset %d of the environment", w, off)
	}
	m.events = append(m.events, event[V]{kind: evStore, w: w, addr: addr, val: x})
	return nil
}

// Update implements x86.Memory.
func (m *machine[V]) Update(addr V, w ir.Width, f func(V) V) (V, error) {
	at, off, err := m.place(addr, w)
	if err != nil {
		return addr, err
	}
	if at != inProgram {
		return addr, unclear(KindFrame, "atomic access at offset %d outside program memory", off)
	}
	old := symbol(m.a(), m.events, evUpdate, w)
	m.events = append(m.events, event[V]{kind: evUpdate, w: w, addr: addr, val: f(old), old: old})
	return old, nil
}

// called makes everything that a call may change unknown. The stack pointer
// must be below the eBPF stack, which the callee would otherwise overwrite.
func (m *machine[V]) called() error {
	sp, ok := m.a().offset(m.st.R[x86.RSP], m.s.entrySP())
	if !ok || sp > -m.s.fr.size || sp%8 != 0 || sp < -jit.StackBytes/8 {
		return refused(KindFrame, "the stack pointer at a call is not below the frame")
	}
	m.calls++
	for _, r := range m.s.conv.lost {
		m.st.R[r] = m.a().fresh(fmt.Sprintf("lost%d.%v", m.calls, r), ir.W64)
	}
	m.cell = m.s.countAfterCall()
	m.lost(sp)
	return nil
}

// spent proves that the budget is right where a call takes it over, and sets it
// to what the call leaves.
func (m *machine[V]) spent() {
	if !m.s.conv.env {
		return
	}
	at := site{m.s.fi, m.pc, m.off, m.seen}
	if !m.a().same(m.st.R[budgetReg], m.budget) || m.polled {
		m.s.out.prove(at, KindPoll, m.path, []goal[V]{{"budget at a call", ir.W64, m.budget, m.st.R[budgetReg]}})
	}
	m.budget = m.a().fresh(fmt.Sprintf("budget%d", m.calls), ir.W64)
	m.st.R[budgetReg] = m.budget
}

// lost forgets the flags and the words below the stack pointer.
func (m *machine[V]) lost(sp int64) {
	m.st.F.Lost()
	maps.DeleteFunc(m.slots, func(off int64, _ V) bool { return off < sp })
}

func (m *machine[V]) args() (args [5]V) {
	for i, r := range argRegs {
		args[i] = m.st.R[r]
	}
	return args
}

// callIndirect is a call through the environment: the helper exit or the poll.
func (m *machine[V]) callIndirect(addr V) error {
	switch {
	case !m.s.conv.env:
	case m.a().same(addr, m.s.exitAddr(jit.EnvHelper)):
		id := m.a().Resize(m.st.R[x86.RAX], ir.W64, ir.W32, false)
		m.events = append(m.events, event[V]{kind: evHelper, id: id, args: m.args()})
		m.spent()
		if err := m.called(); err != nil {
			return err
		}
		m.st.R[x86.RAX] = m.a().fresh("ret", ir.W64)
		return nil
	case m.a().same(addr, m.s.exitAddr(jit.EnvPoll)):
		if m.polled {
			return refused(KindPoll, "the poll exit is called twice")
		}
		m.polled = true
		before := m.st.R
		if err := m.called(); err != nil {
			return err
		}
		m.refill = m.a().fresh("budget.refill", ir.W64)
		m.st.R = before
		m.st.R[budgetReg] = m.refill
		return nil
	}
	return unclear(KindCall, "call of an address that is no exit of the environment")
}

func (m *machine[V]) callDirect(target int) error {
	if m.s.img.kernel != nil {
		return m.callKernel(target)
	}
	fn := slices.IndexFunc(m.s.code.Funcs, func(f jit.Func) bool { return int(f.Entry) == target })
	if fn < 0 {
		return refused(KindCall, "call of offset %#x, where no function starts", target)
	}
	m.events = append(m.events, event[V]{kind: evLocal, fn: fn, args: m.args()})
	if !m.a().same(m.st.R[x86.R12], m.s.env()) {
		return refused(KindCall, "r12 does not point to the environment at a call")
	}
	m.spent()
	if err := m.called(); err != nil {
		return err
	}
	m.st.R[x86.RAX] = m.a().fresh("ret", ir.W64)
	return nil
}

// exitAddr and the like are the symbols both sides share.
func (s *sim[V]) env() V     { return s.w.fresh("env", ir.W64) }
func (s *sim[V]) entrySP() V { return s.w.fresh("sp", ir.W64) }
func (s *sim[V]) entry(r x86.Reg) V {
	if r == x86.RSP {
		return s.entrySP()
	}
	if r == x86.R12 && s.conv.env {
		return s.env()
	}
	return s.w.fresh("entry."+r.String(), ir.W64)
}
func (s *sim[V]) exitAddr(off int64) V { return s.w.fresh(fmt.Sprintf("env.exit%d", off), ir.W64) }

// cpu is the number of the processor that a run is on: the same all the time,
// so that one symbol stands for it.
func (s *sim[V]) cpu() V { return s.w.fresh("env.cpu", ir.W64) }

func (s *sim[V]) mapSymbol(kind jit.RelocKind, m int, addend uint64) (V, bool) {
	name, ok := map[jit.RelocKind]string{jit.RelocMapHandle: "handle", jit.RelocMapValues: "values",
		jit.RelocMapLanes: "lanes", jit.RelocMapCPUs: "cpus"}[kind]
	x := s.w.fresh(fmt.Sprintf("map%d.%s", m, name), ir.W64)
	if addend != 0 {
		x = s.w.Bin(sem.Add, ir.W64, x, s.w.Const(ir.W64, addend))
	}
	return x, ok
}

// symbolOf is what the loader writes into a relocated place.
func (s *sim[V]) symbolOf(r jit.Reloc) (x V, ok bool) {
	if r.Kind == jit.RelocFunc {
		return s.funcSymbol(r.Func), true
	}
	return s.mapSymbol(r.Kind, r.Map, r.Addend)
}

// funcSymbol is the address of function fn.
func (s *sim[V]) funcSymbol(fn int) V { return s.w.fresh(fmt.Sprintf("func%d", fn), ir.W64) }

// asPathError turns the errors of decoding and stepping into the end of a
// path.
func asPathError(err error) *pathError {
	var p *pathError
	if errors.As(err, &p) {
		return p
	}
	return &pathError{Unknown, KindDecode, err.Error()}
}
