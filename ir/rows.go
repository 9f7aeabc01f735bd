package ir

import "fmt"

// Opcode bytes are class | source | code for arithmetic and jumps, and
// class | size | mode for memory (RFC 9669, section 3.1).
const (
	classLD    = 0x00
	classLDX   = 0x01
	classST    = 0x02
	classSTX   = 0x03
	classALU   = 0x04
	classJMP   = 0x05
	classJMP32 = 0x06
	classALU64 = 0x07

	srcK = 0x00
	srcX = 0x08

	modeIMM    = 0x00
	modeABS    = 0x20
	modeIND    = 0x40
	modeMEM    = 0x60
	modeMEMSX  = 0x80
	modeATOMIC = 0xc0
)

var sizeBits = map[Width]byte{W32: 0x00, W16: 0x08, W8: 0x10, W64: 0x18}

var widths = []Width{W8, W16, W32, W64}

// table collects rows; the number of a row is its Op.
type table struct{ rows []Row }

func (t *table) add(r Row) {
	r.Op = Op(len(t.rows))
	if r.Since == "" {
		r.Since = "v1"
	}
	t.rows = append(t.rows, r)
}

func buildRows() []Row {
	t := &table{}
	t.add(Row{Name: "invalid"})
	t.add(Row{Name: "pad", Kind: KindPad})
	t.arithmetic()
	t.swaps()
	t.memory()
	t.atomics()
	t.immediates()
	t.branches()
	t.control()
	return t.rows
}

func classOf(w Width, narrow, wide byte) byte {
	if w == W32 {
		return narrow
	}
	return wide
}

// arithmetic adds the ALU and ALU64 classes (RFC 9669, section 4.1).
func (t *table) arithmetic() {
	binary := []struct {
		op    ALUOp
		code  byte
		off   int16
		since string
	}{
		{Add, 0x00, 0, "v1"}, {Sub, 0x10, 0, "v1"}, {Mul, 0x20, 0, "v1"},
		{Div, 0x30, 0, "v1"}, {SDiv, 0x30, 1, "v4"}, {Or, 0x40, 0, "v1"},
		{And, 0x50, 0, "v1"}, {Lsh, 0x60, 0, "v1"}, {Rsh, 0x70, 0, "v1"},
		{Mod, 0x90, 0, "v1"}, {SMod, 0x90, 1, "v4"}, {Xor, 0xa0, 0, "v1"},
		{Mov, 0xb0, 0, "v1"}, {Arsh, 0xc0, 0, "v1"},
	}
	for _, w := range []Width{W32, W64} {
		class := classOf(w, classALU, classALU64)
		for _, b := range binary {
			r := Row{Kind: KindALU, Since: b.since, ALU: b.op, Width: w, FixOff: b.off}
			r.Name, r.Code, r.Src, r.Uses = fmt.Sprintf("%v%d_k", b.op, w), class|b.code|srcK, K, UseDst|UseImm
			t.add(r)
			r.Name, r.Code, r.Src, r.Uses = fmt.Sprintf("%v%d_x", b.op, w), class|b.code|srcX, X, UseDst|UseSrc
			t.add(r)
		}
		t.add(Row{Name: fmt.Sprintf("neg%d", w), Kind: KindALU, ALU: Neg, Width: w, Code: class | 0x80, Uses: UseDst})
		for _, op := range []ALUOp{MovSX8, MovSX16, MovSX32} {
			if op.MovSX() < w {
				t.add(Row{Name: fmt.Sprintf("%v_%d", op, w), Kind: KindALU, Since: "v4", ALU: op, Width: w, Src: X,
					Code: class | 0xb0 | srcX, Uses: UseDst | UseSrc, FixOff: int16(op.MovSX())})
			}
		}
	}
	cast := Row{Kind: KindCast, Since: "linux-6.9", Width: W64, Src: X, Code: classALU64 | 0xb0 | srcX, Uses: UseDst | UseSrc, FixOff: 1}
	cast.Name, cast.FixImm = "addr_space_cast_kern", 1
	t.add(cast)
	cast.Name, cast.FixImm, cast.ToUser = "addr_space_cast_user", 1<<16, true
	t.add(cast)
}

