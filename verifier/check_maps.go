package verifier

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// tracingProgs lists the types that may run anywhere in the kernel, also where
// a lock is held (is_tracing_prog_type).
var tracingProgs = []ir.ProgType{ir.Kprobe, ir.Tracepoint, ir.PerfEvent, ir.RawTracepoint, ir.RawTracepointWritable}

// sleepableMaps lists the kinds that programs which may sleep can use.
var sleepableMaps = []ir.MapType{ir.Hash, ir.LRUHash, ir.Array, ir.PerCPUHash, ir.PerCPUArray, ir.LRUPerCPUHash, ir.ArrayOfMaps,
	ir.HashOfMaps, ir.RingBuf, ir.UserRingBuf, ir.InodeStorage, ir.SkStorage, ir.TaskStorage, ir.CgrpStorage, ir.Queue, ir.Stack, ir.Arena}

// sleepableProgs lists the types whose programs may be loaded to sleep.
var sleepableProgs = []ir.ProgType{ir.Tracing, ir.LSM, ir.Kprobe, ir.StructOps, ir.Syscall}

// checkLoad tells why a program of the type may not be loaded as it asks to be;
// the message is empty if it may (check_attach_btf_id).
func checkLoad(p *ir.Program) (Code, string) {
	switch sleeps := p.LoadFlags&abi.LoadSleepable != 0; {
	case sleeps && !slices.Contains(sleepableProgs, p.Type):
		return AttachPoint, fmt.Sprintf("programs of type %s cannot be sleepable", p.Type)
	case !sleeps && p.Type == ir.Syscall:
		return AttachPoint, "Syscall programs can only be sleepable"
	}
	return checkMaps(p)
}

// checkMaps tells why the program may not use a map that its code refers to; the
// message is empty if it may.
//
// Source: check_map_prog_compatibility and bpf_cgroup_storage_assign in
// kernel/bpf of Linux 6.18.
func checkMaps(p *ir.Program) (Code, string) {
	storage := map[ir.MapType]int{}
	for i := range p.Insns {
		index, _, ok := p.Insns[i].Map()
		if !ok {
			continue
		}
		m := p.Maps[index]
		if m.Type == ir.CgroupStorage || m.Type == ir.PerCPUCgroupStorage {
			if other, ok := storage[m.Type]; ok && other != index {
				return MapReference, "only one cgroup storage of each type is allowed"
			}
			storage[m.Type] = index
		}
		tracing := slices.Contains(tracingProgs, p.Type)
		locks := m.FieldOf(ir.SpinLockField) != nil
		switch {
		case locks && p.Type == ir.SocketFilter:
			return MapReference, "socket filter progs cannot use bpf_spin_lock yet"
		case locks && tracing:
			return MapReference, "tracing progs cannot use bpf_spin_lock yet"
		case m.FieldOf(ir.TimerField) != nil && tracing:
			return MapReference, "tracing progs cannot use bpf_timer yet"
		case p.LoadFlags&abi.LoadSleepable != 0 && !slices.Contains(sleepableMaps, m.Type):
			return MapReference, fmt.Sprintf("sleepable programs cannot use maps of kind %s", m.Type)
		}
	}
	return "", ""
}
