package interval

import (
	"fmt"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
)

// String prints a number where the word is known, otherwise the unsigned
// range; see [T.Format] for all that an element says.
func (t T) String() string {
	if t.IsBottom() {
		return "bottom"
	}
	if x, ok := t.Const(); ok {
		return fmt.Sprintf("%#x", x)
	}
	return fmt.Sprintf("[%#x,%#x]", t.Full.min(), t.Full.max())
}

// Format prints the ranges of a w-bit element that say more than those before
// them, as "u64=[0,255] s32=[-1,7]"; "top" if none says anything.
func (t T) Format(w ir.Width) string {
	if t.IsBottom() {
		return "bottom"
	}
	if x, ok := t.Const(); ok {
		return fmt.Sprintf("%d", x)
	}
	out := t.Full.format(w, all(w))
	implied := settle(w, T{t.Full, all(half(w))}).Low
	out = append(out, t.Low.format(half(w), implied)...)
	if len(out) == 0 {
		return "top"
	}
	return strings.Join(out, " ")
}

// format prints unsigned and signed range where they are not those of known.
func (a Halves) format(w ir.Width, known Halves) []string {
	var out []string
	lo, hi := a.signed(w)
	knownLo, knownHi := known.signed(w)
	if a.min() != known.min() || a.max() != known.max() {
		out = append(out, fmt.Sprintf("u%d=[%d,%d]", w, a.min(), a.max()))
	}
	sameAsUnsigned := a.Neg.empty()
	if !sameAsUnsigned && (lo != knownLo || hi != knownHi) {
		out = append(out, fmt.Sprintf("s%d=[%d,%d]", w, lo, hi))
	}
	return out
}
