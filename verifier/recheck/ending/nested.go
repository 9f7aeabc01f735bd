package ending

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/verifier/invariant"
)

// Nested returns a record of which the frames of some call chain do not fit, with
// the reason, or -1: eight frames, and as far as they are touched 512 bytes of stack
// for all, each rounded up to 16. used holds by function how many bytes of its stack
// are touched.
//
// Sound: a record has the frames from a start on. Where that is of a global function
// those of the record that called it are above, and so on: they are added, until
// nothing changes or the sum is too great.
func Nested[E comparable](p *ir.Program, set *invariant.Set[E], edges [][]Edge, used []int64) (record int32, why string) {
	type chain struct{ bytes, frames int64 }
	above := make([]chain, len(p.Funcs))
	for changed := true; changed; {
		changed = false
		for i := range set.Records {
			rec := &set.Records[i]
			sum, at, fn := chain{frames: int64(len(rec.State.Frames))}, rec.PC, 0
			for k := len(rec.State.Frames) - 1; k >= 0; k-- {
				fn = p.FuncAt(at)
				sum.bytes += (used[fn] + 15) &^ 15
				at = rec.State.Frames[k].Site
			}
			if at == invariant.Anyone {
				sum.bytes, sum.frames = sum.bytes+above[fn].bytes, sum.frames+above[fn].frames
			}
			if sum.bytes > ir.StackSize || sum.frames > ir.MaxFrames {
				return int32(i), fmt.Sprintf("%d frames of calls take %d bytes of stack", sum.frames, sum.bytes)
			}
			for _, e := range edges[i] {
				a := &above[p.FuncAt(set.Records[e.To].PC)]
				if e.Why.Kind == Apart && (sum.bytes > a.bytes || sum.frames > a.frames) {
					*a, changed = chain{max(a.bytes, sum.bytes), max(a.frames, sum.frames)}, true
				}
			}
		}
	}
	return -1, ""
}
