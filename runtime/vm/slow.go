package vm

import (
	"errors"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// The operations that leave the main loop and come back behind themselves, by
// their index in slows.
const (
	slowHelper uint8 = iota
	slowLoadAcquire
	slowStoreRelease
	slowAtomic
	slowForbidden
)

var slowIndex = map[ir.Kind]uint8{ir.KindLoadAcquire: slowLoadAcquire, ir.KindStoreRelease: slowStoreRelease, ir.KindAtomic: slowAtomic}

// slows does them. An operation finds its own PC in m.at, and its size in bytes
// in in.hi.
var slows = [...]func(m *machine, in *insn){
	slowHelper:       (*machine).helper,
	slowLoadAcquire:  (*machine).loadAcquire,
	slowStoreRelease: (*machine).storeRelease,
	slowAtomic:       (*machine).atomic,
	slowForbidden:    (*machine).forbidden,
}

// slow does the one under way.
func (m *machine) slow() {
	m.at = m.pcOf(m.in)
	slows[m.in.aux](m, m.in)
}

// pure does an operation on two words that the main loop has no case for.
func (m *machine) pure(x, y uint64) { m.r[m.in.dst] = pure[m.in.aux](x, y) }

// helper calls the helper at in.imm in the program's table.
func (m *machine) helper(in *insn) {
	ret, err := m.prog.helpers[in.imm](m.env, [5]uint64(m.r[1:6]))
	if err != nil {
		m.refused(err)
		return
	}
	m.r[0] = ret
	m.refresh()
}

// forbidden ends the run at an instruction that writes r10.
func (m *machine) forbidden(*insn) { m.fail(&Fault{Kind: FaultForbidden, PC: ir.PC(m.at)}) }

// refused ends the run at a helper that did not take its arguments.
func (m *machine) refused(err error) {
	f := &Fault{Kind: FaultHelper, PC: ir.PC(m.at), Err: err}
	var inner *Fault
	if errors.As(err, &inner) {
		f = inner
	}
	m.fail(f)
}

// check returns the address of an atomic access by register base, and ends the
// run where it is not allowed.
func (m *machine) check(in *insn, base uint8, write bool) (addr uint64, ok bool) {
	n := uint64(in.hi)
	addr = m.r[base] + uint64(int64(in.off))
	if !m.reach(addr, n, write) {
		m.fail(&Fault{Kind: FaultMemory, PC: ir.PC(m.at), Addr: addr, Size: n, Write: write})
		return 0, false
	}
	if addr%n != 0 {
		m.fail(&Fault{Kind: FaultMisaligned, PC: ir.PC(m.at), Addr: addr, Size: n, Write: write})
		return 0, false
	}
	return addr, true
}

// loadAcquire reads words below 32 bits out of the aligned word around them,
// which lies in the same page and is read in one piece.
func (m *machine) loadAcquire(in *insn) {
	addr, ok := m.check(in, in.src, false)
	switch {
	case !ok:
	case in.hi == 8:
		m.r[in.dst] = atomic.LoadUint64(mem.Ptr64(addr))
	case in.hi == 4:
		m.r[in.dst] = uint64(atomic.LoadUint32(mem.Ptr32(addr)))
	default:
		word := uint64(atomic.LoadUint32(mem.Ptr32(addr &^ 3)))
		m.r[in.dst] = word >> (8 * (addr & 3)) & (1<<(8*in.hi) - 1)
	}
}

// storeRelease exchanges the aligned word around words below 32 bits.
func (m *machine) storeRelease(in *insn) {
	addr, ok := m.check(in, in.dst, true)
	x := m.r[in.src]
	switch {
	case !ok:
	case in.hi == 8:
		atomic.StoreUint64(mem.Ptr64(addr), x)
	case in.hi == 4:
		atomic.StoreUint32(mem.Ptr32(addr), uint32(x))
	default:
		p, pos := mem.Ptr32(addr&^3), 8*(addr&3)
		part := uint32(1<<(8*in.hi)-1) << pos
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
	addr, ok := m.check(in, in.dst, true)
	if !ok {
		return
	}
	row := m.prog.ir.Insns[m.at].Row()
	var old uint64
	if in.hi == 8 {
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
