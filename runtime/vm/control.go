package vm

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// The operations after which execution may go on elsewhere, by their index in
// controls.
const (
	controlMayGoto uint8 = iota
	controlLoadPacket
	controlTailCall
	controlLoop
	controlForEach
	controlDrain
)

// controls does them. An operation finds its own PC in m.at and the next one in
// m.pc, which it may change.
var controls = [...]func(m *machine, in *insn){
	controlMayGoto:    (*machine).mayGoto,
	controlLoadPacket: (*machine).loadPacket,
	controlTailCall:   (*machine).tailCall,
	controlLoop:       (*machine).loop,
	controlForEach:    (*machine).forEach,
	controlDrain:      (*machine).drain,
}

// control does the one under way, and reports whether the main loop can go on.
func (m *machine) control() bool {
	m.at = m.pcOf(m.in)
	m.pc = m.at + 1
	controls[m.in.aux](m, m.in)
	return m.goOn()
}

// goOn sets the main loop to m.pc, and reports whether it can go on there:
// neither did the run end, nor is there too little fuel up to the next transfer
// of control.
func (m *machine) goOn() bool {
	if m.stop {
		return false
	}
	cost := int64(m.prog.segment[m.pc])
	if m.fuel < cost {
		return false
	}
	m.fuel -= cost
	m.in = &m.prog.code[m.pc]
	return true
}

// call enters the subprogram at imm.
func (m *machine) call() bool {
	m.at = m.pcOf(m.in)
	if s, ok := m.push(m.in.imm, m.at+1); ok {
		s.loop.next = nil
	}
	return m.goOn()
}

// exit leaves a frame.
func (m *machine) exit() bool {
	m.at = m.pcOf(m.in)
	m.leave()
	return m.goOn()
}

// leave returns to the caller of the function. Where a helper called it, the
// helper goes on.
func (m *machine) leave() {
	if m.depth == 0 {
		m.stop = true
		return
	}
	if s := m.pop(); s.loop.next != nil {
		s.loop.next(m, s)
	}
}

// mayGoto jumps where the frame's budget is used up.
func (m *machine) mayGoto(in *insn) {
	if m.budget == 0 {
		m.pc = in.imm
		return
	}
	m.budget--
}

// errNoContext says that LD_ABS and LD_IND did not find the context where they
// take it from.
var errNoContext = errors.New("r6 does not hold the context")

// Negative offsets of LD_ABS and LD_IND count from the network header (SKF_NET_OFF)
// or the link header (SKF_LL_OFF), as bpf_internal_load_pointer_neg_helper reads them.
const (
	netOffset  = -0x100000
	linkOffset = -0x200000
)

// loadPacket is LD_ABS and LD_IND: r0 is a word of the packet in host order; a
// place outside the packet ends the function with r0 = 0 (bpf_gen_ld_abs in
// net/core/filter.c of Linux 6.18). r1 to r5 are lost; they are 0 here.
func (m *machine) loadPacket(in *insn) {
	if m.r[ir.R6] != m.ctxAddr {
		m.fail(&Fault{Kind: FaultHelper, PC: ir.PC(m.at), Err: errNoContext})
		return
	}
	off := int64(in.imm)
	if row := m.prog.ir.Insns[m.at].Row(); row.Indirect {
		off = int64(int32(m.r[in.src] + uint64(off)))
	}
	clear(m.r[ir.R1 : ir.R5+1])
	start, end := m.frame.Bounds()
	link, network := m.frame.Headers()
	switch {
	case off < linkOffset:
		start = end // nothing lies there
	case off < netOffset:
		start, off = link, off-linkOffset
	case off < 0:
		start, off = network, off-netOffset
	}
	n := uint64(in.hi)
	if size := end - start; uint64(off) >= size || n > size-uint64(off) {
		m.r[0] = 0
		m.leave()
		return
	}
	x := uint64(0)
	for _, b := range mem.View(start+uint64(off), int(n)) {
		x = x<<8 | uint64(b)
	}
	m.r[0] = x
}

// tailCall goes on with another program in the place of the running function.
// Where there is none at the index, or too many were made, execution falls
// through with r0 as it was, which verified programs cannot read (RET_VOID).
// Only calls of a program count, as in the kernel's JIT for x86-64.
func (m *machine) tailCall(*insn) {
	handle, index := m.r[ir.R2], uint32(m.r[ir.R3])
	pm, err := m.env.Map(handle)
	if err != nil {
		m.refused(err)
		return
	}
	array, ok := pm.(*maps.ProgArray)
	if !ok {
		m.refused(fmt.Errorf("helpers: tail_call: map %q is a %v, not a prog_array", pm.Spec().Name, pm.Spec().Type))
		return
	}
	if m.tailCalls >= abi.TailCallLimit {
		return
	}
	target, _ := array.Target(index).(*Program)
	if target == nil {
		return
	}
	m.tailCalls++
	m.use(target)
	clear(m.r[:ir.FP])
	m.r[ir.R1], m.r[ir.R2] = m.frame.Args()
	m.openFrame(0)
}

// use makes p the program that runs.
func (m *machine) use(p *Program) {
	i := 0
	for i < len(m.worlds) && m.worlds[i].prog != p {
		i++
	}
	if i == len(m.worlds) {
		m.worlds = append(m.worlds, world{prog: p, env: m.newEnv(p)})
	}
	w, old := &m.worlds[i], m.env
	if !w.in {
		m.enter(w)
	}
	if w.env != old {
		w.env.Surroundings = old.Surroundings
	}
	m.prog, m.env, m.valueLen = p, w.env, 0
	m.base = address(&p.code[0])
	m.refresh()
}

// errno returns a negative errno as helpers leave it in r0.
func errno(n unix.Errno) uint64 { return -uint64(n) }

// function returns the start of the function that a register refers to.
func (m *machine) function(ref uint64) (pc int32, ok bool) {
	at, ok := abi.FuncOf(ref)
	if !ok || at >= m.prog.ir.Slots() || !m.prog.callable[at] {
		m.refused(fmt.Errorf("helpers: %#x is no function of the program", ref))
		return 0, false
	}
	return int32(at), true
}
