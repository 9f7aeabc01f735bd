#include "go_asm.h"
#include "textflag.h"

// quick is what an image calls for a helper; see quick.go. It runs on the
// image's stack, in executable memory of its own, where a copy of it lies: it
// refers to nothing but by R12, and keeps what a helper call keeps. It pushes
// nothing, so [SP] is the image's return address wherever it faults.
//
// AX is the helper's number, its arguments are in DI, SI, DX, CX, R8. What it
// does not do itself it leaves, with number and arguments as they were, to
// helperExit.

// Constants of the hash function, see package maps.
#define MIX0 $0x9e3779b97f4a7c15
#define MIX1 $0x6a09e667f3bcc909
#define MIX2 $0xbb67ae8584caa73b
#define MIX3 $0x3c6ef372fe94f82b
#define TAG4 $0x9e3779b9

// HASH4 makes from a key in CX: its hash in AX, its tag in CX. Uses DX.
#define HASH4 \
	MOVQ MIX0, AX; \
	XORQ CX, AX;   \
	MOVQ MIX1, DX; \
	MULQ DX;       \
	XORL TAG4, CX; \
	XORQ DX, AX

// HASH8 makes from a key in R11: its hash in AX, its tag in CX. Uses DX.
#define HASH8 \
	MOVQ MIX0, AX;  \
	XORQ R11, AX;   \
	MOVQ R11, CX;   \
	ROLQ $32, CX;   \
	MOVQ MIX1, DX;  \
	XORQ CX, DX;    \
	MULQ DX;        \
	XORQ DX, AX;    \
	MOVQ AX, CX;    \
	SHRQ $32, CX

// BUCKET makes from a hash in AX the address of the bucket.
#define BUCKET \
	ANDQ const_headMask(DI), AX; \
	SHLQ $6, AX;                 \
	ADDQ const_headBuckets(DI), AX

// LINE compares the 16 halves of the bucket at AX with all of X0; the answer is
// in DX, a bit for each half.
#define LINE \
	MOVOU    0(AX), X1;  \
	MOVOU    16(AX), X2; \
	MOVOU    32(AX), X3; \
	MOVOU    48(AX), X4; \
	PCMPEQL  X0, X1;     \
	PCMPEQL  X0, X2;     \
	PCMPEQL  X0, X3;     \
	PCMPEQL  X0, X4;     \
	PACKSSLW X2, X1;     \
	PACKSSLW X4, X3;     \
	PACKSSWB X3, X1;     \
	PMOVMSKB X1, DX

// SLOTS finds the slots of the bucket at AX whose tag is in CX: bits of DX, the
// odd ones of the first 14; the element's number is in the half before.
#define SLOTS \
	MOVL   CX, X0;     \
	PSHUFD $0, X0, X0; \
	LINE;              \
	ANDL   $0x2aaa, DX

// ELEMENT makes from an element's number in the first register its address in
// the second.
#define ELEMENT(e, addr) \
	MOVQ  e, addr;                    \
	IMULQ const_headSize(DI), addr;   \
	ADDQ  const_headElems(DI), addr

TEXT ·quick(SB), NOSPLIT|NOFRAME, $0-0
	CMPL AX, $const_idLookup
	JNE  notLookup
	CMPQ DI, $const_leastHandle
	JCS  slow
	CMPQ (DI), $const_classHash4
	JNE  lookupOther

	// The case that has to be short: the machine looks ahead over as many lookups
	// as fit its window, while the first waits for memory.
	MOVL (SI), CX
	HASH4
	BUCKET
	SLOTS
	JEQ  chain4
	TZCNTL DX, R10
	SHLQ $32, CX
	XORQ -4(AX)(R10*4), CX // number and tag at once: the slot may have changed since
	LEAQ -1(CX), R8
	SHRQ $32, R8
	JNE  slots4 // no element, or another tag
	MOVQ const_headStep(DI), AX
	IMULQ CX, AX
	ADDQ const_headValues(DI), AX
	RET

slots4:
	MOVL X0, CX
slot4: // as above, but for any slot and kind
	TZCNTL DX, R10
	MOVQ   -4(AX)(R10*4), R8
	MOVQ   R8, R10
	SHRQ   $32, R10
	CMPL   R10, CX
	JNE    next4
	MOVL   R8, R8
	TESTL  R8, R8
	JEQ    next4 // an empty slot looks like one key
