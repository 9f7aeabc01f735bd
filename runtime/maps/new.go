package maps

import (
	"fmt"
	goruntime "runtime"

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
	FlagNoPrealloc    = 1 << 0  // hash: elements are not allocated ahead; no difference here
	FlagNoCommonLRU   = 1 << 1  // LRU: processors evict from lists of their own; there is one here
	FlagNUMANode      = 1 << 2  // a wish about placement; no difference here
	FlagZeroSeed      = 1 << 6  // the hash function is not seeded; it never is here
	FlagRdonlyProg    = 1 << 7  // programs may not write
	FlagWronlyProg    = 1 << 8  // programs may not read
	FlagMmapable      = 1 << 10 // array: the application may map the values; no difference here
	FlagClone         = 1 << 9  // storage: cloned with its socket
	FlagPreserveElems = 1 << 11 // perf_event_array: buffers stay when the reader closes; they do here
	FlagInnerMap      = 1 << 12 // array: as an inner map, max_entries may differ from the outer's spec
)

// Bounds on the number of elements by kind.
const (
	maxHashElements = 1 << 31
	maxPrograms     = 1 << 20 // of a prog_array: its places lie in the Go heap
	maxCPUs         = 8192
)

// Option changes how New makes a map.
type Option func(*options)

type options struct {
	epochs *Epochs
	cpus   uint32
	path   string
	file   *pinned
}

// In makes the map reclaim by the given epochs, so that a run enters once for
// all maps that share them. Without it every map has its own.
func In(e *Epochs) Option { return func(o *options) { o.epochs = e } }

// CPUs says how many processors have values of their own in per-CPU kinds.
// Without it they are those that the process may use.
func CPUs(n uint32) Option { return func(o *options) { o.cpus = n } }

// Pin keeps the map in the file at path, and opens it from there if the file
// exists: the map survives the process, however that ends. The file's map must
// have the spec's shape; its contents are those it had, not the spec's. One
// process at a time has it open, others get ErrBusy. See OpenPinned and Unpin.
// A frozen map stays frozen. Arrays and hash tables can be pinned.
func Pin(path string) Option { return func(o *options) { o.path = path } }

// New makes a map and fills it with the spec's contents. Sizes are checked
// before anything is allocated. A kind or flag without implementation is
// ErrNotSupported; the rest mirrors what BPF_MAP_CREATE refuses. The spec
// must not change afterwards. Elements that are maps or programs are left to the
// caller, who closes the map.
func New(spec *ir.MapSpec, opts ...Option) (Map, error) {
	o := options{cpus: uint32(goruntime.NumCPU())}
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
		if c, ok := m.(interface{ survivor() bool }); ok && c.survivor() {
			break
		}
		if e.Map != nil || e.Program != "" {
			continue // the caller's, see Outer.SetMap and ProgArray.Set
		}
		if err := m.Put(e.Key, e.Value, 0); err != nil {
			m.Close()
			return nil, fmt.Errorf("maps: fill map %q: element %d: %w", spec.Name, i, err)
		}
	}
	if c, ok := m.(interface{ wasFrozen() bool }); spec.Frozen || ok && c.wasFrozen() {
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

// pad8 rounds a size in bytes up to a multiple of 8.
func pad8(n uint32) uint64 { return (uint64(n) + 7) &^ 7 }

// headerBytes is what lies before a map's first element or bucket. Its address
// is the map's handle; no region that a program may touch includes it.
const headerBytes = 128
