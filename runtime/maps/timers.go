package maps

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// Timers are the bpf_timer structures in a map's values that programs set up. A
// structure holds the number of its timer, or 0; an element that is written anew
// begins with 0, so a timer whose element went away is never taken for another's,
// and does not fire.
//
// Source: kernel/bpf/helpers.c of Linux 6.18.
type Timers struct {
	mu      sync.Mutex
	at      map[uint64]*Timer // by address
	last    uint64            // number given last
	closed  bool
	running sync.WaitGroup
}

// Timer is one of them.
type Timer struct {
	set   *Timers
	addr  uint64
	id    uint64
	call  func()      // what runs when it fires; nil: nothing was set
	armed *time.Timer // nil: it will not fire
	turn  uint64      // of Start and Cancel, so that what is too late does nothing
	busy  chan struct{}
	waits int // callbacks of other timers that wait for this one's end
}

// TimersOf returns the timers of a map.
func TimersOf(m Map) *Timers {
	t, ok := m.(interface{ timersOf() *Timers })
	if !ok {
		return nil
	}
	return t.timersOf()
}

func (c *core) timersOf() *Timers { return c.timers }

// Init sets up the timer at addr: ErrBusy where there is one.
func (s *Timers) Init(addr uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.get(addr) != nil {
		return ErrBusy
	}
	if old := s.at[addr]; old != nil { // its element is gone
		old.disarm()
	}
	if s.at == nil {
		s.at = map[uint64]*Timer{}
	}
	s.last++
	s.at[addr] = &Timer{set: s, addr: addr, id: s.last}
	atomic.StoreUint64(mem.Ptr64(addr), s.last)
	return nil
}

// Get returns the timer at addr, nil if none was set up there.
func (s *Timers) Get(addr uint64) *Timer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(addr)
}

func (s *Timers) get(addr uint64) *Timer {
	if t := s.at[addr]; t != nil && t.Alive() {
		return t
	}
	return nil
}

// Alive reports whether the timer is still what its structure says. The caller
// has to make sure that the element is in the map.
func (t *Timer) Alive() bool { return atomic.LoadUint64(mem.Ptr64(t.addr)) == t.id }

// SetCallback says what runs when the timer fires.
func (t *Timer) SetCallback(call func()) {
	t.set.mu.Lock()
	defer t.set.mu.Unlock()
	t.call = call
}

// Start has the timer fire once after d, and not when it would have otherwise.
// ErrInvalid: nothing is to run then.
func (t *Timer) Start(d time.Duration) error {
	t.set.mu.Lock()
	defer t.set.mu.Unlock()
	if t.call == nil || t.set.closed {
		return ErrInvalid
	}
	t.disarm()
	turn := t.turn
	t.armed = time.AfterFunc(d, func() { t.fire(turn) })
	return nil
}

// disarm keeps the timer from firing. The caller holds the lock.
func (t *Timer) disarm() (active bool) {
	t.turn++
	active = t.armed != nil
	if active {
		t.armed.Stop()
		t.armed = nil
	}
	return active
}

func (t *Timer) fire(turn uint64) {
	s := t.set
	s.mu.Lock()
	if t.turn != turn || t.call == nil || s.closed {
		s.mu.Unlock()
		return
	}
	call, done := t.call, make(chan struct{})
	for t.busy != nil { // the last call is not over
		busy := t.busy
		s.mu.Unlock()
		<-busy
		s.mu.Lock()
		if t.turn != turn || s.closed {
			s.mu.Unlock()
			return
		}
	}
	t.armed, t.busy = nil, done
	s.running.Add(1)
	s.mu.Unlock()
	call()
	s.mu.Lock()
	t.busy = nil
	s.mu.Unlock()
	close(done)
	s.running.Done()
}

// Cancel keeps the timer from firing, has it forget what to run, and waits for
// a call under way. It reports whether the timer was active. own is the timer in
// whose call that is, or nil: ErrDeadlock where waiting might have no end.
func (t *Timer) Cancel(own *Timer) (active bool, err error) {
	s := t.set
	s.mu.Lock()
	defer s.mu.Unlock()
	if own == t || own != nil && own.waits > 0 {
		return false, ErrDeadlock
	}
	t.call = nil
	active = t.disarm()
	busy := t.busy
	if busy == nil {
		return active, nil
	}
	if own != nil {
		t.waits++
		defer func() { t.waits-- }()
	}
	s.mu.Unlock()
	<-busy
	s.mu.Lock()
	return active, nil
}

// stop ends all timers and waits for calls under way.
func (s *Timers) stop() {
	s.mu.Lock()
	s.closed = true
	for _, t := range s.at {
		t.disarm()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// TimerIn returns the address of the value that holds the timer at addr, and of
// which map of ms; ok is false where that is no timer of a value.
func TimerIn(m Map, addr uint64) (value uint64, ok bool) {
	f := m.Spec().FieldOf(ir.TimerField)
	if f == nil {
		return 0, false
	}
	r := m.Region()
	value = addr - uint64(f.Off)
	if !r.Contains(value, r.Value) || (value-r.Base)%r.Stride != 0 {
		return 0, false
	}
	return value, true
}

// KeyAt returns the key of the element whose value is at the address, nil where
// the map's kind holds no timers. In a hash table that is the key of the last
// element there.
func KeyAt(m Map, value uint64) []byte {
	k, ok := m.(interface{ keyAt(value uint64) []byte })
	if !ok {
		return nil
	}
	return k.keyAt(value)
}
