package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
)

// SlotSize is the size of an instruction slot in bytes.
const SlotSize = 8

// Error says why bytes are not instructions, or instructions have no bytes.
type Error struct {
	Verb   string // "decode" or "encode"
	PC     ir.PC  // slot, counted from 0
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("wire: %s slot %d: %s", e.Verb, e.PC, e.Reason) }

func refuse(verb string, pc ir.PC, format string, args ...any) error {
	return &Error{Verb: verb, PC: pc, Reason: fmt.Sprintf(format, args...)}
}

// byCode lists for every opcode byte the rows that are written with it.
var byCode = indexCodes(ir.Rows())

func indexCodes(rows []ir.Row) (index [256][]*ir.Row) {
	for i := range rows {
		code := rows[i].Code
		index[code] = append(index[code], &rows[i])
	}
	return index
}

// slot is an instruction slot with its fields taken apart.
type slot struct {
	code     byte
	dst, src ir.Reg
	off      int16
	imm      int32
}

func readSlot(b []byte) slot {
	x := binary.LittleEndian.Uint64(b)
	return slot{code: byte(x), dst: ir.Reg(x >> 8 & 0xf), src: ir.Reg(x >> 12 & 0xf), off: int16(x >> 16), imm: int32(x >> 32)}
}

func (s slot) append(b []byte) []byte {
	x := uint64(s.code) | uint64(s.dst)<<8 | uint64(s.src)<<12 | uint64(uint16(s.off))<<16 | uint64(uint32(s.imm))<<32
	return binary.LittleEndian.AppendUint64(b, x)
}

// matches reports whether the fields that r does not use hold what r fixes.
func (s slot) matches(r *ir.Row) bool {
	return (r.Uses&ir.UseSrc != 0 || s.src == r.FixSrc) &&
		(r.Uses&ir.UseOff != 0 || s.off == r.FixOff) &&
		(r.Uses&ir.UseImm != 0 || s.imm == r.FixImm) &&
		(r.Uses&ir.UseDst != 0 || s.dst == 0)
}

// row returns the row that s is written as, nil if there is none.
func (s slot) row() *ir.Row {
	for _, r := range byCode[s.code] {
		if s.matches(r) {
			return r
		}
	}
	return nil
}

// Decode returns the instructions in raw, indexed by slot: a 64-bit load is
// followed by [ir.Pad]. It refuses a length that is not a multiple of
// [SlotSize], unknown opcodes, registers above r10, non-zero unused fields and
// a 64-bit load without its second half. The error is an *[Error]. An empty
// raw gives no instructions.
func Decode(raw []byte) ([]ir.Insn, error) {
	if n := len(raw) % SlotSize; n != 0 {
		return nil, refuse("decode", ir.PC(len(raw)/SlotSize), "cut: %d bytes is not a multiple of %d", len(raw), SlotSize)
	}
	insns := make([]ir.Insn, 0, len(raw)/SlotSize)
	for len(raw) > 0 {
		pc := ir.PC(len(insns))
		s := readSlot(raw)
		raw = raw[SlotSize:]
		r := s.row()
		if r == nil || !s.dst.Valid() || !s.src.Valid() && r.Uses&ir.UseSrc != 0 {
			return nil, refuse("decode", pc, "%s", explain(s, r))
		}
		in := ir.Insn{Op: r.Op, Dst: s.dst}
		if r.Uses&ir.UseSrc != 0 {
			in.Src = s.src
		}
		if r.Uses&ir.UseOff != 0 {
			in.Off = s.off
		}
		if r.Uses&ir.UseImm != 0 {
			in.Imm = int64(s.imm)
		}
		insns = append(insns, in)
		if r.Slots() == 2 {
			high, err := secondHalf(pc, r, raw)
			if err != nil {
				return nil, err
			}
			if r.Uses&ir.UseImm64 != 0 {
				insns[pc].Imm = int64(uint64(uint32(s.imm)) | uint64(uint32(high))<<32)
			}
			insns = append(insns, ir.Pad())
			raw = raw[SlotSize:]
		}
	}
	return insns, nil
}

// secondHalf checks the second slot of the 64-bit load r at pc and returns its
// immediate.
func secondHalf(pc ir.PC, r *ir.Row, raw []byte) (imm int32, err error) {
	if len(raw) == 0 {
		return 0, refuse("decode", pc, "%s: 64-bit load is cut: no second slot", r.Name)
	}
	s := readSlot(raw)
	switch {
	case s.code != 0:
		return 0, refuse("decode", pc+1, "%s: second slot of a 64-bit load has non-zero opcode 0x%02x", r.Name, s.code)
	case s.dst != 0:
		return 0, refuse("decode", pc+1, "%s: second slot of a 64-bit load has non-zero destination %d", r.Name, s.dst)
	case s.src != 0:
		return 0, refuse("decode", pc+1, "%s: second slot of a 64-bit load has non-zero source %d", r.Name, s.src)
	case s.off != 0:
		return 0, refuse("decode", pc+1, "%s: second slot of a 64-bit load has non-zero offset %d", r.Name, s.off)
	case s.imm != 0 && r.Uses&ir.UseImm64 == 0:
		return 0, refuse("decode", pc+1, "%s: second slot of a 64-bit load has non-zero unused immediate %#x", r.Name, uint32(s.imm))
	}
	return s.imm, nil
}

// Encode returns the bytes of insns, which are indexed by slot as in
// Program.Insns. It refuses what Decode could not give: operations outside the
// table, registers above r10, unused fields that are not zero, immediates that
// do not fit, and 64-bit loads not followed by exactly one [ir.Pad]. The error
// is an *[Error].
func Encode(insns []ir.Insn) ([]byte, error) {
	raw := make([]byte, 0, len(insns)*SlotSize)
	for i := 0; i < len(insns); i++ {
		in := insns[i]
		r := in.Row()
		if in.Op == ir.OpPad {
			return nil, refuse("encode", ir.PC(i), "second half of a 64-bit load without the first")
		}
		var form *ir.FormError
		if err := in.Check(ir.PC(i)); errors.As(err, &form) {
			return nil, refuse("encode", ir.PC(i), "%s", form.Reason)
		}
		s := slot{code: r.Code, dst: in.Dst, src: r.FixSrc, off: r.FixOff, imm: r.FixImm}
		if r.Uses&ir.UseSrc != 0 {
			s.src = in.Src
		}
		if r.Uses&ir.UseOff != 0 {
			s.off = in.Off
		}
		if r.Uses&ir.UseImm != 0 {
			s.imm = int32(in.Imm)
		}
		raw = s.append(raw)
		if r.Slots() == 1 {
			continue
		}
		i++
		if i == len(insns) || insns[i] != ir.Pad() {
			return nil, refuse("encode", ir.PC(i-1), "%s: 64-bit load without its second half", r.Name)
		}
		var second slot
		if r.Uses&ir.UseImm64 != 0 {
			second.imm = int32(in.Imm >> 32)
		}
		raw = second.append(raw)
	}
	return raw, nil
}