// swaps adds the byte order conversions (RFC 9669, section 4.2).
func (t *table) swaps() {
	for _, s := range []struct {
		op    SwapOp
		code  byte
		since string
	}{{ToLE, classALU | 0xd0 | srcK, "v1"}, {ToBE, classALU | 0xd0 | srcX, "v1"}, {BSwap, classALU64 | 0xd0 | srcK, "v4"}} {
		for _, w := range []Width{W16, W32, W64} {
			t.add(Row{Name: fmt.Sprintf("%v%d", s.op, w), Kind: KindSwap, Since: s.since, Swap: s.op, Width: w,
				Code: s.code, Uses: UseDst, FixImm: int32(w)})
		}
	}
}

// memory adds loads, stores and packet access (RFC 9669, sections 5.1, 5.2, 5.5).
func (t *table) memory() {
	for _, w := range widths {
		size := sizeBits[w]
		t.add(Row{Name: fmt.Sprintf("ldx%d", w), Kind: KindLoad, Width: w, Code: classLDX | size | modeMEM, Uses: UseDst | UseSrc | UseOff})
		if w != W64 {
			t.add(Row{Name: fmt.Sprintf("ldsx%d", w), Kind: KindLoad, Since: "v4", Width: w, Signed: true,
				Code: classLDX | size | modeMEMSX, Uses: UseDst | UseSrc | UseOff})
		}
		t.add(Row{Name: fmt.Sprintf("st%d_k", w), Kind: KindStore, Width: w, Src: K, Code: classST | size | modeMEM, Uses: UseDst | UseOff | UseImm})
		t.add(Row{Name: fmt.Sprintf("st%d_x", w), Kind: KindStore, Width: w, Src: X, Code: classSTX | size | modeMEM, Uses: UseDst | UseSrc | UseOff})
		if w != W64 {
			t.add(Row{Name: fmt.Sprintf("ldabs%d", w), Kind: KindLoadPacket, Width: w, Code: classLD | size | modeABS, Uses: UseImm})
			t.add(Row{Name: fmt.Sprintf("ldind%d", w), Kind: KindLoadPacket, Width: w, Indirect: true, Code: classLD | size | modeIND, Uses: UseSrc | UseImm})
		}
	}
}

// atomics adds read-modify-write (RFC 9669, section 5.3), load-acquire and
// store-release (Linux 6.15).
func (t *table) atomics() {
	plain := []struct {
		op  AtomicOp
		imm int32
	}{{AtomicAdd, 0x00}, {AtomicOr, 0x40}, {AtomicAnd, 0x50}, {AtomicXor, 0xa0}}
	for _, w := range []Width{W32, W64} {
		r := Row{Kind: KindAtomic, Since: "v3", Width: w, Src: X, Code: classSTX | sizeBits[w] | modeATOMIC, Uses: UseDst | UseSrc | UseOff}
		for _, p := range plain {
			r.Atomic = p.op
			r.Name, r.Fetch, r.FixImm = fmt.Sprintf("atomic%d_%v", w, p.op), false, p.imm
			t.add(r)
			r.Name, r.Fetch, r.FixImm = fmt.Sprintf("atomic%d_fetch_%v", w, p.op), true, p.imm|1
			t.add(r)
		}
		r.Name, r.Atomic, r.Fetch, r.FixImm = fmt.Sprintf("atomic%d_xchg", w), AtomicXchg, true, 0xe1
		t.add(r)
		r.Name, r.Atomic, r.Fetch, r.FixImm = fmt.Sprintf("atomic%d_cmpxchg", w), AtomicCmpXchg, true, 0xf1
		t.add(r)
	}
	for _, w := range widths {
		r := Row{Since: "linux-6.15", Width: w, Code: classSTX | sizeBits[w] | modeATOMIC, Uses: UseDst | UseSrc | UseOff}
		r.Name, r.Kind, r.FixImm = fmt.Sprintf("load_acquire%d", w), KindLoadAcquire, 0x100
		t.add(r)
		r.Name, r.Kind, r.FixImm = fmt.Sprintf("store_release%d", w), KindStoreRelease, 0x110
		t.add(r)
	}
}

