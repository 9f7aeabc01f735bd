package elf_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/elf"
)

const include = "../../corpus/include"

// needClang skips the test where there is no compiler.
func needClang(t *testing.T) {
	t.Helper()
	if _, err := elf.FindClang(""); err != nil {
		require.ErrorIs(t, err, elf.ErrNoCompiler)
		t.Skip(err)
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func TestCompile(t *testing.T) {
	needClang(t)
	dst := filepath.Join(t.TempDir(), "classifier.o")
	warnings, err := elf.Compile(t.Context(), "../../corpus/examples/xdp_classifier.c", dst, elf.CompileOptions{Include: []string{include}})
	require.NoError(t, err)
	require.Empty(t, warnings)
	obj, err := elf.Load(dst)
	require.NoError(t, err)
	require.Equal(t, []string{"proto_packets", "proto_bytes", "sources"}, mapNames(obj.Programs[0].Maps))
}

func TestCompileErrors(t *testing.T) {
	_, err := elf.Compile(t.Context(), "testdata/core.c", "x.o", elf.CompileOptions{Clang: "no-such-compiler"})
	require.ErrorIs(t, err, elf.ErrNoCompiler)
	require.ErrorContains(t, err, `"no-such-compiler"`)
	require.NoFileExists(t, "x.o")

	_, err = elf.Compile(t.Context(), "testdata/none.c", "x.o", elf.CompileOptions{})
	require.ErrorIs(t, err, os.ErrNotExist)

	needClang(t)
	src, dst := write(t, "bad.c", "int x = ;\n"), filepath.Join(t.TempDir(), "bad.o")
	require.NoError(t, os.WriteFile(dst, []byte("old"), 0o644))
	_, err = elf.Compile(t.Context(), src, dst, elf.CompileOptions{})
	var failed *elf.CompileError
	require.ErrorAs(t, err, &failed)
	require.Contains(t, failed.Diagnostics, "bad.c:1:9: error: expected expression")
	require.Contains(t, err.Error(), failed.Diagnostics[:20])
	old, err := os.ReadFile(dst)
	require.NoError(t, err)
	require.Equal(t, "old", string(old), "a failed compilation changed the object")
	left, err := filepath.Glob(filepath.Join(filepath.Dir(dst), ".compile-*"))
	require.NoError(t, err)
	require.Empty(t, left)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = elf.Compile(ctx, src, dst, elf.CompileOptions{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestLoadAny(t *testing.T) {
	exit := []byte{0xb7, 0, 0, 0, 7, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0}
	want := []ir.Insn{{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Imm: 7}, {Op: ir.OpExit()}}
	files := map[string]string{
		"p.bin": string(exit),
		"p.hex": "b700 0000 07000000 # r0 = 7\n95 00 00 00 00 00 00 00\n",
		"p.s":   "r0 = 7\nexit\n",
	}
	for name, text := range files {
		obj, err := elf.LoadAny(t.Context(), write(t, name, text), elf.AnyOptions{Type: ir.XDP})
		require.NoError(t, err, name)
		require.Equal(t, []string{"p"}, obj.Names(), name)
		require.Equal(t, want, obj.Programs[0].Insns, name)
		require.Equal(t, ir.XDP, obj.Programs[0].Type, name)
		require.Equal(t, []ir.Func{{Name: "p"}}, obj.Programs[0].Funcs, name)
	}
	obj, err := elf.LoadAny(t.Context(), "../../corpus/examples/xdp_globals.o", elf.AnyOptions{})
	require.NoError(t, err)
	require.Len(t, obj.Programs, 2)
}

func TestLoadAnyFromC(t *testing.T) {
	needClang(t)
	obj, err := elf.LoadAny(t.Context(), "../../corpus/examples/xdp_globals.c", elf.AnyOptions{Compile: elf.CompileOptions{Include: []string{include}}})
	require.NoError(t, err)
	require.Equal(t, []string{"xdp_globals", "xdp_count"}, obj.Names())
	require.Equal(t, "../../corpus/examples/xdp_globals.c", obj.Name)
}

func TestLoadAnyErrors(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"p.txt": {"", "unknown kind of file: want .o, .c, .s, .bin or .hex"},
		"p.bin": {"\x95\x00\x00", "wire: decode slot 0: cut: 3 bytes"},
		"p.hex": {"95 00\n00 0g", `line 2, column 5: 'g' is no hexadecimal digit`},
		"q.hex": {"950", "3 hexadecimal digits are not a whole number of bytes"},
		"p.s":   {"r0 = 7\n", "execution runs off the end"},
		"q.s":   {"r0 = nonsense\n", "q.s:1:6: "},
		"p.o":   {"", "not an ELF file"},
		"q.bin": {"\x18\x11\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00", "map 0 does not exist"},
		"r.bin": {"", "program has no instructions"},
	} {
		path := write(t, name, tt.text)
		_, err := elf.LoadAny(t.Context(), path, elf.AnyOptions{})
		require.ErrorContains(t, err, tt.want, name)
		require.Contains(t, err.Error(), path, "the error does not name the file")
		require.False(t, bytes.ContainsRune([]byte(err.Error()), '\n'))
	}
	_, err := elf.LoadAny(t.Context(), "none.s", elf.AnyOptions{})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestPinByName: a map's definition may ask that the map outlive the process.
func TestPinByName(t *testing.T) {
	needClang(t)
	src := write(t, "pin.c", `#include "bpfproof.h"
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, 1); /* LIBBPF_PIN_BY_NAME */
	__type(key, u32);
	__type(value, u64);
} kept SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} gone SEC(".maps");
SEC("xdp") int count(void *ctx)
{
	u32 zero = 0;
	u64 *a = bpf_map_lookup_elem(&kept, &zero), *b = bpf_map_lookup_elem(&gone, &zero);
	if (a && b)
		*b = ++*a;
	return 2;
}
`)
	dst := filepath.Join(t.TempDir(), "pin.o")
	_, err := elf.Compile(t.Context(), src, dst, elf.CompileOptions{Include: []string{include}})
	require.NoError(t, err)
	obj, err := elf.Load(dst)
	require.NoError(t, err)
	require.Equal(t, []string{"kept", "gone"}, mapNames(obj.Maps))
	require.True(t, obj.Maps[0].PinByName)
	require.False(t, obj.Maps[1].PinByName)
}