found: // element R8
	MOVQ  const_headStates(DI), R11
	TESTQ R11, R11
	JNE   touch
touched:
	MOVQ  machine_cpu(R12), R10
	CMPQ  R10, const_headCPUs(DI)
	JCC   absent
	IMULQ const_headArea(DI), R10
	MOVQ  R8, AX
	IMULQ const_headStep(DI), AX
	ADDQ  const_headValues(DI), AX
	ADDQ  R10, AX
	RET
next4:
	LEAL -1(DX), R10
	ANDL R10, DX
	JNE  slot4
chain4:
	MOVQ 56(AX), R8
	MOVL $const_chainSteps, AX
link4:
	TESTL R8, R8
	JEQ   absent
	MOVQ  R8, R10
	SHRQ  $32, R10
	MOVL  R8, R8
	CMPL  R10, CX
	JEQ   found
	ELEMENT(R8, R10)
	MOVQ  (R10), R8
	DECL  AX
	JNE   link4
long: // a chain that long is for Go, which can be preempted
	MOVL  $const_idLookup, AX
	JMP   slow
absent:
	XORL AX, AX
	RET

touch: // the element of an LRU map is used
	CMPL (R11)(R8*4), $const_statePresent
	JNE  touched
	MOVL $const_statePresent, AX
	MOVL $const_stateUsed, CX
	LOCK
	CMPXCHGL CX, (R11)(R8*4)
	JMP  touched

lookupOther:
	MOVQ (DI), R10
	CMPQ R10, $const_classHash8
	JEQ  lookup8
	CMPQ R10, $const_classMore4
	JEQ  lookup4
	CMPQ R10, $const_classHashN
	JEQ  lookupN
	CMPQ R10, $const_classLPM32
	JEQ  lookupLPM
	CMPQ R10, $const_classArray
	JEQ  lookupArray
	JMP  slow

lookup4:
	MOVL (SI), CX
	HASH4
	BUCKET
	SLOTS
	JEQ  chain4
	JMP  slot4

lookup8:
	MOVQ (SI), R11
	HASH8
	BUCKET
	SLOTS
	JEQ  chain8
slot8:
	TZCNTL DX, R10
	MOVL   -4(AX)(R10*4), R8
	TESTL  R8, R8
	JEQ    next8
	ELEMENT(R8, R10)
	CMPQ   8(R10), R11
	JEQ    found
next8:
	LEAL -1(DX), R10
	ANDL R10, DX
	JNE  slot8
chain8:
	MOVQ 56(AX), R8
	MOVL $const_chainSteps, AX
link8:
	TESTL R8, R8
	JEQ   absent
	MOVQ  R8, DX
	SHRQ  $32, DX
	MOVL  R8, R8
	ELEMENT(R8, R10)
	CMPL  DX, CX
	JNE   behind8
	CMPQ  8(R10), R11
	JEQ   found
behind8:
	MOVQ (R10), R8
	DECL AX
	JNE  link8
	JMP  long

lookupArray:
	MOVL (SI), R8
	CMPQ R8, const_headMask(DI)
	JCC  absent
	MOVQ machine_cpu(R12), R10
	CMPQ R10, const_headCPUs(DI)
	JCC  absent
	IMULQ const_headArea(DI), R10
	IMULQ const_headSize(DI), R8
	MOVQ const_headBuckets(DI), AX
	ADDQ R10, AX
	ADDQ R8, AX
	RET

lookupN: // a key of 32-bit words
	MOVQ const_headKey(DI), R10
	MOVQ MIX0, R8
	XORQ R10, R8
	MOVQ SI, R11
	MOVQ MIX2, CX
wordsN:
	CMPQ R10, $8
	JCS  tailN
	MOVQ (R11), AX
	XORQ R8, AX
	MULQ CX
	XORQ DX, AX
	MOVQ AX, R8
	ADDQ $8, R11
	SUBQ $8, R10
	JMP  wordsN
tailN:
	XORL  AX, AX
	TESTQ R10, R10
	JEQ   wholeN
	MOVL  (R11), AX
wholeN:
	XORQ R8, AX
	MOVQ MIX3, CX
	MULQ CX
	XORQ DX, AX
	XORQ R8, AX
	MOVQ AX, CX
	SHRQ $32, CX
	BUCKET
	SLOTS
	JEQ  chainN
