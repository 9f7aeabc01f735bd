package elf

import (
	"errors"
	"fmt"
	"strings"
)

// Error says what is wrong with an object file, and where.
type Error struct {
	File    string
	Section string // "" if the error is not in a section
	Symbol  string // "" if the error concerns no symbol
	Offset  int64  // bytes into the section, or into the file where there is no section; -1 if unknown
	Reason  string
	Err     error // what caused it, nil if the reason says it all
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "elf: read %s", e.File)
	if e.Section != "" {
		fmt.Fprintf(&b, ": section %q", e.Section)
	}
	if e.Symbol != "" {
		fmt.Fprintf(&b, ": symbol %q", e.Symbol)
	}
	if e.Offset >= 0 {
		fmt.Fprintf(&b, ": offset %#x", e.Offset)
	}
	fmt.Fprintf(&b, ": %s", e.Reason)
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrUnsupported is wrapped by errors about what an object may well ask for
// but this package does not resolve.
var ErrUnsupported = errors.New("not supported")

// oneLine cuts what a library reported down to one line.
func oneLine(err error) string {
	s, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimSpace(s)
}
