package wire

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
)

// field is one field of a slot that a row either uses or fixes.
type field struct {
	name string
	use  ir.Field
	of   func(s slot) int64
	fix  func(r *ir.Row) int64
}

var fields = []field{
	{"source", ir.UseSrc, func(s slot) int64 { return int64(s.src) }, func(r *ir.Row) int64 { return int64(r.FixSrc) }},
	{"offset", ir.UseOff, func(s slot) int64 { return int64(s.off) }, func(r *ir.Row) int64 { return int64(r.FixOff) }},
	{"immediate", ir.UseImm, func(s slot) int64 { return int64(s.imm) }, func(r *ir.Row) int64 { return int64(r.FixImm) }},
	{"destination", ir.UseDst, func(s slot) int64 { return int64(s.dst) }, func(*ir.Row) int64 { return 0 }},
}

// explain says what is wrong with a slot. The row is nil where none matches;
// otherwise the slot names a register that does not exist.
func explain(s slot, r *ir.Row) string {
	if r != nil {
		if !s.dst.Valid() {
			return fmt.Sprintf("%s: destination register r%d does not exist", r.Name, s.dst)
		}
		return fmt.Sprintf("%s: source register r%d does not exist", r.Name, s.src)
	}
	rows := byCode[s.code]
	if len(rows) == 0 {
		return fmt.Sprintf("unknown opcode 0x%02x", s.code)
	}
	for _, f := range fields {
		var left []*ir.Row
		for _, r := range rows {
			if r.Uses&f.use != 0 || f.of(s) == f.fix(r) {
				left = append(left, r)
			}
		}
		if len(left) == 0 {
			return unmatched(s, f, rows)
		}
		rows = left
	}
	return fmt.Sprintf("opcode 0x%02x: no operation has these fields", s.code)
}

// unmatched says that field f of s holds what none of the rows takes.
func unmatched(s slot, f field, rows []*ir.Row) string {
	what := rows[0].Name
	if len(rows) > 1 {
		what = fmt.Sprintf("opcode 0x%02x", s.code)
	}
	var takes []int64
	for _, r := range rows {
		takes = append(takes, f.fix(r))
	}
	slices.Sort(takes)
	takes = slices.Compact(takes)
	if len(takes) == 1 && takes[0] == 0 {
		return fmt.Sprintf("%s: non-zero unused %s %d", what, f.name, f.of(s))
	}
	list := make([]string, len(takes))
	for i, x := range takes {
		list[i] = fmt.Sprint(x)
	}
	return fmt.Sprintf("%s: %s %d is not one of %s", what, f.name, f.of(s), strings.Join(list, ", "))
}
