package verifier

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// TestGlobalInSection: a global function is walked outside of every section, so a
// program that may sleep is not let call one inside.
func TestGlobalInSection(t *testing.T) {
	g := &ir.Prototype{}
	for _, tt := range []struct {
		flags uint32
		sect  section
		lock  bool
		want  outcome
	}{
		{0, section{}, false, holds}, {0, section{rcu: 1}, false, holds}, {0, section{preempt: 1}, false, holds},
		{abi.LoadSleepable, section{}, false, holds}, {abi.LoadSleepable, section{rcu: 1}, false, unknown},
		{abi.LoadSleepable, section{preempt: 1}, false, unknown}, {0, section{}, true, violated},
	} {
		c := checker[reduced.T]{w: newWords[reduced.T](reduced.New()), prog: &ir.Program{Type: ir.Tracing, LoadFlags: tt.flags}}
		s := &state[reduced.T]{sect: tt.sect, lock: lock{held: tt.lock}}
		s.push(-1, 0)
		require.Equal(t, tt.want, c.checkGlobal(s, g).outcome, "%+v", tt)
	}
}
