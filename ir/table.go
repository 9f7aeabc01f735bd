package ir

// Op names one row of the table of operations. The zero Op is invalid.
type Op uint16

// Field is a set of fields of an instruction slot.
type Field uint8

// The fields an operation gives a meaning to. A field that is not in
// Row.Uses must hold the value Row fixes, 0 unless said otherwise.
const (
	UseDst Field = 1 << iota
	UseSrc
	UseOff
	UseImm
	UseImm64 // both slots' immediates
)

// Row is one operation: how it is written on the wire and what groups it
// belongs to. Fields that do not apply are zero.
type Row struct {
	Op    Op
	Name  string // unique and stable, such as "add32_k" or "atomic64_fetch_add"
	Kind  Kind
	Since string // "v1" ... "v4" of the instruction set, or the kernel that added it

	Code     byte // opcode byte
	Uses     Field
	FixSrc   Reg
	FixOff   int16
	FixImm   int32
	Width    Width // of the operation, comparison or memory access
	Src      Source
	ALU      ALUOp
	Swap     SwapOp
	Cmp      CmpOp
	Atomic   AtomicOp
	Fetch    bool // the atomic operation returns the old value
	Signed   bool // the load extends the sign
	Indirect bool // LD_IND
	Long     bool // the jump distance is in Imm
	ToUser   bool // the cast leads from address space 0 (kernel) to 1 (arena, as user space sees it)
	Pseudo   Pseudo
}

// Slots returns how many slots the operation takes: 2 for 64-bit loads.
func (r *Row) Slots() PC {
	if r.Kind == KindLoadImm {
		return 2
	}
	return 1
}

// Row returns the operation's row; for an Op outside the table, a row of
// KindInvalid.
func (op Op) Row() *Row {
	if int(op) < len(rows) {
		return &rows[op]
	}
	return &rows[0]
}

// String returns the operation's name.
func (op Op) String() string { return op.Row().Name }

// Kind returns the operation's group.
func (op Op) Kind() Kind { return op.Row().Kind }

// Rows returns all valid operations, in a fixed order. The caller must not
// change them.
func Rows() []Row { return rows[OpPad+1:] }

// OpPad is the operation of the second slot of a 64-bit load.
const OpPad Op = 1

var (
	rows  = buildRows()
	index = indexRows(rows)
)

// key identifies an operation by what it does.
type key struct {
	kind   Kind
	width  Width
	src    Source
	sub    uint8 // ALU, Swap, Cmp or Atomic
	flag   bool  // Fetch, Signed, Indirect, Long or ToUser
	pseudo Pseudo
}

func (r *Row) key() key {
	sub := uint8(r.ALU) | uint8(r.Swap) | uint8(r.Cmp) | uint8(r.Atomic) // at most one is set
	return key{r.Kind, r.Width, r.Src, sub, r.Fetch || r.Signed || r.Indirect || r.Long || r.ToUser, r.Pseudo}
}

func indexRows(rows []Row) map[key]Op {
	m := make(map[key]Op, len(rows))
	for i := range rows {
		m[rows[i].key()] = rows[i].Op
	}
	return m
}

// OpALU returns the operation dst = dst op src at width w. Neg takes NoSource;
// the MovSX operations take X. The result is invalid (0) where the instruction
// set has no such operation.
func OpALU(op ALUOp, w Width, s Source) Op {
	return index[key{kind: KindALU, width: w, src: s, sub: uint8(op)}]
}

// OpSwap returns the byte order conversion of w bits.
func OpSwap(op SwapOp, w Width) Op { return index[key{kind: KindSwap, width: w, sub: uint8(op)}] }

// OpLoad returns the load of w bits, sign-extending if signed.
func OpLoad(w Width, signed bool) Op { return index[key{kind: KindLoad, width: w, flag: signed}] }

// OpStore returns the store of w bits from an immediate (K) or a register (X).
func OpStore(w Width, s Source) Op { return index[key{kind: KindStore, width: w, src: s}] }

// OpAtomic returns the atomic operation on w bits.
func OpAtomic(op AtomicOp, w Width, fetch bool) Op {
	return index[key{kind: KindAtomic, width: w, src: X, sub: uint8(op), flag: fetch}]
}

// OpLoadAcquire returns the load of w bits with acquire order.
func OpLoadAcquire(w Width) Op { return index[key{kind: KindLoadAcquire, width: w}] }

// OpStoreRelease returns the store of w bits with release order.
func OpStoreRelease(w Width) Op { return index[key{kind: KindStoreRelease, width: w}] }

// OpLoadPacket returns LD_ABS, or LD_IND if indirect, of w bits.
func OpLoadPacket(w Width, indirect bool) Op {
	return index[key{kind: KindLoadPacket, width: w, flag: indirect}]
}

// OpLoadImm returns the 64-bit immediate load of the given kind.
func OpLoadImm(p Pseudo) Op { return index[key{kind: KindLoadImm, width: W64, pseudo: p}] }

// OpBranch returns the conditional jump comparing w bits with src.
func OpBranch(op CmpOp, w Width, s Source) Op {
	return index[key{kind: KindBranch, width: w, src: s, sub: uint8(op)}]
}

// OpJump returns goto, or gotol (32-bit distance) if long.
func OpJump(long bool) Op { return index[key{kind: KindJump, flag: long}] }

// OpCall returns the call of the given kind.
func OpCall(p Pseudo) Op { return index[key{kind: KindCall, pseudo: p}] }

// OpExit returns the exit operation.
func OpExit() Op { return index[key{kind: KindExit}] }

// OpMayGoto returns the bounded loop jump.
func OpMayGoto() Op { return index[key{kind: KindMayGoto}] }

// OpCast returns the address space cast: from 0 (kernel) to 1 (arena, as user
// space sees it) if toUser, otherwise from 1 to 0. There are no others.
func OpCast(toUser bool) Op { return index[key{kind: KindCast, width: W64, src: X, flag: toUser}] }
