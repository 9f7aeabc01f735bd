//go:build amd64

package x86

import (
	"encoding/binary"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/cpu"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/jitproof/x86/internal/host"
)

var states = flag.Int("states", 400, "states per instruction form that are compared with the host CPU")

var trace = flag.Bool("host", false, "print each state before the host CPU gets it, for finding what crashes it")

// flat is memory that the model and the host see alike: a copy of the data
// area.
type flat struct {
	base uint64
	b    []byte
}

func (f *flat) at(addr uint64, w ir.Width) ([]byte, error) {
	off := addr - f.base
	if off > uint64(len(f.b)-w.Bytes()) {
		return nil, fmt.Errorf("address %#x is outside the data area", addr)
	}
	return f.b[off : off+uint64(w.Bytes())], nil
}

func (f *flat) Load(addr uint64, w ir.Width) (uint64, error) {
	b, err := f.at(addr, w)
	if err != nil {
		return 0, err
	}
	var word [8]byte
	copy(word[:], b)
	return binary.LittleEndian.Uint64(word[:]), nil
}

func (f *flat) Store(addr uint64, w ir.Width, x uint64) error {
	b, err := f.at(addr, w)
	if err != nil {
		return err
	}
	var word [8]byte
	binary.LittleEndian.PutUint64(word[:], x)
	copy(b, word[:])
	return nil
}

func (f *flat) Update(addr uint64, w ir.Width, g func(uint64) uint64) (uint64, error) {
	old, err := f.Load(addr, w)
	if err != nil {
		return 0, err
	}
	return old, f.Store(addr, w, g(old))
}

var flagBits = [NumFlags]uint{CF: 0, PF: 2, ZF: 6, SF: 7, OF: 11}

// form names what the tests count: operation, operand kinds and widths.
func form(in Inst) string {
	s := in.Op.String()
	if in.Lock {
		s = "LOCK " + s
	}
	for _, a := range in.Args {
		switch a.Kind {
		case ArgReg:
			s += fmt.Sprintf(" r%d", a.Width)
			if a.High {
				s += "h"
			}
		case ArgMem:
			s += fmt.Sprintf(" m%d", a.Width)
			if a.Mem.GS {
				s += "gs"
			}
		case ArgImm:
			s += " i"
		}
	}
	return s
}

// Opcodes of the one-byte and the 0F map that hold modelled instructions;
// randomCode now and then takes any other.
var (
	oneByte = []byte("\x63\x69\x6b\x68\x6a\x80\x81\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8d\x8f\x90\x98\x99\xa8\xa9\xc0\xc1\xc6\xc7\xc9\xd0\xd1\xd2\xd3\xf6\xf7\xfe\xff\xf6\xf7\xfe\xff\x80\x81\x83")
	twoByte = []byte("\x1f\xae\xaf\xb0\xb1\xb6\xb7\xbe\xbf\xc0\xc1\xc8\xcb\x90\x9f")
)

// randomCode returns bytes that often are an instruction: prefixes, an opcode
// from all maps, and random operands.
func randomCode(rng *rand.Rand) []byte {
	var b []byte
	if rng.IntN(3) == 0 {
		b = append(b, []byte{0x66, 0xf0, 0xf2, 0xf3, 0x66, 0xf0, 0x2e, 0x67}[rng.IntN(8)])
	}
	if rng.IntN(16) == 0 {
		return segmentCode(rng, append(b, 0x65))
	}
	if rng.IntN(8) == 0 {
		b = append(b, 0x66)
	}
	if rng.IntN(2) == 0 {
		b = append(b, 0x40|byte(rng.IntN(16)))
	}
	switch rng.IntN(10) {
	case 0:
		b = append(b, twoByte[rng.IntN(len(twoByte))])
		b = append(b[:len(b)-1], 0x0f, b[len(b)-1])
	case 1:
		b = append(b, 0x0f, []byte{0x40, 0x90}[rng.IntN(2)]|byte(rng.IntN(16)))
	case 2:
		b = append(b, 0x0f, 0x38, 0xf0|byte(rng.IntN(2)))
	case 3:
		b = append(b[:0], 0xc4, byte(rng.IntN(256))&0xe0|byte(2+rng.IntN(2)), byte(rng.IntN(256)), []byte{0xf7, 0xf0}[rng.IntN(2)])
	case 4:
		b = append(b, byte(rng.IntN(0x40)))
	case 5, 6, 7:
		b = append(b, oneByte[rng.IntN(len(oneByte))])
	case 8:
		b = append(b, 0x0f)
	}
	for range 15 {
		b = append(b, byte(rng.IntN(256)))
	}
	return b
}

