// Package corpus holds programs with their origin, licence and expected
// outcome, embedded in the binary. Tests, demonstrations and benchmarks read
// them from [FS] and their expectations from [Entries], so that every engine and
// every verifier is held to one written answer.
//
// The directories: accept/ holds safe programs with the results of runs on
// given input; reject/ unsafe ones with the finding a verifier is to report;
// bugs/ programs that a verifier or JIT was once wrong about; bench/ and
// examples/ whole programs in C beside the objects that `make corpus` built
// from them.
//
// Every verdict and every result in the table is checked against a live kernel
// by the tests of package runtime/kernel. The package knows nothing of how
// programs are parsed, verified or run.
//
//	src, err := corpus.FS.ReadFile("examples/xdp_classifier.o")
package corpus

import "embed"

// FS holds the corpus by its paths within this directory.
//
//go:embed accept/*.s reject/*.s examples/*.c examples/*.o bench/*.c bench/*.o include/*.h
var FS embed.FS
