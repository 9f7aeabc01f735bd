// Package long sizes tests: a test runs a few cases by default and many where
// it was started with -long, as scripts/long.sh does.
//
// It knows the flag only, nothing of what a test does with it.
//
// # Invariants
//
// A package that imports it takes the flag; without the flag nothing is long.
// Sizes are counts, so a long run repeats.
//
//	for seed := range long.N(1000, 1_000_000) { ... }
//
// Run `go test ./some/package -timeout 0 -args -long`; scripts/long.sh finds
// the packages by their import of this one.
//
// Source: the flag -short of package testing, turned round.
package long

import "flag"

var enabled = flag.Bool("long", false, "run campaigns at full length")

// Enabled reports whether the test was started with -long.
func Enabled() bool { return *enabled }

// N returns the number of cases to run: short by default, long with -long.
func N(short, long int) int {
	if *enabled {
		return long
	}
	return short
}