// segmentCode appends an instruction with an operand at gs and 32 bits.
func segmentCode(rng *rand.Rand, b []byte) []byte {
	if rng.IntN(2) == 0 {
		b = append(b, 0x40|byte(rng.IntN(16))&^3)
	}
	op := oneByte[rng.IntN(len(oneByte))]
	if rng.IntN(2) == 0 {
		op = byte(rng.IntN(0x40))
	}
	b = append(b, op, byte(rng.IntN(8))<<3|4, 0x25)
	return binary.LittleEndian.AppendUint64(append(binary.LittleEndian.AppendUint32(b, rng.Uint32()), byte(rng.IntN(256))), rng.Uint64())
}

func corner(rng *rand.Rand) uint64 {
	switch rng.IntN(6) {
	case 0:
		return rng.Uint64()
	case 1:
		return uint64(rng.IntN(5)) - 2
	case 2:
		return []uint64{0x7f, 0x80, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 1<<63 - 1, 1 << 63, 0xffffffff, 0xff, 0xffff}[rng.IntN(11)]
	case 3:
		return 1 << rng.IntN(64)
	case 4:
		return uint64(int64(int32(rng.Uint32())))
	}
	return rng.Uint64() >> rng.IntN(64)
}

// place makes the memory operand of in point into the data area; false where
// the registers do not allow it.
func place(rng *rand.Rand, in Inst, r *[16]uint64, gs *uint64, base uint64) bool {
	r[RSP] = base + 1024 + uint64(rng.IntN(64))*8
	if in.class == classLeave {
		r[RBP] = base + 2048
	}
	for _, a := range in.Args {
		if a.Kind != ArgMem || in.class == classLea || in.class == classNop {
			continue
		}
		want := base + 512 + uint64(rng.IntN(1024)) - uint64(a.Mem.Disp)
		switch x := a.Mem; {
		case x.GS:
			if *gs = want; want>>47 != 0 { // no base that a process may set
				return false
			}
		case x.HasBase && !x.HasIndex:
			r[x.Base] = want
		case x.HasBase && x.Base != x.Index && x.Base != RAX:
			r[x.Index] = corner(rng)
			r[x.Base] = want - r[x.Index]*uint64(x.Scale)
		default:
			return false
		}
		if x := a.Mem; x.HasBase && x.Base == RSP && (in.class == classPop || in.class == classPush) {
			return false
		}
	}
	return true
}

type trial struct {
	t    *testing.T
	rng  *rand.Rand
	host *host.Machine
	data []byte
	base uint64
}