// immediates adds the 64-bit immediate loads (RFC 9669, section 5.4). The
// second immediate of a map or function reference is reserved.
func (t *table) immediates() {
	for _, p := range []struct {
		name string
		kind Pseudo
		uses Field
	}{
		{"ld_imm64", PseudoNone, UseImm64}, {"ld_map_fd", PseudoMapFD, 0}, {"ld_map_value", PseudoMapValue, UseImm64},
		{"ld_btf_var", PseudoBTFVar, UseImm64}, {"ld_func", PseudoFunc, 0}, {"ld_map_idx", PseudoMapIdx, 0},
		{"ld_map_idx_value", PseudoMapIdxV, UseImm64},
	} {
		t.add(Row{Name: p.name, Kind: KindLoadImm, Width: W64, Pseudo: p.kind,
			Code: classLD | sizeBits[W64] | modeIMM, Uses: UseDst | UseImm | p.uses, FixSrc: Reg(p.kind)})
	}
}

// branches adds the conditional jumps (RFC 9669, section 4.3).
func (t *table) branches() {
	codes := map[CmpOp]byte{JEQ: 0x10, JGT: 0x20, JGE: 0x30, JSET: 0x40, JNE: 0x50, JSGT: 0x60, JSGE: 0x70,
		JLT: 0xa0, JLE: 0xb0, JSLT: 0xc0, JSLE: 0xd0}
	for _, w := range []Width{W32, W64} {
		class := classOf(w, classJMP32, classJMP)
		for op := JEQ; op <= JSLE; op++ {
			since := "v1"
			if op == JLT || op == JLE || op == JSLT || op == JSLE {
				since = "v2"
			}
			if w == W32 {
				since = "v3"
			}
			r := Row{Kind: KindBranch, Since: since, Cmp: op, Width: w}
			r.Name, r.Code, r.Src, r.Uses = fmt.Sprintf("%v%d_k", op, w), class|codes[op]|srcK, K, UseDst|UseOff|UseImm
			t.add(r)
			r.Name, r.Code, r.Src, r.Uses = fmt.Sprintf("%v%d_x", op, w), class|codes[op]|srcX, X, UseDst|UseSrc|UseOff
			t.add(r)
		}
	}
}

// control adds jumps, calls and exit (RFC 9669, section 4.3).
func (t *table) control() {
	t.add(Row{Name: "goto", Kind: KindJump, Code: classJMP | 0x00, Uses: UseOff})
	t.add(Row{Name: "gotol", Kind: KindJump, Since: "v4", Long: true, Code: classJMP32 | 0x00, Uses: UseImm})
	t.add(Row{Name: "may_goto", Kind: KindMayGoto, Since: "linux-6.9", Code: classJMP | 0xe0, Uses: UseOff})
	t.add(Row{Name: "call_helper", Kind: KindCall, Pseudo: CallHelper, Code: classJMP | 0x80, Uses: UseImm})
	t.add(Row{Name: "call_local", Kind: KindCall, Pseudo: CallLocal, Code: classJMP | 0x80, Uses: UseImm, FixSrc: 1})
	t.add(Row{Name: "call_kfunc", Kind: KindCall, Pseudo: CallKfunc, Since: "linux-5.13", Code: classJMP | 0x80, Uses: UseImm | UseOff, FixSrc: 2})
	t.add(Row{Name: "callx", Kind: KindCall, Pseudo: CallX, Code: classJMP | 0x80 | srcX, Uses: UseDst})
	t.add(Row{Name: "exit", Kind: KindExit, Code: classJMP | 0x90})
}
