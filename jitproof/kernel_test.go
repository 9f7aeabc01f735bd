package jitproof_test

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/conformance"
	"github.com/bpfproof/bpfproof/internal/filetest"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/internal/vectors"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// observer opens the live kernel, or skips the test with the one reason why it
// cannot.
func observer(t testing.TB) *kernel.Observer {
	if err := kernel.Available(); err != nil {
		t.Skip(err)
	}
	o, err := kernel.NewObserver()
	require.NoError(t, err)
	t.Cleanup(func() { _ = o.Close() })
	return o
}

// shown loads p and returns what the kernel made of it; ok is false where the
// kernel does not load it.
func shown(t testing.TB, o *kernel.Observer, p *ir.Program) (img *jit.LinuxImage, ok bool) {
	k, err := kernel.Load(p, kernel.Options{})
	if err != nil {
		t.Logf("%s: not loaded: %v", p.Name, err)
		return nil, false
	}
	defer k.Close()
	img, err = o.Linux(k)
	var hidden *kernel.HiddenError
	if errors.As(err, &hidden) {
		t.Skip(err)
	}
	require.NoError(t, err, p.Name)
	return img, true
}

// proveLinux proves what the kernel made of p.
func proveLinux(t *testing.T, v *jitproof.Validator, o *kernel.Observer, p *ir.Program) *jitproof.Certificate {
	img, ok := shown(t, o, p)
	if !ok {
		return nil
	}
	c, err := v.ValidateKernel(t.Context(), img)
	require.NoError(t, err, p.Name)
	if c.Status != jitproof.Proved {
		t.Errorf("%s: %v: %+v %+v", p.Name, c.Status, c.First(jitproof.Refuted), c.First(jitproof.Unknown))
	}
	return c
}

// TestLinuxText proves the live kernel's images of programs for each group of
// instructions.
func TestLinuxText(t *testing.T) {
	o := observer(t)
	v := jitproof.New(solver(t), jitproof.Options{})
	for _, text := range closed {
		p := parse(t, "r1 = 11\nr2 = 7\n"+text)
		p.Type, p.Name = ir.SocketFilter, "closed"
		proveLinux(t, v, o, p)
	}
}

// TestLinuxCorpus proves the live kernel's images of the repository's objects and
// texts.
func TestLinuxCorpus(t *testing.T) {
	o := observer(t)
	v := jitproof.New(solver(t), jitproof.Options{})
	proved, unloaded := 0, 0
	for _, p := range programs(t) {
		if c := proveLinux(t, v, o, p); c == nil {
			unloaded++
		} else if c.Status == jitproof.Proved {
			proved++
		}
	}
	t.Logf("%d proved, %d not loaded", proved, unloaded)
	require.Greater(t, proved, 60)
}

// TestLinuxVectors proves the live kernel's images of vectors that it accepts:
// every eighth, or all.
func TestLinuxVectors(t *testing.T) {
	o := observer(t)
	path := vectors.Path("..")
	if _, err := os.Stat(path); err != nil {
		t.Skip(vectors.Missing)
	}
	all, err := vectors.Read(path)
	require.NoError(t, err)
	v := jitproof.New(solver(t), jitproof.Options{})
	proved, unloaded, obligations, plain := 0, 0, 0, 0
	for i := range all {
		if all[i].Expect != "accept" || i%long.N(8, 1) != 0 {
			continue
		}
		p, err := all[i].Program()
		require.NoError(t, err, all[i].ID)
		c := proveLinux(t, v, o, p)
		if c == nil {
			unloaded++
			continue
		}
		proved++
		obligations, plain = obligations+c.Counts.Total, plain+c.Counts.Rewriter
	}
	t.Logf("%d proved, %d not loaded; %d obligations, %d by the rewrite rules alone", proved, unloaded, obligations, plain)
	require.Greater(t, proved, 10*unloaded)
}

// TestLinuxConformance proves the live kernel's images of the conformance suite's
// programs, each as a function of a program that sets up its memory. Those that the
// kernel refuses to load are counted.
func TestLinuxConformance(t *testing.T) {
	o := observer(t)
	v := jitproof.New(solver(t), jitproof.Options{})
	proved, unloaded := 0, 0
	for _, f := range filetest.ConformanceFiles(t, "*.data") {
		var p *ir.Program
		var err error
		if f.Raw != nil {
			p, err = conformance.Decode(f.Raw)
		} else if p, err = asm.Parse(f.Name, f.Asm); err == nil {
			p, err = conformance.Prepare(p)
		}
		require.NoError(t, err, f.Name)
		whole := conformance.Wrapped(p, f.Mem)
		whole.Name = f.Name
		if c := proveLinux(t, v, o, whole); c == nil {
			unloaded++
		} else if c.Status == jitproof.Proved {
			proved++
		}
	}
	t.Logf("%d proved, %d not loaded", proved, unloaded)
	require.Greater(t, proved, 200)
}

