package proof_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/smt/proof"
)

// TestVersion: the version is the hash of all files of the checker, but those
// with nothing but it and the documentation.
func TestVersion(t *testing.T) {
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	h := sha256.New()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || name == "doc.go" || name == "version.go" {
			continue
		}
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		h.Write(text)
	}
	require.Equal(t, hex.EncodeToString(h.Sum(nil)), proof.Version())
}