slotN:
	TZCNTL DX, R10
	MOVL   -4(AX)(R10*4), R8
	TESTL  R8, R8
	JEQ    nextN
	MOVL   DX, X5
	ELEMENT(R8, R10)
	MOVQ   const_headKey(DI), R11
sameN:
	SUBQ $8, R11
	JCS  restN
	MOVQ (SI)(R11*1), DX // from the end: words of 8 bytes down to the first
	CMPQ DX, 8(R10)(R11*1)
	JEQ  sameN
otherN:
	MOVL X5, DX
nextN:
	LEAL -1(DX), R10
	ANDL R10, DX
	JNE  slotN
chainN:
	MOVQ  56(AX), R8
	TESTL R8, R8
	JEQ   absent
	MOVL  $const_idLookup, AX
	JMP   slow // it may be in the chain
restN: // 4 bytes at the start are left, or none
	CMPQ R11, $-8
	JEQ  found
	MOVL (SI), DX
	CMPL DX, 8(R10)
	JEQ  found
	JMP  otherN

// Longest prefix: R8 its greatest length, R10 the address, R11 the element found,
// DX node, X5 the version at the start. NEGL and shifts by CX, which count modulo
// 32, make 32 - length.
lookupLPM:
	MOVL  (SI), R8
	MOVL  4(SI), R10
	CMPQ  R8, const_headBits(DI)
	JCS   slow
	CMPL  R8, $32
	JHI   absent
	BSWAPL R10
	MOVQ  const_headVersion(DI), CX
	MOVQ  (CX), AX
	TESTB $1, AX
	JNE   slowLPM
	MOVQ  AX, X5
	MOVL  const_headShift(DI), CX
	MOVL  R10, AX
	SHRL  CX, AX
	MOVQ  const_headSlots(DI), DX
	MOVQ  (DX)(AX*8), DX
	MOVQ  DX, R11
	SHRQ  $32, R11
	MOVL  DX, DX
	TESTL DX, DX
	JEQ   foundLPM
nodeLPM:
	IMULQ $const_nodeBytes, DX
	ADDQ  const_headNodes(DI), DX
	MOVL  const_nodeLen(DX), CX
	CMPL  CX, R8
	JHI   foundLPM
	MOVL  const_nodePrefix(DX), AX
	BSWAPL AX
	XORL  R10, AX
	NEGL  CX
	SHRL  CX, AX
	TESTL AX, AX
	JNE   foundLPM
	MOVL  const_nodeValue(DX), AX
	TESTL AX, AX
	CMOVLNE AX, R11
	ADDL  $31, CX
	JMI   foundLPM // all 32 bits
	MOVL  R10, AX
	SHRL  CX, AX
	ANDL  $1, AX
	MOVL  const_nodeChild(DX)(AX*4), DX
	TESTL DX, DX
	JNE   nodeLPM
foundLPM:
	MOVQ  const_headVersion(DI), CX
	MOVQ  X5, AX
	CMPQ  AX, (CX)
	JNE   slowLPM
	TESTL R11, R11
	JEQ   absent
	IMULQ const_headSize(DI), R11
	MOVQ  const_headElems(DI), AX
	ADDQ  R11, AX
	RET
slowLPM:
	MOVL $const_idLookup, AX

slow:
	JMP machine_slow(R12)

notLookup:
	CMPL AX, $const_idUpdate
	JEQ  update
	CMPL AX, $const_idDelete
	JEQ  delete
	CMPL AX, $const_idSubmit
	JEQ  submit
	CMPL AX, $const_idReserve
	JEQ  reserve
	CMPL AX, $const_idOutput
	JEQ  output
	CMPL AX, $const_idDiscard
	JEQ  submit
	CMPL AX, $const_idCPU
	JNE  slow
	MOVQ machine_cpu(R12), AX
	RET

// Update: X5 value, X6 flags, X8 address of the key; R8 key; R10 stripe.
update:
	CMPQ DI, $const_leastHandle
	JCS  slow
	CMPQ CX, $const_updateExist
	JHI  slow
	MOVQ (DI), R8
	CMPQ R8, $const_classHash4
	JEQ  plain
	CMPQ R8, $const_classHash8
	JNE  slow
