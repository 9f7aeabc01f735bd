package host

import "encoding/binary"

// The page behind the code holds what the wrapper loads and stores, each at a
// fixed distance, and behind that the data area.
const (
	codeBytes = 4096
	slotIn    = codeBytes        // 16 registers
	slotFlags = slotIn + 16*8    // rflags before
	slotOut   = slotFlags + 8    // 16 registers
	slotAfter = slotOut + 16*8   // rflags after
	slotSP    = slotAfter + 8    // the caller's rsp
	dataOff   = 2 * codeBytes    // data area
	allBytes  = dataOff + 2*4096 // with a margin behind
)

// wrapper builds the code around a snippet.
type wrapper struct{ b []byte }

// rip appends an instruction whose operand is the slot at off.
func (w *wrapper) rip(off int, op ...byte) {
	w.b = append(w.b, op...)
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(off-len(w.b)-4))
}

// move appends a 64-bit move between register r and a slot.
func (w *wrapper) move(op byte, r, off int) {
	w.rip(off, 0x48|byte(r>>3)<<2, op, byte(r&7)<<3|5)
}

func wrap(code []byte) []byte {
	w := &wrapper{}
	w.b = append(w.b, 0x55)    // push rbp
	w.move(0x89, 4, slotSP)    // mov [sp], rsp
	w.move(0x8d, 4, slotFlags) // lea rsp, [flags]
	w.b = append(w.b, 0x9d)    // popfq
	for r := range 16 {
		w.move(0x8b, r, slotIn+8*r)
	}
	w.b = append(w.b, code...)
	for r := range 16 {
		w.move(0x89, r, slotOut+8*r)
	}
	w.move(0x8d, 4, slotAfter+8)  // lea rsp, [after+8]
	w.b = append(w.b, 0x9c)       // pushfq
	w.move(0x8b, 4, slotSP)       // mov rsp, [sp]
	w.b = append(w.b, 0x5d, 0xc3) // pop rbp; ret
	return w.b
}
