package filetest

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Conformance is a file of the public bpf_conformance suite
// (github.com/Alan-Jowett/bpf_conformance, folders tests and negative).
type Conformance struct {
	Name     string
	Asm      string // program text; lines keep their numbers
	Raw      []byte // instruction slots, nil if the file has none
	Mem      []byte // initial memory
	Result   uint64 // expected r0
	HasValue bool   // Result is given
	Error    string // expected error text
	HasError bool   // an error section is there, with or without text
}

// ParseConformance reads a file of the suite. The error is an *[Error].
func ParseConformance(name, text string) (*Conformance, error) {
	c := &Conformance{Name: name}
	section := ""
	var program []string
	number := 0
	for line := range strings.Lines(text) {
		number++
		program = append(program, "")
		if at := strings.Index(line, "--"); at >= 0 && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			section = strings.TrimSpace(line[at+2:])
			c.HasError = c.HasError || section == "error"
			continue
		}
		content, _, _ := strings.Cut(line, "#")
		content = strings.TrimSpace(content)
		if content == "" {
			continue
		}
		if section == "asm" {
			program[number-1] = content
			c.Asm = strings.Join(program, "\n")
			continue
		}
		if err := c.add(section, content); err != nil {
			return nil, &Error{name, number, err.Error()}
		}
	}
	return c, nil
}

// add takes a line of a section that is not the program text.
func (c *Conformance) add(section, content string) (err error) {
	switch section {
	case "raw":
		return c.addRaw(content)
	case "mem":
		b, err := hex.DecodeString(strings.Join(strings.Fields(content), ""))
		c.Mem = append(c.Mem, b...)
		return err
	case "result":
		c.HasValue = true
		c.Result, err = strconv.ParseUint(content, 0, 64)
		return err
	case "error":
		c.Error = strings.TrimSpace(c.Error + "\n" + content)
	case "c", "no register offset":
	default:
		return fmt.Errorf("unknown section %q", section)
	}
	return nil
}

// addRaw takes a slot written as one 64-bit word, or as eight bytes.
func (c *Conformance) addRaw(content string) error {
	if strings.HasPrefix(content, "0x") {
		word, err := strconv.ParseUint(content, 0, 64)
		c.Raw = binary.LittleEndian.AppendUint64(c.Raw, word)
		return err
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(content), ""))
	c.Raw = append(c.Raw, b...)
	return err
}

// ConformanceFiles returns the suite's files that match pattern, such as
// "*.data" or "negative/unused-*.data". They are looked for in the folder that
// the variable BPFPROOF_CONFORMANCE names, or beside the checkout; where they
// are absent the test is skipped.
func ConformanceFiles(t testing.TB, pattern string) []*Conformance {
	t.Helper()
	texts := ConformanceTexts(t, pattern)
	files := make([]*Conformance, len(texts))
	for i, text := range texts {
		var err error
		if files[i], err = ParseConformance(text.Name, text.Text); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// ConformanceText is a file of the suite as it is written. Some of the negative
// ones are not to be read by ParseConformance.
type ConformanceText struct{ Name, Text string }

// ConformanceTexts is ConformanceFiles without reading what is in them.
func ConformanceTexts(t testing.TB, pattern string) []ConformanceText {
	t.Helper()
	dir := os.Getenv("BPFPROOF_CONFORMANCE")
	if dir == "" {
		dir = filepath.Join(moduleRoot(t), "..", "shared", "conformance")
	}
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skip("no files of github.com/Alan-Jowett/bpf_conformance: set BPFPROOF_CONFORMANCE to its tests folder")
	}
	texts := make([]ConformanceText, len(names))
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = ConformanceText{filepath.Base(name), string(text)}
	}
	return texts
}

// moduleRoot returns the folder above the test's that holds go.mod.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("filetest: find module root: no go.mod above the test's folder")
		}
		dir = up
	}
}
