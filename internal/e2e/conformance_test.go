package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/internal/conformance"
	"github.com/bpfproof/bpfproof/internal/filetest"
	"github.com/bpfproof/bpfproof/internal/golden"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// suiteGolden is the table of every test of the suite by every engine.
const suiteGolden = "conformance.golden"

// goldenKernel is the release whose verdicts the table holds. Reasons change
// from release to release; results do not.
const goldenKernel = "6.18."

// suiteProgram reads the program of a file of the suite.
func suiteProgram(f *filetest.Conformance) (*ir.Program, error) {
	if f.Raw != nil {
		return conformance.Decode(f.Raw)
	}
	p, err := asm.Parse(f.Name, f.Asm)
	if err != nil {
		return nil, err
	}
	return conformance.Prepare(p)
}

// suiteOutcome runs a file of the suite in an engine and says in words what
// came of it.
func suiteOutcome(t *testing.T, engine string, f *filetest.Conformance, p *ir.Program) string {
	r0, err := conformance.Run(t.Context(), engine, p, f.Mem)
	var bad *conformance.Error
	switch {
	case errors.As(err, &bad):
		return fmt.Sprintf("%v: %s", bad.Kind, reason(bad.Err))
	case err != nil:
		t.Fatalf("%s: %s: %v", f.Name, engine, err)
	case f.HasError:
		return "runs" // whatever it leaves: the file states no result
	case r0 != f.Result:
		return fmt.Sprintf("differs: r0 = %#x, want %#x", r0, f.Result)
	}
	return "pass"
}

// reason returns an error's innermost statement, on one line.
func reason(err error) string {
	var refused *kernel.LoadError
	if errors.As(err, &refused) {
		return refused.Report.Reason
	}
	text := err.Error()
	for _, prefix := range []string{`jit: compile "main": `, "jit: compile ", "vm: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return strings.ReplaceAll(text, "\n", "; ")
}

// TestConformance runs the whole suite in every engine. Programs pass in vm and
// native, with the one refusal that is named; wherever the kernel accepts a
// program, it gives the same r0.
func TestConformance(t *testing.T) {
	files := filetest.ConformanceFiles(t, "*.data")
	require.Len(t, files, 313)
	engines := []string{"vm", "native"}
	release, asked := kernelRelease(t)
	if asked {
		engines = append(engines, "kernel")
	}
	var table strings.Builder
	fmt.Fprintf(&table, "# test | vm | native | kernel (Linux %sx)\n", goldenKernel)
	kept := keptColumn(t)
	for _, f := range files {
		p, err := suiteProgram(f)
		require.NoError(t, err, f.Name)
		require.True(t, f.HasValue, f.Name)
		cells := []string{f.Name}
		for _, engine := range engines {
			got := suiteOutcome(t, engine, f, p)
			requireOutcome(t, f.Name, engine, got)
			cells = append(cells, got)
		}
		if !strings.HasPrefix(release, goldenKernel) {
			cells = append(cells[:3], kept[f.Name])
		}
		fmt.Fprintln(&table, strings.Join(cells, " | "))
	}
	golden.EqualString(t, suiteGolden, table.String())
}

// requireOutcome holds what must be so whatever the golden file says.
func requireOutcome(t *testing.T, name, engine, got string) {
	t.Helper()
	switch {
	case engine == "kernel":
		ok := got == "pass" || strings.HasPrefix(got, conformance.Rejected.String()+": ")
		require.True(t, ok, "%s: kernel: %s", name, got)
	case name == "callx.data":
		require.Regexp(t, "^refused: .*callx", got, "%s: %s", name, engine)
	default:
		require.Equal(t, "pass", got, "%s: %s", name, engine)
	}
}

// kernelRelease returns the running kernel's release, or false if it may not
// be asked.
func kernelRelease(t *testing.T) (release string, ok bool) {
	if err := kernel.Available(); err != nil {
		t.Logf("the live kernel is left out: %v", err)
		return "", false
	}
	var name unix.Utsname
	require.NoError(t, unix.Uname(&name))
	return unix.ByteSliceToString(name.Release[:]), true
}

// keptColumn returns the kernel's column of the golden file by test, which is
// kept where that kernel is not there to be asked.
func keptColumn(t *testing.T) map[string]string {
	text, err := os.ReadFile(filepath.Join("testdata", suiteGolden))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	kept := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.SplitN(strings.TrimSpace(line), " | ", 4); len(cells) == 4 {
			kept[cells[0]] = cells[3]
		}
	}
	return kept
}

// TestConformanceNegative takes the suite's negative files to where they are
// refused: by the reader of files, by the assembler, by the strict decoder, or
// by an engine. What runs leaves another result than the file states.
func TestConformanceNegative(t *testing.T) {
	texts := filetest.ConformanceTexts(t, "negative/*.data")
	require.Len(t, texts, 60)
	unused := 0
	var table strings.Builder
	for _, text := range texts {
		got := negativeOutcome(t, text)
		fmt.Fprintf(&table, "%s | %s\n", text.Name, got)
		if strings.HasPrefix(text.Name, "unused-") {
			unused++
			require.Regexp(t, `^decoder: wire: decode slot 0: .*(non-zero unused|is not one of)`, got, text.Name)
		}
		require.NotEqual(t, "pass", got, text.Name)
	}
	require.Equal(t, 45, unused)
	golden.EqualString(t, "conformance-negative.golden", table.String())
}

func negativeOutcome(t *testing.T, text filetest.ConformanceText) string {
	f, err := filetest.ParseConformance(text.Name, text.Text)
	if err != nil {
		return "file: " + err.Error()
	}
	p, err := suiteProgram(f)
	var bad *conformance.Error
	switch {
	case errors.As(err, &bad) && f.Raw != nil:
		return "decoder: " + bad.Err.Error()
	case errors.As(err, &bad):
		return "form: " + bad.Err.Error()
	case err != nil:
		return "assembler: " + err.Error()
	}
	got := suiteOutcome(t, "vm", f, p)
	require.Equal(t, got, suiteOutcome(t, "native", f, p), text.Name)
	if _, asked := kernelRelease(t); asked && f.HasError {
		require.Regexp(t, "^rejected by kernel: ", suiteOutcome(t, "kernel", f, p), text.Name)
	}
	return "engines: " + got
}
