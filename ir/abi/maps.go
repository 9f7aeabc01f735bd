package abi

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

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

// mapHelpers lists the helpers of map kinds that have only these.
var mapHelpers = map[ir.MapType][]HelperID{
	ir.ProgArray:           {TailCall},
	ir.PerfEventArray:      {PerfEventRead, PerfEventOutput, SkbOutput, PerfEventReadVal, XDPOutput},
	ir.RingBuf:             {RingbufOutput, RingbufReserve, RingbufQuery, RingbufReserveDyn, RingbufSubmitDyn, RingbufDiscardDyn},
	ir.UserRingBuf:         {UserRingbufDrain},
	ir.StackTrace:          {GetStackID},
	ir.CgroupArray:         {SkbUnderCgroup, TaskUnderCgroup},
	ir.CgroupStorage:       {GetLocalStorage},
	ir.PerCPUCgroupStorage: {GetLocalStorage},
	ir.Devmap:              {RedirectMap, MapLookupElem},
	ir.DevmapHash:          {RedirectMap, MapLookupElem},
	ir.CPUMap:              {RedirectMap},
	ir.XSKMap:              {RedirectMap, MapLookupElem},
	ir.ArrayOfMaps:         {MapLookupElem},
	ir.HashOfMaps:          {MapLookupElem},
	ir.Sockmap:             {SkRedirectMap, SockMapUpdate, MapDeleteElem, MsgRedirectMap, SkSelectReuseport, MapLookupElem, MapUpdateElem},
	ir.Sockhash:            {SkRedirectHash, SockHashUpdate, MapDeleteElem, MsgRedirectHash, SkSelectReuseport, MapLookupElem, MapUpdateElem},
	ir.ReuseportSockarray:  {SkSelectReuseport},
	ir.Queue:               {MapPeekElem, MapPopElem, MapPushElem},
	ir.Stack:               {MapPeekElem, MapPopElem, MapPushElem},
	ir.SkStorage:           {SkStorageGet, SkStorageDelete, KptrXchg},
	ir.InodeStorage:        {InodeStorageGet, InodeStorageDel, KptrXchg},
	ir.TaskStorage:         {TaskStorageGet, TaskStorageDel, KptrXchg},
	ir.CgrpStorage:         {CgrpStorageGet, CgrpStorageDel, KptrXchg},
	ir.BloomFilter:         {MapPeekElem, MapPushElem},
}

// helperMaps lists the map kinds of helpers that have only these.
var helperMaps = map[HelperID][]ir.MapType{
	TailCall:          {ir.ProgArray},
	PerfEventRead:     {ir.PerfEventArray},
	PerfEventOutput:   {ir.PerfEventArray},
	PerfEventReadVal:  {ir.PerfEventArray},
	SkbOutput:         {ir.PerfEventArray},
	XDPOutput:         {ir.PerfEventArray},
	RingbufOutput:     {ir.RingBuf},
	RingbufReserve:    {ir.RingBuf},
	RingbufQuery:      {ir.RingBuf},
	RingbufReserveDyn: {ir.RingBuf},
	RingbufSubmitDyn:  {ir.RingBuf},
	RingbufDiscardDyn: {ir.RingBuf},
	UserRingbufDrain:  {ir.UserRingBuf},
	GetStackID:        {ir.StackTrace},
	TaskUnderCgroup:   {ir.CgroupArray},
	SkbUnderCgroup:    {ir.CgroupArray},
	RedirectMap:       {ir.Devmap, ir.DevmapHash, ir.CPUMap, ir.XSKMap},
	SkRedirectMap:     {ir.Sockmap},
	MsgRedirectMap:    {ir.Sockmap},
	SockMapUpdate:     {ir.Sockmap},
	SkRedirectHash:    {ir.Sockhash},
	MsgRedirectHash:   {ir.Sockhash},
	SockHashUpdate:    {ir.Sockhash},
	GetLocalStorage:   {ir.CgroupStorage, ir.PerCPUCgroupStorage},
	SkSelectReuseport: {ir.ReuseportSockarray, ir.Sockmap, ir.Sockhash},
	MapPopElem:        {ir.Queue, ir.Stack},
	MapPeekElem:       {ir.Queue, ir.Stack, ir.BloomFilter},
	MapPushElem:       {ir.Queue, ir.Stack, ir.BloomFilter},
	MapLookupPerCPU:   {ir.PerCPUArray, ir.PerCPUHash, ir.LRUPerCPUHash},
	SkStorageGet:      {ir.SkStorage},
	SkStorageDelete:   {ir.SkStorage},
	InodeStorageGet:   {ir.InodeStorage},
	InodeStorageDel:   {ir.InodeStorage},
	TaskStorageGet:    {ir.TaskStorage},
	TaskStorageDel:    {ir.TaskStorage},
	CgrpStorageGet:    {ir.CgrpStorage},
	CgrpStorageDel:    {ir.CgrpStorage},
}

// MapAllows reports whether a helper takes maps of a kind.
//
// Source: check_map_func_compatibility in kernel/bpf/verifier.c of Linux 6.18.
func MapAllows(t ir.MapType, id HelperID) bool {
	helpers, few := mapHelpers[t]
	kinds, some := helperMaps[id]
	return (!few || slices.Contains(helpers, id)) && (!some || slices.Contains(kinds, t))
}

// sockmapWriters lists the types whose programs may change a sockmap by the
// helpers of all maps, but for those that are attached to iterators.
var sockmapWriters = []ir.ProgType{ir.SocketFilter, ir.SchedCLS, ir.SchedACT, ir.XDP, ir.SkReuseport, ir.FlowDissector, ir.SkLookup}

// MapAllowsIn reports whether a program of a type may give a map of a kind to a
// helper that takes such maps: sockets are put into maps and taken out in few
// types (may_update_sockmap in kernel/bpf/verifier.c).
func MapAllowsIn(p ir.ProgType, t ir.MapType, id HelperID) bool {
	if t != ir.Sockmap && t != ir.Sockhash {
		return true
	}
	switch id {
	case MapUpdateElem:
		return slices.Contains(sockmapWriters, p)
	case MapDeleteElem:
		return p == ir.SockOps || slices.Contains(sockmapWriters, p)
	}
	return true
}

// ResolveArg returns what the class of an argument is for a map of the given
// kind: the values of sockmaps are sockets, not memory (resolve_map_arg_type in
// kernel/bpf/verifier.c).
func ResolveArg(a Arg, t ir.MapType) Arg {
	if a == ArgMapValue && (t == ir.Sockmap || t == ir.Sockhash) {
		return ArgAnySock
	}
	return a
}

// ArrayStride returns the distance in bytes between the elements of an array
// map: the value size rounded up to 8.
func ArrayStride(m *ir.MapSpec) uint32 { return (m.ValueSize + 7) &^ 7 }

// CacheLine is the size in bytes of a cache line of the machines that maps are
// laid out for.
const CacheLine = 64

// CPUArea returns the distance in bytes between n values of one processor and
// those of the next, where values lie stride bytes apart: a whole number of
// strides and of cache lines, so that no two processors share one. stride is a
// multiple of 8.
func CPUArea(stride, n uint64) uint64 {
	area := n * stride
	for area%CacheLine != 0 {
		area += stride
	}
	return area
}

// ArrayArea returns the distance in bytes between an element of a per-CPU array
// on one processor and the same on the next. On each, elements lie ArrayStride
// apart.
func ArrayArea(m *ir.MapSpec) uint64 {
	return CPUArea(uint64(ArrayStride(m)), uint64(m.MaxEntries))
}
