package elf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/elf"
)

var objects = []string{"examples/xdp_classifier.o", "examples/xdp_globals.o", "examples/xdp_planted_bug.o"}

func embedded(t testing.TB, path string) []byte {
	t.Helper()
	data, err := corpus.FS.ReadFile(path)
	require.NoError(t, err)
	return data
}

func read(t testing.TB, path string) *elf.Object {
	t.Helper()
	obj, err := elf.ReadBytes(path, embedded(t, path))
	require.NoError(t, err)
	return obj
}

func mapNames(maps []*ir.MapSpec) []string {
	var names []string
	for _, m := range maps {
		names = append(names, m.Name)
	}
	return names
}

func TestClassifier(t *testing.T) {
	obj := read(t, "examples/xdp_classifier.o")
	require.Equal(t, []string{"xdp_classifier"}, obj.Names())
	p := obj.Programs[0]
	require.Equal(t, ir.XDP, p.Type)
	require.Equal(t, "xdp", p.Section)
	require.Equal(t, "Dual MIT/GPL", p.License)
	require.Equal(t, []ir.Func{{Name: "xdp_classifier"}}, p.Funcs)
	require.Equal(t, []string{"proto_packets", "proto_bytes", "sources"}, mapNames(p.Maps))
	sources := p.Maps[2]
	require.Equal(t, ir.MapSpec{Name: "sources", Type: ir.Hash, KeySize: 16, ValueSize: 16, MaxEntries: 4096, BTF: sources.BTF}, *sources)
	require.IsType(t, &elf.MapTypes{}, sources.BTF)

	used := map[int]int{}
	for _, in := range p.All() {
		if m, _, ok := in.Map(); ok {
			used[m]++
		}
	}
	require.Equal(t, map[int]int{0: 2, 1: 2, 2: 3}, used, "references to each map, as the disassembly shows them")

	line, ok := p.LineAt(0)
	require.True(t, ok)
	require.Equal(t, "void *end = (void *)(long)ctx->data_end;", line.Text)
	require.True(t, strings.HasSuffix(line.File, "examples/xdp_classifier.c"), line.File)
	source := strings.Split(string(embedded(t, "examples/xdp_classifier.c")), "\n")
	for _, l := range p.Lines {
		require.Equal(t, strings.TrimSpace(source[l.Line-1]), l.Text, "line record at PC %d", l.PC)
	}
}

func TestGlobalsAndSubprograms(t *testing.T) {
	obj := read(t, "examples/xdp_globals.o")
	require.Equal(t, []string{"xdp_globals", "xdp_count"}, obj.Names())
	p, q := obj.Programs[0], obj.Programs[1]
	require.Equal(t, []string{".rodata", ".data", ".bss"}, mapNames(p.Maps))
	require.Equal(t, []string{".bss", "by_size"}, mapNames(q.Maps))
	require.Same(t, p.Maps[2], q.Maps[0], "the programs do not share .bss")
	for i, want := range []struct {
		frozen bool
		data   []byte
	}{{true, []byte{100, 0, 0, 0}}, {false, []byte{3, 0, 0, 0}}, {false, make([]byte, 24)}} {
		m := p.Maps[i]
		require.Equal(t, want.frozen, m.Frozen, m.Name)
		require.Equal(t, []ir.MapElem{{Key: make([]byte, 4), Value: want.data}}, m.Contents, m.Name)
	}
	require.Len(t, p.Funcs, 3)
	require.Equal(t, "xdp_globals", p.Funcs[0].Name)
	names := []string{p.Funcs[1].Name, p.Funcs[2].Name}
	require.ElementsMatch(t, []string{"class_of", "scaled"}, names)
	for pc, in := range p.All() {
		if target, ok := in.Target(pc); ok && in.Kind() == ir.KindCall {
			require.Equal(t, target, p.Funcs[p.FuncAt(target)].PC, "call at %d", pc)
		}
	}
	found, err := obj.Find("xdp_count")
	require.NoError(t, err)
	require.Equal(t, []*ir.Program{q}, found)
	_, err = obj.Find("nothing")
	require.EqualError(t, err, `elf: find program "nothing": examples/xdp_globals.o has only ["xdp_globals" "xdp_count"]`)
}

func TestSetGlobal(t *testing.T) {
	obj := read(t, "examples/xdp_globals.o")
	require.NoError(t, obj.SetGlobal("limit", []byte{1, 2, 3, 4}))
	require.Equal(t, []byte{1, 2, 3, 4}, obj.Programs[0].Maps[0].Contents[0].Value)
	require.Error(t, obj.SetGlobal("limit", []byte{1}))
	require.Error(t, obj.SetGlobal("none", []byte{1}))
}

