package maps

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
)

// Limits on a map.
const (
	MaxKeySize   = 512     // bytes; a key of a hash has to fit a stack frame
	MaxValueSize = 1 << 22 // bytes of one value (KMALLOC_MAX_SIZE)
	MaxBytes     = 1 << 34 // bytes of all elements of a map
)

// The map_flags of bpf(2) that are known here.
const (
	FlagNoPrealloc  = 1 << 0  // hash: elements are not allocated ahead; no difference here
	FlagNUMANode    = 1 << 2  // a wish about placement; no difference here
	FlagZeroSeed    = 1 << 6  // hash: the hash function is not seeded; it never is here
	FlagRdonlyProg  = 1 << 7  // programs may not write
	FlagMmapable    = 1 << 10 // array: the application may map the values; no difference here
	flagsOfAnArray  = FlagNUMANode | FlagRdonlyProg | FlagMmapable
	flagsOfAHash    = FlagNoPrealloc | FlagNUMANode | FlagZeroSeed | FlagRdonlyProg
	maxHashElements = 1 << 31
	maxPrograms     = 1 << 20 // of a prog_array: its places lie in the Go heap
)

// Option changes how New makes a map.
type Option func(*options)

type options struct{ epochs *Epochs }

// In makes the map reclaim by the given epochs, so that a run enters once for
// all maps that share them. Without it every map has its own.
func In(e *Epochs) Option { return func(o *options) { o.epochs = e } }

// New makes a map and fills it with the spec's contents. Sizes are checked
// before anything is allocated. A kind or flag without implementation is
// ErrNotSupported; the rest mirrors what BPF_MAP_CREATE refuses. The spec
// must not change afterwards. The caller closes the map.
func New(spec *ir.MapSpec, opts ...Option) (Map, error) {
	var o options
	for _, f := range opts {
		f(&o)
	}
	if o.epochs == nil {
		o.epochs = NewEpochs()
	}
	m, err := create(spec, o)
	if err != nil {
		return nil, fmt.Errorf("%w: map %q: %s", reasonOf(err), spec.Name, detailOf(err))
	}
	for i, e := range spec.Contents {
		if err := m.Put(e.Key, e.Value, 0); err != nil {
			m.Close()
			return nil, fmt.Errorf("maps: fill map %q: element %d: %w", spec.Name, i, err)
		}
	}
	if spec.Frozen {
		m.Freeze()
	}
	return m, nil
}

// refusal is an Error with the words that go with it.
type refusal struct {
	reason Error
	detail string
}

func (r *refusal) Error() string { return r.reason.Error() + ": " + r.detail }

func refuse(e Error, format string, args ...any) error {
	return &refusal{reason: e, detail: fmt.Sprintf(format, args...)}
}

func reasonOf(err error) error {
	if r, ok := err.(*refusal); ok {
		return r.reason
	}
	return ErrNoMemory
}

func detailOf(err error) string {
	if r, ok := err.(*refusal); ok {
		return r.detail
	}
	return err.Error()
}

func create(spec *ir.MapSpec, o options) (Map, error) {
	switch spec.Type {
	case ir.Array:
		if err := checkArray(spec); err != nil {
			return nil, err
		}
		return newArray(spec)
	case ir.Hash:
		if err := checkHash(spec); err != nil {
			return nil, err
		}
		return newHash(spec, o.epochs)
	case ir.ProgArray:
		if err := checkProgArray(spec); err != nil {
			return nil, err
		}
		return newProgArray(spec)
	}
	return nil, refuse(ErrNotSupported, "kind %v", spec.Type)
}

func checkCommon(spec *ir.MapSpec, flags uint32) error {
	switch {
	case spec.Flags&^flags != 0:
		return refuse(ErrNotSupported, "flags %#x of kind %v", spec.Flags&^flags, spec.Type)
	case spec.MaxEntries == 0:
		return refuse(ErrInvalid, "max_entries is 0")
	case spec.ValueSize == 0:
		return refuse(ErrInvalid, "value size is 0")
	case spec.ValueSize > MaxValueSize:
		return refuse(ErrTooBig, "value size %d is more than %d", spec.ValueSize, MaxValueSize)
	}
	return nil
}

func checkArray(spec *ir.MapSpec) error {
	if err := checkCommon(spec, flagsOfAnArray); err != nil {
		return err
	}
	if spec.KeySize != 4 {
		return refuse(ErrInvalid, "key size of an array is %d, not 4", spec.KeySize)
	}
	if n := uint64(spec.MaxEntries) * pad8(spec.ValueSize); n > MaxBytes {
		return refuse(ErrTooBig, "%d elements of %d bytes take %d bytes, more than %d", spec.MaxEntries, spec.ValueSize, n, uint64(MaxBytes))
	}
	return nil
}

// checkProgArray follows fd_array_map_alloc_check in kernel/bpf/arraymap.c.
func checkProgArray(spec *ir.MapSpec) error {
	if err := checkCommon(spec, FlagNUMANode); err != nil {
		return err
	}
	switch {
	case spec.KeySize != 4 || spec.ValueSize != 4:
		return refuse(ErrInvalid, "key and value sizes of a prog_array are %d and %d, not 4", spec.KeySize, spec.ValueSize)
	case spec.MaxEntries > maxPrograms:
		return refuse(ErrTooBig, "max_entries %d is more than %d", spec.MaxEntries, maxPrograms)
	}
	return nil
}

func checkHash(spec *ir.MapSpec) error {
	if err := checkCommon(spec, flagsOfAHash); err != nil {
		return err
	}
	switch n := uint64(spec.MaxEntries) * (8 + pad8(spec.KeySize) + pad8(spec.ValueSize)); {
	case spec.KeySize == 0:
		return refuse(ErrInvalid, "key size is 0")
	case spec.KeySize > MaxKeySize:
		return refuse(ErrTooBig, "key size %d is more than %d", spec.KeySize, MaxKeySize)
	case spec.MaxEntries > maxHashElements:
		return refuse(ErrTooBig, "max_entries %d is more than %d", spec.MaxEntries, uint32(maxHashElements))
	case n > MaxBytes:
		return refuse(ErrTooBig, "%d elements take %d bytes, more than %d", spec.MaxEntries, n, uint64(MaxBytes))
	}
	return nil
}

// pad8 rounds a size in bytes up to a multiple of 8.
func pad8(n uint32) uint64 { return (uint64(n) + 7) &^ 7 }

// headerBytes is what lies before a map's first element or bucket. Its address
// is the map's handle; no region that a program may touch includes it.
const headerBytes = 64
