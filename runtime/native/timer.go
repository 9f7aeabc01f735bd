package native

import (
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// timerFuel bounds the backward jumps of a function that a timer calls.
const timerFuel = 1 << 23

// later is what a timer calls when it fires: the program's function at fn, in a
// run of its own, in the surroundings of the run that set the timer.
func (r *Run) later(fn uint64) (func(helpers.Fire), error) {
	if err := r.function(fn); err != nil {
		return nil, err
	}
	p, _ := r.at(fn)
	around := r.env.Surroundings
	return p.timers.Later(func(f helpers.Fire) error { return p.fire(fn, f, around) }), nil
}

// Timers returns how often timers called functions of the program, and the first
// error of such a call.
func (p *Program) Timers() (fired uint64, err error) { return p.timers.Stats() }

// fire makes the call, unless the timer's element is gone.
func (p *Program) fire(fn uint64, f helpers.Fire, around helpers.Surroundings) error {
	r, err := p.NewRun()
	if err != nil {
		return err
	}
	defer r.Close()
	key, err := mem.Alloc(len(f.Key))
	if err != nil {
		return err
	}
	defer key.Free()
	copy(key.Bytes(), f.Key)
	r.env.Own, r.env.Surroundings = f.Timer, around
	r.fuel = timerFuel
	return r.callFunc(fn, [5]uint64{f.Map.Handle(), key.Addr(), f.Value}, f.Due)
}

// callFunc calls a function of the program as a run of its own, if it is due once
// values stay in place.
func (r *Run) callFunc(fn uint64, args [5]uint64, due func() bool) error {
	r.env.Enter()
	defer r.leave()
	if !due() {
		return nil
	}
	m := &r.m
	m.entry, m.rsp, m.cpu, m.r9 = uintptr(fn), m.top, uint64(r.env.CPU), r.portion()
	m.rdi, m.rsi, m.rdx, m.rcx, m.r8 = args[0], args[1], args[2], args[3], args[4]
	reenter(r)
	m.entry = r.prog.entry
	if m.faultSignal != 0 || r.err != nil {
		return r.failure()
	}
	return nil
}
