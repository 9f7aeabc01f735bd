package vm

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// reach reports whether the program may access the n bytes at addr, n > 0, and
// makes the memory around them the window of its kind of accesses, so that the
// next one there is checked by the main loop alone.
func (m *machine) reach(addr, n uint64, write bool) bool {
	w := &m.read
	if write {
		w = &m.write
	}
	if m.reachStack(addr, n, w) {
		return true
	}
	_, end := m.frame.Bounds()
	start := m.frame.Meta()
	if size := end - start; addr-start < size && n <= size-(addr-start) {
		if write && !m.frame.Writable() {
			return false
		}
		w.set(start, size)
		return true
	}
	m.missed = addr
	return m.reachContext(addr, n, w) || m.reachValue(addr, n, write, w) || !write && m.reachKey(addr, n, w)
}

func (m *machine) reachContext(addr, n uint64, w *window) bool {
	_, layout := m.frame.Context()
	if layout == nil {
		return false
	}
	size, off := uint64(layout.Size), addr-m.ctxAddr
	if off >= size || n > size-off {
		return false
	}
	if w == &m.read {
		w.set(m.ctxAddr, size)
		return true
	}
	field := layout.Field(int(off), int(n))
	if field == nil || !field.Writable {
		return false
	}
	w.set(m.ctxAddr+uint64(field.Off), uint64(field.Size))
	return true
}

// reachValue looks at the value touched last, then at all maps.
func (m *machine) reachValue(addr, n uint64, write bool, w *window) bool {
	if off := addr - m.value; off >= m.valueLen || n > m.valueLen-off {
		if !m.findValue(addr, n) {
			return m.reachBorrowed(addr, n, write, w)
		}
	}
	if write && !m.valueWritable || !write && !m.valueReadable {
		return false
	}
	w.set(m.value, m.valueLen)
	return true
}

func (m *machine) findValue(addr, n uint64) bool {
	for i := range m.prog.regions {
		r := &m.prog.regions[i]
		if r.Contains(addr, n) {
			m.value = addr - (addr-r.Base)%r.Stride
			m.valueLen, m.valueWritable, m.valueReadable = r.Value, !r.ReadOnly, !r.WriteOnly
			return true
		}
	}
	return false
}

// reachBorrowed looks at what helpers gave to the run: records of ring buffers
// and values of maps in maps.
func (m *machine) reachBorrowed(addr, n uint64, write bool, w *window) bool {
	start, size, writable, ok := m.env.Reach(addr, n)
	if !ok || write && !writable {
		return false
	}
	w.set(start, size)
	return true
}

// Read gives helpers the program's memory.
func (m *machine) Read(addr uint64, n int) ([]byte, error) { return m.view(addr, n, false) }

// Write gives helpers the program's memory for writing.
func (m *machine) Write(addr uint64, n int) ([]byte, error) { return m.view(addr, n, true) }

func (m *machine) view(addr uint64, n int, write bool) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	if n < 0 || !m.reach(addr, uint64(n), write) {
		return nil, &Fault{Kind: FaultMemory, PC: ir.PC(m.at), Addr: addr, Size: uint64(n), Write: write}
	}
	return mem.View(addr, n), nil
}

// regionsOf collects where the values of a program's maps lie.
func regionsOf(ms []maps.Map) []maps.Region {
	var regions []maps.Region
	seen := map[uint64]bool{}
	for _, m := range ms {
		if !seen[m.Handle()] {
			seen[m.Handle()] = true
			regions = append(regions, m.Region())
		}
	}
	return regions
}
