package jitproof_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/internal/vectors"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/jitproof/x86"
)

// emulator executes an image of Linux in a world of its own: memory holds what a
// hash says until it is written, functions of the kernel return a hash of their
// arguments. What it does to the world, in order, is its trace.
type emulator struct {
	img    *jit.LinuxImage
	seed   uint64
	mem    map[uint64]byte
	trace  []string
	calls  uint64
	bottom uint64 // of the frames, which are no part of the trace
}

const emulatedSP = 0xffffc90000003f00

func mix(xs ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, x := range xs {
		h = (h ^ x) * 0xff51afd7ed558ccd
		h ^= h >> 29
	}
	return h
}

func (e *emulator) byteAt(addr uint64) byte {
	if b, ok := e.mem[addr]; ok {
		return b
	}
	if h := mix(e.seed, addr&^7); h%3 != 0 { // small numbers, often
		return byte(h >> 8 & 3 >> min(addr&7*2, 63))
	}
	return byte(mix(e.seed, addr))
}

func (e *emulator) Load(addr uint64, w ir.Width) (x uint64, err error) {
	for i := range uint64(w.Bytes()) {
		x |= uint64(e.byteAt(addr+i)) << (8 * i)
	}
	return x, nil
}

func (e *emulator) Store(addr uint64, w ir.Width, x uint64) error {
	for i := range uint64(w.Bytes()) {
		e.mem[addr+i] = byte(x >> (8 * i))
	}
	if addr < e.bottom || addr > emulatedSP+8 {
		e.trace = append(e.trace, fmt.Sprintf("store %d %x %x", w, addr, x))
	}
	return nil
}

func (e *emulator) Update(addr uint64, w ir.Width, f func(uint64) uint64) (uint64, error) {
	old, _ := e.Load(addr, w)
	return old, e.Store(addr, w, f(old))
}

// at returns the function and the offset in Text of an address.
func (e *emulator) at(addr uint64) (fn, off int, ok bool) {
	for i, f := range e.img.Funcs {
		if addr >= f.Addr && addr < f.Addr+uint64(f.Len) {
			return i, int(f.Off) + int(addr-f.Addr), true
		}
	}
	return 0, 0, false
}

// run executes the image until it returns, or for many steps.
func (e *emulator) run() []string {
	m := x86.Machine[uint64]{A: sem.Concrete{}, Mem: e, Known: x86.KnownWord}
	var st x86.State[uint64]
	for r := range st.R {
		st.R[r] = mix(e.seed, uint64(r), 77)
	}
	st.R[x86.RSP], e.bottom = emulatedSP, emulatedSP-0x2000
	const home = 0xffffffff81234567
	_ = e.Store(emulatedSP, ir.W64, home)
	kept := st.R
	pc := e.img.Funcs[0].Addr
	for range 3000 {
		fn, off, ok := e.at(pc)
		if !ok {
			e.trace = append(e.trace, fmt.Sprintf("left to %x", pc))
			break
		}
		f := e.img.Funcs[fn]
		in, err := x86.Decode(e.img.Text[off:f.Off+f.Len], off)
		if err != nil {
			e.trace = append(e.trace, "undecodable")
			break
		}
		flow, err := m.Step(&st, in)
		if err != nil || flow.Faults && flow.Fault != 0 {
			e.trace = append(e.trace, fmt.Sprintf("fault %v", err))
			break
		}
		target := f.Addr + uint64(int64(flow.Target)-int64(f.Off))
		pc = f.Addr + uint64(in.End()) - uint64(f.Off)
		switch flow.Kind {
		case x86.Jump:
			pc = target
		case x86.Branch:
			if flow.Cond != 0 {
				pc = target
			}
		case x86.Call:
			pc = e.call(&st, target, pc)
		case x86.Return, x86.JumpIndirect:
			pc = flow.Addr
		}
		if slices.Contains(e.img.Returns, pc) {
			pc, _ = e.Load(st.R[x86.RSP], ir.W64)
			st.R[x86.RSP] += 8
		}
		if pc == home {
			break
		}
	}
	for _, r := range []x86.Reg{x86.RAX, x86.RBX, x86.RBP, x86.RSP, x86.R12, x86.R13, x86.R14, x86.R15} {
		if r == x86.RAX || st.R[r] != kept[r] {
			e.trace = append(e.trace, fmt.Sprintf("%v=%x", r, st.R[r]))
		}
	}
	return e.trace
}

// call enters a function of the image, or does what one of the kernel does.
func (e *emulator) call(st *x86.State[uint64], target, back uint64) uint64 {
	if _, _, ok := e.at(target); ok {
		st.R[x86.RSP] -= 8
		_ = e.Store(st.R[x86.RSP], ir.W64, back)
		return target
	}
	e.calls++
	e.trace = append(e.trace, fmt.Sprintf("call %x %x", target, [5]uint64{st.R[x86.RDI], st.R[x86.RSI], st.R[x86.RDX], st.R[x86.RCX], st.R[x86.R8]}))
	ret := mix(e.seed, e.calls, target)
	if ret%2 == 0 {
		ret = 0
	}
	if target == e.img.TimedMayGoto {
		st.R[x86.R10] = ret
		return back
	}
	for _, r := range []x86.Reg{x86.RCX, x86.RDX, x86.RSI, x86.RDI, x86.R8, x86.R9, x86.R10, x86.R11} {
		st.R[r] = mix(e.seed, e.calls, uint64(r))
	}
	st.R[x86.RAX] = ret
	return back
}

