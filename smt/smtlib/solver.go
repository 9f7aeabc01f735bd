package smtlib

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/bpfproof/bpfproof/smt"
)

// New returns a program as a solver with these limits for each check. It is an
// smt.Incremental. An error says that the program is missing.
func New(p Program, limits smt.Limits) (smt.Solver, error) {
	if _, err := exec.LookPath(p.Path); err != nil {
		return nil, missing(p, err)
	}
	return &pipe{program: p, limits: limits}, nil
}

type pipe struct {
	program Program
	limits  smt.Limits
}

var _ smt.Incremental = (*pipe)(nil)

func (p *pipe) Name() string { return p.program.Name }

// Check decides the assertions in a process of its own.
func (p *pipe) Check(ctx context.Context, b *smt.Builder, assertions ...smt.Term) (smt.Result, error) {
	s := &session{pipe: p, b: b}
	if err := s.Assert(assertions...); err != nil {
		return smt.Result{}, err
	}
	r, err := s.Check(ctx)
	return r, errors.Join(err, s.Close())
}

// Open starts a session; its process starts with the first check.
func (p *pipe) Open(b *smt.Builder) (smt.Session, error) { return &session{pipe: p, b: b}, nil }

// session keeps a process as long as that works.
type session struct {
	pipe     *pipe
	b        *smt.Builder
	premises []smt.Term
	asserted int // premises that the process has
	process  *process
	printer  *printer
	version  string
}

func (s *session) Assert(premises ...smt.Term) error {
	for _, t := range premises {
		if w := s.b.Width(t); w != 1 {
			return fmt.Errorf("smtlib: assert term of %d bits: want one bit", w)
		}
	}
	s.premises = append(s.premises, premises...)
	return nil
}

func (s *session) Close() error {
	if s.process != nil {
		s.process.close()
		s.process, s.printer, s.asserted = nil, nil, 0
	}
	return nil
}

func (s *session) Check(ctx context.Context, assertions ...smt.Term) (smt.Result, error) {
	began, l := time.Now(), s.pipe.limits
	r := smt.Result{Solver: s.pipe.program.Name, Limit: l, Seed: l.Seed}
	if err := ctx.Err(); err != nil {
		r.Reason = err.Error()
		return r, nil
	}
	err := s.check(ctx, assertions, &r)
	r.Elapsed, r.Version = time.Since(began), s.version
	if err == nil && r.Status != smt.Unknown {
		return r, nil
	}
	_ = s.Close() // never fails; the process is in an unknown state
	switch {
	case err == nil:
	case errors.Is(err, errStopped) && ctx.Err() != nil:
		r.Status, r.Reason = smt.Unknown, ctx.Err().Error()
	case errors.Is(err, errStopped):
		r.Status, r.Reason = smt.Unknown, fmt.Sprintf("time-out of %v", l.Timeout)
	default:
		return smt.Result{}, err
	}
	return r, nil
}

// grace is what a program may take beyond its own time-out, to read the script
// and to notice.
const grace = 500 * time.Millisecond

func (s *session) ask(ctx context.Context, commands string) ([]expr, error) {
	patience := s.pipe.limits.Timeout
	if patience > 0 {
		patience += grace
	}
	return s.process.exchange(ctx, patience, commands)
}

func (s *session) check(ctx context.Context, assertions []smt.Term, r *smt.Result) error {
	for _, t := range assertions {
		if w := s.b.Width(t); w != 1 {
			return fmt.Errorf("smtlib: assert term of %d bits: want one bit", w)
		}
	}
	if s.process == nil {
		if err := s.start(ctx); err != nil {
			return err
		}
	}
	replies, err := s.ask(ctx, s.script(assertions))
	if err != nil {
		return err
	}
	if r.Status, r.Reason, err = s.answer(replies); err != nil {
		return err
	}
	switch r.Status {
	case smt.Unknown:
		return s.reason(ctx, r)
	case smt.Sat:
		if err := s.model(ctx, assertions, r); err != nil {
			return err
		}
	}
	if len(assertions) > 0 {
		_, err = s.ask(ctx, "(pop 1)\n")
	}
	return err
}