// kernelTypes is type information of a kernel whose task_struct has tgid at
// byte 40 and no other field of those the program asks for.
func kernelTypes(t *testing.T) *btf.Spec {
	i32 := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	task := &btf.Struct{Name: "task_struct", Size: 64, Members: []btf.Member{{Name: "tgid", Type: i32, Offset: 40 * 8}}}
	b, err := btf.NewBuilder([]btf.Type{i32, task}, nil)
	require.NoError(t, err)
	raw, err := b.Marshal(nil, nil)
	require.NoError(t, err)
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	require.NoError(t, err)
	return spec
}

func TestTypeRelocations(t *testing.T) {
	obj, err := elf.ReadWith("core.o", bytes.NewReader(testdata(t, "core.o")), elf.Options{Kernel: kernelTypes(t)})
	require.NoError(t, err)
	p := obj.Program("core")
	require.Equal(t, ir.RawTracepoint, p.Type)
	offsets, calls := 0, 0
	for _, in := range p.All() {
		if in.Op == ir.OpALU(ir.Mov, ir.W64, ir.K) && in.Imm == 40 || in.Op == ir.OpALU(ir.Add, ir.W64, ir.K) && in.Imm == 40 {
			offsets++
		}
		if in.Kind() == ir.KindCall && in.Imm == 113 {
			calls++
		}
	}
	require.Equal(t, 1, offsets, "the offset of tgid in the given types is not in the program")
	require.Equal(t, 1, calls)
	poisoned := false
	for _, in := range obj.Program("core_missing").All() {
		if in.Kind() == ir.KindCall {
			_, known := abi.LookupHelper(abi.HelperID(in.Imm))
			poisoned = poisoned || !known && in.Imm == btf.COREBadRelocationSentinel
		}
	}
	require.True(t, poisoned, "an access to a type that does not exist is not poisoned")
}

// patched returns the object with section or symbol changed in place.
func patchSymbol(t *testing.T, data []byte, name string, change func(sym []byte)) []byte {
	t.Helper()
	data = bytes.Clone(data)
	le := binary.LittleEndian
	sections := func(i int) []byte { return data[int(le.Uint64(data[40:]))+64*i:] }
	for i := range int(le.Uint16(data[60:])) {
		s := sections(i)
		if le.Uint32(s[4:]) != 2 { // SHT_SYMTAB
			continue
		}
		strtab := data[le.Uint64(sections(int(le.Uint32(s[40:])))[24:]):]
		for off, end := le.Uint64(s[24:]), le.Uint64(s[24:])+le.Uint64(s[32:]); off < end; off += 24 {
			sym := data[off:]
			if got, _, _ := bytes.Cut(strtab[le.Uint32(sym):], []byte{0}); string(got) == name {
				change(sym)
				return data
			}
		}
	}
	t.Fatalf("no symbol %q", name)
	return nil
}

func patchSection(t *testing.T, data []byte, name string, change func(header []byte)) []byte {
	t.Helper()
	data = bytes.Clone(data)
	le := binary.LittleEndian
	table := data[le.Uint64(data[40:]):]
	names := data[le.Uint64(table[64*int(le.Uint16(data[62:]))+24:]):]
	for i := range int(le.Uint16(data[60:])) {
		header := table[64*i:]
		if got, _, _ := bytes.Cut(names[le.Uint32(header):], []byte{0}); string(got) == name {
			change(header)
			return data
		}
	}
	t.Fatalf("no section %q", name)
	return nil
}

func put64(off int, x uint64) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint64(b[off:], x) }
}

func put16(off int, x uint16) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint16(b[off:], x) }
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return data
}