// traces runs an image in several worlds.
func traces(img *jit.LinuxImage) (all [][]string) {
	for seed := range uint64(24) {
		e := &emulator{img: img, seed: seed, mem: map[uint64]byte{}}
		all = append(all, e.run())
	}
	return all
}

// flips counts what became of changed images.
type flips struct {
	t      *testing.T
	v      *jitproof.Validator
	rng    *rand.Rand
	counts map[string]int
}

// try proves a changed image. If that succeeds with nothing else assumed, the
// image must do what the original does.
func (f *flips) try(img *jit.LinuxImage, was *jitproof.Certificate, want [][]string, text []byte, what string) {
	changed := *img
	changed.Text = text
	c, err := f.v.ValidateKernel(f.t.Context(), &changed)
	if err != nil {
		f.counts["refused"]++
		return
	}
	if c.Status != jitproof.Proved {
		f.counts[c.Status.String()]++
		return
	}
	if !slices.Equal(c.Assumptions, was.Assumptions) {
		f.counts["proved, if something else is assumed"]++
		return
	}
	f.counts["equal"]++
	f.t.Logf("%s: %s is the same", img.Name, what)
	require.Equal(f.t, want, traces(&changed), "%s: %s: % x", img.Name, what, text)
}

// exchange changes n single instructions: to nothing, to another one of the image
// that is as long, or by exchanging it with the next.
func (f *flips) exchange(img *jit.LinuxImage, n int) {
	var all []x86.Inst
	for off := 0; off < len(img.Text); {
		in, err := x86.Decode(img.Text[off:], off)
		if err != nil {
			off++
			continue
		}
		all = append(all, in)
		off = in.End()
	}
	was, err := f.v.ValidateKernel(f.t.Context(), img)
	require.NoError(f.t, err)
	want := traces(img)
	for range n {
		text := slices.Clone(img.Text)
		i, j := f.rng.IntN(len(all)), f.rng.IntN(len(all))
		a, b := all[i], all[j]
		switch {
		case f.rng.IntN(3) == 0:
			copy(text[a.Off:a.End()], slices.Repeat([]byte{0x90}, a.Len))
		case i+1 < len(all) && all[i+1].Off == a.End() && f.rng.IntN(2) == 0:
			b = all[i+1]
			copy(text[a.Off:], slices.Concat(img.Text[b.Off:b.End()], img.Text[a.Off:a.End()]))
		case a.Len == b.Len:
			copy(text[a.Off:], img.Text[b.Off:b.End()])
		}
		if !slices.Equal(text, img.Text) {
			f.try(img, was, want, text, fmt.Sprintf("offset %#x, % x instead of % x", a.Off, text[a.Off:min(a.End()+4, len(text))], img.Text[a.Off:min(a.End()+4, len(text))]))
		}
	}
}

// flip changes n bits, one at a time.
func (f *flips) flip(img *jit.LinuxImage, n int) {
	was, err := f.v.ValidateKernel(f.t.Context(), img)
	require.NoError(f.t, err)
	require.Equal(f.t, jitproof.Proved, was.Status, img.Name)
	want := traces(img)
	for range n {
		bit := f.rng.IntN(8 * len(img.Text))
		text := slices.Clone(img.Text)
		text[bit/8] ^= 1 << (bit % 8)
		from := max(bit/8-4, 0)
		f.try(img, was, want, text, fmt.Sprintf("byte %#x bit %d, % x instead of % x", bit/8, bit%8, text[from:min(bit/8+5, len(text))], img.Text[from:min(bit/8+5, len(text))]))
	}
}

// TestLinuxBitFlips flips single bits of the live kernel's images, and changes
// single instructions. One that is
// still proved must do the same, which is shown by executing both in an emulator;
// no image on which they differ may be proved.
func TestLinuxBitFlips(t *testing.T) {
	o := observer(t)
	f := &flips{t: t, v: jitproof.New(solver(t), jitproof.Options{}), rng: rand.New(rand.NewPCG(17, 18)), counts: map[string]int{}}
	all := programs(t)
	if path := vectors.Path(".."); fileExists(path) {
		vs, err := vectors.Read(path)
		require.NoError(t, err)
		for i := range vs {
			if p, err := vs[i].Program(); err == nil && vs[i].Expect == "accept" && p.Slots() < 400 && i%long.N(32, 1) == 0 {
				all = append(all, p)
			}
		}
	}
	for _, p := range all {
		if img, ok := shown(t, o, p); ok {
			f.flip(img, long.N(4, 16))
			f.exchange(img, long.N(4, 16))
		}
	}
	t.Logf("%v", f.counts)
	require.Greater(t, f.counts["refuted"], 100)
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
