package bitblast

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bpfproof/bpfproof/smt"
)

// program is the file name of CaDiCaL, looked for in the search path unless it
// has a slash.
const program = "cadical"

func missing(path string, err error) error {
	return fmt.Errorf("bitblast: start %s: the program %q was not found (apt-get install cadical): %w", Name, path, err)
}

// version asks the program.
func version(path string) (string, error) {
	cmd := exec.Command(path, "--version")
	cmd.Env = []string{}
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("bitblast: start %s: ask %s --version: %w", Name, path, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// answer is what the program found.
type answer struct {
	status smt.Status
	values []bool // by variable, if Sat
}

// arguments are those for reading from standard input under the limits.
// Most questions here are refuted, for which CaDiCaL has settings of its own:
// they halve the time of operator proofs. It counts conflicts up to 2^31-1 and seeds up to 2e9.
func arguments(l smt.Limits, options []string) []string {
	args := append([]string{"-q", "--no-colors", "--unsat", "--seed=" + strconv.FormatUint(uint64(l.Seed)%2_000_000_001, 10)}, options...)
	if l.Steps > 0 {
		args = append(args, "-c", strconv.FormatUint(min(l.Steps, 1<<31-1), 10))
	}
	return append(args, "-")
}

// run gives the program clauses and waits for its answer; proof, unless nil,
// reads the DRAT proof while it is written, to its end. When ctx ends the
// program is killed and the error is that of ctx.
func run(ctx context.Context, path string, args []string, c *clauses, cnf []byte, proof func(io.Reader)) (answer, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{} // it reads options from variables that begin with CADICAL_
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // its children too, or they hold the pipes open
	cmd.WaitDelay = 10 * time.Second                                                     // a loaded machine may read late
	cmd.Stdin = bytes.NewReader(cnf)
	var stdout bytes.Buffer
	said := &head{}
	cmd.Stdout, cmd.Stderr = &stdout, said
	finish := func() {}
	if proof != nil {
		r, w, err := os.Pipe()
		if err != nil {
			return answer{}, fmt.Errorf("bitblast: start %s: %w", Name, err)
		}
		cmd.ExtraFiles = []*os.File{w} // the first of these is descriptor 3
		cmd.Args = append(cmd.Args, "/dev/fd/3")
		read := make(chan struct{})
		go func() {
			proof(r)
			close(read)
		}()
		// Whoever holds the pipe open, the reader does not wait longer than ctx.
		unwatch := context.AfterFunc(ctx, func() { _ = r.SetReadDeadline(time.Now()) })
		finish = func() {
			_ = w.Close() // nothing was written here
			<-read
			unwatch()
			_ = r.Close()
		}
	}
	err := cmd.Start()
	if err != nil {
		finish()
		return answer{}, fmt.Errorf("bitblast: start %s: %w", Name, err)
	}
	if proof != nil {
		_ = cmd.ExtraFiles[0].Close() // so that the pipe ends with the program
	}
	err = cmd.Wait()
	finish()
	if ctx.Err() != nil {
		return answer{}, ctx.Err()
	}
	code := cmd.ProcessState.ExitCode()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return answer{}, fmt.Errorf("bitblast: run %s: %w", Name, err)
	}
	a, err := c.read(stdout.String(), code)
	if err != nil {
		return answer{}, fmt.Errorf("bitblast: run %s: %w, exit status %d%s", Name, err, code, said)
	}
	return a, nil
}

// head keeps the beginning of what is written to it.
type head struct{ buf []byte }

func (h *head) Write(p []byte) (int, error) {
	h.buf = append(h.buf, p[:min(len(p), 300-len(h.buf))]...)
	return len(p), nil
}

func (h *head) String() string {
	if s := strings.TrimSpace(string(h.buf)); s != "" {
		return ", saying " + s
	}
	return ""
}

// read reads the output of a SAT solver: a line "s ..." that agrees with the
// exit status, and "v ..." lines with literals up to a 0.
func (c *clauses) read(text string, code int) (answer, error) {
	a := answer{}
	want, ended := 0, false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "c"):
		case line == "s SATISFIABLE" && want == 0:
			a.status, want, a.values = smt.Sat, 10, make([]bool, c.vars+1)
		case line == "s UNSATISFIABLE" && want == 0:
			a.status, want = smt.Unsat, 20
		case line == "s UNKNOWN" && want == 0:
		case strings.HasPrefix(line, "v ") && a.values != nil && !ended:
			for f := range strings.FieldsSeq(line[2:]) {
				n, err := strconv.Atoi(f)
				if err != nil || n < -c.vars || n > c.vars {
					return answer{}, fmt.Errorf("read %.80q: %q is no literal of %d variables", line, f, c.vars)
				}
				if n == 0 {
					ended = true
				} else {
					a.values[max(n, -n)] = n > 0
				}
			}
		default:
			return answer{}, fmt.Errorf("read %.80q: not an answer of a SAT solver", line)
		}
	}
	switch {
	case code != want:
		return answer{}, fmt.Errorf("read answer %v: it does not go with the exit status", a.status)
	case a.status == smt.Sat && !ended:
		return answer{}, errors.New("read values: they do not end with 0")
	}
	return a, nil
}