// start runs the program and sets its options.
func (s *session) start(ctx context.Context) error {
	l := s.pipe.limits
	p, err := start(s.pipe.program, l)
	if err != nil {
		return err
	}
	s.process, s.printer = p, newPrinter(s.b)
	commands := "(set-option :produce-models true)\n"
	for _, o := range s.pipe.program.Options(l) {
		commands += fmt.Sprintf("(set-option :%s %s)\n", o[0], o[1])
	}
	replies, err := s.ask(ctx, commands+"(set-logic QF_UFBV)\n(get-info :version)\n")
	if err != nil {
		return err
	}
	for _, e := range replies {
		if len(e.list) != 2 || e.list[0].atom != ":version" {
			return s.unexpected("start", e)
		}
		s.version = strings.Trim(e.list[1].atom, `"`)
	}
	return nil
}

// script returns the commands of one check.
func (s *session) script(assertions []smt.Term) string {
	var sb strings.Builder
	s.printer.define(&sb, s.premises[s.asserted:]...)
	for _, t := range s.premises[s.asserted:] {
		fmt.Fprintf(&sb, "(assert %s)\n", s.printer.text[t])
	}
	s.asserted = len(s.premises)
	if len(assertions) > 0 {
		s.printer.define(&sb, assertions...)
		sb.WriteString("(push 1)\n")
		for _, t := range assertions {
			fmt.Fprintf(&sb, "(assert %s)\n", s.printer.text[t])
		}
	}
	sb.WriteString("(check-sat)\n")
	return sb.String()
}

// answer reads the reply to check-sat.
func (s *session) answer(replies []expr) (smt.Status, string, error) {
	for _, e := range replies {
		switch e.atom {
		case "sat":
			return smt.Sat, "", nil
		case "unsat":
			return smt.Unsat, "", nil
		case "unknown":
			return smt.Unknown, "", nil
		case "timeout": // z3, when its limit strikes outside the search
			return smt.Unknown, "timeout", nil
		}
		if text := e.String(); strings.Contains(text, "canceled") || strings.Contains(text, "resource limit") {
			return smt.Unknown, text, nil
		}
		return smt.Unknown, "", s.unexpected("check", e)
	}
	return smt.Unknown, "", fmt.Errorf("smtlib: ask %s: no reply to check-sat", s.pipe.program.Name)
}

// reason asks why the answer is unknown.
func (s *session) reason(ctx context.Context, r *smt.Result) error {
	if r.Reason != "" {
		return nil
	}
	replies, err := s.ask(ctx, "(get-info :reason-unknown)\n")
	if err != nil {
		return err
	}
	for _, e := range replies {
		if len(e.list) == 2 && e.list[0].atom == ":reason-unknown" {
			r.Reason = strings.Trim(e.list[1].String(), `"`)
			return nil
		}
	}
	r.Reason = "no reason given"
	return nil
}

// model asks for the values of variables and applications, and checks them by
// evaluation.
func (s *session) model(ctx context.Context, assertions []smt.Term, r *smt.Result) error {
	all := append(s.premises[:len(s.premises):len(s.premises)], assertions...)
	var asked []smt.Term
	var names []string
	for t := range s.b.Terms(all...) {
		if op := s.b.Op(t); op == smt.OpVar || op == smt.OpApply {
			asked, names = append(asked, t), append(names, s.printer.text[t])
		}
	}
	values := map[smt.Term]uint64{}
	if len(asked) > 0 {
		replies, err := s.ask(ctx, "(get-value ("+strings.Join(names, " ")+"))\n")
		if err != nil {
			return err
		}
		if len(replies) != 1 || len(replies[0].list) != len(asked) {
			return s.unexpected("get model", expr{list: replies})
		}
		for i, pair := range replies[0].list {
			if len(pair.list) != 2 {
				return s.unexpected("get model", pair)
			}
			if values[asked[i]], err = value(pair.list[1]); err != nil {
				return fmt.Errorf("smtlib: ask %s: get model: %w", s.pipe.program.Name, err)
			}
		}
	}
	m, err := smt.Collect(s.b, all, func(t smt.Term) (uint64, error) { return values[t], nil })
	if err != nil {
		return fmt.Errorf("smtlib: model of %s %s: %w", s.pipe.program.Name, s.version, err)
	}
	r.Model = m
	return nil
}

func (s *session) unexpected(doing string, e expr) error {
	return fmt.Errorf("smtlib: ask %s: %s: it replied %.300s", s.pipe.program.Name, doing, e)
}
