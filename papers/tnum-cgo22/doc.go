// Package tnumcgo22 reproduces what is exact, and measures what is not, of
// H. Vishwanathan, M. Shachnai, S. Narayana, S. Nagarakatte: Sound, Precise,
// and Fast Abstract Interpretation with Tristate Numbers, CGO 2022: how the
// multiplications of tnums compare in precision and in cost, and beside them
// what came after.
//
// It knows tnums and files to draw to. CLAIMS.md lists each claim with the
// command and the golden file that answer it.
//
// # Invariants
//
// Counts and precision are the same on every run; costs are measured and are
// not. Random pairs come from a fixed seed.
//
//	c, err := tnumcgo22.Compare(ctx, tnumcgo22.Kern, 5, nil) // c.Published == 8
//
// Sources: the paper; kernel/bpf/tnum.c of Linux 4.17, 5.14 and 6.18, for the
// behaviour of tnum_mul.
package tnumcgo22
