package abi

import "github.com/bpfproof/bpfproof/ir"

// MapKind is what is common to all maps of a kind.
type MapKind struct {
	Type    ir.MapType
	Lookup  bool // lookup gives a pointer to a value
	PerCPU  bool
	KeySize uint32 // the size keys must have, 0 if free
	Direct  bool   // a program may hold the address of a value (PseudoMapValue)
}

var mapKinds = []MapKind{
	{Type: ir.Hash, Lookup: true},
	{Type: ir.Array, Lookup: true, KeySize: 4, Direct: true},
}

// LookupMapKind returns the facts of a map kind; ok is false if the kind is
// not in the table.
func LookupMapKind(t ir.MapType) (k *MapKind, ok bool) {
	for i := range mapKinds {
		if mapKinds[i].Type == t {
			return &mapKinds[i], true
		}
	}
	return nil, false
}

// The flags of map update (bpf.h: BPF_ANY, BPF_NOEXIST, BPF_EXIST, BPF_F_LOCK).
const (
	UpdateAny     = 0
	UpdateNoExist = 1
	UpdateExist   = 2
	UpdateLock    = 4
)

// The flags of map creation that a verifier must know (BPF_F_RDONLY_PROG,
// BPF_F_WRONLY_PROG): programs may not write, or not read, the map's values.
const (
	MapReadOnlyProg  = 1 << 7
	MapWriteOnlyProg = 1 << 8
)

// NeverKeyed lists map kinds without elements that programs look up, change or
// delete by key (check_map_func_compatibility in kernel/bpf/verifier.c).
var NeverKeyed = []ir.MapType{ir.ProgArray, ir.PerfEventArray, ir.StackTrace, ir.CgroupArray, ir.CgroupStorage,
	ir.PerCPUCgroupStorage, ir.Queue, ir.Stack, ir.RingBuf, ir.UserRingBuf, ir.BloomFilter, ir.SkStorage,
	ir.InodeStorage, ir.TaskStorage, ir.CgrpStorage}

// ArrayStride returns the distance in bytes between the elements of an array
// map: the value size rounded up to 8.
func ArrayStride(m *ir.MapSpec) uint32 { return (m.ValueSize + 7) &^ 7 }