func TestErrors(t *testing.T) {
	good, globals := embedded(t, "examples/xdp_classifier.o"), embedded(t, "examples/xdp_globals.o")
	header := func(change func([]byte)) []byte {
		data := bytes.Clone(good)
		change(data)
		return data
	}
	firstInsn := func() int { // of section xdp
		at := 0
		patchSection(t, good, "xdp", func(h []byte) { at = int(binary.LittleEndian.Uint64(h[24:])) })
		return at
	}()
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, `offset 0x0: not an ELF file`},
		{"text", []byte("int main(void) {}"), `offset 0x0: not an ELF file`},
		{"cut header", good[:40], `offset 0x28: truncated: the ELF header takes 64 bytes`},
		{"cut file", good[:len(good)-1], `truncated: the table of`},
		{"x86", header(put16(18, 62)), `offset 0x12: not an eBPF object: its machine is EM_X86_64`},
		{"32 bit", header(func(b []byte) { b[4] = 1 }), `offset 0x4: not a 64-bit object`},
		{"big endian", header(func(b []byte) { b[5] = 2; b[16], b[17], b[18], b[19] = 0, 1, 0, 247 }), `offset 0x5: big-endian object: this host is little-endian`},
		{"executable", header(put16(16, 2)), `offset 0x10: not a relocatable object: its type is ET_EXEC`},
		{"unknown section", bytes.ReplaceAll(bytes.ReplaceAll(good, []byte(".relxdp"), []byte(".relxdq")), []byte("\x00xdp\x00"), []byte("\x00xdq\x00")), `section "xdq": symbol "xdp_classifier": unknown program section: its name stands for no program type`},
		{"missing map", testdata(t, "missing_map.o"), `section "xdp": symbol "missing": offset 0x20: no map, variable or function of that name is defined`},
		{"odd code", patchSection(t, good, "xdp", put64(32, 1468)), `section "xdp": offset 0x5bc: 1468 bytes of code are not a whole number of 8-byte slots`},
		{"odd function", patchSymbol(t, good, "xdp_classifier", put64(16, 1468)), `symbol "xdp_classifier": offset 0x0: 1468 bytes of code are not a whole number of 8-byte slots`},
		{"function beyond section", patchSymbol(t, good, "xdp_classifier", put64(16, 1<<40)), `its 1099511627776 bytes reach beyond the section's 1472`},
		{"section beyond file", patchSection(t, good, "xdp", put64(32, 4<<30)), `section "xdp": truncated: its 4294967296 bytes at`},
		{"section past the end of numbers", patchSection(t, good, "xdp", put64(24, 1<<63)), `malformed`},
		{"huge bss", patchSection(t, globals, ".bss", put64(32, 4<<30)), `section ".bss": 4294967296 zero bytes are more than the 16777216 allowed`},
		{"compressed", patchSection(t, good, ".BTF", put64(8, 0x800)), `compressed`},
		{"reserved field", header(func(b []byte) { b[firstInsn+8*2+2] = 1 }), `section "xdp": offset 0x10: wire: decode slot 2`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := elf.ReadBytes("bad.o", tt.data)
			require.Error(t, err)
			require.Contains(t, err.Error(), tt.want)
			require.True(t, strings.HasPrefix(err.Error(), "elf: read bad.o: "), err.Error())
			require.NotContains(t, err.Error(), "\n")
			var typed *elf.Error
			require.ErrorAs(t, err, &typed)
		})
	}
	_, err := elf.Load("testdata")
	require.EqualError(t, err, "elf: read testdata: not a regular file")
	_, err = elf.Load("testdata/none.o")
	require.True(t, errors.Is(err, os.ErrNotExist))
}

// tiny is a file of 200 bytes that claims a section of 4 GiB.
func tiny() []byte {
	b := make([]byte, 200)
	copy(b, "\x7fELF\x02\x01\x01")
	le := binary.LittleEndian
	le.PutUint16(b[16:], 1)
	le.PutUint16(b[18:], 247)
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[40:], 64)
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[58:], 64)
	le.PutUint16(b[60:], 2)
	le.PutUint16(b[62:], 0)
	section := b[128:]
	le.PutUint32(section[4:], 1)
	le.PutUint64(section[8:], 4)
	le.PutUint64(section[24:], 128)
	le.PutUint64(section[32:], 4<<30)
	return b
}

func TestClaimedSizesAreNotAllocated(t *testing.T) {
	for name, data := range map[string][]byte{
		"tiny": tiny(),
		"bss":  patchSection(t, embedded(t, "examples/xdp_globals.o"), ".bss", put64(32, 4<<30)),
		"btf":  patchSection(t, embedded(t, "examples/xdp_globals.o"), ".BTF", put64(32, 4<<30)),
	} {
		var before, after goruntime.MemStats
		goruntime.ReadMemStats(&before)
		_, err := elf.ReadBytes(name, data)
		goruntime.ReadMemStats(&after)
		require.Error(t, err)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), name)
	}
}

// A byte changed anywhere gives an error of one line, or an object.
func TestCorruptions(t *testing.T) {
	for _, path := range objects {
		data := bytes.Clone(embedded(t, path))
		for i := 0; i < len(data); i += 13 {
			old := data[i]
			data[i] ^= 0xff
			if _, err := elf.ReadBytes(path, data); err != nil {
				require.NotContains(t, err.Error(), "\n", "byte %d changed", i)
			}
			data[i] = old
		}
	}
}

// Every prefix of an object is an error of one line, or an object.
func TestTruncations(t *testing.T) {
	for _, path := range objects {
		data := embedded(t, path)
		for n := 0; n < len(data); n += 37 {
			_, err := elf.ReadBytes(path, data[:n])
			require.Error(t, err, "%s cut to %d bytes", path, n)
			require.NotContains(t, err.Error(), "\n")
		}
	}
}

func FuzzELF(f *testing.F) {
	for _, path := range objects {
		data := embedded(f, path)
		f.Add(data)
		for _, n := range []int{10, 64, 100, len(data) / 2, len(data) - 64, len(data) - 1} {
			f.Add(data[:n])
		}
	}
	f.Add(tiny())
	for _, name := range []string{"core.o", "funcs.o", "globals.o", "kconfig.o", "kfuncs.o", "ksyms.o", "legacy.o", "missing_map.o", "text_only.o", "values.o"} {
		f.Add(testdata(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		obj, err := elf.ReadBytes("fuzz.o", data)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		for _, p := range obj.Programs {
			require.NoError(t, p.Check())
		}
	})
}
