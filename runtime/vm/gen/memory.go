package main

import "fmt"

// sizes are the widths of memory accesses in bits, by the index of their limit
// in a window.
var sizes = []int{8, 16, 32, 64}

// access is a case that does something at off, the place of addr in a window.
// Outside of the window, that is moved and the instruction tried again, or the
// run ends at the instruction `at` behind it.
type access struct {
	window string
	size   int // index of the width
	addr   string
	at     int
	do     string
	next   string
}

func (a access) op(name string) op {
	n, write := sizes[a.size]/8, a.window == "write"
	body := fmt.Sprintf("addr := %s\noff := addr - m.%s.base\n", a.addr, a.window) +
		fmt.Sprintf("if off < m.%s.limit[%d] {\n%s\n%s\n} else {\n", a.window, a.size, a.do, a.next) +
		leave + fmt.Sprintf("if !m.reach(addr, %d, %v) {\nreturn m.outside(%d, %d, %v)\n}\n", n, write, a.at, n, write) + comeBack + "\n}"
	return op{name, body, ""}
}

func memoryOps() []op {
	var ops []op
	const src, dst = "r[in.src] + uint64(int64(in.off))", "r[in.dst] + uint64(int64(in.off))"
	for i, n := range sizes {
		load := access{window: "read", size: i, addr: src, next: after, do: fmt.Sprintf("r[in.dst] = uint64(loadAt%d(m.read.mem, off))", n)}
		ops = append(ops, load.op(fmt.Sprintf("Load%d", n)),
			op{fmt.Sprintf("LoadFP%d", n), fmt.Sprintf("r[in.dst] = uint64(loadAt%d(m.fp, uint64(int64(in.off))))", n), after})
		if n < 64 {
			load.do = fmt.Sprintf("r[in.dst] = uint64(int64(int%[1]d(loadAt%[1]d(m.read.mem, off))))", n)
			ops = append(ops, load.op(fmt.Sprintf("LoadSX%d", n)))
		}
		for _, kind := range []string{"X", "K"} {
			x := fmt.Sprintf("uint%d(r[in.src])", n)
			if kind == "K" {
				x = fmt.Sprintf("uint%d(int64(in.imm))", n)
			}
			store := access{window: "write", size: i, addr: dst, next: after, do: fmt.Sprintf("storeAt%d(m.write.mem, off, %s)", n, x)}
			ops = append(ops, store.op(fmt.Sprintf("Store%d%s", n, kind)),
				op{fmt.Sprintf("StoreFP%d%s", n, kind), fmt.Sprintf("storeAt%d(m.fp, uint64(int64(in.off)), %s)", n, x), after})
		}
	}
	return ops
}
