//go:build amd64

package x86

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/jitproof/x86/internal/host"
)

// TestBranches runs every Jcc, short and long, over all flag values on the host:
// "jcc +7; mov r15, 1" leaves r15 alone where the jump is taken. The same for
// jmp, call and ret, whose targets are inside the snippet.
func TestBranches(t *testing.T) {
	h, err := host.New()
	require.NoError(t, err)
	defer h.Close()
	_, base := h.Data()
	rng := rand.New(rand.NewPCG(3, 4))
	mov := []byte{0x49, 0xc7, 0xc7, 1, 0, 0, 0}
	snippets := [][]byte{
		append([]byte{0xeb, 7}, mov...),
		append([]byte{0xe9, 7, 0, 0, 0}, mov...),
		append(append([]byte{0xe8, 7, 0, 0, 0}, mov...), 0x41, 0x5f), // call over mov; pop r15
		append(append([]byte{0xe8, 0, 0, 0, 0}, mov...), 0x41, 0x5f), // call the next instruction
		append([]byte{0xe8, 2, 0, 0, 0, 0xeb, 1, 0xc3}, mov...),      // call a ret; jmp over it
		{0x41, 0x54, 0xff, 0x34, 0x24, 0x58, 0x59, 0x48, 0x39, 0xc8}, // push r12; push [rsp]; pop rax; pop rcx; cmp
	}
	for c := range byte(16) {
		snippets = append(snippets, append([]byte{0x70 | c, 7}, mov...), append([]byte{0x0f, 0x80 | c, 7, 0, 0, 0}, mov...))
	}
	for _, code := range snippets {
		h.Load(code)
		for bits := range uint64(32) {
			var s host.State
			for i := range s.R {
				s.R[i] = rng.Uint64()
			}
			s.R[RSP] = base + 2048
			st := State[uint64]{R: s.R}
			s.Flags = 0x202
			for f := Flag(0); f < NumFlags; f++ {
				s.Flags |= bits >> f & 1 << flagBits[f]
				st.F.Set(f, bits>>f&1)
			}
			emulate(t, &st, code, base)
			h.Run(&s)
			if code[0] == 0xe8 { // what call pushed is the host's address
				st.R[R15] = s.R[R15]
			}
			require.Equal(t, s.R, st.R, "% x flags %#x", code, bits)
		}
	}
}

// emulate runs a snippet to its end.
func emulate(t *testing.T, s *State[uint64], code []byte, base uint64) {
	mem := &flat{base: base, b: make([]byte, host.DataBytes)}
	m := Machine[uint64]{A: sem.Concrete{}, Mem: mem, Known: KnownWord}
	for off, n := 0, 0; off != len(code); n++ {
		require.Less(t, n, 20, "% x", code)
		in, err := Decode(code[off:], off)
		require.NoError(t, err)
		flow, err := m.Step(s, in)
		require.NoError(t, err)
		off = in.End()
		switch {
		case flow.Kind == Jump, flow.Kind == Branch && flow.Cond == 1:
			off = flow.Target
		case flow.Kind == Call:
			s.R[RSP] -= 8
			require.NoError(t, mem.Store(s.R[RSP], 64, uint64(off)))
			off = flow.Target
		case flow.Kind == Return:
			off = int(flow.Addr)
		}
	}
}
