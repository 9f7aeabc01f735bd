package proof

import (
	"fmt"
	"io"
)

// Format says how a proof is written.
type Format uint8

// The formats of DRAT proofs. They cannot be told apart with certainty, so the
// reader does not guess.
const (
	Text   Format = iota // lemmas in decimal that end with 0; "d" before a clause to delete
	Binary               // 'a' or 'd', then literals 2v or 2v+1 in groups of 7 bits, lowest first, then 0
)

// ReadProof reads a proof. An error names the line, or in a binary proof the
// byte.
func ReadProof(r io.Reader, format Format, limits Limits) (*Proof, error) {
	in, p := newInput(r), &Proof{table: table{limit: limits.literals()}}
	read, place := p.readText, func() string { return fmt.Sprintf("line %d", in.line) }
	if format == Binary {
		read, place = p.readBinary, func() string { return fmt.Sprintf("byte %d", in.at) }
	}
	for {
		err := read(in)
		if err == io.EOF {
			p.bytes = in.at
			return p, nil
		}
		if err != nil {
			return nil, fmt.Errorf("proof: read proof: %s: step %d: %w", place(), p.len()+1, err)
		}
	}
}

func (p *Proof) close(deletes bool) error {
	p.deletes = append(p.deletes, deletes)
	return p.end()
}

// readText reads one step; io.EOF means that there is none.
func (p *Proof) readText(in *input) error {
	s, err := in.token()
	if err != nil {
		return err
	}
	deletes := string(s) == "d"
	if deletes {
		if s, err = in.token(); err != nil {
			return ended(err)
		}
	}
	for {
		l, ok := number(s)
		if !ok {
			return fmt.Errorf("%q is no literal", s)
		}
		if l == 0 {
			return p.close(deletes)
		}
		if err := p.add(l); err != nil {
			return err
		}
		if s, err = in.token(); err != nil {
			return ended(err)
		}
	}
}

// ended turns the end of the input into an error: it came within a step.
func ended(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readBinary reads one step; io.EOF means that there is none.
func (p *Proof) readBinary(in *input) error {
	kind, err := in.next()
	if err != nil {
		return err
	}
	if kind != 'a' && kind != 'd' {
		return fmt.Errorf("a step begins with 'a' or 'd', not %q", kind)
	}
	for {
		n := uint64(0)
		for shift := 0; ; shift += 7 {
			c, err := in.next()
			if err != nil {
				return ended(err)
			}
			n |= uint64(c&0x7f) << shift
			if n > 2*maxVar+1 || shift > 28 {
				return fmt.Errorf("a literal is larger than %d", 2*maxVar+1)
			}
			if c < 0x80 {
				break
			}
		}
		switch {
		case n == 0:
			return p.close(kind == 'd')
		case n == 1:
			return fmt.Errorf("1 is no literal")
		}
		if err := p.add(literal(n)); err != nil {
			return err
		}
	}
}
