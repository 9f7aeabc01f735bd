package elf

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/wire"
)

// ErrSuffix is wrapped by LoadAny's error about a file of an unknown kind.
var ErrSuffix = errors.New("unknown kind of file: want .o, .c, .s, .bin or .hex")

// maxText bounds files of text and raw slots: the largest program as hex.
const maxText = 4 * wire.SlotSize * ir.MaxSlots

// AnyOptions tells how LoadAny reads what has more than one reading.
type AnyOptions struct {
	Options
	Compile CompileOptions // of .c files
	// Type is the type of programs that state none: raw slots, and text without
	// a ".type".
	Type ir.ProgType
}

// LoadAny reads a file by its suffix: .o objects, .c sources (compiled to a
// temporary object), .s assembly text, .bin raw slots and .hex raw slots as
// hexadecimal digits between blanks and comments (# to the end of the line). A
// program is well-formed (ir.Program.Check).
func LoadAny(ctx context.Context, path string, opts AnyOptions) (*Object, error) {
	switch suffix := filepath.Ext(path); suffix {
	case ".o":
		return load(path, path, opts.Options)
	case ".c":
		return compileAndLoad(ctx, path, opts)
	case ".s", ".bin", ".hex":
		data, err := readBounded(path)
		if err != nil {
			return nil, err
		}
		p, err := parse(path, suffix, data)
		if err != nil {
			return nil, err
		}
		return single(path, p, opts.Type)
	}
	return nil, fmt.Errorf("elf: load %s: %w", path, ErrSuffix)
}

// compileAndLoad compiles into a directory of its own, which does not outlive
// the call.
func compileAndLoad(ctx context.Context, path string, opts AnyOptions) (*Object, error) {
	dir, err := os.MkdirTemp("", "bpfproof-")
	if err != nil {
		return nil, fmt.Errorf("elf: compile %s: %w", path, err)
	}
	defer os.RemoveAll(dir)
	dst := filepath.Join(dir, "program.o")
	if _, err := Compile(ctx, path, dst, opts.Compile); err != nil {
		return nil, err
	}
	return load(path, dst, opts.Options)
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("elf: load: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxText+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("elf: load: %w", err)
	case len(data) > maxText:
		return nil, fmt.Errorf("elf: load %s: longer than %d bytes", path, maxText)
	}
	return data, nil
}

func parse(path, suffix string, data []byte) (*ir.Program, error) {
	if suffix == ".s" {
		return asm.Parse(path, string(data))
	}
	if suffix == ".hex" {
		raw, err := decodeHex(string(data))
		if err != nil {
			return nil, fmt.Errorf("elf: load %s: %w", path, err)
		}
		data = raw
	}
	insns, err := wire.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("elf: load %s: %w", path, err)
	}
	p := &ir.Program{Insns: insns}
	p.FindFuncs()
	return p, nil
}

// decodeHex reads pairs of digits; blanks may stand anywhere between digits.
func decodeHex(text string) ([]byte, error) {
	var digits strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		for i, c := range line {
			switch {
			case unicode.IsSpace(c):
			case strings.ContainsRune("0123456789abcdefABCDEF", c):
				digits.WriteRune(c)
			default:
				return nil, fmt.Errorf("line %d, column %d: %q is no hexadecimal digit", n, i+1, c)
			}
		}
	}
	if digits.Len()%2 != 0 {
		return nil, fmt.Errorf("%d hexadecimal digits are not a whole number of bytes", digits.Len())
	}
	return hex.DecodeString(digits.String())
}

// single makes an object of one program.
func single(path string, p *ir.Program, typ ir.ProgType) (*Object, error) {
	if p.Name == "" {
		p.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		if len(p.Funcs) > 0 && p.Funcs[0].Name == "" {
			p.Funcs[0].Name = p.Name
		}
	}
	if p.Type == ir.Unspec {
		p.Type = typ
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("elf: load %s: %w", path, err)
	}
	return &Object{Name: path, Programs: []*ir.Program{p}, Maps: p.Maps}, nil
}