plain:
	MOVQ  const_headPlain(DI), R10
	TESTQ R10, R10
	JEQ   slow
	MOVQ  DX, X5
	MOVQ  CX, X6
	MOVQ  SI, X8
	MOVBLZX (DX), R11 // faults here where it must, with no lock held
	MOVQ  -8(DX)(R10*8), R11
	CMPQ  R8, $const_classHash8
	JEQ   update8
	MOVL  (SI), CX
	MOVQ  CX, R8
	HASH4
	JMP   updateHashed
update8:
	MOVQ (SI), R11
	MOVQ R11, R8
	HASH8
updateHashed:
	MOVQ  AX, R10
	ANDQ  const_headStripeOf(DI), R10
	IMULQ $const_stripeBytes, R10
	ADDQ  const_headStripes(DI), R10
	BUCKET
	MOVQ  AX, R11
	MOVL  $const_patience, DX
updateLock:
	MOVL  const_stripeLock(R10), AX
	TESTL $1, AX
	JNE   updateBusy
	LEAL  1(AX), SI
	LOCK
	CMPXCHGL SI, const_stripeLock(R10)
	JNE   updateBusy
	MOVQ  R11, AX
	MOVQ  R10, machine_held(R12)
	CMPL  const_stripeNFree(R10), $0
	JEQ   updateGive
	CMPL  const_stripeNGone(R10), $const_stripeElems
	JEQ   updateGive
	SLOTS
	JEQ   updateAbsent
updateSlot:
	TZCNTL DX, R11
	MOVL   -4(AX)(R11*4), SI
	TESTL  SI, SI
	JEQ    updateNext
	CMPQ   (DI), $const_classHash4
	JEQ    updateFound
	MOVL   DX, X9
	ELEMENT(SI, DX)
	CMPQ   8(DX), R8
	JEQ    updateFound
	MOVL   X9, DX
updateNext:
	LEAL -1(DX), R11
	ANDL R11, DX
	JNE  updateSlot
updateAbsent:
	CMPL 56(AX), $0
	JNE  updateGive // it may be in the chain
	MOVQ X6, DX
	CMPQ DX, $const_updateExist
	JEQ  updateGive
	PXOR X0, X0
	LINE
	ANDL $0x1555, DX // numbers that are 0
	JEQ  updateGive
	TZCNTL DX, R11
	LEAQ (AX)(R11*4), DX
	MOVQ const_headCount(DI), R11
updateClaim:
	MOVQ (R11), AX
	CMPQ AX, const_headEntries(DI)
	JGE  updateGive
	LEAQ 1(AX), SI
	LOCK
	CMPXCHGQ SI, (R11)
	JNE  updateClaim
	MOVQ DX, AX
	XORL SI, SI
	JMP  updateWrite
updateFound:
	MOVQ X6, DX
	CMPQ DX, $const_updateNoExist
	JEQ  updateGive
	LEAQ -4(AX)(R11*4), AX
updateWrite: // reference AX, tag CX, old element SI or 0
	MOVL const_stripeNFree(R10), DX
	DECL DX
	MOVL DX, const_stripeNFree(R10)
	MOVL const_stripeFree(R10)(DX*4), DX
	ELEMENT(DX, R11)
	MOVQ $0, (R11) // the link of what is in a slot
	MOVQ R8, 8(R11)
	MOVQ X5, R8
	MOVQ const_headPlain(DI), DI
updateCopy:
	MOVQ -8(R8)(DI*8), X0
	MOVQ X0, 8(R11)(DI*8)
	DECQ DI
	JNE  updateCopy
	SHLQ $32, CX
	ORQ  DX, CX
	MOVQ CX, (AX)
	TESTL SI, SI
	JEQ  changed
	MOVL const_stripeNGone(R10), DX
	MOVL SI, const_stripeGone(R10)(DX*4)
	INCL DX
	MOVL DX, const_stripeNGone(R10)
changed:
	MOVQ $0, machine_held(R12)
	INCL const_stripeLock(R10) // only its holder writes it
	XORL AX, AX
	RET
updateGive:
	MOVQ $0, machine_held(R12)
	INCL const_stripeLock(R10) // only its holder writes it
updateSlow:
	MOVQ X5, DX
	MOVQ X6, CX
	MOVQ X8, SI
	MOVL $const_idUpdate, AX
	JMP  slow
