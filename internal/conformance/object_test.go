package conformance

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/filetest"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/wire"
)

// object builds an object file with one code section and one function at its
// start, as the public runner's writer does.
func object(section, function string, code []byte) []byte {
	const header = 64
	names := "\x00.strtab\x00.symtab\x00" + section + "\x00" + function + "\x00"
	at := func(name string) uint32 { return uint32(bytes.Index([]byte(names), []byte("\x00"+name+"\x00")) + 1) }
	var symbols bytes.Buffer
	put := func(w *bytes.Buffer, x any) { _ = binary.Write(w, binary.LittleEndian, x) } // a bytes.Buffer takes everything
	put(&symbols, elf.Sym64{})
	put(&symbols, elf.Sym64{Name: at(function), Info: elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC), Shndx: 3, Size: uint64(len(code))})

	codeAt := uint64(header + len(names))
	symbolsAt := codeAt + uint64(len(code))
	var out bytes.Buffer
	head := elf.Header64{Type: uint16(elf.ET_REL), Machine: uint16(elf.EM_BPF), Version: 1, Ehsize: header, Shentsize: 64, Shnum: 4, Shstrndx: 1,
		Shoff: symbolsAt + uint64(symbols.Len())}
	copy(head.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	put(&out, head)
	out.WriteString(names)
	out.Write(code)
	out.Write(symbols.Bytes())
	put(&out, elf.Section64{})
	put(&out, elf.Section64{Name: at(".strtab"), Type: uint32(elf.SHT_STRTAB), Off: header, Size: uint64(len(names)), Addralign: 1})
	put(&out, elf.Section64{Name: at(".symtab"), Type: uint32(elf.SHT_SYMTAB), Off: symbolsAt, Size: uint64(symbols.Len()), Link: 1, Info: 1, Entsize: 24, Addralign: 1})
	put(&out, elf.Section64{Name: at(section), Type: uint32(elf.SHT_PROGBITS), Flags: uint64(elf.SHF_ALLOC | elf.SHF_EXECINSTR), Off: codeAt, Size: uint64(len(code)), Addralign: 1})
	return out.Bytes()
}

var answer = []byte{0xb7, 0, 0, 0, 42, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0}

func TestParseObject(t *testing.T) {
	for _, section := range []string{".text", "xdp"} {
		data := object(section, "main", answer)
		for _, text := range []string{hex.EncodeToString(data), string(data)} {
			p, err := ParseObject(text)
			require.NoError(t, err, section)
			r0, err := Run(t.Context(), "vm", p, nil)
			require.NoError(t, err)
			require.Equal(t, uint64(42), r0)
		}
	}
}

func TestParseObjectRefuses(t *testing.T) {
	whole := object(".text", "main", answer)
	for name, test := range map[string]struct{ text, want string }{
		"nothing":          {" \n", "the input is empty"},
		"odd hex":          {"7f4", "odd number of digits"},
		"no object":        {"7f454c46", "truncated: the ELF header"},
		"cut":              {string(whole[:len(whole)-70]), "elf: read object"},
		"other function":   {string(object(".text", "entry", answer)), "no programs"},
		"no code":          {string(object(".text", "main", nil)), "no programs"},
		"cut instructions": {string(object(".text", "main", answer[:12])), "cut: 12 bytes"},
		"reserved field":   {string(object(".text", "main", append([]byte{0xb7, 0x10}, answer[2:]...))), "non-zero unused source"},
		"section":          {string(object("nonsense", "main", answer)), "unknown program section"},
	} {
		_, err := ParseObject(test.text)
		var bad *Error
		require.ErrorAs(t, err, &bad, name)
		require.Equal(t, Malformed, bad.Kind, name)
		require.ErrorContains(t, err, test.want, name)
		require.NotContains(t, err.Error(), "\n", name)
	}
}

// TestSuiteAsObjects runs the suite as the runner sends it with --elf.
func TestSuiteAsObjects(t *testing.T) {
	for _, f := range filetest.ConformanceFiles(t, "*.data") {
		raw := f.Raw
		if raw == nil {
			p, err := asm.Parse(f.Name, f.Asm)
			require.NoError(t, err)
			raw, err = wire.Encode(p.Insns)
			require.NoError(t, err)
		}
		p, err := ParseObject(hex.EncodeToString(object(".text", "main", raw)))
		require.NoError(t, err, f.Name)
		if f.Name == "callx.data" {
			continue // the engines refuse it
		}
		r0, err := Run(t.Context(), "vm", p, f.Mem)
		require.NoError(t, err, f.Name)
		require.Equal(t, f.Result, r0, f.Name)
	}
}

// FuzzObject reads any file as an object: a program or an *Error, never more
// memory than the file is worth.
func FuzzObject(f *testing.F) {
	for _, section := range []string{".text", "xdp", "nonsense"} {
		f.Add(object(section, "main", answer))
	}
	huge := object(".text", "main", answer)
	binary.LittleEndian.PutUint64(huge[len(huge)-32:], 1<<32) // the size of .text
	f.Add(huge)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseObject(elf.ELFMAG + string(data))
		if err != nil {
			var bad *Error
			require.ErrorAs(t, err, &bad)
			return
		}
		require.NoError(t, p.Check())
	})
}