// TestLinuxKernelObjects proves the live kernel's images of programs that call
// functions of the kernel and read its structures.
func TestLinuxKernelObjects(t *testing.T) {
	o := observer(t)
	object, err := elf.Load("../internal/e2e/testdata/kernel/kernel.o")
	require.NoError(t, err)
	v := jitproof.New(solver(t), jitproof.Options{})
	proved := 0
	for _, p := range object.Programs {
		if p.Name[:3] != "ok_" {
			continue
		}
		if c := proveLinux(t, v, o, p); c != nil && c.Status == jitproof.Proved {
			proved++
		}
	}
	require.Greater(t, proved, 15)
}

// TestLinuxCertificate: a certificate of an image is confirmed for its program by
// deciding it again, and refused for another, or if anything in it is changed.
func TestLinuxCertificate(t *testing.T) {
	o := observer(t)
	v := jitproof.New(solver(t), jitproof.Options{})
	p := parse(t, "r1 = 11\nr2 = 7\n"+closed[2])
	p.Type, p.Name = ir.SocketFilter, "closed"
	img, ok := shown(t, o, p)
	require.True(t, ok)
	c, err := v.ValidateKernel(t.Context(), img)
	require.NoError(t, err)
	c.Submitted = jitproof.HashProgram(p)
	data, err := c.Encode()
	require.NoError(t, err)
	read := func() *jitproof.Certificate {
		c, err := jitproof.Decode(data)
		require.NoError(t, err)
		return c
	}
	require.NoError(t, v.CheckKernel(t.Context(), read(), p))
	var wrong *jitproof.CheckError
	require.ErrorAs(t, v.CheckKernel(t.Context(), read(), parse(t, closed[0])), &wrong, "another program")
	require.ErrorAs(t, v.Check(t.Context(), read(), p, &jit.Code{}), &wrong, "taken for one of ours")
	for name, change := range map[string]func(*jitproof.Certificate){
		"bytecode":     func(c *jitproof.Certificate) { c.Linux.Slots[4] ^= 1 },
		"machine code": func(c *jitproof.Certificate) { c.Linux.Text[len(c.Linux.Text)-9] ^= 8 },
		"place":        func(c *jitproof.Certificate) { c.Linux.Funcs[0].Addr += 16 },
		"assumption":   func(c *jitproof.Certificate) { c.Assumptions = c.Assumptions[1:] },
		"obligation":   func(c *jitproof.Certificate) { c.Obligations[3].Kind = jitproof.KindExit },
	} {
		c := read()
		change(c)
		require.ErrorAs(t, v.CheckKernel(t.Context(), c, p), &wrong, "%s", name)
	}
}

// TestLinuxHidden: an image that the kernel does not show is refused.
func TestLinuxHidden(t *testing.T) {
	v := jitproof.New(nil, jitproof.Options{})
	_, err := v.ValidateKernel(t.Context(), &jit.LinuxImage{Name: "hidden", Slots: make([]byte, 16), Text: make([]byte, 40),
		Funcs: []jit.LinuxFunc{{Addr: 0xffffffffc0000000, Len: 40}}})
	var refused *jitproof.ImageError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Reason, "does not show it")
}

// TestLinuxTailCalls proves the images of a program before and after the slot of its
// tail call is filled, which the kernel rewrites.
func TestLinuxTailCalls(t *testing.T) {
	o := observer(t)
	v := jitproof.New(solver(t), jitproof.Options{})
	callee, err := kernel.Load(parse(t, ".type xdp\nr0 = 77\nexit"), kernel.Options{})
	require.NoError(t, err)
	defer callee.Close()
	p := parse(t, ".type xdp\n.map jumps prog_array key 4 value 4 entries 4\nr6 = r1\nr2 = map[jumps]\nr3 = 2\ncall tail_call\nr0 = 5\nexit")
	p.Maps[0].Contents = []ir.MapElem{{Key: []byte{2, 0, 0, 0}, Program: "callee"}}
	caller, err := kernel.Load(p, kernel.Options{})
	require.NoError(t, err)
	defer caller.Close()
	var texts [][]byte
	for _, want := range []uint32{5, 77} {
		out, err := caller.TestRun(make([]byte, kernel.MinPacket), nil, 1)
		require.NoError(t, err)
		require.Equal(t, want, out.Ret)
		img, err := o.Linux(caller)
		require.NoError(t, err)
		c, err := v.ValidateKernel(t.Context(), img)
		require.NoError(t, err)
		require.Equal(t, jitproof.Proved, c.Status, "%+v", c.First(jitproof.Unknown))
		require.Empty(t, c.Unreached)
		texts = append(texts, img.Text)
		require.NoError(t, caller.Maps()[0].Fill(map[string]*kernel.Program{"callee": callee}))
	}
	require.NotEqual(t, texts[0], texts[1], "the kernel writes the call anew")
}