// runs lets both sides execute code once; it reports false where the state
// cannot be made fit, or the instruction would fault.
func (tr *trial) runs(in Inst, code []byte) bool {
	var s host.State
	for i := range s.R {
		s.R[i] = corner(tr.rng)
	}
	if in.class == classDiv {
		s.R[RDX] = 0
		w := in.Width
		if in.Op.String() == "IDIV" && w.SignExtend(s.R[RAX]) < 0 {
			s.R[RDX] = ^uint64(0)
		}
	}
	if !place(tr.rng, in, &s.R, &s.GS, tr.base) {
		return false
	}
	for i := 0; i < len(tr.data); i += 8 {
		binary.LittleEndian.PutUint64(tr.data[i:], tr.rng.Uint64())
	}
	if in.class == classCmpxchg && tr.rng.IntN(2) == 0 {
		m := in.Args[0].Mem
		at := s.R[m.Base] + uint64(m.Disp) - tr.base
		if m.GS {
			at = s.GS + uint64(m.Disp) - tr.base
		}
		if m.HasIndex {
			at += s.R[m.Index] * uint64(m.Scale)
		}
		binary.LittleEndian.PutUint64(tr.data[at:], s.R[RAX])
	}
	bits := tr.rng.Uint32()
	var st State[uint64]
	st.R, st.GS = s.R, s.GS
	s.Flags = 0x202
	for f := Flag(0); f < NumFlags; f++ {
		b := uint64(bits >> f & 1)
		s.Flags |= b << flagBits[f]
		st.F.Set(f, b)
	}
	mem := &flat{base: tr.base, b: append([]byte(nil), tr.data...)}
	m := Machine[uint64]{A: sem.Concrete{}, Mem: mem, Known: KnownWord}
	start := s
	flow, err := m.Step(&st, in)
	if _, unsupported := err.(*UnsupportedError); unsupported || flow.Faults && flow.Fault != 0 {
		return false
	}
	require.NoError(tr.t, err, "% x %s from %x", code, form(in), start.R)
	if *trace {
		println(fmt.Sprintf("% x %s %x", code, Text(code, 0), start.R))
	}
	tr.host.Run(&s)
	where := func() string {
		return fmt.Sprintf("% x  %s\nfrom %x flags %#x", code, Text(code, 0), start.R, start.Flags)
	}
	if s.R != st.R {
		require.Failf(tr.t, "registers differ", "%s\nhost  %x\nmodel %x", where(), s.R, st.R)
	}
	for f := Flag(0); f < NumFlags; f++ {
		if got, ok := st.F.Get(f); ok && got != s.Flags>>flagBits[f]&1 {
			require.Failf(tr.t, "flag differs", "%s\n%v: host %d model %d", where(), f, s.Flags>>flagBits[f]&1, got)
		}
	}
	if string(mem.b) != string(tr.data) {
		require.Failf(tr.t, "memory differs", "%s", where())
	}
	return true
}

func transfers(c class) bool {
	return c == classJump || c == classBranch || c == classCall || c == classRet || c == classTrap
}

// sample is one encoding of a form.
type sample struct {
	in   Inst
	code []byte
}

// encodings returns up to 100 random encodings of every form that Decode
// accepts and the host CPU has.
func encodings(rng *rand.Rand) map[string][]sample {
	forms := map[string][]sample{}
	for range 1_000_000 {
		code := randomCode(rng)
		in, err := Decode(code, 0)
		if err != nil || transfers(in.class) || in.class == classShiftX && !cpu.X86.HasBMI2 {
			continue
		}
		if f := form(in); len(forms[f]) < 100 {
			forms[f] = append(forms[f], sample{in, code[:in.Len]})
		}
	}
	return forms
}

// TestNative executes random encodings of every form that Decode accepts on
// the host CPU and compares with the meaning given here.
func TestNative(t *testing.T) {
	m, err := host.New()
	require.NoError(t, err)
	defer m.Close()
	tr := &trial{t: t, rng: rand.New(rand.NewPCG(1, 2)), host: m}
	tr.data, tr.base = m.Data()
	forms := encodings(tr.rng)
	t.Logf("%d forms", len(forms))
	require.Greater(t, len(forms), 350)
	names := slices.Sorted(maps.Keys(forms))
	for _, f := range names {
		n := 0
		for turn := 0; turn < 40 && n < *states; turn++ {
			for _, x := range forms[f] {
				m.Load(x.code)
				for range max(1, *states/len(forms[f])/4) {
					if tr.runs(x.in, x.code) {
						n++
					}
				}
			}
		}
		require.GreaterOrEqual(t, n, *states, "form %s was met %d times", f, n)
		t.Logf("%s: %d encodings, %d states", f, len(forms[f]), n)
	}
}
