package vm

import (
	"context"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// timerFuel bounds the instructions of a function that a timer calls.
const timerFuel = 1 << 26

// later is what a timer calls when it fires: the program's function that a
// register refers to, in a run of its own, in the surroundings of this one.
func (m *machine) later(ref uint64) (func(helpers.Fire), error) {
	fn, ok := m.function(ref)
	if !ok {
		return nil, m.err
	}
	p, around := m.prog, m.env.Surroundings
	return func(f helpers.Fire) {
		err := p.fire(fn, f, around)
		p.timers.fired.Add(1)
		if err != nil {
			p.timers.failed.CompareAndSwap(nil, &err)
		}
	}, nil
}

// timers counts the calls of a program's functions by timers.
type timers struct {
	fired  atomic.Uint64
	failed atomic.Pointer[error] // the first error
}

// Timers returns how often timers called functions of the program, and the first
// error of such a call.
func (p *Program) Timers() (fired uint64, err error) {
	if e := p.timers.failed.Load(); e != nil {
		err = *e
	}
	return p.timers.fired.Load(), err
}

// fire makes the call, unless the program is closed or the timer's element is gone.
func (p *Program) fire(fn int32, f helpers.Fire, around helpers.Surroundings) error {
	if !p.hold() {
		return nil
	}
	defer p.calls.Done()
	m, err := p.take()
	if err != nil {
		return err
	}
	defer p.give(m)
	key, err := mem.Alloc(len(f.Key))
	if err != nil {
		return err
	}
	defer key.Free()
	copy(key.Bytes(), f.Key)
	return m.runFunc(fn, f, around, key)
}

// hold keeps Close waiting, until calls.Done; false if the program is closed.
func (p *Program) hold() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.calls.Add(1)
	}
	return !p.closed
}

// runFunc calls a function with map, key and value, if that is due once values
// stay in place.
func (m *machine) runFunc(fn int32, f helpers.Fire, around helpers.Surroundings, key *mem.Block) error {
	m.reset()
	m.openFrame(fn)
	m.enter(&m.worlds[0])
	defer m.exitAll()
	m.env.Own, m.env.Surroundings, m.key = f.Timer, around, key.Bytes()[:len(f.Key)]
	defer func() { m.env.Own, m.env.Surroundings, m.key = nil, helpers.Surroundings{}, nil }()
	if !f.Due() {
		return nil
	}
	m.r[ir.R1], m.r[ir.R2], m.r[ir.R3] = f.Map.Handle(), key.Addr(), f.Value
	m.goOnFor(context.Background(), timerFuel)
	return m.err
}
