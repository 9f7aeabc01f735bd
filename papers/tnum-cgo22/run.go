package tnumcgo22

import (
	"context"
	"fmt"
	"io"
	"strings"

	"gonum.org/v1/plot/plotter"

	"github.com/bpfproof/bpfproof/ir"
)

// Options size a run.
type Options struct {
	Out io.Writer // tables
	Dir string    // where figures are written
	// Widest is the greatest width at which all pairs are compared; 9 takes
	// minutes.
	Widest ir.Width
	// Bits is the width of the precision table of all multiplications, Pairs the
	// number of random pairs that are timed.
	Bits  ir.Width
	Pairs int
	// Progress, unless nil, is told how much of a step is done.
	Progress func(step string, done, total int)
}

// Run prints the tables and draws the figures.
func Run(ctx context.Context, o Options) error {
	if err := counts(ctx, o); err != nil {
		return err
	}
	if err := fig4(ctx, o); err != nil {
		return err
	}
	return costs(ctx, o)
}

func (o Options) progress(step string) func(done, total int) {
	if o.Progress == nil {
		return nil
	}
	return func(done, total int) { o.Progress(step, done, total) }
}

// counts prints how often kern_mul and our_mul differ.
func counts(ctx context.Context, o Options) error {
	var cs []Comparison
	for n := ir.Width(5); n <= o.Widest; n++ {
		c, err := Compare(ctx, Kern, n, o.progress(fmt.Sprintf("kern_mul and our_mul at %d bits", n)))
		if err != nil {
			return err
		}
		cs = append(cs, c)
	}
	_, err := fmt.Fprintf(o.Out, "kern_mul and our_mul on all pairs of tnums, outputs truncated\n%s\n", CountTable(cs))
	return err
}

// CountTable prints comparisons, a row for each width.
func CountTable(cs []Comparison) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%5s %10s | %9s %9s %9s | %9s %9s %9s\n", "", "", "value and", "our_mul", "kern_mul", "any", "our_mul", "kern_mul")
	fmt.Fprintf(&b, "%5s %10s | %9s %9s %9s | %9s %9s %9s\n", "width", "pairs", "mask", "better", "better", "differ", "better", "better")
	for _, c := range cs {
		fmt.Fprintf(&b, "%5d %10d | %9d %9d %9d | %9d %9d %9d\n", c.Width, c.Pairs, c.Published, c.Better, c.Worse, c.Any, c.AnyBetter, c.AnyWorse)
	}
	b.WriteString(`The paper counts a pair where both value and mask of the outputs differ. Where
one output knows a bit to be 0 that the other leaves open, the values are the
same: those pairs only the right half counts.
`)
	return b.String()
}

// fig4 draws how much less precise the older multiplications are.
func fig4(ctx context.Context, o Options) error {
	n := min(8, o.Widest)
	var curves []curve
	for _, m := range []Multiplication{{"kern_mul", Kern}, {"bitwise_mul", Bitwise}} {
		c, err := Compare(ctx, m.Mul, n, o.progress(fmt.Sprintf("%s and our_mul at %d bits", m.Name, n)))
		if err != nil {
			return err
		}
		curves = append(curves, excessCurve(m.Name, c))
	}
	files, err := draw(o.Dir, "fig4-precision", fmt.Sprintf("Outputs that differ from our_mul's, %d bits", n),
		"log2 of the ratio of set sizes to our_mul's (bits)", "pairs at most so many (%)", curves, false)
	if err != nil {
		return err
	}
	return wrote(o.Out, files)
}

func wrote(out io.Writer, files []string) error {
	_, err := fmt.Fprintf(out, "wrote %s\n", strings.Join(files, ", "))
	return err
}

// costs times all multiplications, prints precision beside the median cost, and
// draws both.
func costs(ctx context.Context, o Options) error {
	hits, pairs, err := Optimal(ctx, o.Bits, o.progress(fmt.Sprintf("precision at %d bits", o.Bits)))
	if err != nil {
		return err
	}
	var curves []curve
	var tradeoff plotter.XYs
	ms := Multiplications()
	fmt.Fprintf(o.Out, "\noptimal on pairs of %d-bit tnums, products not truncated; median time on random 64-bit pairs\n", o.Bits)
	for i, m := range ms {
		ns, err := Costs(ctx, m.Mul, o.Pairs)
		if err != nil {
			return err
		}
		median, percent := ns[len(ns)/2], 100*float64(hits[i])/float64(pairs)
		fmt.Fprintf(o.Out, "%-18s %8d of %d %7.2f %% %9.1f ns\n", m.Name, hits[i], pairs, percent, median)
		tradeoff = append(tradeoff, plotter.XY{X: median, Y: percent})
		if i < 3 { // those of the paper
			curves = append(curves, costCurve(m.Name, ns))
		}
		if o.Progress != nil {
			o.Progress("cost", i+1, len(ms))
		}
	}
	files, err := draw(o.Dir, "fig5-cost", fmt.Sprintf("%d random pairs of 64-bit tnums", o.Pairs),
		"time of a multiplication (ns)", "pairs at most so much (%)", curves, false)
	if err != nil {
		return err
	}
	if err := wrote(o.Out, files); err != nil {
		return err
	}
	files, err = draw(o.Dir, "anytime", "Precision against cost", "median time of a multiplication (ns)",
		fmt.Sprintf("optimal on %d-bit pairs (%%)", o.Bits), []curve{{"Linux 6.18", tradeoff[3:4]}, {"our_mul", tradeoff[2:3]}, {"tnum.Mul, MulAnytime", tradeoff[4:]}}, true)
	if err != nil {
		return err
	}
	return wrote(o.Out, files)
}
