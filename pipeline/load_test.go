package pipeline

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/solvers"
	"github.com/bpfproof/bpfproof/verifier"
)

var background = context.Background()

func solver(t *testing.T) smt.Solver {
	s, err := solvers.New(solvers.Default(), smt.Limits{})
	require.NoError(t, err)
	return s
}

func object(t *testing.T, name string) *bytes.Reader {
	b, err := corpus.FS.ReadFile(name)
	require.NoError(t, err)
	return bytes.NewReader(b)
}

// TestCache: the second load finds the certificate of the first; other code,
// damage, and another's certificate make a new proof.
func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certificates")
	var proofs []Proof
	opts := Options{Prover: solver(t), Cache: dir, Proved: func(p Proof) { proofs = append(proofs, p) }}
	load := func(what string, cached bool) *runtime.Object {
		t.Helper()
		proofs = nil
		o, err := LoadObject(background, "classifier", object(t, "examples/xdp_classifier.o"), opts)
		require.NoError(t, err, what)
		t.Cleanup(func() { require.NoError(t, o.Close()) })
		require.Len(t, proofs, 1, what)
		require.Equal(t, cached, proofs[0].Cached, what)
		require.Equal(t, jitproof.Proved, proofs[0].Certificate.Status)
		return o
	}
	load("nothing is there", false)
	o := load("the same", true)
	res, err := o.Program("xdp_classifier").Run(background, runtime.Input{Data: make([]byte, 64)})
	require.NoError(t, err)
	require.EqualValues(t, 2, res.Ret)
	opts.JIT.Tier = jit.Optimising
	load("other code", false)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	opts.JIT.Tier = jit.Baseline
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		b[len(b)/2] ^= 1
		require.NoError(t, os.WriteFile(f, b, 0o600))
	}
	load("damaged", false)
	load("mended", true)
	// A certificate under another's name is not that other's.
	require.NoError(t, os.Rename(files[0], filepath.Join(dir, "x")))
	require.NoError(t, os.Rename(files[1], files[0]))
	require.NoError(t, os.Rename(filepath.Join(dir, "x"), files[1]))
	load("under another's name", false)
	// What another build proved is not used.
	by, err := build()
	require.NoError(t, err)
	require.NoError(t, os.Rename(filepath.Join(dir, by), filepath.Join(dir, "0123456789abcdef")))
	load("by another build", false)

	require.NoError(t, os.Chmod(dir, 0o777))
	_, err = LoadObject(background, "classifier", object(t, "examples/xdp_classifier.o"), opts)
	require.ErrorContains(t, err, "others than its owner may write to it")
}

// TestReleased: a build is known by the module's sum, or by its commit if nothing
// came on top.
func TestReleased(t *testing.T) {
	clean := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "false"}}
	dirty := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}
	own := debug.Module{Path: module}
	require.Equal(t, "go1 abc", released(&debug.BuildInfo{GoVersion: "go1", Main: own, Settings: clean}))
	require.Empty(t, released(&debug.BuildInfo{GoVersion: "go1", Main: own, Settings: dirty}))
	require.Empty(t, released(&debug.BuildInfo{GoVersion: "go1", Main: own}))
	require.Empty(t, released(&debug.BuildInfo{GoVersion: "go1", Main: debug.Module{Path: "app"}, Settings: clean}))
	dep := debug.Module{Path: module, Version: "v1.2.3", Sum: "h1:x"}
	require.Equal(t, "go1 v1.2.3 h1:x", released(&debug.BuildInfo{GoVersion: "go1", Deps: []*debug.Module{&dep}}))
	dep.Replace = &debug.Module{Path: "../here"}
	require.Empty(t, released(&debug.BuildInfo{GoVersion: "go1", Deps: []*debug.Module{&dep}}))
}

// TestUnproved: code that the validator does not prove is not loaded, and no
// certificate is kept.
func TestUnproved(t *testing.T) {
	p, err := asm.Parse("p", ".type xdp\n r0 = 2\n exit\n")
	require.NoError(t, err)
	b, err := Native(Options{})
	require.NoError(t, err)
	require.Equal(t, "native", b.Name)
	c, err := OpenCache(t.TempDir())
	require.NoError(t, err)
	v := &prover{validator: jitproof.New(solver(t), jitproof.Options{}), cache: c}
	code := compiled(t, p)
	code.Text = bytes.Replace(code.Text, []byte{2, 0, 0, 0}, []byte{3, 0, 0, 0}, 1) // returns 3
	err = v.admit(background, p, code)
	var unproved *UnprovedError
	require.ErrorAs(t, err, &unproved)
	require.Equal(t, jitproof.Refuted, unproved.Certificate.Status)
	require.ErrorContains(t, err, "machine code is not proved: refuted: ")
	files, err := os.ReadDir(c.dir)
	require.NoError(t, err)
	require.Empty(t, files)
	require.NoError(t, v.admit(background, p, compiled(t, p)))
}

func TestRejected(t *testing.T) {
	for _, interpret := range []bool{false, true} {
		_, err := LoadObject(background, "bug", object(t, "examples/xdp_planted_bug.o"), Options{Interpret: interpret})
		var rejected *RejectedError
		require.ErrorAs(t, err, &rejected)
		require.Equal(t, verifier.Reject, rejected.Report.Verdict)
		require.ErrorContains(t, err, "not accepted: reject: insn 13: packet-bounds")
	}
	_, err := Load(background, nil, Options{Policy: verifier.Policy{Domain: "no such"}})
	require.Error(t, err)
	_, err = Load(background, nil, Options{Interpret: true, Prover: solver(t)})
	require.EqualError(t, err, "pipeline: load: the interpreter runs no machine code to prove")
	_, err = LoadFile(background, filepath.Join(t.TempDir(), "none.o"), Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestEngines: both engines give one answer.
func TestEngines(t *testing.T) {
	for _, interpret := range []bool{false, true} {
		o, err := LoadFile(background, "../corpus/accept/alu64.s", Options{Interpret: interpret})
		require.NoError(t, err)
		want := entry(t, "accept/alu64.s").Runs[0]
		res, err := o.Programs()[0].Run(background, runtime.Input{Data: want.Packet})
		require.NoError(t, err)
		require.Equal(t, want.Ret, uint32(res.Ret))
		require.NoError(t, o.Close())
	}
}

func entry(t *testing.T, path string) corpus.Entry {
	list, err := corpus.Entries()
	require.NoError(t, err)
	for _, e := range list {
		if e.Path == path {
			return e
		}
	}
	t.Fatalf("no %s", path)
	return corpus.Entry{}
}

func compiled(t *testing.T, p *ir.Program) *jit.Code {
	b, err := backend(jit.Options{})
	require.NoError(t, err)
	code, err := jit.Compile(b, p)
	require.NoError(t, err)
	return code
}
