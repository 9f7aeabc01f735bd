package vm

import (
	"errors"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// The operations that leave the main loop, by their index in slow.
const (
	slowExit int32 = iota
	slowCall
	slowHelper
	slowLoadSigned
	slowLoadAcquire
	slowStoreRelease
	slowAtomic
)

// slow does them. An operation finds its own PC in m.at and the next one in
// m.pc, which it may change.
var slow = [...]func(m *machine, in *insn){
	slowExit:         (*machine).exit,
	slowCall:         (*machine).call,
	slowHelper:       (*machine).helper,
	slowLoadSigned:   (*machine).loadSigned,
	slowLoadAcquire:  (*machine).loadAcquire,
	slowStoreRelease: (*machine).storeRelease,
	slowAtomic:       (*machine).atomic,
}

func (m *machine) exit(*insn) {
	ret, ok := m.pop()
	if !ok {
		m.stop = true
		return
	}
	m.pc = ret
}

// call enters the subprogram at in.mask.
func (m *machine) call(in *insn) {
	if !m.push(m.pc) {
		m.fail(&Fault{Kind: FaultDepth, PC: ir.PC(m.at)})
		return
	}
	m.pc = int32(in.mask)
}

// helper calls the helper at in.mask in the program's table.
func (m *machine) helper(in *insn) {
	ret, err := m.prog.helpers[in.mask](m.env, [5]uint64(m.r[1:6]))
	if err != nil {
		f := &Fault{Kind: FaultHelper, PC: ir.PC(m.at), Err: err}
		var inner *Fault
		if errors.As(err, &inner) {
			f = inner
		}
		m.fail(f)
		return
	}
	m.r[0] = ret
	m.refresh()
}

// check ends the run where the access is not allowed.
func (m *machine) check(addr, n uint64, write bool) (ok bool) {
	if !m.reach(addr, n, write) {
		m.fault(int(m.at), addr, n, write, 1)
		return false
	}
	return true
}

// checkAligned is check for atomic accesses.
func (m *machine) checkAligned(addr, n uint64, write bool) (ok bool) {
	if !m.check(addr, n, write) {
		return false
	}
	if addr%n != 0 {
		m.fail(&Fault{Kind: FaultMisaligned, PC: ir.PC(m.at), Addr: addr, Size: n, Write: write})
		return false
	}
	return true
}

func (m *machine) loadSigned(in *insn) {
	addr := m.r[in.src] + in.imm
	if m.check(addr, uint64(in.shift), false) {
		m.r[in.dst] = uint64(signed(load(addr, in.shift), 64-8*in.shift))
	}
}

// loadAcquire reads words below 32 bits out of the aligned word around them,
// which lies in the same page and is read in one piece.
func (m *machine) loadAcquire(in *insn) {
	addr := m.r[in.src] + in.imm
	if !m.checkAligned(addr, uint64(in.shift), false) {
		return
	}
	switch in.shift {
	case 8:
		m.r[in.dst] = atomic.LoadUint64(mem.Ptr64(addr))
	case 4:
		m.r[in.dst] = uint64(atomic.LoadUint32(mem.Ptr32(addr)))
	default:
		word := uint64(atomic.LoadUint32(mem.Ptr32(addr &^ 3)))
		m.r[in.dst] = word >> (8 * (addr & 3)) & (1<<(8*in.shift) - 1)
	}
}

// storeRelease exchanges the aligned word around words below 32 bits.
func (m *machine) storeRelease(in *insn) {
	addr, x := m.r[in.dst]+in.imm, m.r[in.src]
	if !m.checkAligned(addr, uint64(in.shift), true) {
		return
	}
	switch in.shift {
	case 8:
		atomic.StoreUint64(mem.Ptr64(addr), x)
	case 4:
		atomic.StoreUint32(mem.Ptr32(addr), uint32(x))
	default:
		p, pos := mem.Ptr32(addr&^3), 8*(addr&3)
		part := uint32(1<<(8*in.shift)-1) << pos
		for {
			old := atomic.LoadUint32(p)
			if atomic.CompareAndSwapUint32(p, old, old&^part|uint32(x)<<pos&part) {
				return
			}
		}
	}
}

// atomic does the read-modify-write operation of the instruction's row.
func (m *machine) atomic(in *insn) {
	addr := m.r[in.dst] + in.imm
	if !m.checkAligned(addr, uint64(in.shift), true) {
		return
	}
	row := m.prog.ir.Insns[m.at].Row()
	var old uint64
	if in.shift == 8 {
		old = atomic64(row.Atomic, mem.Ptr64(addr), m.r[in.src], m.r[0])
	} else {
		old = uint64(atomic32(row.Atomic, mem.Ptr32(addr), uint32(m.r[in.src]), uint32(m.r[0])))
	}
	switch {
	case row.Atomic == ir.AtomicCmpXchg:
		m.r[0] = old
	case row.Fetch:
		m.r[in.src] = old
	}
}

// atomic64 returns what was at p before.
func atomic64(op ir.AtomicOp, p *uint64, x, r0 uint64) (old uint64) {
	switch op {
	case ir.AtomicAdd:
		return atomic.AddUint64(p, x) - x
	case ir.AtomicOr:
		return atomic.OrUint64(p, x)
	case ir.AtomicAnd:
		return atomic.AndUint64(p, x)
	case ir.AtomicXchg:
		return atomic.SwapUint64(p, x)
	}
	for {
		old = atomic.LoadUint64(p)
		next := old ^ x
		if op == ir.AtomicCmpXchg {
			if next = x; old != r0 {
				return old
			}
		}
		if atomic.CompareAndSwapUint64(p, old, next) {
			return old
		}
	}
}

// atomic32 is atomic64 for 32 bits.
func atomic32(op ir.AtomicOp, p *uint32, x, r0 uint32) (old uint32) {
	switch op {
	case ir.AtomicAdd:
		return atomic.AddUint32(p, x) - x
	case ir.AtomicOr:
		return atomic.OrUint32(p, x)
	case ir.AtomicAnd:
		return atomic.AndUint32(p, x)
	case ir.AtomicXchg:
		return atomic.SwapUint32(p, x)
	}
	for {
		old = atomic.LoadUint32(p)
		next := old ^ x
		if op == ir.AtomicCmpXchg {
			if next = x; old != r0 {
				return old
			}
		}
		if atomic.CompareAndSwapUint32(p, old, next) {
			return old
		}
	}
}
