package smtlib

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/bpfproof/bpfproof/smt"
)

// process is a running solver. Everything is asked by exchange.
type process struct {
	program Program
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	stdout  io.Closer
	out     reader
	stderr  *tail
	marks   int
}

// tail keeps the beginning of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p[:min(len(p), 2000-len(t.buf))]...)
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf))
}

func start(p Program, l smt.Limits) (*process, error) {
	path, err := exec.LookPath(p.Path)
	if err != nil {
		return nil, missing(p, err)
	}
	q := &process{program: p, cmd: exec.Command(path, p.Args(l)...), stderr: &tail{}}
	q.cmd.Stderr = q.stderr
	q.cmd.WaitDelay = 100 * time.Millisecond // children of its own may hold stderr open
	if q.stdin, err = q.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("smtlib: start %s: %w", p.Name, err)
	}
	stdout, err := q.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("smtlib: start %s: %w", p.Name, err)
	}
	q.stdout, q.out.in = stdout, bufio.NewReader(stdout)
	if err := q.cmd.Start(); err != nil {
		return nil, fmt.Errorf("smtlib: start %s: %w", p.Name, err)
	}
	return q, nil
}

func missing(p Program, err error) error {
	return fmt.Errorf("smtlib: start %s: the program %q was not found (%s): %w", p.Name, p.Path, p.Install, err)
}

// errStopped says that the process was ended because of the time or ctx.
var errStopped = errors.New("stopped")

// exchange sends commands and returns the replies, without those that only say
// success. When ctx ends, or after the given time unless it is 0, it ends the
// process and returns errStopped.
func (q *process) exchange(ctx context.Context, patience time.Duration, commands string) ([]expr, error) {
	q.marks++
	mark := fmt.Sprintf("?end-%d", q.marks)
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	unwatch := context.AfterFunc(ctx, func() { q.kill() })
	defer unwatch()
	sent := make(chan error, 1)
	go func() { // the solver may reply before it has read everything
		_, err := io.WriteString(q.stdin, commands+"(echo \""+mark+"\")\n")
		sent <- err
	}()
	replies, err := q.until(mark)
	if err != nil {
		q.kill() // so that sending ends, too
	}
	sendErr := <-sent
	switch {
	case err == nil && sendErr == nil:
		return replies, nil
	case ctx.Err() != nil:
		return nil, errStopped
	case err == nil:
		err = sendErr
	}
	_ = q.cmd.Wait() // for the rest of what it said; its status tells no more
	said := q.stderr.String()
	if len(replies) > 0 {
		said = strings.TrimSpace(replies[len(replies)-1].String() + " " + said)
	}
	if said != "" {
		return nil, fmt.Errorf("smtlib: ask %s: it ended early, saying %.300s: %w", q.program.Name, said, err)
	}
	return nil, fmt.Errorf("smtlib: ask %s: it ended early: %w", q.program.Name, err)
}

// until reads replies up to the mark, which some solvers print in quotes.
func (q *process) until(mark string) ([]expr, error) {
	var replies []expr
	for {
		e, err := q.out.next()
		if err != nil {
			return replies, err
		}
		switch {
		case strings.Trim(e.atom, `"`) == mark:
			return replies, nil
		case e.atom == "success":
		default:
			replies = append(replies, e)
		}
	}
}

// kill ends the process and what waits for its output. Both calls fail only if
// there is nothing left to end.
func (q *process) kill() {
	_ = q.cmd.Process.Kill()
	_ = q.stdout.Close()
}

// close ends the process and waits for it.
func (q *process) close() {
	_ = q.stdin.Close()
	q.kill()
	_ = q.cmd.Wait() // it was killed, so the status means nothing
}
