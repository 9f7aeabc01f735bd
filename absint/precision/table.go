package precision

import (
	"fmt"
	"strings"
)

// Pairs is the limit that ledgers are made with: all pairs of tnums are taken
// at 4 bits.
const Pairs = 7000

// Table prints a ledger, a row for each operation.
func Table(rows []Row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-14s %-16s %5s %8s %8s %8s %7s %8s\n", "domain", "op", "width", "sound", "optimal", "total", "percent", "excess")
	for _, r := range rows {
		percent := 100 * float64(r.Optimal) / float64(max(r.Total, 1))
		fmt.Fprintf(&b, "%-14s %-16s %5d %8d %8d %8d %7.2f %8.4f\n", r.Domain, r.Op, r.Width, r.Sound, r.Optimal, r.Total, percent, r.Excess)
	}
	return b.String()
}
