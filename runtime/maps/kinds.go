package maps

import (
	"github.com/bpfproof/bpfproof/ir"
)

// kind says how maps of a kind are made and what their specs must be.
type kind struct {
	flags  uint32 // that are known
	key    uint32 // the size keys must have, 0 if free
	noKey  bool   // key size has to be 0
	handle bool   // values are 4 bytes that stand for an object
	pins   bool   // its memory may be a file's
	free   bool   // check looks at the sizes itself
	check  func(*ir.MapSpec) error
	make   func(*ir.MapSpec, options) (Map, error)
}

const (
	flagsOfAnArray = FlagNUMANode | FlagRdonlyProg | FlagWronlyProg
	flagsOfStorage = FlagNoPrealloc | FlagClone
	flagsOfAHash   = FlagNoPrealloc | FlagNUMANode | FlagZeroSeed | FlagRdonlyProg | FlagWronlyProg
)

var kinds = map[ir.MapType]kind{
	ir.Array: {pins: true, flags: flagsOfAnArray | FlagMmapable | FlagInnerMap, key: 4, check: checkArray,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newArray(s, 0, o.file) }},
	ir.PerCPUArray: {pins: true, flags: flagsOfAnArray, key: 4, check: checkArray,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newArray(s, o.cpus, o.file) }},
	ir.Hash: {pins: true, flags: flagsOfAHash, check: checkHash,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newHash(s, o.epochs, 0, false, o.file) }},
	ir.PerCPUHash: {pins: true, flags: flagsOfAHash, check: checkHash,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newHash(s, o.epochs, o.cpus, false, o.file) }},
	ir.LRUHash: {pins: true, flags: flagsOfAHash&^FlagNoPrealloc | FlagNoCommonLRU, check: checkHash,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newHash(s, o.epochs, 0, true, o.file) }},
	ir.LRUPerCPUHash: {pins: true, flags: flagsOfAHash&^FlagNoPrealloc | FlagNoCommonLRU, check: checkHash,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newHash(s, o.epochs, o.cpus, true, o.file) }},
	ir.LPMTrie: {flags: flagsOfAHash &^ FlagZeroSeed, check: checkLPM,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newLPM(s, o.epochs) }},
	ir.ArrayOfMaps: {flags: flagsOfAnArray &^ FlagWronlyProg, key: 4, handle: true, check: checkOuter,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newOuter(s, o.epochs) }},
	ir.HashOfMaps: {flags: flagsOfAHash &^ FlagWronlyProg, handle: true, check: checkOuter,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newOuter(s, o.epochs) }},
	ir.ProgArray: {flags: FlagNUMANode, key: 4, handle: true, check: checkProgArray,
		make: func(s *ir.MapSpec, _ options) (Map, error) { return newProgArray(s) }},
	ir.Queue: {flags: flagsOfAnArray, noKey: true, check: checkQueue,
		make: func(s *ir.MapSpec, _ options) (Map, error) { return newQueue(s) }},
	ir.Stack: {flags: flagsOfAnArray, noKey: true, check: checkQueue,
		make: func(s *ir.MapSpec, _ options) (Map, error) { return newQueue(s) }},
	ir.BloomFilter: {flags: flagsOfAnArray | FlagZeroSeed, noKey: true, check: checkBloom,
		make: func(s *ir.MapSpec, _ options) (Map, error) { return newBloom(s) }},
	ir.RingBuf: {flags: FlagNUMANode, free: true, check: checkRingBuf,
		make: func(s *ir.MapSpec, _ options) (Map, error) { return newRingBuf(s) }},
	ir.UserRingBuf: {flags: FlagNUMANode, free: true, check: checkRingBuf,
		make: func(s *ir.MapSpec, _ options) (Map, error) { return newRingBuf(s) }},
	ir.PerfEventArray: {flags: FlagNUMANode | FlagPreserveElems, key: 4, handle: true, check: checkProgArray,
		make: func(s *ir.MapSpec, _ options) (Map, error) { return newPerf(s) }},
	ir.Devmap: {flags: FlagNUMANode, key: 4, check: checkTargets,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newTargets(s, o) }},
	ir.DevmapHash: {flags: FlagNUMANode, key: 4, check: checkTargets,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newTargets(s, o) }},
	ir.CPUMap: {flags: FlagNUMANode, key: 4, check: checkTargets,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newTargets(s, o) }},
	ir.XSKMap: {flags: FlagNUMANode, key: 4, handle: true, check: checkTargets,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newTargets(s, o) }},
	ir.CgroupArray: {flags: FlagNUMANode, key: 4, handle: true, check: checkTargets,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newTargets(s, o) }},
	ir.Sockmap: {flags: FlagNUMANode | FlagRdonlyProg | FlagWronlyProg, key: 4, check: checkSocketMap,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newSocketMap(s, o) }},
	ir.Sockhash: {flags: FlagNUMANode | FlagRdonlyProg | FlagWronlyProg, check: checkSocketMap,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newSocketMap(s, o) }},
	ir.ReuseportSockarray: {flags: FlagNUMANode, key: 4, check: checkSocketMap,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newSocketMap(s, o) }},
	ir.StackTrace: {flags: FlagNUMANode, key: 4, check: checkStackTrace,
		make: func(s *ir.MapSpec, _ options) (Map, error) { return newStackTrace(s) }},
	ir.CgroupStorage: {flags: FlagNUMANode, free: true, check: checkCgroupStorage,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newStorage(s, o.epochs, 0) }},
	ir.PerCPUCgroupStorage: {flags: FlagNUMANode, free: true, check: checkCgroupStorage,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newStorage(s, o.epochs, o.cpus) }},
	ir.SkStorage: {flags: flagsOfStorage, free: true, check: checkObjectStorage,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newStorage(s, o.epochs, 0) }},
	ir.TaskStorage: {flags: flagsOfStorage, free: true, check: checkObjectStorage,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newStorage(s, o.epochs, 0) }},
	ir.InodeStorage: {flags: flagsOfStorage, free: true, check: checkObjectStorage,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newStorage(s, o.epochs, 0) }},
	ir.CgrpStorage: {flags: flagsOfStorage, free: true, check: checkObjectStorage,
		make: func(s *ir.MapSpec, o options) (Map, error) { return newStorage(s, o.epochs, 0) }},
}

