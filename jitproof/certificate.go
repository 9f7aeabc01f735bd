package jitproof

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/smt"
)

// Status says what became of an obligation or a whole proof. Unknown is the
// zero value and never a pass.
type Status uint8

// The statuses.
const (
	Unknown Status = iota
	Proved
	Refuted
)

var statusNames = [...]string{"unknown", "proved", "refuted"}

// String returns "unknown", "proved" or "refuted".
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// MarshalText writes the status as String does.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Status) UnmarshalText(text []byte) error {
	for i, name := range statusNames {
		if name == string(text) {
			*s = Status(i)
			return nil
		}
	}
	return fmt.Errorf("jitproof: decode status: %q is none", text)
}

// Kind says what an obligation is about.
type Kind string

// The kinds of obligations.
const (
	KindPrologue  Kind = "prologue"  // arguments are in place at the first instruction
	KindRegisters Kind = "registers" // eBPF registers are where the frame says
	KindFrame     Kind = "frame"     // stack pointer, saved registers, return address
	KindHint      Kind = "hint"      // a hinted fact holds
	KindMemory    Kind = "memory"    // the same memory accesses
	KindCall      Kind = "call"      // the same calls
	KindBranch    Kind = "branch"    // the same way
	KindExit      Kind = "exit"      // result, and all that is the caller's restored
	KindPoll      Kind = "poll"      // backward jumps count down and poll
	KindFault     Kind = "fault"     // no divide error
	KindLoop      Kind = "loop"      // rounds of a loop inside an instruction have no effect
	KindEnv       Kind = "env"       // the environment is left alone
	KindImage     Kind = "image"     // jumps stay inside, instructions do not overlap
	KindDecode    Kind = "decode"    // bytes have a meaning
	KindBytecode  Kind = "bytecode"  // the instruction has a meaning
)

// Obligation is one thing that had to be proved.
type Obligation struct {
	Func    int      `json:"func"`
	PC      ir.PC    `json:"pc"`  // -1 for a prologue
	Off     int      `json:"off"` // offset in the image where the machine path ends
	Kind    Kind     `json:"kind"`
	Status  Status   `json:"status"`
	By      string   `json:"by,omitempty"`      // "rewriter", a solver's name, or "replay"
	Version string   `json:"version,omitempty"` // of the solver
	Steps   uint64   `json:"steps,omitempty"`   // the solver's limit
	Reason  string   `json:"reason,omitempty"`
	Micros  int64    `json:"micros,omitempty"`
	Witness *Witness `json:"witness,omitempty"`
}

// Witness is a state that refutes an obligation, replayed by evaluating both
// sides with sem.Concrete.
type Witness struct {
	State    []Value `json:"state"` // what the state gives the symbols that were read, in order of name
	What     string  `json:"what"`  // what differs
	Width    uint8   `json:"width,omitempty"`
	Bytecode uint64  `json:"bytecode"`
	Machine  uint64  `json:"machine"`
	Path     []int   `json:"path"` // offsets that the machine executed
}

// Value is a symbol's value: an eBPF register ("r1"), what was loaded
// ("load0.w32"), an entry register ("entry.rbx"), and so on.
type Value struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// Counts counts obligations.
type Counts struct {
	Total    int `json:"total"`
	Proved   int `json:"proved"`
	Refuted  int `json:"refuted"`
	Unknown  int `json:"unknown"`
	Rewriter int `json:"rewriter"` // proved without a solver
}

// Schema is the version of the certificate's form.
const Schema = 3

// Certificate says what was proved of a program and its code. Its JSON form has
// exactly these fields.
type Certificate struct {
	Schema      int          `json:"schema"`
	Program     string       `json:"program"`
	ProgramHash string       `json:"program_hash"` // SHA-256, hexadecimal; see HashProgram
	CodeHash    string       `json:"code_hash"`    // see HashCode
	Arch        string       `json:"arch"`
	Bytes       int          `json:"bytes"`
	Status      Status       `json:"status"` // Proved only if every obligation is
	Counts      Counts       `json:"counts"`
	Obligations []Obligation `json:"obligations"`
	Unreached   [][2]int     `json:"unreached,omitempty"` // ranges of bytes that no path executes
	Assumptions []string     `json:"assumptions"`
	// Confirmed is what the solver said of the rewriting, where it was asked.
	Confirmed *smt.Confirmation `json:"confirmed,omitempty"`
	// Code is what the certificate speaks of, where it travels with it, so that
	// it can be checked without the compiler. The fields have the names they
	// have in package jit; text and saved registers are in base 64.
	Code *jit.Code `json:"code,omitempty"`
	// Linux is what the certificate speaks of if that is an image of Linux:
	// translated program, machine code, and what the kernel told of itself.
	// ProgramHash is then of the translated program, and Submitted, if it is not
	// empty, the hash of the program that was loaded.
	Linux     *jit.LinuxImage `json:"linux,omitempty"`
	Submitted string          `json:"submitted,omitempty"`
	// Seal is what Encode puts here: the SHA-256 of the encoding without it, in
	// hexadecimal. It finds damage, not forgery, which Check finds.
	Seal string `json:"seal"`
}

// assumptions are what a proof rests on besides semantics and solvers.
var assumptions = []string{
	"the verifier accepted the program: what it accesses through its own pointers is memory it owns, apart from the machine frame, the environment and the code",
	"bytecode reads no register before writing it, and none of r1-r5 after a call",
	"calls nest at most 8 deep, and the runtime keeps its side of jit/contract.go",
	"the loader writes into relocated places what their relocations say, and changes no other byte",
	"array maps lie in memory as ir/abi says (ArrayStride, ArrayArea), and map_lookup_elem is what it says of them",
	"loads and stores keep the order of amd64 (total store order), which is at least as strict as eBPF's",
	"a compare-and-exchange that is repeated while others come between ends at some time",
}

// assumptions lists what the proof of an image rests on.
func (img *image) assumptions() []string {
	if img.kernel != nil {
		return img.kernel.assumptions()
	}
	return slices.Clone(assumptions)
}

// count fills in counts and status from the obligations.
func (c *Certificate) count() {
	c.Counts, c.Status = tally(c.Obligations)
}

func tally(all []Obligation) (n Counts, s Status) {
	for _, o := range all {
		n.Total++
		switch o.Status {
		case Proved:
			n.Proved++
			if o.By == byRewriter {
				n.Rewriter++
			}
		case Refuted:
			n.Refuted++
		default:
			n.Unknown++
		}
	}
	switch {
	case n.Refuted > 0:
		return n, Refuted
	case n.Unknown > 0 || n.Total == 0:
		return n, Unknown
	}
	return n, Proved
}

// First returns the first obligation with the given status, or nil.
func (c *Certificate) First(s Status) *Obligation {
	for i := range c.Obligations {
		if c.Obligations[i].Status == s {
			return &c.Obligations[i]
		}
	}
	return nil
}
