package jitproof_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
)

// mutant is one bug that a JIT of Linux might have: in the image of a program of
// the corpus the first bytes from are replaced by the bytes to, both in hexadecimal
// and as long as each other.
type mutant struct {
	name, program, from, to string
}

var linuxMutants = []mutant{
	{"tail call is not counted", "tail_call_missing", "48830001", "90909090"},
	{"one tail call too many", "tail_call_missing", "48833821", "48833822"},
	{"count of tail calls is not started", "tail_call_missing", "4831c0", "0f1f00"},
	{"tail call is entered at its first byte", "tail_call_missing", "4883c10c", "4883c100"},
	{"index of a tail call keeps its upper half", "tail_call_missing", "89d2", "9090"},
	{"program array is read one element behind", "tail_call_missing", "488b8cd638010000", "488b8cd640010000"},
	{"saved register is not restored", "alu64", "415f", "9090"},
	{"saved registers are restored in the wrong order", "alu64", "415f415e", "415e415f"},
	{"frame pointer is not restored", "alu64", "c9", "5d"},
	{"return goes elsewhere", "alu64", "c9e9", "c9eb"},
	{"sum of 64 bits is one of 32", "alu64", "4c01c3", "4401c3"},
	{"immediate operand is negated", "alu64", "4883c3b3", "4883ebb3"},
	{"logical shift is arithmetic", "alu64", "48c1eb20", "48c1fb20"},
	{"32-bit move keeps the upper half", "alu32", "89cb", "48cb"},
	{"dividend keeps an upper half", "divmod", "31d2", "9090"},
	{"remainder is taken for the quotient", "divmod", "4989d5", "4989c5"},
	{"division is of the other sign", "sdivmod", "49f7fb", "49f7f3"},
	{"sign of the dividend is lost", "sdivmod", "4899", "31d2"},
	{"atomic addition is not atomic", "atomics64", "f0480fc1", "90480fc1"},
	{"exchange goes one byte behind", "atomics64", "f0480fc15df8", "f0480fc15df9"},
	{"compare-and-exchange repeats for ever", "atomics64", "4989c34d09eb", "498bc34d09eb"},
	{"comparison is signed", "branches64", "77", "7f"},
	{"comparison includes equality", "branches64", "77", "73"},
	{"branch goes one instruction too far", "branches64", "7402", "7404"},
	{"sign extension is of 16 bits", "movsx", "0fbe", "0fbf"},
	{"load is not extended", "array_lookup", "0fb6", "0fbe"},
	{"map is another one", "array_lookup", "48bf00", "48bf40"},
	{"stack is too small", "stack_sizes", "4881ec00020000", "4881ecf8010000"},
	{"stack is taken away", "stack_spill", "4881ec", "4881c4"},
	{"bytes are not swapped", "endian", "66c1cb08", "66c1cb00"},
	{"swapped half keeps the upper bits", "endian", "0fb7", "0fbf"},
}

// TestLinuxMutants: no image of the live kernel with a seeded bug is proved.
func TestLinuxMutants(t *testing.T) {
	o := observer(t)
	v := jitproof.New(solver(t), jitproof.Options{})
	images := map[string]*jit.LinuxImage{}
	for _, m := range linuxMutants {
		img := images[m.program]
		if img == nil {
			text, err := corpus.FS.ReadFile("accept/" + m.program + ".s")
			require.NoError(t, err)
			p := parse(t, string(text))
			if p.Type == ir.Unspec {
				p.Type = ir.XDP
			}
			ok := false
			img, ok = shown(t, o, p)
			require.True(t, ok, m.program)
			images[m.program] = img
		}
		from, err := hex.DecodeString(m.from)
		require.NoError(t, err)
		to, err := hex.DecodeString(m.to)
		require.NoError(t, err)
		require.Len(t, to, len(from), m.name)
		at := bytes.Index(img.Text, from)
		if at < 0 {
			t.Errorf("%s: no %s in % x", m.name, m.from, img.Text)
			continue
		}
		wrong := *img
		wrong.Text = slices.Clone(img.Text)
		copy(wrong.Text[at:], to)
		c, err := v.ValidateKernel(t.Context(), &wrong)
		switch {
		case err != nil:
			t.Logf("%s: refused: %v", m.name, err)
		case c.Status == jitproof.Proved:
			t.Errorf("%s: proved, with %q", m.name, c.Assumptions)
		case c.Status == jitproof.Refuted:
			b := c.First(jitproof.Refuted)
			t.Logf("%s: refuted at insn %d, offset %#x: %s", m.name, b.PC, b.Off, b.Kind)
		default:
			t.Logf("%s: unknown: %s", m.name, c.First(jitproof.Unknown).Reason)
		}
	}
}
