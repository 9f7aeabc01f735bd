package invariant

import "github.com/bpfproof/bpfproof/ir"

// Kind is what a register or a spill holds.
type Kind uint8

// The kinds. All but None and Scalar are pointers.
const (
	None       Kind = iota // nothing is claimed, and the content must not be read
	Scalar                 // a number: a member of Val
	Ctx                    // the program's context
	Stack                  // the stack of frame number Frame, relative to its r10
	Packet                 // the packet, relative to its first byte
	PacketMeta             // the metadata before the packet, relative to its first byte
	PacketEnd              // the first byte behind the packet
	Map                    // a map
	MapValue               // a value of a map, relative to its first byte
	MapKey                 // a key of a map that a callback is shown
	Object                 // a kernel object: Index is its abi.ObjectKind
	Memory                 // Index bytes of memory
	RingRecord             // Index bytes of a ring buffer
	FlowKeys               // the flow dissector's result
	Buffer                 // memory of a size that the attach point knows
	Func                   // a static function of the program: Index is its PC
	Struct                 // a structure of the kernel: Index is its number in the types that the verifier was given, Frame how far it can be relied on
	Slice                  // Index bytes of memory that a dynamic pointer names
	Iterator               // of spills: a slot of an iterator of the kernel
	Dynptr                 // of spills: a slot of a dynamic pointer
	DynptrRef              // a dynamic pointer that cannot be changed
)

// Reg is what is claimed of a register or a spill. Equal values claim the same.
//
// A scalar is a member of Val. A pointer is the address of its object plus Off
// plus a member of Val, modulo 2^64; or 0, if Null is set.
//
// Registers and spills of one state with the same ID other than 0 know of each
// other. Scalars: there is one word x such that each is x + Off modulo 2^64.
// Packet and PacketMeta: the members of Val are the same one; with ID 0 it is
// 0. Other pointers: they point into the same object, and all of those with
// Null are null, or none is.
type Reg[E comparable] struct {
	Kind  Kind
	Null  bool  // the pointer may be 0 instead
	Frame uint8 // of Stack
	// Index of Map, MapValue and MapKey is that in Program.Maps, or ^index for the
	// inner map of that one; for other kinds see Kind.
	Index int32
	ID    uint32
	Ref   uint32 // the reference by which the object lives, 0 for none: one of State.Refs, or lost
	Off   int32
	// Range of Packet: the packet's end is at least object + Val + Range. AtEnd
	// and BeyondEnd instead say where the pointer itself lies. Of PacketMeta the
	// same with the packet's start.
	Range int32
	Val   E
}

// What a Range below 0 says.
const (
	AtEnd     = -1 // the pointer is at least the end
	BeyondEnd = -2 // the pointer is greater than the end
)

// Pointer reports whether the content is an address.
func (r *Reg[E]) Pointer() bool { return r.Kind > Scalar }

// InPacket reports whether the pointer is into the packet or its metadata.
func (r *Reg[E]) InPacket() bool { return r.Kind == Packet || r.Kind == PacketMeta }

// Byte is what is claimed of one byte of stack.
type Byte uint8

// The claims.
const (
	Unwritten Byte = iota // nothing: it was perhaps never written
	Misc                  // it was written
	Zero                  // it is 0
	Spilled               // it is part of the slot's spill
)

// SlotSize is the size of a stack slot in bytes.
const SlotSize = 8

// Slot is what is claimed of eight aligned bytes of stack, the lowest address
// first. The bytes [Lo, Lo+N) are Spilled, and no others are: they hold, little
// endian, the low N bytes of Spill, which are all of it.
type Slot[E comparable] struct {
	Bytes [SlotSize]Byte
	Lo, N uint8
	Spill Reg[E]
}

// Frame is one function's registers and stack.
type Frame[E comparable] struct {
	// Site is the call that made the frame: a local call, or a call of a helper
	// that calls the function back. It is -1 in the main program, and Anyone in a
	// global function, which is an outermost frame whoever called it. Another
	// outermost frame with a site is that of a callback that runs later, by itself.
	Site ir.PC
	// Calls is how often the helper whose call is under way in the frame has called
	// back, at least; 0 where none is.
	Calls uint32
	Regs  [ir.NumRegs]*Reg[E]
	// Stack has slot i at the bytes [-8(i+1), -8i) from r10; what lies behind
	// the end claims nothing.
	Stack []*Slot[E]
}

// Anyone is the site of a global function's frame: what is claimed holds of all
// calls of it.
const Anyone ir.PC = -2

// Lock names the map value whose lock is held.
type Lock struct {
	Held  bool
	Index int32  // of the map
	ID    uint32 // of the pointers to the value; 0 for the only value of a map
}

// State is what is claimed of the machine at one instruction. The frames are
// the call stack, outermost first; Refs are the references that the program
// holds, in the order in which it got them.
type State[E comparable] struct {
	Frames []*Frame[E]
	Refs   []uint32
	Lock   Lock
}

// Record is a state at an instruction.
type Record[E comparable] struct {
	PC    ir.PC
	State State[E]
	// Next holds indices of records that the engine says follow on this one:
	// together they include what the machine can be after the instruction. It is
	// a hint: whoever reads it has to check it.
	Next []int32
}

// Policy is for which loaders a set's program was found to be safe.
type Policy struct {
	Unprivileged    bool // without the right to learn addresses
	StrictAlignment bool // on a machine that demands natural alignment
}

// Set is the invariants of a program over one domain, in the order in which
// they were found; the first is the start's.
type Set[E comparable] struct {
	Domain  string
	Policy  Policy
	Records []Record[E]
}

// Data is a *Set over some domain.
type Data interface {
	// DomainName names the domain of the set's words.
	DomainName() string
	// Len returns the number of records.
	Len() int
	// MarshalJSON returns the set as one JSON object.
	MarshalJSON() ([]byte, error)
	// Flow returns which instructions runs come to, and from which to which they go:
	// what the set claims of a confirmed one's runs.
	Flow() map[ir.PC]map[ir.PC]bool
}

// Flow returns, by each instruction that has a record, those that follow on one.
func (s *Set[E]) Flow() map[ir.PC]map[ir.PC]bool {
	flow := map[ir.PC]map[ir.PC]bool{}
	if s == nil {
		return flow
	}
	for _, r := range s.Records {
		if flow[r.PC] == nil {
			flow[r.PC] = map[ir.PC]bool{}
		}
		for _, next := range r.Next {
			if next >= 0 && int(next) < len(s.Records) {
				flow[r.PC][s.Records[next].PC] = true
			}
		}
	}
	return flow
}

// DomainName names the domain; no set (nil) has none.
func (s *Set[E]) DomainName() string {
	if s == nil {
		return ""
	}
	return s.Domain
}

// Len returns the number of records, of which no set (nil) has none.
func (s *Set[E]) Len() int {
	if s == nil {
		return 0
	}
	return len(s.Records)
}

// ByPC returns the indices of the records of each instruction.
func (s *Set[E]) ByPC() map[ir.PC][]int32 {
	at := map[ir.PC][]int32{}
	for i := range s.Records {
		at[s.Records[i].PC] = append(at[s.Records[i].PC], int32(i))
	}
	return at
}
