package e2e

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/filetest"
	"github.com/bpfproof/bpfproof/ir/ktypes"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/recheck"
)

// TestFiles does what every file below testdata says, with all engines, and
// holds it to the expectations on its lines:
//
//	state: R2=scalar(umax=7      a register's state at that instruction starts so
//	dead: taken                  no state reaches the jump's target
//	error: CODE text             the program is rejected here
//	unknown: CODE text           the verdict is unknown, for this reason
//	run: r0 = 0x2                the result of the run, in every engine
//
// The step "verify types=kernel" gives the verifier the running kernel's types; the
// step "kernel verdict=V" holds the live kernel to its verdict.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.s")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			f, err := filetest.Parse(name, string(text))
			require.NoError(t, err)
			require.NoError(t, f.Program.Check())
			for _, s := range f.Steps {
				step(t, f, s)
			}
		})
	}
}

func step(t *testing.T, f *filetest.File, s filetest.Step) {
	at := fmt.Sprintf("%s:%d", f.Name, s.Line)
	switch s.Verb {
	case "verify":
		policy := verifier.Policy{Domain: s.Param("domain", Domain)}
		if s.Param("types", "") == "kernel" {
			policy.Types = ktypes.Running()
			if err := policy.Types.Available(); err != nil {
				t.Skipf("the kernel's types: %v", err)
			}
		}
		v, err := verifier.New(policy)
		require.NoError(t, err)
		r, err := v.Verify(t.Context(), f.Program, nil)
		require.NoError(t, err, at)
		verifyStep(t, f, r, policy.Types != nil, at)
	case "prove":
		cert := Prove(t, f.Program)
		require.Equal(t, jitproof.Proved, cert.Status, at)
	case "kernel":
		kernelStep(t, f, s, at)
	case "run":
		runStep(t, f, s, at)
	default:
		t.Fatalf("%s: unknown verb %q", at, s.Verb)
	}
}

// kernelStep holds the live kernel to the verdict that the file notes, where it
// may be asked.
func kernelStep(t *testing.T, f *filetest.File, s filetest.Step, at string) {
	if err := kernel.Available(); err != nil {
		t.Logf("the live kernel is left out: %v", err)
		return
	}
	r, err := kernel.Verify(f.Program, kernel.Options{})
	require.NoError(t, err, at)
	require.Equal(t, s.Param("verdict", ""), r.Verdict.String(), "%s: the kernel says: %s", at, r.Reason)
}

// verifyStep holds the report to the file. What has a meaning only with the kernel's
// types is unknown to recheck, by its name; all else that is accepted it confirms.
func verifyStep(t *testing.T, f *filetest.File, r *verifier.Report, types bool, at string) {
	want := verifier.Accept
	for _, word := range []string{"error", "unknown"} {
		for _, e := range f.On(word) {
			want = map[string]verifier.Verdict{"error": verifier.Reject, "unknown": verifier.Unknown}[word]
			code, msg, _ := strings.Cut(e.Text, " ")
			require.NotEmpty(t, r.Findings, at)
			got := r.Findings[0]
			require.Equal(t, e.PC, got.PC, "%s: %v", at, got)
			require.Equal(t, code, string(got.Code), at)
			require.Contains(t, got.Msg, msg, at)
		}
	}
	require.Equal(t, want, r.Verdict, "%s: %v", at, r.Findings)
	if want == verifier.Accept {
		data, err := r.Invariants.Data()
		require.NoError(t, err, at)
		again := recheck.Program(f.Program, data)
		if types && again.Verdict == recheck.Unknown {
			require.NotEmpty(t, again.Construct, at)
		} else {
			require.Equal(t, recheck.Confirmed, again.Verdict, "%s: recheck: pc %d: %s", at, again.PC, again.Reason)
		}
	}
	for _, e := range f.On("state") {
		states := r.Invariants.At(e.PC)
		for field := range strings.FieldsSeq(e.Text) {
			require.True(t, anyHas(states, field), "%s:%d: no state at insn %d has %s:\n%s", f.Name, e.Line, e.PC, field, strings.Join(states, "\n"))
		}
	}
	for _, e := range f.On("dead") {
		require.Equal(t, "taken", e.Text)
		target, ok := f.Program.Insns[e.PC].Target(e.PC)
		require.True(t, ok)
		require.Empty(t, r.Invariants.At(target), "%s:%d: insn %d is reached", f.Name, e.Line, target)
	}
}

// anyHas reports whether a state has a field that starts with the text.
func anyHas(states []string, text string) bool {
	for _, s := range states {
		for field := range strings.FieldsSeq(s) {
			if strings.HasPrefix(field, text) {
				return true
			}
		}
	}
	return false
}

func runStep(t *testing.T, f *filetest.File, s filetest.Step, at string) {
	mem, err := hex.DecodeString(s.Param("mem", ""))
	require.NoError(t, err, at)
	outcomes := RunAll(t, f.Program, []runtime.Input{{Data: mem}})
	RequireEqual(t, outcomes)
	for _, e := range f.On("run") {
		value, ok := strings.CutPrefix(e.Text, "r0 = ")
		require.True(t, ok, "%s: want r0 = N, have %s", at, e.Text)
		want, err := strconv.ParseUint(value, 0, 64)
		require.NoError(t, err, at)
		require.Equal(t, want, outcomes[0].Results[0].Ret, "%s: r0", at)
	}
}
