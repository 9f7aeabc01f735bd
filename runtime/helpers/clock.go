package helpers

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Clock gives the times that programs read, in nanoseconds.
type Clock interface {
	Monotonic() uint64 // since some point in the past, not counting suspend
	Boot() uint64      // since boot, counting suspend
}

// machineClock reads the machine's clocks. The system call is made once; from
// then on Go's monotonic clock, which needs none, tells the time passed.
type machineClock struct {
	start           time.Time
	mono, boot, tai uint64
}

// NewClock returns the machine's clocks (CLOCK_MONOTONIC, CLOCK_BOOTTIME,
// CLOCK_TAI). A suspend after this call is not counted in Boot.
func NewClock() (Clock, error) {
	c := &machineClock{}
	for id, at := range map[int32]*uint64{unix.CLOCK_MONOTONIC: &c.mono, unix.CLOCK_BOOTTIME: &c.boot, unix.CLOCK_TAI: &c.tai} {
		var t unix.Timespec
		if err := unix.ClockGettime(id, &t); err != nil {
			return nil, fmt.Errorf("helpers: read clock %d: %w", id, err)
		}
		*at = uint64(t.Nano())
	}
	c.start = time.Now()
	return c, nil
}

func (c *machineClock) Monotonic() uint64 { return c.mono + uint64(time.Since(c.start)) }
func (c *machineClock) Boot() uint64      { return c.boot + uint64(time.Since(c.start)) }
func (c *machineClock) TAI() uint64       { return c.tai + uint64(time.Since(c.start)) }

func (e *Env) clock() (Clock, error) {
	if e.Clock == nil {
		c, err := NewClock()
		if err != nil {
			return nil, err
		}
		e.Clock = c
	}
	return e.Clock, nil
}

func ktimeGetNs(e *Env, _ [5]uint64) (uint64, error) {
	c, err := e.clock()
	if err != nil {
		return 0, err
	}
	return c.Monotonic(), nil
}

func ktimeGetBootNs(e *Env, _ [5]uint64) (uint64, error) {
	c, err := e.clock()
	if err != nil {
		return 0, err
	}
	return c.Boot(), nil
}

// ktimeGetTaiNs returns the atomic time; of a clock without one, that since boot.
func ktimeGetTaiNs(e *Env, args [5]uint64) (uint64, error) {
	c, err := e.clock()
	if err != nil {
		return 0, err
	}
	if c, ok := c.(interface{ TAI() uint64 }); ok {
		return c.TAI(), nil
	}
	return c.Boot(), nil
}

// nsPerTick is the length of a jiffy of a kernel with CONFIG_HZ=250, and
// firstTick how many such a kernel counts at boot (INITIAL_JIFFIES).
const (
	nsPerTick = 4_000_000
	firstTick = 1<<32 - 300*250
)

// jiffies64 returns the time in ticks.
func jiffies64(e *Env, args [5]uint64) (uint64, error) {
	ns, err := ktimeGetNs(e, args)
	return firstTick + ns/nsPerTick, err
}
