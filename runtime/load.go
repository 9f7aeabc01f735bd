package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// Check decides whether a program may run: nil means that it was shown safe.
// An error says why it was not; unknown is an error.
type Check func(ctx context.Context, p *ir.Program) error

// Loader makes an engine of a program that the check accepted.
type Loader struct {
	Name string
	// Sandboxed reports that the engine checks every access at run, so that a
	// program nobody verified can do no harm.
	Sandboxed bool
	Load      func(ctx context.Context, p *ir.Program, ms []maps.Map) (Engine, error)
}

// Options say how programs are loaded.
type Options struct {
	Loader Loader
	// Check is asked for every program before anything is made for it.
	Check Check
	// Unverified allows a program to run without a Check, in a sandboxed engine
	// only.
	Unverified bool
	// Pin names files of maps that outlive the process, by map name (see
	// maps.Pin). A name that no program uses is an error.
	Pin map[string]string
	// PinDir is the directory of maps that are to be pinned by their name, as
	// their spec says; Pin goes before it. Without one such a map is refused. It is
	// made if it is not there.
	PinDir string
}

// ErrUnverified says that a program was refused because nobody would have
// verified it.
var ErrUnverified = errors.New("nothing verifies the program")

// RejectedError says that the check did not accept a program.
type RejectedError struct {
	Program string
	Err     error // what the check said
}

func (e *RejectedError) Error() string {
	return fmt.Sprintf("runtime: load program %q: not accepted: %v", e.Program, e.Err)
}

// Unwrap returns what the check said.
func (e *RejectedError) Unwrap() error { return e.Err }

// admit holds the rule that nothing runs that was not accepted.
func (o *Options) admit(ctx context.Context, p *ir.Program) error {
	switch {
	case o.Loader.Load == nil:
		return fmt.Errorf("runtime: load program %q: no loader is given", p.Name)
	case o.Check != nil && o.Unverified:
		return fmt.Errorf("runtime: load program %q: both a check and Unverified are given", p.Name)
	case o.Check != nil:
		if err := o.Check(ctx, p); err != nil {
			return &RejectedError{Program: p.Name, Err: err}
		}
		return nil
	case !o.Unverified:
		return fmt.Errorf("runtime: load program %q: %w: Options.Check is nil", p.Name, ErrUnverified)
	case !o.Loader.Sandboxed:
		return fmt.Errorf("runtime: load program %q: %w, and engine %q does not check accesses itself", p.Name, ErrUnverified, o.Loader.Name)
	}
	return nil
}
