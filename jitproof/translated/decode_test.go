package translated_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jitproof/translated"
)

// slot is the bytes of an instruction.
func slot(code byte, dst, src int, off int16, imm int32) []byte {
	b := []byte{code, byte(dst | src<<4)}
	b = binary.LittleEndian.AppendUint16(b, uint16(off))
	return binary.LittleEndian.AppendUint32(b, uint32(imm))
}

func join(slots ...[]byte) (all []byte) {
	for _, s := range slots {
		all = append(all, s...)
	}
	return all
}

var exit = slot(0x95, 0, 0, 0, 0)

func TestDecode(t *testing.T) {
	p, err := translated.Decode("p", join(
		slot(0xbf, 11, 6, 0, 0),                     // AX = r6
		slot(0x55, 11, 0, 1, 7),                     // if AX != 7
		slot(0xbc, 0, 0, 0, 1),                      // w0 = w0, as a mark
		slot(0xc2, 0, 0, 0, 0),                      // barrier
		slot(0xbf, 2, 3, -1, 0),                     // r2 = r3 of this processor
		slot(0x85, 0, 0, 0, 12),                     // tail call
		slot(0x85, 0, 2, 0, -4096),                  // kernel function
		slot(0x85, 0, 1, 5, 1),                      // function 1
		slot(0x18, 1, 4, 0, 4), slot(0, 0, 0, 0, 1), // its address
		slot(0x18, 1, 1, 0, 42), slot(0, 0, 0, 0, 0), // map 42
		exit, exit))
	require.NoError(t, err)
	require.Equal(t, []ir.Func{{Name: "p", PC: 0}, {Name: "sub_13", PC: 13}}, p.IR.Funcs)
	require.Equal(t, ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.X), Dst: translated.AX, Src: ir.R6}, p.IR.Insns[0])
	require.Equal(t, translated.AX, p.IR.Insns[1].Dst)
	require.Equal(t, map[ir.PC]translated.Form{3: translated.Nospec, 4: translated.PerCPU, 5: translated.TailCall, 6: translated.Call}, p.Forms)
	require.Equal(t, []ir.PC{6}, p.Named(translated.Call))
	require.Equal(t, int64(-4096), p.IR.Insns[6].Imm)
	id, _, ok := p.IR.Insns[10].Map()
	require.True(t, ok)
	require.Equal(t, 42, id)
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct {
		slots  []byte
		pc     ir.PC
		reason string
	}{
		{nil, 0, "0 bytes are no instructions"},
		{exit[:7], 0, "7 bytes are no instructions"},
		{join(slot(0xb7, 12, 0, 0, 0), exit), 0, "register r12 does not exist"},
		{join(slot(0xbf, 1, 2, 1, 0), exit), 0, "cast between address spaces"},
		{join(slot(0xe5, 0, 0, 0, 0), exit), 0, "may_goto is not left in translated programs"},
		{join(slot(0x20, 0, 0, 0, 0), exit), 0, "ldabs32 is not left in translated programs"},
		{join(slot(0x05, 11, 0, 0, 0), exit), 0, "goto names a register that it does not use"},
		{slot(0x18, 1, 0, 0, 3), 0, "64-bit load without its second slot"},
		{join(slot(0x18, 1, 0, 0, 3), exit), 1, "second slot of a 64-bit load holds an instruction"},
		{join(slot(0x18, 1, 3, 0, 3), slot(0, 0, 0, 0, 0), exit), 0, "64-bit load of kind 3"},
		{join(slot(0x18, 1, 1, 1, 3), slot(0, 0, 0, 0, 0), exit), 0, "64-bit load with a field that it does not use"},
		{join(slot(0x18, 1, 1, 0, 3), slot(0, 0, 0, 0, 1), exit), 0, "64-bit load with a field that it does not use"},
		{join(slot(0x85, 0, 4, 0, 3), exit), 0, "call of kind 4"},
		{slot(0xb7, 0, 0, 0, 0), 0, "function 0 runs out at its end"},
		{join(slot(0x05, 0, 0, 7, 0), exit), 0, "jump to slot 8, which is no instruction of its function"},
		{join(slot(0x85, 0, 1, 1, 2), exit, exit), 0, "nothing tells where function 1 starts"},
		{join(slot(0x85, 0, 1, 9, 1), exit, exit), 0, "function 1 starts at slot 10, where no instruction is"},
		{join(slot(0x85, 0, 1, 1, 1), slot(0x85, 0, 1, -1, 1), exit, exit), 1, "function 1 is at slot 2 and at 1"},
	} {
		_, err := translated.Decode("p", tt.slots)
		var why *translated.Error
		require.True(t, errors.As(err, &why), "% x: %v", tt.slots, err)
		require.Equal(t, tt.pc, why.PC, "% x: %v", tt.slots, err)
		require.Equal(t, tt.reason, why.Reason, "% x", tt.slots)
	}
}

// FuzzDecode: any bytes give a program or an error with the slot.
func FuzzDecode(f *testing.F) {
	f.Add(exit)
	f.Add(join(slot(0x85, 0, 1, 1, 1), exit, exit))
	f.Fuzz(func(t *testing.T, slots []byte) {
		p, err := translated.Decode("p", slots)
		var why *translated.Error
		if err != nil && !errors.As(err, &why) {
			t.Fatalf("% x: %v", slots, err)
		}
		if err == nil && len(p.IR.Insns)*8 != len(slots) {
			t.Fatalf("% x: %d slots", slots, len(p.IR.Insns))
		}
	})
}
