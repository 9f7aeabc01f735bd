package jitproof

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// kernelAssumptions are what the proof of any image of Linux rests on.
var kernelAssumptions = []string{
	"the kernel accepted the program: what it accesses through its own pointers is memory it owns, apart from the machine frame, the tail-call count and the code",
	"bytecode reads no register before writing it, and none of r0-r5 that a call leaves without a value",
	"the kernel shows the bytecode that it gave to its JIT, and the bytes that run, with the addresses where they are",
	"code that is called keeps rbx, rbp, r12-r15, the stack above it and, where it is a tail callee, what the entry of programs expects",
	"a load that faults is given what the kernel's exception table says",
	"loads and stores keep the order of amd64 (total store order), which is at least as strict as eBPF's",
	"a compare-and-exchange that is repeated while others come between ends at some time",
}

// assumptions lists what the proof rests on: with the above what the kernel does
// not show and the image was believed in.
func (k *kernelTables) assumptions() []string {
	all := slices.Clone(kernelAssumptions)
	refs := slices.SortedFunc(maps.Keys(k.maps), func(a, b mapRef) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id))
	})
	for _, ref := range refs {
		if _, known := k.tells(ref); known {
			continue
		}
		what := "map"
		if ref.kind != ir.PseudoMapFD {
			what = "value of map"
		}
		all = append(all, fmt.Sprintf("%s %d is at %#x", what, ref.id, k.maps[ref]))
	}
	for _, pc := range slices.Sorted(maps.Keys(k.direct)) {
		all = append(all, fmt.Sprintf("the kernel writes the tail call at insn %d as its slot is filled and emptied", pc))
	}
	for _, pc := range slices.Sorted(maps.Keys(k.probes)) {
		all = append(all, fmt.Sprintf("the load at insn %d is one that may fault", pc))
	}
	for i, f := range k.frames {
		if k.Funcs[i].Stack < 0 && !f.private {
			all = append(all, fmt.Sprintf("function %d uses at most %d bytes of stack", i, f.high-f.low))
		}
		if f.private {
			all = append(all, fmt.Sprintf("the stack of function %d ends %#x behind the processor's data, and is large enough", i, f.fixed))
		}
	}
	if k.cpuOff != 0 {
		all = append(all, fmt.Sprintf("gs:%#x holds the distance to the processor's data", k.cpuOff))
	}
	return all
}
