package conformance

import (
	"bytes"
	"debug/elf"
	"encoding/hex"
	"errors"
	"strings"

	bpfelf "github.com/bpfproof/bpfproof/ir/elf"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/wire"
	"github.com/bpfproof/bpfproof/runtime"
)

// MaxInput bounds what a plugin reads from its standard input, in bytes: the
// largest program, with the three characters a byte that the runner writes.
const MaxInput = 8 * wire.SlotSize * ir.MaxSlots

// What the suite's runner names section and function of a program in an object.
const (
	textSection  = ".text"
	mainFunction = "main"
)

// ParseHex reads bytes as the runner writes them: pairs of hexadecimal digits
// with any blanks between bytes. Anything else is an *Error that names what
// cannot be read and where, counted in bytes from 0.
func ParseHex(text string) ([]byte, error) {
	var out []byte
	for field := range strings.FieldsSeq(text) {
		if len(field)%2 != 0 {
			return nil, malformed("hex input: byte %d: %s: odd number of digits", len(out), quote(field))
		}
		b, err := hex.DecodeString(field)
		if err != nil {
			return nil, malformed("hex input: byte %d: %s: not hexadecimal", len(out)+len(b), quote(field))
		}
		out = append(out, b...)
	}
	return out, nil
}

// quote returns a readable form of hostile text, cut to one short line.
func quote(s string) string {
	const most = 20
	if len(s) > most {
		s = s[:most] + "..."
	}
	return "\"" + strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s) + "\""
}

// ParseMemory reads the runner's first argument, which may be empty.
func ParseMemory(text string) ([]byte, error) {
	if most := 4 * runtime.MaxData; len(text) > most {
		return nil, malformed("memory: longer than %d characters", most)
	}
	return ParseHex(text)
}

// ParseProgram reads a program that the runner sends as instruction slots in
// hex. The program is well-formed (ir.Program.Check); the error is an *Error.
func ParseProgram(text string) (*ir.Program, error) {
	raw, err := ParseHex(text)
	if err != nil {
		return nil, err
	}
	return Decode(raw)
}

// Decode makes a program of instruction slots. The program is well-formed
// (ir.Program.Check); the error is an *Error of kind Malformed.
func Decode(raw []byte) (*ir.Program, error) {
	insns, err := wire.Decode(raw)
	if err != nil {
		return nil, &Error{Kind: Malformed, Err: err}
	}
	return Prepare(&ir.Program{Insns: insns})
}

// Prepare returns p as a program of the suite: without a type, and with its
// functions listed. The error is an *Error of kind Malformed.
func Prepare(p *ir.Program) (*ir.Program, error) {
	q := *p
	q.Name, q.Type, q.AttachType = mainFunction, ir.Unspec, 0
	if len(q.Funcs) == 0 {
		q.FindFuncs()
	}
	if err := q.Check(); err != nil {
		return nil, &Error{Kind: Malformed, Err: err}
	}
	return &q, nil
}

// ParseObject reads a program that the runner sends as an object file, in hex.
// An object that comes as it is, not in hex, is read too. The error is an
// *Error.
func ParseObject(text string) (*ir.Program, error) {
	data := []byte(text)
	if !strings.HasPrefix(text, elf.ELFMAG) {
		var err error
		if data, err = ParseHex(text); err != nil {
			return nil, err
		}
	}
	if len(data) == 0 {
		return nil, malformed("no object: the input is empty")
	}
	if text := onlyText(data); text != nil {
		return Decode(text)
	}
	object, err := bpfelf.ReadBytes("object", data)
	if err != nil {
		return nil, &Error{Kind: Malformed, Err: err}
	}
	p := object.Program(mainFunction)
	if p == nil && len(object.Programs) == 1 {
		p = object.Programs[0]
	}
	if p == nil {
		return nil, malformed("the object holds %d programs and none of them is %q", len(object.Programs), mainFunction)
	}
	return Prepare(p)
}

// onlyText returns the slots of an object whose only code is function "main"
// at the start of section .text, without relocations. The runner writes such
// objects; every other reader takes .text for a library of subprograms. It
// returns nil for any other file, malformed ones included.
func onlyText(data []byte) []byte {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil || f.Machine != elf.EM_BPF || f.Class != elf.ELFCLASS64 || f.Data != elf.ELFDATA2LSB {
		return nil
	}
	index, ok := codeSection(f)
	if !ok || f.Sections[index].Name != textSection {
		return nil
	}
	symbols, err := f.Symbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return nil
	}
	for _, s := range symbols {
		if s.Name == mainFunction && int(s.Section) == index && s.Value == 0 {
			return slots(f.Sections[index], len(data))
		}
	}
	return nil
}

// codeSection returns the section that holds code; ok is false if there is
// none, more than one, or if relocations apply to it.
func codeSection(f *elf.File) (index int, ok bool) {
	for i, s := range f.Sections {
		if s.Type == elf.SHT_PROGBITS && s.Flags&elf.SHF_EXECINSTR != 0 && s.Size > 0 {
			if ok {
				return 0, false
			}
			index, ok = i, true
		}
	}
	for _, s := range f.Sections {
		if (s.Type == elf.SHT_REL || s.Type == elf.SHT_RELA) && int(s.Info) == index {
			return 0, false
		}
	}
	return index, ok
}

// slots returns the contents of a section that lies within a file of size
// bytes.
func slots(s *elf.Section, size int) []byte {
	if s.Flags&elf.SHF_COMPRESSED != 0 || s.Offset > uint64(size) || s.FileSize > uint64(size)-s.Offset {
		return nil
	}
	data, err := s.Data()
	if err != nil {
		return nil
	}
	return data
}
