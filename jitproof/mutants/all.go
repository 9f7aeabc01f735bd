package mutants

import (
	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
)

const lookupText = `
.map a array key 4 value 8 entries 5
.map b array key 4 value 8 entries 9
	*(u32 *)(r10 - 4) = 3
	r2 = r10
	r2 += -4
	r1 = map[a]
	call map_lookup_elem
	exit
`

const lanesText = `
.map a percpu_array key 4 value 8 entries 5
.map b percpu_array key 4 value 12 entries 9
	*(u32 *)(r10 - 4) = 3
	r2 = r10
	r2 += -4
	r1 = map[a]
	call map_lookup_elem
	exit
`

const loopText = `
	r0 = 0
again:
	r0 += r2
	if r0 < 40 goto again
	exit
`

const mayGotoText = `
	r0 = 0
again:
	may_goto out
	r0 += 1
	goto again
out:
	exit
`

const tailCallText = `
.map progs prog_array key 4 value 4 entries 3
	r6 = r1
	r2 = map[progs]
	r3 = 2
	call tail_call
	r0 = r6
	exit
`

// The machine's conditions by number.
const (
	condB  = 2
	condAE = 3
	condE  = 4
	condNE = 5
	condBE = 6
	condA  = 7
	condNS = 9
	condL  = 12
	condGE = 13
	condG  = 15
)

