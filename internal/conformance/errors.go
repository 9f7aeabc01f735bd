package conformance

import "fmt"

// Kind tells what kept a program from giving a result.
type Kind uint8

// The kinds of errors.
const (
	Malformed   Kind = iota + 1 // the input is no program: the strict decoder or Program.Check refuses it
	Unsupported                 // the engine does not execute an instruction, or is not there
	Rejected                    // the kernel's verifier refuses the program
	Failed                      // the run did not reach the program's exit
)

// String returns the kind's name, such as "malformed".
func (k Kind) String() string {
	switch k {
	case Malformed:
		return "malformed"
	case Unsupported:
		return "refused"
	case Rejected:
		return "rejected by kernel"
	case Failed:
		return "failed"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Error says why there is no result.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("conformance: %v: %v", e.Kind, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func malformed(format string, args ...any) error {
	return &Error{Kind: Malformed, Err: fmt.Errorf(format, args...)}
}
