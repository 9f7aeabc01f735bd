package bitblast

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/proof"
)

// cache remembers clauses whose proof has been checked, one file each, named
// by a hash of the clauses, of the solver with its version, and of the checker's
// source. No directory means no memory.
//
// A hit is as good as the check that it stands for: only clauses whose proof
// was verified are saved, the name covers all bytes of them, and a change of the
// checker makes all entries worthless. It says nothing of the terms that the
// clauses were made of: those are translated anew every time.
type cache struct{ dir, solver string }

// entry is the content of a file. The key stands in it as well, so that a
// renamed file is worth nothing.
type entry struct {
	Key     string
	Bytes   int64
	Lemmas  int
	Checked int
	Nanos   int64 // of the check
}

// format names the meaning of entries.
const format = "bpfproof unsat 2"

func (c cache) key(cnf []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n%d\n", format, proof.Version(), c.solver, len(cnf)) // a hash takes everything
	h.Write(cnf)
	return hex.EncodeToString(h.Sum(nil))
}

func (c cache) file(key string) string { return filepath.Join(c.dir, key+".json") }

// load reports what is remembered of these clauses. A file that cannot be read
// or is not whole counts as none.
func (c cache) load(cnf []byte) (info *smt.ProofInfo, ok bool) {
	if c.dir == "" {
		return nil, false
	}
	key := c.key(cnf)
	text, err := os.ReadFile(c.file(key))
	if err != nil {
		return nil, false
	}
	e := entry{}
	if json.Unmarshal(text, &e) != nil || e.Key != key {
		return nil, false
	}
	return &smt.ProofInfo{Bytes: e.Bytes, Lemmas: e.Lemmas, Checked: e.Checked, CheckTime: time.Duration(e.Nanos), Cached: true}, true
}

// save remembers that a proof of these clauses was checked. The file appears
// whole or not at all.
func (c cache) save(cnf []byte, info *smt.ProofInfo) error {
	if c.dir == "" {
		return nil
	}
	key := c.key(cnf)
	text, err := json.Marshal(entry{key, info.Bytes, info.Lemmas, info.Checked, info.CheckTime.Nanoseconds()})
	if err != nil {
		return fmt.Errorf("bitblast: write cache entry: %w", err)
	}
	f, err := os.CreateTemp(c.dir, "new-*")
	if err != nil {
		return fmt.Errorf("bitblast: write cache entry: %w", err)
	}
	_, err = f.Write(text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), c.file(key))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it may have been renamed already
		return fmt.Errorf("bitblast: write cache entry: %w", err)
	}
	return nil
}