var all = []Mutant{
	{Name: "missing-zero-extension", Bug: "a 32-bit addition keeps the carry into the upper half of its register",
		Text: "w7 += w8\nr0 = r7\nexit\n", edit: widen(x86asm.ADD)},
	{Name: "missing-zero-extension-mov", Bug: "a 32-bit move copies all 64 bits",
		Text: "w7 = w8\nr0 = r7\nexit\n", edit: widen(x86asm.MOV)},
	{Name: "missing-zero-extension-cmpxchg", Bug: "a 32-bit compare-and-exchange leaves the upper half of r0",
		Text: "w0 = cmpxchg32_32(r1 + 0, w0, w2)\nexit\n", edit: erase([]byte{0x89, 0xc0})},
	{Name: "byte-store-without-rex", Bug: "the byte in dh is stored instead of that in sil",
		Text: "*(u8 *)(r1 + 0) = r2\nr0 = 0\nexit\n", edit: dropREX},
	{Name: "imm32-not-sign-extended", Bug: "the immediate of a 64-bit logic operation is zero-extended",
		Text: "r1 &= -256\nr0 = r1\nexit\n", edit: narrow(x86asm.AND, x86asm.OR, x86asm.XOR)},
	{Name: "mov-imm32-not-sign-extended", Bug: "a negative 64-bit immediate is loaded zero-extended",
		Text: "r0 = -2\nexit\n", edit: narrow(x86asm.MOV)},
	{Name: "jset32-upper-bits", Bug: "a 32-bit JSET tests all 64 bits",
		Text: "r0 = 0\nif w7 & w8 goto out\nr0 = 1\nout:\nexit\n", edit: widen(x86asm.TEST)},
	{Name: "division-clobbers-rdx", Bug: "a division does not restore rdx, which is r3",
		Text: "r7 /= r8\nr0 = r3\nexit\n", edit: erase([]byte{0x4c, 0x89, 0xd2})},
	{Name: "division-clobbers-rax", Bug: "a division does not restore rax, which is r0",
		Text: "r0 = 5\nr7 /= r8\nexit\n", edit: erase([]byte{0x4c, 0x89, 0xd8})},
	{Name: "division-by-zero-unchecked", Bug: "the jump over the code for a zero divisor is always taken",
		Text: "r7 /= r8\nr0 = r7\nexit\n", edit: instead([]byte{0x75, 0x05}, []byte{0xeb, 0x05})},
	{Name: "signed-division-unsigned", Bug: "a signed division divides unsigned",
		Text: "r7 s/= r8\nr0 = r7\nexit\n", edit: either(digit(x86asm.IDIV, 0, 7, 6), instead([]byte{0x48, 0x99}, []byte{0x31, 0xd2}))},
	{Name: "shift-clobbers-rcx", Bug: "a shift does not restore rcx, which is r4, or leaves its result there",
		Text: "r7 <<= r8\nr0 = r4\nexit\n", edit: either(erase([]byte{0x4c, 0x89, 0xd9}), shiftIntoRCX)},
	{Name: "arsh-logical", Bug: "an arithmetic shift right fills with zeros",
		Text: "r7 s>>= 5\nr0 = r7\nexit\n", edit: digit(x86asm.SAR, 1, 7, 5)},
	{Name: "wrong-condition-signed", Bug: "a signed comparison jumps on the unsigned condition",
		Text: "r0 = 0\nif r1 s< r2 goto out\nr0 = 1\nout:\nexit\n", edit: condition(condL, condB)},
	{Name: "wrong-condition-equal", Bug: "a comparison for greater also jumps where the operands are equal",
		Text: "r0 = 0\nif r1 > r2 goto out\nr0 = 1\nout:\nexit\n", edit: condition(condA, condAE)},
	{Name: "off-by-one-displacement", Bug: "a load from the stack reads one byte further on",
		Text: "*(u64 *)(r10 - 16) = r1\nr0 = *(u32 *)(r10 - 16)\nexit\n", edit: displace},
	{Name: "callee-saved-not-restored", Bug: "the epilogue pops a saved register into a scratch register",
		Text: "r7 = 1\nr0 = r7\nexit\n", edit: instead([]byte{0x41, 0x5d}, []byte{0x41, 0x5b})},
	{Name: "endian16-upper-bits", Bug: "a 16-bit byte swap leaves the upper 48 bits",
		Text: "r7 = be16 r7\nr0 = r7\nexit\n", edit: erase([]byte{0x45, 0x0f, 0xb7, 0xed}, []byte{0x4d, 0x0f, 0xb7, 0xed})},
	{Name: "movsx-zero-extends", Bug: "a sign-extending move fills with zeros",
		Text: "r7 = (s8)r8\nr0 = r7\nexit\n", edit: opcode(x86asm.MOVSX, 0xbe, 0xb6)},
	{Name: "sub-operands-swapped", Bug: "a subtraction writes its source register",
		Text: "r1 -= r2\nr0 = r1\nexit\n", edit: opcode(x86asm.SUB, 0x29, 0x2b)},
	{Name: "atomic-without-lock", Bug: "an atomic addition has no lock prefix",
		Text: "lock *(u64 *)(r1 + 0) += r2\nr0 = 0\nexit\n", edit: unlock},
	{Name: "helper-number", Bug: "a call goes to the helper with the next number",
		Text: "call ktime_get_ns\nexit\n", edit: helperNumber},
	{Name: "helper-argument-order", Bug: "the first two arguments of a helper are exchanged",
		Text: ".map h hash key 4 value 8 entries 5\nr1 = map[h]\nr2 = r10\nr2 += -4\n*(u32 *)(r10 - 4) = 0\ncall map_delete_elem\nexit\n", edit: helperArgs},
	{Name: "poll-skipped", Bug: "a backward jump never polls", Text: loopText, edit: erase([]byte{0x72, 0x07})},
	{Name: "poll-inverted", Bug: "a backward jump polls while the budget lasts", Text: loopText, edit: instead([]byte{0x72, 0x07}, []byte{0x73, 0x07})},
	{Name: "budget-not-counted", Bug: "a backward jump does not count down",
		Text: loopText, edit: instead([]byte{0x49, 0x83, 0xe9, 0x01}, []byte{0x49, 0x83, 0xe9, 0x00})},
	{Name: "lookup-bound", Bug: "an inlined array lookup accepts the index behind the last",
		Text: lookupText, edit: condition(condAE, condA)},
	{Name: "lookup-stride", Bug: "an inlined array lookup multiplies by twice the stride",
		Text: lookupText, edit: immediate(1, 1, 0x49, 0xc1, 0xe3)},
	{Name: "percpu-lookup-bound", Bug: "an inlined per-CPU array lookup accepts the index, or the processor, behind the last",
		Text: lanesText, edit: condition(condAE, condA)},
	{Name: "percpu-lookup-processor", Bug: "an inlined per-CPU array lookup does not ask how many processors the map has values for",
		Text: lanesText, edit: erase([]byte{0x48, 0x39, 0xf7})},
	{Name: "percpu-lookup-area", Bug: "an inlined per-CPU array lookup takes the values of another processor",
		Text: lanesText, edit: immediate(1, 1, 0x48, 0xc1, 0xe7)},
	{Name: "percpu-lookup-map", Bug: "an inlined per-CPU array lookup takes the values of the next map",
		Text: lanesText, Table: true, table: relocate(jit.RelocMapLanes, func(p *ir.Program, r *jit.Reloc) { r.Map = (r.Map + 1) % len(p.Maps) })},
	{Name: "percpu-lookup-cpus", Bug: "an inlined per-CPU array lookup asks the next map how many processors it has values for",
		Text: lanesText, Table: true, table: relocate(jit.RelocMapCPUs, func(p *ir.Program, r *jit.Reloc) { r.Map = (r.Map + 1) % len(p.Maps) })},
	{Name: "frame-too-small", Bug: "the prologue reserves 504 bytes for the stack",
		Text: "*(u64 *)(r10 - 8) = 0\nr0 = 0\nexit\n", edit: instead([]byte{0x48, 0x81, 0xec, 0x00, 0x02, 0x00, 0x00}, []byte{0x48, 0x81, 0xec, 0xf8, 0x01, 0x00, 0x00})},
	{Name: "reloc-wrong-map", Bug: "a map handle is relocated with the next map's",
		Text: lookupText, Table: true, table: relocate(jit.RelocMapHandle, func(p *ir.Program, r *jit.Reloc) { r.Map = (r.Map + 1) % len(p.Maps) })},
	{Name: "reloc-addend", Bug: "array elements are taken from 8 bytes further on",
		Text: lookupText, Table: true, table: relocate(jit.RelocMapValues, func(_ *ir.Program, r *jit.Reloc) { r.Addend += 8 })},
	{Name: "hint-lies", Bug: "hints name the wrong map", Text: lookupText, Table: true, table: lie},
	{Name: "hint-invented", Bug: "a hint claims a map handle after a call", Text: lookupText, Table: true, table: invent},
	{Name: "may-goto-budget", Bug: "the prologue allows may_goto half of its rounds",
		Text: mayGotoText, edit: instead([]byte{0x68, 0x00, 0x00, 0x80, 0x00}, []byte{0x68, 0x00, 0x00, 0x40, 0x00})},
	{Name: "may-goto-inverted", Bug: "may_goto jumps while the count lasts", Text: mayGotoText, edit: condition(condE, condNE)},
	{Name: "may-goto-not-counted", Bug: "may_goto does not count down",
		Text: mayGotoText, edit: instead([]byte{0x48, 0x83, 0x6d, 0x00, 0x01}, []byte{0x48, 0x83, 0x6d, 0x00, 0x00})},
	{Name: "may-goto-early", Bug: "may_goto jumps while one round is left",
		Text: mayGotoText, edit: instead([]byte{0x48, 0x83, 0x7d, 0x00, 0x00}, []byte{0x48, 0x83, 0x7d, 0x00, 0x01})},
	{Name: "tail-call-inverted", Bug: "a tail call jumps to address 0 and stays where it should go on", Text: tailCallText, edit: condition(condE, condNE)},
	{Name: "tail-call-loses-context", Bug: "the program behind a tail call does not get r1",
		Text: tailCallText, edit: instead([]byte{0x5f}, []byte{0x59})},
	{Name: "tail-call-unwinds-half", Bug: "a tail call leaves saved registers on the stack", Text: tailCallText, edit: erase([]byte{0x5b})},
	{Name: "packet-load-outside", Bug: "a load from outside of the packet goes on with a negative result",
		Text: "r6 = r1\nr0 = *(u16 *)skb[12]\nexit\n", edit: always(condNS)},
	{Name: "packet-load-context", Bug: "a load from the packet takes the context from r10",
		Text: "r6 = r1\nr0 = *(u16 *)skb[r2 + 12]\nexit\n", edit: instead([]byte{0x48, 0x89, 0xdf}, []byte{0x48, 0x89, 0xef})},
	{Name: "callback-wrong-function", Bug: "a reference to a function is relocated with the program's entry",
		Text: "r1 = 4\nr2 = func[f]\nr3 = 0\nr4 = 0\ncall 181\nexit\nf:\nr0 = 0\nexit\n", Table: true,
		table: relocate(jit.RelocFunc, func(_ *ir.Program, r *jit.Reloc) { r.Func = 0 })},
	{Name: "frame-without-stack", Bug: "the frame table says that r10 is not kept, but it is used",
		Text: "r0 = *(u8 *)(r10 - 1)\nexit\n", Table: true, table: noStack},
	{Name: "frame-swapped-homes", Bug: "the frame table exchanges the homes of r1 and r2",
		Text: "r0 = r1\nr0 += 1\nexit\n", Table: true, table: swapHomes},
}
