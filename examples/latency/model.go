package main

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/runtime/hooks"
)

// slots is the length of the histogram.
const slots = 64

// totals is what the program keeps of all waits.
type totals struct {
	Waits, Nanos, Longest uint64
	LongestPID            int64
	Untracked             uint64
}

// model is what the programs are to do, in plain Go, without a bound on the
// number of tasks.
type model struct {
	events    []hooks.Layout
	waiting   map[int32]uint64
	histogram [slots]uint64
	totals
}

func newModel(events []hooks.Layout) *model {
	return &model{events: events, waiting: map[int32]uint64{}}
}

// record takes a record of the trace.
func (m *model) record(r *hooks.Record) error {
	layout := &m.events[r.Event]
	get := func(field string) (int64, error) {
		x, err := layout.Get(r.Raw, field)
		return int64(x), err
	}
	if layout.Name != "sched:sched_switch" {
		pid, err := get("pid")
		m.runnable(int32(pid), r.Time)
		return err
	}
	prev, err1 := get("prev_pid")
	state, err2 := get("prev_state")
	next, err3 := get("next_pid")
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return err
		}
	}
	if state == 0 || state&0x100 != 0 {
		m.runnable(int32(prev), r.Time)
	}
	since, ok := m.waiting[int32(next)]
	if !ok {
		return nil
	}
	delete(m.waiting, int32(next))
	wait := r.Time - since
	m.histogram[max(bits.Len64(wait), 1)-1]++
	m.Waits++
	m.Nanos += wait
	if wait > m.Longest {
		m.Longest, m.LongestPID = wait, next
	}
	return nil
}

func (m *model) runnable(pid int32, now uint64) {
	if pid != 0 {
		m.waiting[pid] = now
	}
}