updateBusy:
	PAUSE
	DECL DX
	JNE  updateLock
	JMP  updateSlow

// Delete: X8 address of the key; R8 key; R10 stripe.
delete:
	CMPQ DI, $const_leastHandle
	JCS  slow
	MOVQ (DI), R10
	MOVQ SI, X8
	CMPQ R10, $const_classHash4
	JEQ  delete4
	CMPQ R10, $const_classMore4
	JNE  delete8
delete4:
	MOVL (SI), CX
	MOVQ CX, R8
	HASH4
	JMP  deleteHashed
delete8:
	CMPQ R10, $const_classHash8
	JNE  slow
	MOVQ (SI), R11
	MOVQ R11, R8
	HASH8
deleteHashed:
	MOVQ  AX, R10
	ANDQ  const_headStripeOf(DI), R10
	IMULQ $const_stripeBytes, R10
	ADDQ  const_headStripes(DI), R10
	BUCKET
	MOVQ  AX, R11
	MOVL  $const_patience, DX
deleteLock:
	MOVL  const_stripeLock(R10), AX
	TESTL $1, AX
	JNE   deleteBusy
	LEAL  1(AX), SI
	LOCK
	CMPXCHGL SI, const_stripeLock(R10)
	JNE   deleteBusy
	MOVQ  R11, AX
	MOVQ  R10, machine_held(R12)
	CMPL  const_stripeNGone(R10), $const_stripeElems
	JEQ   deleteGive
	SLOTS
	JEQ   deleteAbsent
deleteSlot:
	TZCNTL DX, R11
	MOVL   -4(AX)(R11*4), SI
	TESTL  SI, SI
	JEQ    deleteNext
	CMPQ   (DI), $const_classHash4
	JEQ    deleteFound
	MOVL   DX, X9
	ELEMENT(SI, DX)
	CMPQ   8(DX), R8
	JEQ    deleteFound
	MOVL   X9, DX
deleteNext:
	LEAL -1(DX), R11
	ANDL R11, DX
	JNE  deleteSlot
deleteAbsent:
	CMPL 56(AX), $0
	JNE  deleteGive // it may be in the chain
	MOVQ $0, machine_held(R12)
	INCL const_stripeLock(R10) // only its holder writes it
	MOVQ $const_notFound, AX
	RET
deleteFound:
	MOVQ  $0, -4(AX)(R11*4)
	MOVQ  const_headStates(DI), R11
	TESTQ R11, R11
	JEQ   deleteGone
	MOVL  $const_stateAbsent, (R11)(SI*4)
deleteGone:
	MOVL const_stripeNGone(R10), DX
	MOVL SI, const_stripeGone(R10)(DX*4)
	INCL DX
	MOVL DX, const_stripeNGone(R10)
	MOVQ const_headCount(DI), R11
	LOCK
	DECQ (R11)
	JMP  changed
deleteGive:
	MOVQ $0, machine_held(R12)
	INCL const_stripeLock(R10) // only its holder writes it
deleteSlow:
	MOVQ X8, SI
	MOVL $const_idDelete, AX
	JMP  slow
deleteBusy:
	PAUSE
	DECL DX
	JNE  deleteLock
	JMP  deleteSlow

// Reserve: SI size; R8 the helper's number; R10 address of the position, AX what
// it is. Output: X5 data, X6 flags, X7 size.
output:
	CMPQ CX, $3
	JHI  slow
	CMPQ DX, $const_outputBytes
	JHI  slow
	MOVQ SI, X5
	MOVQ CX, X6
	MOVQ DX, X7
	MOVQ DX, SI
	XORL DX, DX
reserve:
	MOVL  AX, R8
	TESTQ DX, DX
	JNE   slow // flags that mean nothing
	CMPQ  DI, $const_leastHandle
	JCS   reserveSlow
	CMPQ  (DI), $const_classRing
	JNE   reserveSlow
	CMPQ  machine_record(R12), $0
	JNE   reserveSlow
	CMPQ  SI, const_headRingMask(DI)
	JHI   reserveSlow
	LEAQ  15(SI), CX
	ANDQ  $~7, CX // bytes that the record takes
	CMPQ  CX, const_headRingMask(DI)
	JHI   reserveSlow
	MOVQ  const_headProd(DI), R10
	MOVL  $const_patience, DX
