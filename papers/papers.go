// Package papers is the table of published results that can be reproduced, a
// folder for each. It knows the folders; what a paper claims, with the command,
// the golden file and the published figure, is in the folder's CLAIMS.md.
//
// # Invariants
//
// A run repeats but for what is measured in time. Exact claims are held by a
// test in the paper's folder.
//
//	p, ok := papers.Lookup("tnum-cgo22")
//	err := p.Run(ctx, papers.Options{Out: os.Stdout, Dir: "figures"})
//
// Source: the papers named in the table.
package papers

import (
	"context"
	"io"
	"time"

	agnicav23 "github.com/bpfproof/bpfproof/papers/agni-cav23"
	tnumcgo22 "github.com/bpfproof/bpfproof/papers/tnum-cgo22"
)

// Options are the choices of a run.
type Options struct {
	Out io.Writer // tables
	Dir string    // where figures are written
	// Long runs everything that the paper has; otherwise what takes minutes is
	// left out, and said so.
	Long bool
	// Progress, unless nil, is told how much of a step is done.
	Progress func(step string, done, total int)
}

// Paper is a published result.
type Paper struct {
	Key, Title, Venue string
	Run               func(context.Context, Options) error
}

// All returns all papers, by key.
func All() []Paper {
	return []Paper{
		{"agni-cav23", "Verifying the Verifier: eBPF Range Analysis Verification", "CAV 2023", agniCAV23},
		{"tnum-cgo22", "Sound, Precise, and Fast Abstract Interpretation with Tristate Numbers", "CGO 2022", tnumCGO22},
	}
}

// Lookup returns the paper of that key.
func Lookup(key string) (Paper, bool) {
	for _, p := range All() {
		if p.Key == key {
			return p, true
		}
	}
	return Paper{}, false
}

func tnumCGO22(ctx context.Context, o Options) error {
	options := tnumcgo22.Options{Out: o.Out, Dir: o.Dir, Widest: 8, Bits: 6, Pairs: 400_000, Progress: o.Progress}
	if o.Long {
		options.Widest, options.Pairs = 9, 4_000_000
	} else if _, err := io.WriteString(o.Out, "width 9 and nine tenths of the random pairs are left out; --long has them\n"); err != nil {
		return err
	}
	return tnumcgo22.Run(ctx, options)
}

func agniCAV23(ctx context.Context, o Options) error {
	options := agnicav23.Options{Out: o.Out, Dir: o.Dir, Timeout: time.Minute, Progress: o.Progress}
	if o.Long {
		options.Timeout, options.Longest = 20*time.Minute, 3
	} else {
		options.Keep = func(domain, _ string) bool { return domain == "tnum" }
		options.Operators = []string{"AND", "OR", "AND_32", "OR_32"}
		if _, err := io.WriteString(o.Out, "ranges, Sub, jumps and programs are left out, and a query may take a minute; --long has them all\n"); err != nil {
			return err
		}
	}
	return agnicav23.Run(ctx, options)
}
