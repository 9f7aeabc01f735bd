package smtlib

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// expr is an s-expression: an atom, or a list if Atom is empty.
type expr struct {
	atom string // strings keep their quotes
	list []expr
}

func (e expr) String() string {
	if e.atom != "" {
		return e.atom
	}
	parts := make([]string, len(e.list))
	for i, x := range e.list {
		parts[i] = x.String()
	}
	return "(" + strings.Join(parts, " ") + ")"
}

const (
	maxNesting = 1000    // of a reply
	maxReply   = 1 << 26 // bytes of one reply
)

// reader reads s-expressions from a solver's output.
type reader struct {
	in   *bufio.Reader
	left int // bytes that the reply may still have
}

// next reads one s-expression; io.EOF if the output ends before it.
func (r *reader) next() (expr, error) {
	r.left = maxReply
	c, err := r.skip()
	if err != nil {
		return expr{}, err
	}
	e, err := r.read(c, 0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return e, err
}

func (r *reader) byte() (byte, error) {
	if r.left--; r.left < 0 {
		return 0, fmt.Errorf("a reply of more than %d bytes", maxReply)
	}
	return r.in.ReadByte()
}

// skip returns the first byte that is not white space.
func (r *reader) skip() (byte, error) {
	for {
		c, err := r.byte()
		if err != nil || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c, err
		}
	}
}

// read reads the expression that starts with c.
func (r *reader) read(c byte, depth int) (expr, error) {
	switch {
	case depth > maxNesting:
		return expr{}, fmt.Errorf("a reply nested more than %d deep", maxNesting)
	case c == ')':
		return expr{}, errors.New("a reply with a stray )")
	case c == '"' || c == '|':
		return r.quoted(c)
	case c != '(':
		return r.atom(c)
	}
	e := expr{}
	for {
		c, err := r.skip()
		if err != nil {
			return expr{}, err
		}
		if c == ')' {
			return e, nil
		}
		x, err := r.read(c, depth+1)
		if err != nil {
			return expr{}, err
		}
		e.list = append(e.list, x)
	}
}

func (r *reader) quoted(quote byte) (expr, error) {
	s := []byte{quote}
	for {
		c, err := r.byte()
		if err != nil {
			return expr{}, err
		}
		s = append(s, c)
		if c != quote {
			continue
		}
		if quote == '"' { // a doubled quote stands for one
			if p, err := r.in.Peek(1); err == nil && p[0] == '"' {
				if _, err := r.byte(); err != nil {
					return expr{}, err
				}
				s = append(s, quote)
				continue
			}
		}
		return expr{atom: string(s)}, nil
	}
}

func (r *reader) atom(c byte) (expr, error) {
	s := []byte{c}
	for {
		c, err := r.byte()
		if errors.Is(err, io.EOF) {
			return expr{atom: string(s)}, nil
		}
		if err != nil {
			return expr{}, err
		}
		if strings.IndexByte(" \n\r\t()\"|", c) >= 0 {
			if c == '(' || c == ')' || c == '"' || c == '|' {
				if err := r.in.UnreadByte(); err != nil {
					return expr{}, err
				}
				r.left++
			}
			return expr{atom: string(s)}, nil
		}
		s = append(s, c)
	}
}

// value reads a constant: true, false, #x1f, #b01, (_ bv31 64).
func value(e expr) (uint64, error) {
	var x uint64
	var err error
	switch a := e.atom; {
	case a == "true":
		return 1, nil
	case a == "false":
		return 0, nil
	case strings.HasPrefix(a, "#x"):
		x, err = strconv.ParseUint(a[2:], 16, 64)
	case strings.HasPrefix(a, "#b"):
		x, err = strconv.ParseUint(a[2:], 2, 64)
	case len(e.list) == 3 && e.list[0].atom == "_" && strings.HasPrefix(e.list[1].atom, "bv"):
		x, err = strconv.ParseUint(e.list[1].atom[2:], 10, 64)
	default:
		err = errors.New("not a constant")
	}
	if err != nil {
		return 0, fmt.Errorf("read value %.80s: %w", e, err)
	}
	return x, nil
}
