package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/precision"
	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
)

// ledgers is the table of domains whose precision can be measured.
var ledgers = []struct {
	name    string
	measure func(name string, w ir.Width, op string) []precision.Row
}{
	{"tnum", func(name string, w ir.Width, op string) []precision.Row {
		return precision.Ledger[tnum.T](name, tnum.Domain{}, w, precision.Pairs, op)
	}},
	{"interval", func(name string, w ir.Width, op string) []precision.Row {
		return precision.Ledger[interval.T](name, interval.Domain{}, w, precision.Pairs, op)
	}},
	{"tnum+interval", func(name string, w ir.Width, op string) []precision.Row {
		return precision.Ledger[reduced.T](name, reduced.New(), w, precision.Pairs, op)
	}},
}

// precisionFlags are the choices of one run; empty and nil mean all.
type precisionFlags struct {
	domain, op string
	widths     []int
	json       bool
}

func precisionCmd() *cobra.Command {
	var f precisionFlags
	cmd := &cobra.Command{
		Use:   "precision",
		Short: "how close each abstract operator is to the best abstraction, by exhaustion",
		Long: `precision applies every operator of a domain to its elements at small widths
and counts how often the result is sound, and how often it is the best
abstraction; excess is the mean of log2 of how many times more words it stands
for. Operators are named as in package ir/sem, those of eBPF instructions with
"alu." before, with a known second operand with ".k" behind; refine.slt.x is
what the first operand can be where the second is greater. At 8 bits only
shifts are measured.

The status is 1 if a result is not sound.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return printPrecision(newPrinter(cmd, f.json), f) },
	}
	cmd.Flags().StringVar(&f.domain, "domain", "", "one domain: "+strings.Join(ledgerNames(), ", ")+" (default all)")
	cmd.Flags().StringVar(&f.op, "op", "", "one operator, such as add, alu.lsh or refine.slt.x (default all)")
	cmd.Flags().IntSliceVar(&f.widths, "width", []int{2, 4, 8}, "widths in bits, from 1 to 8")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object for each row")
	return cmd
}

func ledgerNames() []string {
	var names []string
	for _, l := range ledgers {
		names = append(names, l.name)
	}
	return names
}

func printPrecision(p *printer, f precisionFlags) error {
	if f.domain != "" && !slices.Contains(ledgerNames(), f.domain) {
		return fmt.Errorf("precision: choose domain %q: there are %s", f.domain, strings.Join(ledgerNames(), ", "))
	}
	var rows []precision.Row
	for _, w := range f.widths {
		if w < 1 || w > int(precision.MaxWidth) {
			return fmt.Errorf("precision: choose width %d: exhaustion works from 1 to %d bits", w, precision.MaxWidth)
		}
	}
	for _, l := range ledgers {
		for _, w := range f.widths {
			if f.domain == "" || f.domain == l.name {
				rows = append(rows, l.measure(l.name, ir.Width(w), f.op)...)
			}
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("precision: choose operator %q: no such operator at these widths", f.op)
	}
	answer := yes
	for _, r := range rows {
		if r.Sound != r.Total {
			answer = answer.worse(no)
		}
		if f.json {
			if err := p.answer(r, ""); err != nil {
				return err
			}
		}
	}
	if !f.json {
		fmt.Fprint(p.w, precision.Table(rows))
	}
	return end(answer)
}
