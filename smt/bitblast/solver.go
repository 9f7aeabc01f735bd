package bitblast

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/proof"
)

// Options choose how the solver works. The zero value believes the program.
type Options struct {
	// CheckProof makes Unsat mean that a DRAT proof of the clauses has been
	// checked by package smt/proof; an answer without one is Unknown.
	CheckProof bool
	// CacheDir names an existing directory in which clauses whose proof has
	// been checked are remembered by their hash, with that of the checker and
	// the solver's version; "" for none. Who can write there is trusted as the
	// checker is. It is used only with CheckProof.
	CacheDir string
	// MaxGates bounds the graph of one check; a larger formula is Unknown. 0
	// stands for DefaultMaxGates.
	MaxGates int
	// MaxProof bounds the proof of one check, in literals; an Unsat with a
	// longer proof is Unknown. 0 stands for package proof's default.
	MaxProof int
	// Path is the program's file name, "" for "cadical" in the search path.
	Path string
}

// DefaultMaxGates is about a gigabyte of gates, clauses and their text.
const DefaultMaxGates = 4 << 20

// New returns CaDiCaL as a solver with these limits for each check: Steps are
// conflicts, and Timeout bounds translation, search and the check of the proof
// together. An error says that the program is missing.
func New(limits smt.Limits, options Options) (smt.Solver, error) {
	if options.Path == "" {
		options.Path = program
	}
	if options.MaxGates == 0 {
		options.MaxGates = DefaultMaxGates
	}
	path, err := exec.LookPath(options.Path)
	if err != nil {
		return nil, missing(options.Path, err)
	}
	v, err := version(path)
	if err != nil {
		return nil, err
	}
	return &solver{limits: limits, Options: options, path: path, version: v}, nil
}

type solver struct {
	Options
	limits  smt.Limits
	path    string
	version string
	tune    tuning
}

// tuning holds choices that tests and benchmarks compare.
type tuning struct {
	full    bool     // Tseitin's clauses instead of Plaisted and Greenbaum's
	options []string // further options of CaDiCaL
}

func (*solver) Name() string { return Name }

// Check decides the assertions in a process of its own, unless the gates alone
// do.
func (s *solver) Check(ctx context.Context, b *smt.Builder, assertions ...smt.Term) (smt.Result, error) {
	began := time.Now()
	for _, t := range assertions {
		if w := b.Width(t); w != 1 {
			return smt.Result{}, fmt.Errorf("bitblast: assert term of %d bits: want one bit", w)
		}
	}
	r := smt.Result{Solver: Name, Version: s.version, Limit: s.limits, Seed: s.limits.Seed}
	inner := ctx
	if s.limits.Timeout > 0 {
		var cancel context.CancelFunc
		inner, cancel = context.WithTimeout(ctx, s.limits.Timeout)
		defer cancel()
	}
	err := s.check(inner, b, assertions, &r)
	r.Elapsed = time.Since(began)
	switch {
	case err == nil:
		return r, nil
	case ctx.Err() != nil:
		r.Reason = ctx.Err().Error()
	case inner.Err() != nil:
		r.Reason = fmt.Sprintf("time-out of %v", s.limits.Timeout)
	case errors.Is(err, errLarge):
		r.Reason = fmt.Sprintf("formula too large: more than %d gates", s.MaxGates)
	default:
		return smt.Result{}, err
	}
	r.Status, r.Model, r.Proof = smt.Unknown, nil, nil
	return r, nil
}

func (s *solver) check(ctx context.Context, b *smt.Builder, assertions []smt.Term, r *smt.Result) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tr := newTranslator(b, s.MaxGates)
	roots, err := tr.assertions(ctx, assertions)
	if err != nil {
		return err
	}
	c := encode(tr.g, roots, s.tune.full)
	a, err := s.solve(ctx, c, r)
	if err != nil {
		return err
	}
	r.Status = a.status
	if a.status != smt.Sat {
		return nil
	}
	bit := func(x lit) bool {
		v := c.of[x.gate()]
		return v != 0 && a.values[v] != x.negative()
	}
	r.Model, err = smt.Collect(b, assertions, func(t smt.Term) (uint64, error) { return tr.value(t, bit), nil })
	if err != nil {
		return fmt.Errorf("bitblast: model of %s %s: %w", Name, s.version, err)
	}
	return nil
}

// solve decides clauses, with a proof if the options ask for one. It sets what
// r says about the proof, and the reason of Unknown.
func (s *solver) solve(ctx context.Context, c *clauses, r *smt.Result) (answer, error) {
	switch {
	case c.count == 0:
		return answer{status: smt.Sat, values: make([]bool, c.vars+1)}, nil
	case c.false && !s.CheckProof:
		return answer{status: smt.Unsat}, nil
	}
	cnf := c.dimacs()
	if s.CheckProof {
		return s.prove(ctx, c, cnf, r)
	}
	a, err := run(ctx, s.path, arguments(s.limits, s.tune.options), c, cnf, nil)
	if err == nil && a.status == smt.Unknown {
		r.Reason = s.reason()
	}
	return a, err
}

// prove decides clauses and has the proof checked. While the program writes
// the proof it is read into memory, so that it needs no file.
func (s *solver) prove(ctx context.Context, c *clauses, cnf []byte, r *smt.Result) (answer, error) {
	store := cache{s.CacheDir, Name + " " + s.version}
	if info, ok := store.load(cnf); ok {
		r.Proof = info
		return answer{status: smt.Unsat}, nil
	}
	var p *proof.Proof
	var unread error
	a, err := run(ctx, s.path, arguments(s.limits, s.tune.options), c, cnf, func(in io.Reader) {
		p, unread = proof.ReadProof(in, proof.Binary, proof.Limits{Literals: s.MaxProof})
		_, _ = io.Copy(io.Discard, in) // the program must not wait for a reader that has given up
	})
	switch {
	case err != nil:
		return answer{}, err
	case a.status == smt.Unknown:
		r.Reason = s.reason()
		return a, nil
	case a.status == smt.Sat:
		return a, nil
	case unread != nil:
		r.Reason = "unsat, but its proof was not read: " + unread.Error()
		return answer{}, nil
	}
	info, err := verify(ctx, cnf, p)
	switch {
	case ctx.Err() != nil:
		return answer{}, ctx.Err()
	case err != nil:
		r.Reason = "unsat, but its proof was not verified: " + err.Error()
		return answer{}, nil
	}
	r.Proof = info
	return a, store.save(cnf, info)
}

// reason says why the program has no answer.
func (s *solver) reason() string {
	if s.limits.Steps > 0 {
		return fmt.Sprintf("limit of %d conflicts", s.limits.Steps)
	}
	return "no reason given"
}

// verify checks the proof against the clauses as the solver was given them.
func verify(ctx context.Context, cnf []byte, p *proof.Proof) (*smt.ProofInfo, error) {
	began := time.Now()
	f, err := proof.ReadFormula(bytes.NewReader(cnf), proof.Limits{})
	if err != nil {
		return nil, err
	}
	rep, err := proof.Check(ctx, f, p, proof.Limits{})
	if err != nil {
		return nil, err
	}
	if rep.Verdict != proof.Verified {
		return nil, errors.New(rep.Reason)
	}
	return &smt.ProofInfo{Bytes: p.Bytes(), Lemmas: rep.Lemmas, Checked: rep.Checked, CheckTime: time.Since(began)}, nil
}
