// Package host executes machine instructions on the processor that the tests
// run on: it loads all general registers and the flags, runs a few
// instructions, and stores registers and flags again. It is an oracle for the
// tests of jitproof and nothing else; the instructions it is given must not
// fault, jump away or call.
//
//	m, err := host.New()
//	m.Load(code)
//	m.Run(&state)
package host

// State is what the instructions start from and leave: the registers by
// hardware number (4 is rsp), rflags, and the base of the segment gs, which no
// instruction changes.
type State struct {
	R     [16]uint64
	Flags uint64
	GS    uint64
}

// DataBytes is the size of a machine's data area.
const DataBytes = 4096
