package proof

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Limits bound what is read and how long a check takes, in counts.
type Limits struct {
	Literals int   // of a formula or of a proof, ends of clauses included; 0 stands for DefaultLiterals
	Visits   int64 // of clauses in a check; 0 for no limit
}

// DefaultLiterals bounds what is read: a gigabyte of proof in memory at most.
const DefaultLiterals = 1 << 28

// maxVar is the greatest variable number.
const maxVar = 1<<30 - 1

// ErrLimit is the error of whatever exceeds its Limits.
var ErrLimit = errors.New("limit exceeded")

// literal is twice the variable's number, plus one for the complement.
type literal uint32

func (l literal) not() literal { return l ^ 1 }

// table is a list of clauses.
type table struct {
	lits  []literal
	ends  []uint32 // of each clause, in lits
	limit int
}

func (t *table) len() int { return len(t.ends) }

func (t *table) clause(i int32) []literal {
	from := uint32(0)
	if i > 0 {
		from = t.ends[i-1]
	}
	return t.lits[from:t.ends[i]]
}

func (t *table) add(l literal) error {
	t.lits = append(t.lits, l)
	return t.bound()
}

func (t *table) end() error {
	t.ends = append(t.ends, uint32(len(t.lits)))
	return t.bound()
}

func (t *table) bound() error {
	if len(t.lits)+len(t.ends) > t.limit {
		return fmt.Errorf("%w: more than %d literals", ErrLimit, t.limit)
	}
	return nil
}

func (l Limits) literals() int {
	if l.Literals > 0 && l.Literals < DefaultLiterals {
		return l.Literals
	}
	return DefaultLiterals
}

// Formula is a set of clauses.
type Formula struct{ table }

// Clauses returns the number of clauses.
func (f *Formula) Clauses() int { return f.len() }

// Proof is a list of steps: lemmas added and clauses deleted.
type Proof struct {
	table
	deletes []bool
	bytes   int64
}

// Steps returns the number of steps.
func (p *Proof) Steps() int { return p.len() }

// Bytes returns the length of the proof as it was read.
func (p *Proof) Bytes() int64 { return p.bytes }

// input reads bytes and knows where it is.
type input struct {
	in   *bufio.Reader
	at   int64 // bytes read
	line int
	last byte
	word [24]byte // the last token
}

func newInput(r io.Reader) *input { return &input{in: bufio.NewReaderSize(r, 1<<16), line: 1} }

func (in *input) next() (byte, error) {
	c, err := in.in.ReadByte()
	if err != nil {
		return 0, err
	}
	in.at++
	if in.last == '\n' {
		in.line++
	}
	in.last = c
	return c, nil
}

// token returns the next word, or io.EOF. Words longer than any number are
// cut; comments, lines whose first word begins with c, are left out. The word
// is valid until the next call.
func (in *input) token() ([]byte, error) {
	buf := in.word[:]
	for {
		n, fresh := 0, in.last == 0 || in.last == '\n'
		for {
			c, err := in.next()
			if err != nil {
				if err == io.EOF && n > 0 {
					return buf[:n], nil
				}
				return nil, err
			}
			if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
				if n > 0 {
					break
				}
				fresh = fresh || c == '\n'
				continue
			}
			if n < len(buf) {
				buf[n] = c
				n++
			}
		}
		if !fresh || buf[0] != 'c' {
			return buf[:n], nil
		}
		for in.last != '\n' {
			if _, err := in.next(); err != nil {
				return nil, err
			}
		}
	}
}

// number reads a literal, or 0, written in decimal.
func number(s []byte) (l literal, ok bool) {
	sign := literal(0)
	if len(s) > 0 && s[0] == '-' {
		s, sign = s[1:], 1
	}
	v := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		if v = 10*v + int(c-'0'); v > maxVar {
			return 0, false
		}
	}
	if len(s) == 0 || v == 0 && sign == 1 {
		return 0, false
	}
	return literal(v)<<1 | sign, true
}

// ReadFormula reads a formula in DIMACS format: a header "p cnf VARIABLES
// CLAUSES" and clauses that end with 0. The numbers of the header must be
// right. An error names the line.
func ReadFormula(r io.Reader, limits Limits) (*Formula, error) {
	in, f := newInput(r), &Formula{table{limit: limits.literals()}}
	fail := func(format string, args ...any) (*Formula, error) {
		return nil, fmt.Errorf("proof: read formula: line %d: %w", in.line, fmt.Errorf(format, args...))
	}
	var header [4]string
	for i := range header {
		s, err := in.token()
		if err != nil {
			return fail("want a header \"p cnf VARIABLES CLAUSES\": %w", err)
		}
		header[i] = string(s)
	}
	vars, ok1 := number([]byte(header[2]))
	count, ok2 := number([]byte(header[3]))
	if header[0] != "p" || header[1] != "cnf" || !ok1 || !ok2 || (vars|count)&1 != 0 {
		return fail("want a header \"p cnf VARIABLES CLAUSES\", got %q", header)
	}
	open := false
	for {
		s, err := in.token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fail("%w", err)
		}
		l, ok := number(s)
		switch {
		case !ok || l>>1 > vars>>1:
			return fail("%q is no literal of %d variables", s, vars>>1)
		case l == 0:
			open, err = false, f.end()
		default:
			open, err = true, f.add(l)
		}
		if err != nil {
			return fail("%w", err)
		}
	}
	switch {
	case open:
		return fail("the last clause does not end with 0")
	case f.len() != int(count>>1):
		return fail("the header says %d clauses, there are %d", count>>1, f.len())
	}
	return f, nil
}