func create(spec *ir.MapSpec, o options) (Map, error) {
	k, ok := kinds[spec.Type]
	if !ok {
		return nil, refuse(ErrNotSupported, "kind %v", spec.Type)
	}
	if err := k.checkCommon(spec); err != nil {
		return nil, err
	}
	if o.cpus < 1 || o.cpus > maxCPUs {
		return nil, refuse(ErrInvalid, "%d processors are not in 1..%d", o.cpus, maxCPUs)
	}
	if err := k.check(spec); err != nil {
		return nil, err
	}
	if o.path == "" {
		return k.make(spec, o)
	}
	if !k.pins {
		return nil, refuse(ErrNotSupported, "a %v is not pinned", spec.Type)
	}
	f, err := openPinned(o.path, spec, o.cpus)
	if err != nil {
		return nil, err
	}
	o.file = f
	m, err := k.make(spec, o)
	if err != nil {
		f.close()
		return nil, err
	}
	return m, nil
}

func (k *kind) checkCommon(spec *ir.MapSpec) error {
	switch {
	case spec.Flags&^k.flags != 0:
		return refuse(ErrNotSupported, "flags %#x of kind %v", spec.Flags&^k.flags, spec.Type)
	case k.free:
		return nil
	case spec.MaxEntries == 0:
		return refuse(ErrInvalid, "max_entries is 0")
	case spec.ValueSize == 0:
		return refuse(ErrInvalid, "value size is 0")
	case spec.ValueSize > MaxValueSize:
		return refuse(ErrTooBig, "value size %d is more than %d", spec.ValueSize, MaxValueSize)
	case k.noKey && spec.KeySize != 0:
		return refuse(ErrInvalid, "key size of a %v is %d, not 0", spec.Type, spec.KeySize)
	case k.key != 0 && spec.KeySize != k.key:
		return refuse(ErrInvalid, "key size of an %v is %d, not %d", spec.Type, spec.KeySize, k.key)
	case k.handle && spec.ValueSize != 4:
		return refuse(ErrInvalid, "value size of an %v is %d, not 4", spec.Type, spec.ValueSize)
	}
	return checkFields(spec)
}

