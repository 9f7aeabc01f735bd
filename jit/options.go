package jit

import "github.com/bpfproof/bpfproof/ir/dump"

// Tier says how much work a backend puts into code.
type Tier uint8

// The tiers.
const (
	Baseline   Tier = iota // one pass, every instruction by itself
	Optimising             // segments of straight code, with named passes
)

var tierNames = [...]string{"baseline", "optimising"}

// String returns "baseline" or "optimising".
func (t Tier) String() string { return tierNames[t] }

// ParseTier returns the tier of that name; "opt" is short for optimising.
func ParseTier(name string) (t Tier, ok bool) {
	switch name {
	case "baseline":
		return Baseline, true
	case "opt", "optimising":
		return Optimising, true
	}
	return 0, false
}

// Options choose how a backend compiles. They change code, not its meaning.
type Options struct {
	Tier Tier
	Off  []string   // passes of the optimising tier that are left out
	Dump *dump.Sink // gets what each pass makes of each segment
	// Harden blinds the program's constants: none is in the text as it is in the
	// bytecode, so that nobody can write machine code by choosing them. Blinded are
	// the immediates of arithmetic, comparisons, stores, packet loads and 64-bit
	// loads, which covers what bpf_jit_blind_insn of Linux 6.12 does; as there,
	// offsets of memory accesses and amounts of shifts stay. Lookups in arrays are
	// calls, as their code would have the size of the map.
	Harden bool
	Seed   uint64 // of the numbers that constants are blinded with
}
