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
}
