package soundness

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bpfproof/bpfproof/smt"
)

// Run decides lines of domains together. A line is proved only if its own goals
// are, and every line that their proof takes as given is proved in this run,
// too. Lines that rest on themselves are not proved.
//
// A Run is used once.
type Run struct {
	// Solver decides; several lines at once if Workers is above 1.
	Solver  smt.Solver
	Workers int
	// Built, unless nil, is given every obligation before it is decided; several
	// at once if Workers is above 1.
	Built func(*Obligation) error

	mu    sync.Mutex
	ready *sync.Cond // more is to be done, or nothing more ever
	queue []*task
	ended bool
	tasks map[Line]*task
}

// task is a line that may have to be decided.
type task struct {
	subject *Subject
	op      Op
	queued  bool
	done    chan struct{} // closed when own and err are there
	own     Verdict       // of its goals alone
	err     error
	settled bool // own.Status is that of the line
	open    bool // being settled
}

// Lines lists what is to be proved of the domain: the contracts first, as what
// follows rests on them.
func (s *Subject) Lines() []Line {
	var contracts, rest []Line
	for _, op := range s.Ops() {
		l := Line{s.Domain.Name, op.Name, op.Width}
		if strings.HasPrefix(op.Name, contractPrefix) {
			contracts = append(contracts, l)
		} else {
			rest = append(rest, l)
		}
	}
	return append(contracts, rest...)
}

// Decide decides lines of the subjects, and those that they rest on, and gives
// each verdict on the former to each, in order. An error is that of the solver,
// of Built, of each, or of ctx.
func (r *Run) Decide(ctx context.Context, subjects []*Subject, lines []Line, each func(Verdict) error) error {
	r.ready, r.tasks = sync.NewCond(&r.mu), map[Line]*task{}
	for _, s := range subjects {
		for _, op := range s.Ops() {
			l := Line{s.Domain.Name, op.Name, op.Width}
			if r.tasks[l] != nil {
				return fmt.Errorf("soundness: decide %v: there are two such lines", l)
			}
			r.tasks[l] = &task{subject: s, op: op, done: make(chan struct{})}
		}
	}
	for _, l := range lines {
		if r.tasks[l] == nil {
			return fmt.Errorf("soundness: decide %v: no such line", l)
		}
		r.enqueue(l)
	}
	ctx, cancel := context.WithCancel(ctx)
	var workers sync.WaitGroup
	for range max(r.Workers, 1) {
		workers.Go(func() { r.work(ctx) })
	}
	defer workers.Wait()
	defer func() {
		cancel()
		r.mu.Lock()
		r.ended = true
		r.mu.Unlock()
		r.ready.Broadcast()
	}()
	for _, l := range lines {
		v, err := r.settle(r.tasks[l])
		if err != nil {
			return err
		}
		if err := each(v); err != nil {
			return err
		}
	}
	return nil
}

// enqueue has lines decided, each once; those that do not exist are left out.
func (r *Run) enqueue(lines ...Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range lines {
		if t := r.tasks[l]; t != nil && !t.queued {
			t.queued = true
			r.queue = append(r.queue, t)
			r.ready.Signal()
		}
	}
}

// next takes a task from the queue; nil if the run has ended.
func (r *Run) next() *task {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.queue) == 0 && !r.ended {
		r.ready.Wait()
	}
	if r.ended {
		return nil
	}
	t := r.queue[0]
	r.queue = r.queue[1:]
	return t
}

// work decides lines until the run ends.
func (r *Run) work(ctx context.Context) {
	for t := r.next(); t != nil; t = r.next() {
		began := time.Now()
		t.own, t.err = t.subject.decide(ctx, t.op, r.Solver, r.Built)
		t.own.Elapsed, t.own.Own = time.Since(began), t.own.Status
		if t.err == nil {
			t.err = ctx.Err()
		}
		if t.own.Status == smt.Proved {
			r.enqueue(t.own.RestsOn...)
		}
		close(t.done)
	}
}

// settle waits for a line, and takes back its proof if it rests on a line that
// is not proved.
func (r *Run) settle(t *task) (Verdict, error) {
	<-t.done // workers go on until all that was queued is done, or say why not
	if t.err != nil || t.settled {
		return t.own, t.err
	}
	t.open = true
	defer func() { t.open, t.settled = false, true }()
	for _, l := range t.own.RestsOn {
		if t.own.Status != smt.Proved {
			break
		}
		on := r.tasks[l]
		switch {
		case on == nil:
			t.own.withdraw("it rests on %v, which no domain here has", l)
			continue
		case on.open:
			t.own.withdraw("it rests on %v, which rests on it", l)
			continue
		}
		v, err := r.settle(on)
		if err != nil {
			return t.own, err
		}
		if v.Status == smt.Refuted {
			t.own.withdraw("it rests on %v, which is refuted", l)
		} else if v.Status != smt.Proved {
			t.own.withdraw("it rests on %v, which is not proved", l)
		}
	}
	return t.own, nil
}

// withdraw takes back a proof.
func (v *Verdict) withdraw(format string, on Line) {
	v.Status, v.Goal, v.Reason = smt.Undecided, "", fmt.Sprintf(format, on)
}

// Find returns the lines that keep says yes to, of subjects in order.
func Find(subjects []*Subject, keep func(Line) bool) (lines []Line) {
	for _, s := range subjects {
		lines = append(lines, s.Lines()...)
	}
	return slices.DeleteFunc(lines, func(l Line) bool { return !keep(l) })
}
