package maps

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Epochs tells when memory that runs may still refer to is free again. It is a
// clock that moves on when somebody wants memory back, and a list of readers
// that show the time at which they entered.
//
// Argument: an element that is unlinked and then stamped with the time t can
// only be known to a run that looked it up before it was unlinked, so that
// entered at a time e <= t and is still inside, showing e. Once no reader
// shows a time <= t, no run knows the element. A reader that reads the clock
// but does not show it yet when the list is searched has not looked anything
// up: it starts after the unlinking and cannot find the element. All steps
// are sequentially consistent atomics.
type Epochs struct {
	now     atomic.Uint64
	mu      sync.Mutex
	readers atomic.Pointer[[]*Reader]
}

// NewEpochs returns epochs without readers.
func NewEpochs() *Epochs {
	e := &Epochs{}
	e.now.Store(1)
	e.readers.Store(&[]*Reader{})
	return e
}

// Reader is one thread's place in the list. It must not be used by two runs at
// once.
type Reader struct {
	_      [64]byte      // readers of other threads stay off this cache line
	at     atomic.Uint64 // time of entry, 0 outside
	epochs *Epochs
	_      [64]byte
}

// Join adds a reader. The caller calls Leave when it needs it no more.
func (e *Epochs) Join() *Reader {
	r := &Reader{epochs: e}
	e.mu.Lock()
	defer e.mu.Unlock()
	list := append(slices.Clone(*e.readers.Load()), r)
	e.readers.Store(&list)
	return r
}

// Leave removes the reader, which must be outside. Further calls do nothing.
func (r *Reader) Leave() {
	e := r.epochs
	e.mu.Lock()
	defer e.mu.Unlock()
	list := slices.Clone(*e.readers.Load())
	list = slices.DeleteFunc(list, func(x *Reader) bool { return x == r })
	e.readers.Store(&list)
}

// Enter begins a run: what it looks up from now on stays in place until Exit.
// Runs do not nest.
func (r *Reader) Enter() { r.at.Store(r.epochs.now.Load()) }

// Exit ends a run: the addresses it looked up must not be used any more.
func (r *Reader) Exit() { r.at.Store(0) }

// Addresses returns where the clock is and where the reader shows its time of
// entry, for machine code that enters and leaves as Enter and Exit do: it stores
// what the clock shows by an instruction that orders all accesses to memory, and
// 0 by one that follows all before it.
func (r *Reader) Addresses() (now, at uint64) { return addressOf(&r.epochs.now), addressOf(&r.at) }

// stamp returns the time to mark an element with that was just unlinked.
func (e *Epochs) stamp() uint64 { return e.now.Load() }

// horizon moves the clock on and returns the time before which everything that
// was stamped is free.
func (e *Epochs) horizon() uint64 {
	h := e.now.Add(1)
	for _, r := range *e.readers.Load() {
		if at := r.at.Load(); at != 0 {
			h = min(h, at)
		}
	}
	return h
}
