package helpers

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/runtime/maps"
)

// Fire is a timer that fires: the engine calls the function that was set, with
// map, key and value, in a run of its own.
type Fire struct {
	Timer *maps.Timer
	Map   maps.Map
	Key   []byte
	Value uint64 // address
}

// Due reports whether the function is still to be called: the element may have
// gone away. The caller is a run inside the map's epochs.
func (f Fire) Due() bool { return f.Map.LookupAddr(f.Key) == f.Value && f.Timer.Alive() }

// errNoTimers says that the engine of a run has no functions to call later.
var errNoTimers = errors.New("helpers: the run's engine has no timers")

// mostTimer is the longest a timer
// waits here: 292 years in the kernel, too.
const (
	mostTimer = 1<<63 - 1

	timerAbsolute = 1 << 0
	timerPinned   = 1 << 1
)

// timerInit sets up the timer at args[0], which is in a value of the map args[1]
// (bpf_timer_init in kernel/bpf/helpers.c of Linux 6.18).
func timerInit(e *Env, args [5]uint64) (uint64, error) {
	s, err := e.find(args[1])
	if err != nil {
		return 0, err
	}
	if _, ok := maps.TimerIn(s.m, args[0]); !ok {
		return 0, fmt.Errorf("helpers: timer_init: %#x is no timer in a value of map %q", args[0], s.m.Spec().Name)
	}
	switch args[2] {
	case unix.CLOCK_REALTIME, unix.CLOCK_MONOTONIC, unix.CLOCK_BOOTTIME:
		return result(maps.TimersOf(s.m).Init(args[0]))
	}
	return errno(unix.EINVAL), nil
}

// timer finds the timer at an address; t is nil where none was set up.
func (e *Env) timer(addr uint64) (m maps.Map, value uint64, t *maps.Timer, err error) {
	for _, s := range e.slots {
		if s == nil {
			continue
		}
		if value, ok := maps.TimerIn(s.m, addr); ok {
			return s.m, value, maps.TimersOf(s.m).Get(addr), nil
		}
	}
	return nil, 0, nil, fmt.Errorf("helpers: %#x is no timer in a value of the program's maps", addr)
}

// timerSetCallback says which function of the program the timer calls.
func timerSetCallback(e *Env, args [5]uint64) (uint64, error) {
	m, value, t, err := e.timer(args[0])
	switch {
	case err != nil:
		return 0, err
	case e.Later == nil:
		return 0, errNoTimers
	}
	call, err := e.Later(args[1])
	if err != nil {
		return 0, err
	}
	if t == nil {
		return errno(unix.EINVAL), nil
	}
	f := Fire{Timer: t, Map: m, Key: maps.KeyAt(m, value), Value: value}
	t.SetCallback(func() { call(f) })
	return 0, nil
}

// timerStart has the timer fire after, or at, a time in nanoseconds.
func timerStart(e *Env, args [5]uint64) (uint64, error) {
	_, _, t, err := e.timer(args[0])
	if err != nil {
		return 0, err
	}
	if t == nil || args[2]&^(timerAbsolute|timerPinned) != 0 {
		return errno(unix.EINVAL), nil
	}
	wait := time.Duration(min(args[1], mostTimer))
	if args[2]&timerAbsolute != 0 {
		now, err := ktimeGetNs(e, args)
		if err != nil {
			return 0, err
		}
		wait -= time.Duration(now)
	}
	return result(t.Start(wait))
}

// timerCancel stops the timer and waits for its function: 1 where it was waiting
// to fire, -EDEADLK in its own function.
func timerCancel(e *Env, args [5]uint64) (uint64, error) {
	_, _, t, err := e.timer(args[0])
	if err != nil {
		return 0, err
	}
	if t == nil {
		return errno(unix.EINVAL), nil
	}
	active, err := t.Cancel(e.Own)
	if err == nil && active {
		return 1, nil
	}
	return result(err)
}

// TimerCalls are the calls of a program's functions by timers. The zero value is
// ready; it is safe for concurrent use.
type TimerCalls struct {
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
	fired   uint64
	failed  error // the first
}

// Later returns what a timer calls when it fires: call, unless the program was
// closed.
func (c *TimerCalls) Later(call func(Fire) error) func(Fire) {
	return func(f Fire) {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return
		}
		c.running.Add(1)
		c.fired++
		c.mu.Unlock()
		defer c.running.Done()
		if err := call(f); err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.failed == nil {
				c.failed = err
			}
		}
	}
}

// Stats returns how many calls began, and the first error of one.
func (c *TimerCalls) Stats() (fired uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fired, c.failed
}

// Close ends them, and waits for those under way. Further calls do nothing.
func (c *TimerCalls) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.running.Wait()
}