// checkFields refuses fields that do not lie in the value one behind the other.
func checkFields(spec *ir.MapSpec) error {
	end := uint64(0)
	for _, f := range spec.Fields {
		if uint64(f.Off) < end || uint64(f.Off)+uint64(f.Size) > uint64(spec.ValueSize) {
			return refuse(ErrInvalid, "fields of the value overlap, or are not in order")
		}
		end = uint64(f.Off) + uint64(f.Size)
	}
	if f := spec.FieldOf(ir.SpinLockField); f != nil && f.Off%4 != 0 {
		return refuse(ErrInvalid, "the value's lock is at %d, no multiple of 4", f.Off)
	}
	return nil
}

func checkBytes(spec *ir.MapSpec, each uint64) error {
	if n := uint64(spec.MaxEntries) * each; n > MaxBytes {
		return refuse(ErrTooBig, "%d elements take %d bytes, more than %d", spec.MaxEntries, n, uint64(MaxBytes))
	}
	return nil
}

func checkArray(spec *ir.MapSpec) error {
	if n := uint64(spec.MaxEntries) * pad8(spec.ValueSize); n > MaxBytes {
		return refuse(ErrTooBig, "%d elements of %d bytes take %d bytes, more than %d", spec.MaxEntries, spec.ValueSize, n, uint64(MaxBytes))
	}
	return nil
}

func checkQueue(spec *ir.MapSpec) error { return checkBytes(spec, pad8(spec.ValueSize)) }

// checkBloom follows bloom_map_alloc: of map_extra the number of hash functions
// is all there is.
func checkBloom(spec *ir.MapSpec) error {
	if spec.Extra&^15 != 0 {
		return refuse(ErrInvalid, "map_extra %#x", spec.Extra)
	}
	return nil
}

// checkProgArray follows fd_array_map_alloc_check in kernel/bpf/arraymap.c.
func checkProgArray(spec *ir.MapSpec) error {
	if spec.MaxEntries > maxPrograms {
		return refuse(ErrTooBig, "max_entries %d is more than %d", spec.MaxEntries, maxPrograms)
	}
	return nil
}

func checkHash(spec *ir.MapSpec) error {
	switch {
	case spec.KeySize == 0:
		return refuse(ErrInvalid, "key size is 0")
	case spec.KeySize > MaxKeySize:
		return refuse(ErrTooBig, "key size %d is more than %d", spec.KeySize, MaxKeySize)
	case spec.MaxEntries > maxHashElements:
		return refuse(ErrTooBig, "max_entries %d is more than %d", spec.MaxEntries, uint32(maxHashElements))
	}
	return checkBytes(spec, 8+pad8(spec.KeySize)+pad8(spec.ValueSize))
}

// checkLPM follows trie_alloc in kernel/bpf/lpm_trie.c: the kernel demands
// BPF_F_NO_PREALLOC, and keys of up to 256 bytes behind the length.
func checkLPM(spec *ir.MapSpec) error {
	const most = lpmKey + 256
	switch {
	case spec.Flags&FlagNoPrealloc == 0:
		return refuse(ErrInvalid, "an lpm_trie needs the flag no_prealloc")
	case spec.KeySize <= lpmKey || spec.KeySize > most:
		return refuse(ErrInvalid, "key size %d is not in %d..%d", spec.KeySize, lpmKey+1, most)
	case spec.MaxEntries > maxHashElements:
		return refuse(ErrTooBig, "max_entries %d is more than %d", spec.MaxEntries, uint32(maxHashElements))
	}
	return checkBytes(spec, 2*(nodePrefix+pad8(spec.KeySize))+pad8(spec.ValueSize))
}

// checkOuter follows bpf_map_meta_alloc in kernel/bpf/map_in_map.c.
func checkOuter(spec *ir.MapSpec) error {
	switch {
	case spec.Inner == nil:
		return refuse(ErrInvalid, "a %v needs the spec of its elements", spec.Type)
	case spec.Inner.Type == ir.ArrayOfMaps || spec.Inner.Type == ir.HashOfMaps:
		return refuse(ErrInvalid, "elements of a %v are no maps of maps", spec.Type)
	case spec.Type == ir.HashOfMaps:
		return checkHash(spec)
	}
	return checkBytes(spec, 8)
}
