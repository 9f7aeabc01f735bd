package helpers

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/runtime/maps"
)

// record is a ring buffer record that the run writes.
type record struct {
	addr, size uint64
	ring       *maps.RingBuf
}

func ring(e *Env, helper string, handle uint64) (*maps.RingBuf, error) {
	if s := e.quick(handle); s.ring != nil {
		return s.ring, nil
	}
	s, err := e.find(handle)
	if err != nil {
		return nil, err
	}
	if s.ring == nil {
		return nil, wrongKind(helper, s.m)
	}
	return s.ring, nil
}

// wakeFlags are those that say whether the reader is woken.
const wakeFlags = maps.RingNoWakeup | maps.RingForceWakeup

// ringbufOutput copies a record: -EINVAL for an unknown flag, -EAGAIN where
// there is no room.
func ringbufOutput(e *Env, args [5]uint64) (uint64, error) {
	r, err := ring(e, "ringbuf_output", args[0])
	if err != nil {
		return 0, err
	}
	if args[3]&^wakeFlags != 0 {
		return errno(unix.EINVAL), nil
	}
	if args[2] > 2*r.Query(maps.RingSize) {
		return errno(unix.EAGAIN), nil
	}
	b, err := e.Memory.Read(args[1], int(args[2]))
	if err != nil {
		return 0, err
	}
	if !r.Output(b, args[3]) {
		return errno(unix.EAGAIN), nil
	}
	return 0, nil
}

// ringbufReserve returns the address of a record, which the run then owns, or 0.
func ringbufReserve(e *Env, args [5]uint64) (uint64, error) {
	r, err := ring(e, "ringbuf_reserve", args[0])
	if err != nil {
		return 0, err
	}
	if args[2] != 0 {
		return 0, nil
	}
	at := r.Reserve(args[1])
	if at != 0 {
		e.records = append(e.records, record{at, args[1], r})
	}
	return at, nil
}

func ringbufSubmit(e *Env, args [5]uint64) (uint64, error) { return 0, e.finish(args, false) }

func ringbufDiscard(e *Env, args [5]uint64) (uint64, error) { return 0, e.finish(args, true) }

// finish gives back the record at args[0].
func (e *Env) finish(args [5]uint64, discard bool) error {
	for i := len(e.records) - 1; i >= 0; i-- {
		if r := e.records[i]; r.addr == args[0] {
			if last := len(e.records) - 1; i < last {
				copy(e.records[i:], e.records[i+1:])
			}
			e.records = e.records[:len(e.records)-1]
			r.ring.Finish(r.addr, args[1], discard)
			return nil
		}
	}
	return fmt.Errorf("helpers: end ring buffer record: %#x is none that the run holds", args[0])
}

func ringbufQuery(e *Env, args [5]uint64) (uint64, error) {
	r, err := ring(e, "ringbuf_query", args[0])
	if err != nil {
		return 0, err
	}
	return r.Query(args[1]), nil
}

// giveBack ends what a run that failed holds.
func (e *Env) giveBack() {
	if e.lock != 0 {
		maps.Unlock(e.lock)
		e.lock = 0
	}
	for _, r := range e.records {
		r.ring.Finish(r.addr, maps.RingNoWakeup, true)
	}
	e.records = e.records[:0]
	for len(e.drains) > 0 {
		e.drains[len(e.drains)-1].End()
	}
}
