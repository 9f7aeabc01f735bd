package pipeline

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
)

// Cache is a directory of certificates, by the build of the validator that made
// them and the hashes of program and code. It is safe for concurrent use, by several processes too. A nil cache holds
// nothing and keeps nothing.
type Cache struct{ dir string }

// OpenCache opens a directory, and makes it for the user alone if it is not
// there. One that others may write to is refused: a certificate is believed.
// What another build of the validator proved is not used, nor taken away.
func OpenCache(dir string) (*Cache, error) {
	by, err := build()
	if err != nil {
		return nil, err
	}
	for _, d := range []string{dir, filepath.Join(dir, by)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("pipeline: open cache of certificates: %w", err)
		}
		info, err := os.Stat(d)
		if err != nil {
			return nil, fmt.Errorf("pipeline: open cache of certificates: %w", err)
		}
		if info.Mode().Perm()&0o022 != 0 {
			return nil, fmt.Errorf("pipeline: open cache of certificates: %s: others than its owner may write to it", d)
		}
	}
	return &Cache{filepath.Join(dir, by)}, nil
}

func (c *Cache) path(program, code string) string {
	return filepath.Join(c.dir, program+"-"+code+".json")
}

// find returns the certificate of a proof of the code; nil if there is none,
// or none that is whole.
func (c *Cache) find(p *ir.Program, code *jit.Code) *jitproof.Certificate {
	if c == nil {
		return nil
	}
	program, text := jitproof.HashProgram(p), jitproof.HashCode(code)
	data, err := os.ReadFile(c.path(program, text))
	if err != nil {
		return nil
	}
	cert, err := jitproof.Decode(data)
	if err != nil || cert.Status != jitproof.Proved || cert.ProgramHash != program || cert.CodeHash != text {
		return nil
	}
	return cert
}

// put keeps a certificate. It is there whole or not at all.
func (c *Cache) put(cert *jitproof.Certificate) error {
	if c == nil {
		return nil
	}
	fail := func(err error) error { return fmt.Errorf("pipeline: keep certificate of %q: %w", cert.Program, err) }
	data, err := cert.Encode()
	if err != nil {
		return fail(err)
	}
	f, err := os.CreateTemp(c.dir, ".new-*")
	if err != nil {
		return fail(err)
	}
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), c.path(cert.ProgramHash, cert.CodeHash))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error at hand is the one that matters
		return fail(err)
	}
	return nil
}
