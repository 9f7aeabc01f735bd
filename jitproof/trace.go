package jitproof

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
)

// eventKind is what both sides do that the world can see.
type eventKind uint8

const (
	evLoad eventKind = iota
	evStore
	evUpdate // atomic read-modify-write
	evHelper
	evLocal
)

var eventNames = [...]string{"load", "store", "atomic update", "helper call", "local call"}

func (k eventKind) String() string { return eventNames[k] }

// event is one visible effect. Loads and updates return a symbol that is
// named by kind and number, so it is the same on both sides where the accesses
// are.
type event[V any] struct {
	kind eventKind
	w    ir.Width
	addr V
	val  V // stored; what an update leaves in memory
	old  V // what an update found
	fn   int
	id   V    // what names a helper, as wide as the convention says
	args [5]V // R1-R5
	// nargs is how many of them count, on the bytecode's side.
	nargs int
}

// symbol returns the result of the next load or update after events.
func symbol[V any](a words[V], events []event[V], k eventKind, w ir.Width) V {
	n := 0
	for _, e := range events {
		if e.kind == k {
			n++
		}
	}
	return a.fresh(fmt.Sprintf("%s%d.w%d", [...]string{evLoad: "load", evUpdate: "old"}[k], n, w), w)
}

// pathError ends a path of the machine: it does something that no program may
// do (refuted where the path is feasible), or that is not understood.
type pathError struct {
	status Status
	kind   Kind
	reason string
}

func (e *pathError) Error() string { return e.reason }

func refused(k Kind, format string, args ...any) error {
	return &pathError{Refuted, k, fmt.Sprintf(format, args...)}
}

func unclear(k Kind, format string, args ...any) error {
	return &pathError{Unknown, k, fmt.Sprintf(format, args...)}
}
