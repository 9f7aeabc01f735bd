package verifier

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
)

// Verdict is the answer to whether a program is safe.
type Verdict uint8

// The verdicts. Unknown is the zero value: nothing is accepted by omission.
const (
	Unknown Verdict = iota
	Accept
	Reject
)

var verdictNames = [...]string{"unknown", "accept", "reject"}

// String returns "unknown", "accept" or "reject".
func (v Verdict) String() string { return verdictNames[v] }

// Code is the stable name of the rule that a finding is about.
type Code string

// The rules. Names do not change once released: scripts and golden files rely
// on them.
const (
	UninitRead      Code = "uninit-read"      // register or stack bytes read before they were written
	FrameWrite      Code = "frame-write"      // write to r10
	StackBounds     Code = "stack-bounds"     // stack access outside the frame
	StackSpill      Code = "stack-spill"      // part of a spilled pointer is read or written
	PacketBounds    Code = "packet-bounds"    // packet access outside the checked range
	PacketWrite     Code = "packet-write"     // the program type may not write packets
	MapValueBounds  Code = "map-value-bounds" // access outside a map value
	MemBounds       Code = "mem-bounds"       // access outside a block of memory
	MapAccess       Code = "map-access"       // the map forbids the access
	NullDeref       Code = "null-deref"       // access through a pointer that may be null
	BadDeref        Code = "bad-deref"        // access through what is no pointer to memory
	CtxAccess       Code = "ctx-access"       // no such field in the context
	MixedPointers   Code = "mixed-pointers"   // one instruction accesses objects that need different code
	Alignment       Code = "alignment"        // misaligned access
	AtomicTarget    Code = "atomic-target"    // atomic operation on memory that allows none
	PtrArith        Code = "ptr-arith"        // arithmetic that a pointer does not allow
	PtrLeak         Code = "ptr-leak"         // a pointer would become visible outside
	StackEscape     Code = "stack-escape"     // a stack pointer would outlive its frame
	BadOperand      Code = "bad-operand"      // division by the constant 0, shift by the width or more
	HelperUnknown   Code = "helper-unknown"   // no such helper for this program type
	HelperArg       Code = "helper-arg"       // argument of the wrong class
	HelperLicense   Code = "helper-license"   // GPL-only helper in another program
	ReturnValue     Code = "return-value"     // result outside what the program type allows
	IndirectCall    Code = "indirect-call"    // the function called is not known
	CallDepth       Code = "call-depth"       // too many frames
	StackTotal      Code = "stack-total"      // the frames of a call chain take too much stack
	Unreachable     Code = "unreachable"      // instruction that no path leads to
	InfiniteLoop    Code = "infinite-loop"    // a path comes back to the same state
	RefLeak         Code = "ref-leak"         // a reference would be lost
	RefRelease      Code = "ref-release"      // what is given back is not held
	LockHeld        Code = "lock-held"        // not allowed while a lock is held
	LockUse         Code = "lock-use"         // lock or unlock out of order
	AttachPoint     Code = "attach-point"     // programs of the type are not loaded for that attach type
	MapReference    Code = "map-reference"    // reference to a map that does not allow it
	StructAccess    Code = "struct-access"    // access to a structure of the kernel that its types do not allow
	Unsupported     Code = "unsupported"      // a construct the verifier does not model: unknown
	BudgetExhausted Code = "budget"           // the budget ran out: unknown
)

// Finding is one thing found at one place.
type Finding struct {
	PC      ir.PC
	Code    Code
	Msg     string    // one sentence with the values in it
	Related []Finding // other places that explain it
}

// String returns the finding as one line.
func (f Finding) String() string { return fmt.Sprintf("%d: %s: %s", f.PC, f.Code, f.Msg) }

// Stats counts the work of one Verify.
type Stats struct {
	Visits     int     // instructions processed over all paths
	States     int     // abstract states kept at cut points
	PeakStates int     // most states held at once, pending branches included
	PeakBytes  int     // most bytes that the registers and stack slots of these took
	Micros     float64 // elapsed time in microseconds; the only field that does not repeat
}

// Report is the result of one Verify. On Accept, Findings is empty. On Reject,
// the first finding is the reason. On Unknown, findings name the constructs or
// the budget.
type Report struct {
	Verdict  Verdict
	Findings []Finding
	// Kernel names something that the program reads and only a kernel has, "" if
	// there is none: only a kernel may run such a program.
	Kernel     string
	Invariants *Invariants
	Stats      Stats
}
