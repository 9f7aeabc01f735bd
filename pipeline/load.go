package pipeline

import (
	"context"
	"fmt"
	"io"
	goruntime "runtime"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/native"
	"github.com/bpfproof/bpfproof/runtime/vm"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/verifier"
)

// Options say how programs are loaded. The zero value verifies by the default
// policy and runs native code that was not proved.
type Options struct {
	Policy verifier.Policy
	// Interpret runs programs in the interpreter instead of native code.
	Interpret bool
	JIT       jit.Options
	Native    native.Options
	VM        vm.Options
	// Prover, if not nil, has the machine code of every program proved before it
	// is loaded.
	Prover smt.Solver
	// Cache, if not empty, is the directory where certificates of proofs are kept.
	// It is made if it is not there.
	Cache string
	// Proved, if not nil, is told of every proof that let a program in.
	Proved func(Proof)
	// Pin names files of maps that outlive the process, by map name; PinDir is the
	// directory of those whose definitions ask to be pinned by name.
	Pin    map[string]string
	PinDir string
}

// Proof is why a program's machine code was let in.
type Proof struct {
	Certificate *jitproof.Certificate
	Cached      bool // it was made before, and is used by its hashes
}

// RejectedError is a verdict other than accept.
type RejectedError struct{ Report *verifier.Report }

func (e *RejectedError) Error() string {
	if len(e.Report.Findings) == 0 {
		return e.Report.Verdict.String()
	}
	f := e.Report.Findings[0]
	return fmt.Sprintf("%v: insn %d: %s: %s", e.Report.Verdict, f.PC, f.Code, f.Msg)
}

// UnprovedError says that the machine code of a program was refuted or could
// not be proved.
type UnprovedError struct{ Certificate *jitproof.Certificate }

func (e *UnprovedError) Error() string {
	c := e.Certificate
	o := c.First(c.Status)
	if o == nil {
		return fmt.Sprintf("machine code is not proved: %v", c.Status)
	}
	return fmt.Sprintf("machine code is not proved: %v: %s at insn %d", c.Status, o.Kind, o.PC)
}

// LoadFile loads the programs of an object, of C source if there is a compiler,
// or of assembly text.
func LoadFile(ctx context.Context, path string, opts Options) (*runtime.Object, error) {
	o, err := elf.LoadAny(ctx, path, elf.AnyOptions{})
	if err != nil {
		return nil, err
	}
	return Load(ctx, o.Programs, opts)
}

// LoadObject loads the programs of an object that an application carries with it.
func LoadObject(ctx context.Context, name string, r io.ReaderAt, opts Options) (*runtime.Object, error) {
	o, err := elf.Read(name, r)
	if err != nil {
		return nil, err
	}
	return Load(ctx, o.Programs, opts)
}

// Load verifies and loads programs. Errors are a *runtime.RejectedError that
// wraps a *RejectedError where the verifier did not accept a program, and wrap
// an *UnprovedError where its machine code is not proved.
func Load(ctx context.Context, programs []*ir.Program, opts Options) (*runtime.Object, error) {
	v, err := verifier.New(opts.Policy)
	if err != nil {
		return nil, err
	}
	loader := vm.Loader(opts.VM)
	if !opts.Interpret {
		if loader, err = Native(opts); err != nil {
			return nil, err
		}
	} else if opts.Prover != nil {
		return nil, fmt.Errorf("pipeline: load: the interpreter runs no machine code to prove")
	}
	return runtime.Load(ctx, programs, runtime.Options{Loader: loader, Check: Accepts(v), Pin: opts.Pin, PinDir: opts.PinDir})
}

// Accepts returns the verifier as the runtime wants to be told: nil, or why not,
// which is a *RejectedError for a verdict other than accept.
func Accepts(v *verifier.Verifier) runtime.Check {
	return func(ctx context.Context, p *ir.Program) error {
		r, err := v.Verify(ctx, p, nil)
		switch {
		case err != nil:
			return err
		case r.Verdict != verifier.Accept:
			return &RejectedError{r}
		case r.Kernel != "":
			return fmt.Errorf("accepted, but only a kernel runs it: it reads %s", r.Kernel)
		}
		return nil
	}
}

// Native returns the loader of native code that the options describe: it
// compiles, has the code proved if there is a prover, and loads it. Policy and
// Pin are not its affair.
func Native(opts Options) (runtime.Loader, error) {
	b, err := backend(opts.JIT)
	if err != nil {
		return runtime.Loader{}, err
	}
	if opts.Prover == nil {
		return native.Loader(b, opts.Native), nil
	}
	prove := &prover{validator: jitproof.New(opts.Prover, jitproof.Options{}), tell: opts.Proved}
	if opts.Cache != "" {
		if prove.cache, err = OpenCache(opts.Cache); err != nil {
			return runtime.Loader{}, err
		}
	}
	return runtime.Loader{Name: "native", Load: func(ctx context.Context, p *ir.Program, ms []maps.Map) (runtime.Engine, error) {
		code, err := jit.Compile(b, p)
		if err != nil {
			return nil, err
		}
		if err := prove.admit(ctx, p, code); err != nil {
			return nil, err
		}
		return native.Load(code, p, ms, opts.Native)
	}}, nil
}

func backend(o jit.Options) (jit.Backend, error) {
	if goruntime.GOARCH != amd64.Arch {
		return nil, fmt.Errorf("pipeline: no JIT for %s: it compiles for %s", goruntime.GOARCH, amd64.Arch)
	}
	return amd64.NewTier(amd64.Host(), o)
}

// prover decides whether machine code may run.
type prover struct {
	validator *jitproof.Validator
	cache     *Cache // nil: none
	tell      func(Proof)
}

func (v *prover) admit(ctx context.Context, p *ir.Program, code *jit.Code) error {
	if c := v.cache.find(p, code); c != nil {
		v.report(Proof{c, true})
		return nil
	}
	c, err := v.validator.Validate(ctx, p, code)
	if err != nil {
		return err
	}
	if c.Status != jitproof.Proved {
		return &UnprovedError{c}
	}
	if err := v.cache.put(c); err != nil {
		return err
	}
	v.report(Proof{c, false})
	return nil
}

func (v *prover) report(p Proof) {
	if v.tell != nil {
		v.tell(p)
	}
}
