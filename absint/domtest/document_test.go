package domtest_test

import (
	"encoding/json"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/bitblast"
	"github.com/bpfproof/bpfproof/soundness"
)

// block returns the code block of the document that begins with the line head,
// without its fences.
func block(t *testing.T, doc, head string) string {
	for _, part := range strings.Split(doc, "```")[1:] {
		_, body, _ := strings.Cut(part, "\n")
		if strings.HasPrefix(strings.TrimSpace(body), head) {
			return body
		}
	}
	require.Fail(t, "no code block in the document", "it should begin with %s", head)
	return ""
}

// rowTest holds that the table row makes the domain known by name.
const rowTest = `package verifier_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/verifier"
)

func TestRow(t *testing.T) {
	require.Contains(t, verifier.Domains(), "parity")
	v, err := verifier.New(verifier.Policy{Domain: "parity"})
	require.NoError(t, err)
	p, err := asm.Parse("p.s", ".type xdp\nr0 = 2\nexit\n")
	require.NoError(t, err)
	r, err := v.Verify(t.Context(), p, nil)
	require.NoError(t, err)
	require.Equal(t, verifier.Accept, r.Verdict)
}
`

// TestDocument: the domain of docs/add-a-domain.md compiles, passes its tests,
// and with the table row is one that the command knows. The package stands in
// a folder of its own, which the go command is told to take for absint/parity.
func TestDocument(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "docs", "add-a-domain.md"))
	require.NoError(t, err)
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no Go toolchain to compile the document with: ", err)
	}
	doc, dir := string(text), t.TempDir()
	table, err := os.ReadFile(filepath.Join(root, "verifier", "verifier.go"))
	require.NoError(t, err)
	const list, lastImport = "var analyses = map[string]func() analysis{\n", "\t\"github.com/bpfproof/bpfproof/absint/reduced\"\n"
	require.Contains(t, string(table), list)
	require.Contains(t, string(table), lastImport)
	with := strings.Replace(string(table), list, list+block(t, doc, `"parity":`), 1)
	with = strings.Replace(with, lastImport, lastImport+"\t\"github.com/bpfproof/bpfproof/absint/parity\"\n", 1)
	test := strings.Replace(block(t, doc, "// parity_test.go"), "package parity_test\n", "package verifier_test\n", 1)
	for _, head := range []string{"// parity.go", "// parity_test.go"} {
		formatted, err := format.Source([]byte(block(t, doc, head)))
		require.NoError(t, err)
		require.Equal(t, string(formatted), block(t, doc, head), "the document's code is formatted")
	}
	files := map[string]string{
		"absint/parity/parity.go":          block(t, doc, "// parity.go"),
		"verifier/verifier.go":             with,
		"verifier/parity_document_test.go": test,
		"verifier/parity_row_test.go":      rowTest,
	}
	overlay := map[string]map[string]string{"Replace": {}}
	for name, body := range files {
		path := filepath.Join(dir, filepath.Base(name))
		require.NoError(t, os.WriteFile(path, []byte(body), 0o600))
		overlay["Replace"][filepath.Join(root, name)] = path
	}
	config, err := json.Marshal(overlay)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), config, 0o600))

	// They run in a folder of their own, where they write their golden file.
	program := filepath.Join(dir, "document.test")
	run(t, root, "go", "test", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-c", "-o", program, "./verifier")
	run(t, dir, program, "-test.run", "^(TestDomain|TestProofs|TestVerify|TestRow)$", "-update")
	ledger, err := os.ReadFile(filepath.Join(dir, "testdata", "precision.golden"))
	require.NoError(t, err)
	require.Regexp(t, `parity +add +4 +\d+ +\d+ +\d+ +100.00`, string(ledger))
}

// TestDocumentMutant: the proofs that the document shows find a bug in its
// domain; and the domain has the sixty lines that the document promises.
func TestDocumentMutant(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "add-a-domain.md"))
	require.NoError(t, err)
	code, lines := block(t, string(text), "// parity.go"), 0
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			lines++
		}
	}
	require.LessOrEqual(t, lines, 60)
	wrong := strings.Replace(code, "sem.Or, sem.Xor:", "sem.Or, sem.Xor, sem.LShr:", 1)
	require.NotEqual(t, code, wrong)
	solver, err := bitblast.New(smt.Limits{Timeout: 5 * time.Minute}, bitblast.Options{})
	if err != nil {
		t.Skip(err)
	}
	for _, k := range []struct {
		code string
		want smt.Outcome
	}{{code, smt.Proved}, {wrong, smt.Refuted}} {
		files := fstest.MapFS{"parity.go": {Data: []byte(k.code)}}
		s, err := soundness.Load(soundness.Own("github.com/bpfproof/bpfproof/absint/parity", files, "parity.E", "parity.Domain{}"))
		require.NoError(t, err)
		run := soundness.Run{Solver: solver}
		shift := []soundness.Line{{Domain: "parity", Op: "alu.rsh", Width: ir.W64}}
		require.NoError(t, run.Decide(t.Context(), []*soundness.Subject{s}, shift, func(v soundness.Verdict) error {
			require.Equal(t, k.want, v.Status, "%s %s", v.Goal, v.Reason)
			return nil
		}))
	}
}

func run(t *testing.T, dir, name string, args ...string) {
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s: %s", name, strings.Join(args, " "), out)
}
