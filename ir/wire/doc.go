// Package wire turns 8-byte instruction slots into instructions and back.
//
// It is driven by the table [ir.Rows] alone: no opcode byte is written here,
// so a row that is added there is decoded and encoded at once. It knows
// fields, not meanings: whether a jump lands or a map exists is the business
// of Program.Check, and of the loader that made the bytes.
//
// # Invariants
//
// Decoding is strict. A field that an operation does not use holds the value
// its row fixes (nearly always 0), as RFC 9669 section 3.1 demands ("unused
// fields shall be cleared to zero"), or the slot is refused by an [Error] that
// names the field. So decoding is injective: what [Decode] accepts, [Encode]
// writes back byte for byte.
//
// Slots are little-endian, the byte order of every host this project runs on.
//
// On the wire the immediate of a map reference is a file descriptor, or an
// index into an array of them. Decode keeps that number as Insn.Imm; the
// caller relocates it to an index into Program.Maps.
//
//	insns, err := wire.Decode([]byte{0x95, 0, 0, 0, 0, 0, 0, 0}) // exit
//
// Sources: RFC 9669, sections 3 to 5; bpf_opcode_in_insntable and
// resolve_pseudo_ldimm64 in kernel/bpf of Linux 6.18 refuse the same.
package wire
