package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// kernelTimer measures the live kernel's JIT by the clock of its test run, which
// starts behind the system call's own work, stops where another process gets
// the processor, and counts whole nanoseconds a run.
type kernelTimer struct {
	*kernel.Program
	packet []byte
}

func openKernelTimer(b *benchProgram) (timer, error) {
	p, err := kernel.Load(b.program, kernel.Options{})
	if err != nil {
		return nil, err
	}
	return &kernelTimer{p, b.packet}, nil
}

func (t *kernelTimer) time(_ context.Context, n int) (float64, uint32, error) {
	out, err := t.TestRun(t.packet, nil, n)
	return float64(out.Ns), out.Ret, err
}

// compiler makes programs of the machine out of the benchmark programs.
type compiler struct {
	cc  string
	dir string // of its own, removed by Close
}

// errNoCompiler says that there is no C compiler.
var errNoCompiler = errors.New("no C compiler")

// newCompiler finds the C compiler and unpacks the corpus' sources.
func newCompiler(cc string) (*compiler, error) {
	path, err := exec.LookPath(cc)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not found", errNoCompiler, cc)
	}
	dir, err := os.MkdirTemp("", "bpfproof-bench-")
	if err != nil {
		return nil, err
	}
	c := &compiler{cc: path, dir: dir}
	for _, part := range []string{"include", "bench"} {
		sub, err := fs.Sub(corpus.FS, part)
		if err == nil {
			err = os.CopyFS(filepath.Join(dir, part), sub)
		}
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

// Close removes what was compiled.
func (c *compiler) Close() error { return os.RemoveAll(c.dir) }

// cTimer is a benchmark program as a process that measures itself: calls by
// the thousand cost no system call, and no cgo.
type cTimer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// open compiles the program by cc -O2 and starts it.
func (c *compiler) open(ctx context.Context, b *benchProgram) (timer, error) {
	unit, packet, binary := filepath.Join(c.dir, b.Name+"_main.c"), filepath.Join(c.dir, "packet"), filepath.Join(c.dir, b.Name)
	text := fmt.Sprintf("#include \"%s\"\n#include \"bench_main.h\"\n", b.Source)
	err := errors.Join(os.WriteFile(unit, []byte(text), 0o600), os.WriteFile(packet, b.packet, 0o600))
	if err != nil {
		return nil, err
	}
	cc := exec.CommandContext(ctx, c.cc, "-O2", "-w", "-I", c.dir, "-I", filepath.Join(c.dir, "include"), "-DBENCH_PROGRAM="+b.Name, "-o", binary, unit)
	if out, err := cc.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", c.cc, err, oneLine(string(out)))
	}
	t := &cTimer{cmd: exec.CommandContext(ctx, binary, packet)}
	if t.in, err = t.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t.out = bufio.NewReader(out)
	return t, t.cmd.Start()
}

func (t *cTimer) time(_ context.Context, n int) (ns float64, result uint32, err error) {
	if _, err := fmt.Fprintf(t.in, "%d\n", n); err != nil {
		return 0, 0, err
	}
	line, err := t.out.ReadString('\n')
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", filepath.Base(t.cmd.Path), err)
	}
	if _, err := fmt.Sscanf(strings.TrimSpace(line), "%g %d", &ns, &result); err != nil {
		return 0, 0, fmt.Errorf("%s: %q: %w", filepath.Base(t.cmd.Path), line, err)
	}
	return ns / float64(n), result, nil
}

// Close ends the process.
func (t *cTimer) Close() error { return errors.Join(t.in.Close(), t.cmd.Wait()) }
