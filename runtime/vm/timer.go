package vm

import (
	"context"

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
	return p.timers.Later(func(f helpers.Fire) error { return p.fire(fn, f, around) }), nil
}

// Timers returns how often timers called functions of the program, and the first
// error of such a call.
func (p *Program) Timers() (fired uint64, err error) { return p.timers.Stats() }

// fire makes the call, unless the timer's element is gone.
func (p *Program) fire(fn int32, f helpers.Fire, around helpers.Surroundings) error {
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
