package helpers

import (
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// Drain is a call of user_ringbuf_drain under way: the engine calls the program's
// function once for each record (bpf_user_ringbuf_drain in kernel/bpf/ringbuf.c
// of Linux 6.18).
//
//	d, ret, err := env.Drain(handle, flags)
//	for at, ok := d.Next(); ok; at, ok = d.Next() { call(at); d.Took() }
//	r0 := d.End()
type Drain struct {
	env    *Env
	ring   *maps.RingBuf
	dynptr uint64 // what the function gets: the address of a dynptr
	record record // that it may read and write now
	calls  uint64
}

// mostDrained is how many records one call shows (BPF_MAX_USER_RINGBUF_SAMPLES).
const mostDrained = 128 << 10

// mostDrains is how many calls may be under way in one run: a function that is
// called back may drain another ring.
const mostDrains = 16

// Drain begins. Where d is nil the helper returns ret: -EINVAL for a flag,
// -EBUSY where another reader is at the ring.
func (e *Env) Drain(handle, flags uint64) (d *Drain, ret uint64, err error) {
	s, err := e.find(handle)
	switch {
	case err != nil:
		return nil, 0, err
	case s.ring == nil:
		return nil, 0, wrongKind("user_ringbuf_drain", s.m)
	case flags&^wakeFlags != 0:
		return nil, errno(unix.EINVAL), nil
	}
	if e.lent == nil {
		if e.lent, err = mem.Alloc(mostDrains * dynptrBytes); err != nil {
			return nil, 0, err
		}
	}
	if len(e.drains) == mostDrains || !s.ring.Hold() {
		return nil, errno(unix.EBUSY), nil
	}
	d = &Drain{env: e, ring: s.ring, dynptr: e.lent.Addr() + uint64(len(e.drains)*dynptrBytes)}
	e.drains = append(e.drains, d)
	return d, 0, nil
}

// Next returns the address of a dynptr of the next record; ok is false where
// there is none.
func (d *Drain) Next() (dynptr uint64, ok bool) {
	if d.calls == mostDrained {
		return 0, false
	}
	addr, n, ok := d.ring.Peek()
	if !ok {
		return 0, false
	}
	d.record = record{addr: addr, size: uint64(n), ring: d.ring}
	mem.Store64(d.dynptr, addr)
	mem.Store64(d.dynptr+dynptrLen, uint64(n))
	return d.dynptr, true
}

// Took gives the record back that Next showed.
func (d *Drain) Took() {
	d.ring.Drop()
	d.record = record{}
	d.calls++
}

// End returns the number of records that were taken.
func (d *Drain) End() uint64 {
	d.env.drains = d.env.drains[:len(d.env.drains)-1]
	d.ring.Let()
	return d.calls
}
