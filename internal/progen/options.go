package progen

import "github.com/bpfproof/bpfproof/ir"

// Feature is a set of what programs may contain beside arithmetic, constants
// and plain accesses to memory.
type Feature uint32

// The features.
const (
	Branches    Feature = 1 << iota // forward jumps, with a condition or without
	Loops                           // bounded loops
	Calls                           // functions of the program
	ArrayMaps                       // lookup, update and delete on an array
	HashMaps                        // the same on a hash
	Globals                         // direct access to the value of an array of one element
	Atomics                         // read-modify-write
	Ordered                         // load-acquire and store-release (Linux 6.15)
	Checksum                        // helper csum_diff, in programs that may call it
	VarOffset                       // addresses that depend on numbers
	V4                              // what version 4 of the instruction set added
	EarlyExit                       // exits in the middle of a function
	allFeatures = 1<<iota - 1
)

// All is every feature.
const All Feature = allFeatures

// Plain is no feature at all, which 0 does not mean.
const Plain Feature = 1 << 31

// Maps is the features that take maps.
const Maps = ArrayMaps | HashMaps | Globals

// DefaultSize is Options.Size where it is 0.
const DefaultSize = 24

// MaxSize bounds Options.Size, so that jumps reach.
const MaxSize = 1000

// MaxSteps bounds the instructions that a run executes: loops and calls are
// left out where they would exceed it.
const MaxSteps = 50_000

// Options say what programs are wanted.
type Options struct {
	// Type is the program type: XDP and SchedCLS have a packet, Syscall and Unspec
	// plain memory of InputBytes bytes, which Unspec programs find at r1 with its
	// length in r2. Other types get no input.
	Type ir.ProgType
	// Size is the number of steps of the main program, a step being one to some
	// twenty instructions; 0 means DefaultSize, and more than MaxSize MaxSize.
	Size int
	// Features are what programs may contain; 0 means All.
	Features Feature
	// Global makes the program's functions global. It does not change their code.
	Global bool
}

func (o Options) withDefaults() Options {
	if o.Size == 0 {
		o.Size = DefaultSize
	}
	o.Size = min(o.Size, MaxSize)
	if o.Features == 0 {
		o.Features = All
	}
	return o
}

// Sizes of the input in bytes.
const (
	// InputBytes is how much of its input a program checks for and works on, the
	// last 8 bytes being for the result where the input is a packet.
	InputBytes = 64
	// LeastInput is the shortest input that Input returns: an Ethernet header.
	LeastInput = 14
)

// Input returns an input for programs with these options: mostly InputBytes or
// some more bytes, sometimes fewer where the program checks their number.
func Input(c Choices, o Options) []byte {
	n := InputBytes
	if hasPacket(o.Type) {
		switch c.IntN(8) {
		case 0:
			n = LeastInput + c.IntN(InputBytes-LeastInput)
		case 1, 2:
			n += c.IntN(100)
		}
	}
	data := make([]byte, n)
	sparse := c.IntN(4) == 0
	for i := range data {
		if !sparse || c.IntN(4) == 0 {
			data[i] = byte(c.IntN(256))
		}
	}
	return data
}

func hasPacket(t ir.ProgType) bool { return t == ir.XDP || t == ir.SchedCLS }
