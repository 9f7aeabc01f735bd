package hooks

import (
	"context"
	"fmt"

	"github.com/bpfproof/bpfproof/runtime"
)

// Direct is a hook that the application fires itself.
type Direct struct{}

// Attach returns a *DirectLink.
func (Direct) Attach(p *runtime.Program) (runtime.Link, error) { return &DirectLink{program: p}, nil }

// DirectLink is a program attached to the application's own calls. It is safe
// for concurrent use.
type DirectLink struct {
	program *runtime.Program
	counters
}

// Fire runs the program on the input, as BPF_PROG_TEST_RUN does.
func (l *DirectLink) Fire(ctx context.Context, in runtime.Input) (runtime.Result, error) {
	if !l.enter() {
		return runtime.Result{}, fmt.Errorf("hooks: fire program %q: %w", l.program.Name(), ErrDetached)
	}
	defer l.leave()
	res, err := l.program.Run(ctx, in)
	if err != nil {
		l.add(0, 1, 0)
		return res, err
	}
	n := uint64(max(in.Repeat, 1))
	l.add(n, 0, uint64(res.NsPerRun*float64(n)))
	return res, nil
}

// Close detaches, and returns when the runs under way have ended.
func (l *DirectLink) Close() error { l.finish(); return nil }