reserveLock:
	MOVQ  (R10), AX
	TESTB $1, AX
	JNE   reserveBusy
	LEAQ  1(AX), R11
	LOCK
	CMPXCHGQ R11, (R10)
	JNE   reserveBusy
	MOVQ  CX, X8
	MOVQ  const_headPending(DI), R11
	MOVQ  (R11), DX
	MOVL  $const_settleSteps, CX
settle: // pass over the finished records at DX
	CMPQ  DX, AX
	JCC   settled
	DECL  CX
	JEQ   reserveGive
	MOVQ  const_headRingMask(DI), R11
	ANDQ  DX, R11
	ADDQ  const_headRing(DI), R11
	MOVQ  (R11), R11
	TESTL $const_ringBusy, R11
	JNE   settled
	ANDL  $(const_ringDiscard - 1), R11
	ADDQ  $15, R11
	ANDQ  $~7, R11
	ADDQ  R11, DX
	JMP   settle
settled:
	MOVQ  const_headPending(DI), R11
	MOVQ  DX, (R11)
	MOVQ  X8, CX
	ADDQ  AX, CX // where the next record is
	MOVQ  CX, R11
	SUBQ  DX, R11
	CMPQ  R11, const_headRingMask(DI)
	JHI   reserveGive
	MOVQ  const_headCons(DI), R11
	MOVQ  CX, DX
	SUBQ  (R11), DX
	CMPQ  DX, const_headRingMask(DI)
	JHI   reserveGive
	MOVQ  const_headRingMask(DI), R11
	ANDQ  R11, AX
	ADDQ  const_headRing(DI), AX
	MOVL  $const_ringBusy, DX
	ORQ   SI, DX
	MOVQ  DX, (AX)
	MOVQ  CX, (R10) // the place is taken, and the lock given back
	ADDQ  $const_ringHeader, AX
	MOVQ  AX, machine_record(R12)
	MOVQ  DI, machine_ring(R12)
	CMPL  R8, $const_idOutput
	JEQ   copy
	RET
copy: // SI bytes from X5 to AX
	MOVQ X5, DX
	MOVQ AX, CX
copy16:
	CMPQ  SI, $16
	JCS   copy8
	MOVOU (DX), X0
	MOVOU X0, (CX)
	ADDQ  $16, DX
	ADDQ  $16, CX
	SUBQ  $16, SI
	JMP   copy16
copy8:
	CMPQ SI, $8
	JCS  copy1
	MOVQ (DX), R10
	MOVQ R10, (CX)
	ADDQ $8, DX
	ADDQ $8, CX
	SUBQ $8, SI
copy1:
	TESTQ SI, SI
	JEQ   copied
	MOVBLZX (DX), R10
	MOVB R10, (CX)
	INCQ DX
	INCQ CX
	DECQ SI
	JMP  copy1
copied:
	MOVQ AX, DI
	MOVQ X6, SI
	JMP  finish

reserveBusy:
	PAUSE
	DECL DX
	JNE  reserveLock
	JMP  reserveSlow
reserveGive:
	MOVQ AX, (R10)
reserveSlow:
	MOVL R8, AX
	XORL DX, DX
	CMPL R8, $const_idOutput
	JNE  slow
	MOVQ X5, SI
	MOVQ X6, CX
	MOVQ X7, DX
	JMP  slow

submit:
	TESTQ DI, DI
	JEQ   slow
	CMPQ  DI, machine_record(R12)
	JNE   slow // another one than the last, which Go knows
	MOVL  AX, R8
finish: // DI record, SI flags; R8 the helper's number
	MOVQ  -const_ringHeader(DI), CX
	BTRQ  $31, CX
	CMPL  R8, $const_idDiscard
	JNE   keep
	ORQ   $const_ringDiscard, CX
keep:
	MOVQ  $0, machine_record(R12)
	XORL  AX, AX
	CMPQ  SI, $const_ringQuiet
	JNE   loud
	MOVQ  CX, -const_ringHeader(DI)
	RET
loud: // the reader looks at the record after it says that it sleeps
	XCHGQ CX, -const_ringHeader(DI)
	MOVQ  machine_ring(R12), DI
	MOVQ  const_headWaits(DI), CX
	CMPL  (CX), $0
	JNE   wake
	RET
wake:
	MOVL $const_idWake, AX
	JMP  slow
