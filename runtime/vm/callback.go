package vm

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// loop is a helper that calls a function of the program again and again. It
// lies in the frame that called the helper and goes on whenever the function
// exits.
type loop struct {
	// next is called in the frame of the helper's caller when the function has
	// returned r0; nil in frames that called no such helper.
	next func(m *machine, s *savedFrame)
	fn   int32
	ctx  uint64
	i, n uint64 // calls made, and at most to make

	m      maps.Map // of for_each_map_elem
	handle uint64
	elems  []ir.MapElem // read ahead and not yet shown
	cursor uint64       // of maps.Map.Batch
	last   bool         // there are no more behind elems

	drained *helpers.Drain // of user_ringbuf_drain
}

// maxLoops bounds the calls of bpf_loop (BPF_MAX_LOOPS).
const maxLoops = 8 << 20

// loop is bpf_loop (kernel/bpf/bpf_iter.c of Linux 6.18): it calls the function
// with 0, 1, 2, ... until that returns something else than 0, and returns the
// number of calls.
func (m *machine) loop(*insn) {
	n, flags := uint64(uint32(m.r[ir.R1])), m.r[ir.R4]
	fn, ok := m.function(m.r[ir.R2])
	switch {
	case !ok:
	case flags != 0:
		m.r[0] = errno(unix.EINVAL)
	case n > maxLoops:
		m.r[0] = errno(unix.E2BIG)
	default:
		m.again(&loop{next: loopNext, fn: fn, ctx: m.r[ir.R3], n: n})
	}
}

func loopNext(m *machine, s *savedFrame) {
	if m.r[0] != 0 {
		m.r[0] = s.loop.i
		return
	}
	l := s.loop
	m.again(&l)
}

// again makes the next call of bpf_loop, or ends it.
func (m *machine) again(l *loop) {
	if l.i == l.n {
		m.r[0] = l.i
		return
	}
	i := l.i
	l.i++
	if m.invoke(l) {
		m.r[ir.R1], m.r[ir.R2] = i, l.ctx
	}
}

// invoke calls the loop's function with arguments that are zero. Execution
// goes on behind the helper's call when the loop is over.
func (m *machine) invoke(l *loop) bool {
	s, ok := m.push(l.fn, m.pc)
	if ok {
		s.loop = *l
		clear(m.r[ir.R1 : ir.R5+1])
	}
	return ok
}

// drain is bpf_user_ringbuf_drain: it calls the function with each record until
// that returns something else than 0, and returns the number of records.
func (m *machine) drain(*insn) {
	fn, ok := m.function(m.r[ir.R2])
	if !ok {
		return
	}
	d, ret, err := m.env.Drain(m.r[ir.R1], m.r[ir.R4])
	switch {
	case err != nil:
		m.refused(err)
	case d == nil:
		m.r[0] = ret
	default:
		m.record(&loop{next: drainNext, fn: fn, ctx: m.r[ir.R3], drained: d})
	}
}

func drainNext(m *machine, s *savedFrame) {
	l := s.loop
	l.drained.Took()
	m.refresh() // the record goes
	if m.r[0] != 0 {
		m.r[0] = l.drained.End()
		return
	}
	m.record(&l)
}

// record calls the function for the next record, or ends the loop.
func (m *machine) record(l *loop) {
	at, ok := l.drained.Next()
	if !ok {
		m.r[0] = l.drained.End()
		return
	}
	if m.invoke(l) {
		m.r[ir.R1], m.r[ir.R2] = at, l.ctx
	}
}

// batch is how many elements for_each_map_elem reads ahead.
const batch = 64

// forEach is bpf_for_each_map_elem: it calls the
// function with map, key, value and ctx until that returns something else than
// 0, and returns the number of calls. Elements that are deleted before their
// turn are left out.
func (m *machine) forEach(*insn) {
	fn, ok := m.function(m.r[ir.R2])
	if !ok {
		return
	}
	mp, err := m.env.Map(m.r[ir.R1])
	switch {
	case err != nil:
		m.refused(err)
		return
	case !helpers.Walkable(mp):
		m.refused(fmt.Errorf("helpers: for_each_map_elem: map %q is a %v", mp.Spec().Name, mp.Spec().Type))
		return
	case m.r[ir.R4] != 0:
		m.r[0] = errno(unix.EINVAL)
		return
	}
	if m.keys == nil {
		if m.keys, err = mem.Alloc(MaxFrames * maps.MaxKeySize); err != nil {
			m.refused(err)
			return
		}
	}
	m.show(&loop{next: forEachNext, fn: fn, ctx: m.r[ir.R3], m: mp, handle: m.r[ir.R1]})
}

func forEachNext(m *machine, s *savedFrame) {
	m.read.clear() // the key goes
	if m.r[0] != 0 {
		m.r[0] = s.loop.i
		return
	}
	l := s.loop
	m.show(&l)
}

// show calls the function for the next element, or ends the loop.
func (m *machine) show(l *loop) {
	for {
		for len(l.elems) > 0 {
			key := l.elems[0].Key
			l.elems = l.elems[1:]
			value := m.env.Value(l.m, key)
			if value == 0 {
				continue
			}
			l.i++
			if m.invoke(l) {
				at := m.keyAddr(m.depth)
				copy(mem.View(at, len(key)), key)
				m.r[ir.R1], m.r[ir.R2], m.r[ir.R3], m.r[ir.R4] = l.handle, at, value, l.ctx
			}
			return
		}
		if l.last {
			m.r[0] = l.i
			return
		}
		elems, next, err := l.m.Batch(l.cursor, batch)
		if err != nil {
			m.refused(err)
			return
		}
		l.elems, l.cursor, l.last = elems, next, next == 0
	}
}

// keyAddr is where the function in frame depth finds its key.
func (m *machine) keyAddr(depth int) uint64 { return m.keys.Addr() + uint64(depth*maps.MaxKeySize) }

// reachKey reports whether the bytes lie in the key that a function under way
// was called with.
func (m *machine) reachKey(addr, n uint64, w *window) bool {
	if size := uint64(len(m.key)); size != 0 {
		at := mem.Addr(m.key)
		if off := addr - at; off < size && n <= size-off {
			w.set(at, size)
			return true
		}
	}
	for d := 1; d <= m.depth; d++ {
		l := &m.saved[d-1].loop
		if l.next == nil || l.m == nil {
			continue
		}
		at, size := m.keyAddr(d), uint64(l.m.Spec().KeySize)
		if off := addr - at; off < size && n <= size-off {
			w.set(at, size)
			return true
		}
	}
	return false
}
