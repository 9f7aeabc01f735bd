//go:build cgo

package z3

// #include <z3.h>
import "C"

import (
	"fmt"
	"math"

	"github.com/bpfproof/bpfproof/smt"
)

// Solver decides sets of terms of one context.
type Solver struct {
	ctx *Context
	raw C.Z3_solver
}

// NewSolver returns a solver for a logic of SMT-LIB, such as "QF_BV".
func (c *Context) NewSolver(logic string) (*Solver, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.leave()
	raw := C.Z3_mk_solver_for_logic(c.raw, c.symbol(logic))
	if err := c.err("make solver for " + logic); err != nil {
		return nil, err
	}
	C.Z3_solver_inc_ref(c.raw, raw)
	return &Solver{ctx: c, raw: raw}, nil
}

// Close frees the solver. It must come before the context's Close.
func (s *Solver) Close() error {
	if err := s.ctx.enter(); err != nil {
		return err
	}
	defer s.ctx.leave()
	C.Z3_solver_dec_ref(s.ctx.raw, s.raw)
	return nil
}

// SetLimits bounds every later check. Z3 counts milliseconds, of which a
// time-out has one at least, and at most 2^32-1 steps.
func (s *Solver) SetLimits(l smt.Limits) error {
	return s.do("set limits", func() {
		c := s.ctx
		p := C.Z3_mk_params(c.raw)
		C.Z3_params_inc_ref(c.raw, p)
		if l.Timeout > 0 {
			ms := min(max(l.Timeout.Milliseconds(), 1), math.MaxUint32-1)
			C.Z3_params_set_uint(c.raw, p, c.symbol("timeout"), C.uint(ms))
		}
		if l.Steps > 0 {
			C.Z3_params_set_uint(c.raw, p, c.symbol("rlimit"), C.uint(min(l.Steps, math.MaxUint32)))
		}
		C.Z3_params_set_uint(c.raw, p, c.symbol("random_seed"), C.uint(l.Seed))
		C.Z3_solver_set_params(c.raw, s.raw, p)
		C.Z3_params_dec_ref(c.raw, p)
	})
}

// Assert adds a term of one bit.
func (s *Solver) Assert(t Term) error {
	return s.do("assert", func() { C.Z3_solver_assert(s.ctx.raw, s.raw, t.raw) })
}

// Push opens a scope.
func (s *Solver) Push() error {
	return s.do("push", func() { C.Z3_solver_push(s.ctx.raw, s.raw) })
}

// Pop closes the last scope and forgets its assertions.
func (s *Solver) Pop() error {
	return s.do("pop", func() { C.Z3_solver_pop(s.ctx.raw, s.raw, 1) })
}

// Check decides the assertions. For Unknown, reason tells why.
func (s *Solver) Check() (status smt.Status, reason string, err error) {
	err = s.do("check", func() {
		switch C.Z3_solver_check(s.ctx.raw, s.raw) {
		case C.Z3_L_TRUE:
			status = smt.Sat
		case C.Z3_L_FALSE:
			status = smt.Unsat
		default:
			reason = C.GoString(C.Z3_solver_get_reason_unknown(s.ctx.raw, s.raw))
		}
	})
	if err != nil {
		return smt.Unknown, "", err
	}
	return status, reason, nil
}

// Model returns the model of the last check, which was Sat.
func (s *Solver) Model() (*Model, error) {
	m := &Model{ctx: s.ctx}
	err := s.do("get model", func() {
		if m.raw = C.Z3_solver_get_model(s.ctx.raw, s.raw); m.raw != nil {
			C.Z3_model_inc_ref(s.ctx.raw, m.raw)
		}
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (s *Solver) do(doing string, call func()) error {
	if err := s.ctx.enter(); err != nil {
		return err
	}
	defer s.ctx.leave()
	call()
	return s.ctx.err(doing)
}

// Model gives values to terms.
type Model struct {
	ctx *Context
	raw C.Z3_model
}

// Close frees the model.
func (m *Model) Close() error {
	if err := m.ctx.enter(); err != nil {
		return err
	}
	defer m.ctx.leave()
	C.Z3_model_dec_ref(m.ctx.raw, m.raw)
	return nil
}

// Value returns the value of a term; what the model leaves open is chosen.
func (m *Model) Value(t Term) (uint64, error) {
	if err := m.ctx.enter(); err != nil {
		return 0, err
	}
	defer m.ctx.leave()
	c := m.ctx.raw
	var v C.Z3_ast
	if !C.Z3_model_eval(c, m.raw, t.raw, true, &v) {
		return 0, fmt.Errorf("z3: evaluate term: %w", m.ctx.err("evaluate term"))
	}
	C.Z3_inc_ref(c, v)
	defer C.Z3_dec_ref(c, v)
	switch C.Z3_get_bool_value(c, v) {
	case C.Z3_L_TRUE:
		return 1, nil
	case C.Z3_L_FALSE:
		return 0, nil
	}
	var x C.uint64_t
	if C.Z3_get_ast_kind(c, v) != C.Z3_NUMERAL_AST || !C.Z3_get_numeral_uint64(c, v, &x) {
		return 0, fmt.Errorf("z3: evaluate term: the value %s is not a number", C.GoString(C.Z3_ast_to_string(c, v)))
	}
	return uint64(x), nil
}
