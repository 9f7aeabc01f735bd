package elf_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/elf"
)

func readTest(t testing.TB, name string, opts elf.Options) (*elf.Object, error) {
	t.Helper()
	return elf.ReadWith(name, bytes.NewReader(testdata(t, name)), opts)
}

func mapOf(t testing.TB, obj *elf.Object, name string) *ir.MapSpec {
	t.Helper()
	for _, m := range obj.Maps {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no map %q in %v", name, mapNames(obj.Maps))
	return nil
}

func TestLegacyMaps(t *testing.T) {
	obj, err := readTest(t, "legacy.o", elf.Options{})
	require.NoError(t, err)
	require.Equal(t, []*ir.MapSpec{
		{Name: "packets", Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 16},
		{Name: "senders", Type: ir.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 64, Flags: 1},
	}, obj.Maps)
	require.Equal(t, obj.Maps, obj.Programs[0].Maps)
	_, err = readTest(t, "legacy_extra.o", elf.Options{})
	require.EqualError(t, err, `elf: read legacy_extra.o: section "maps": symbol "senders": fields behind those of struct bpf_map_def are not supported: they hold 0000000001000000`)
	require.ErrorIs(t, err, elf.ErrUnsupported)
}

func TestGlobalsInManySections(t *testing.T) {
	obj, err := readTest(t, "globals.o", elf.Options{})
	require.NoError(t, err)
	le := binary.LittleEndian
	for name, want := range map[string]struct {
		frozen bool
		data   []byte
	}{
		".rodata":        {true, le.AppendUint32(nil, 100)},
		".rodata.tuning": {true, le.AppendUint64(nil, 0x1122334455667788)},
		".rodata.names":  {true, []byte("first\x00\x00\x00second\x00\x00")},
		".rodata.str1.1": {true, []byte("left %d\n\x00")},
		".data":          {false, le.AppendUint32(nil, 3)},
		".data.hot":      {false, le.AppendUint32(nil, 5)},
		".data.cold":     {false, []byte{1, 0, 2, 0, 3, 0, 4, 0}},
		".bss":           {false, make([]byte, 8)},
		".bss.big":       {false, make([]byte, 4096)},
		".bss.pair":      {false, make([]byte, 8)},
	} {
		m := mapOf(t, obj, name)
		require.Equal(t, want.frozen, m.Frozen, name)
		require.Equal(t, []ir.MapElem{{Key: make([]byte, 4), Value: want.data}}, m.Contents, name)
		require.Equal(t, uint32(len(want.data)), m.ValueSize, name)
	}
	require.Len(t, obj.Maps, 10)
	require.ElementsMatch(t, obj.Maps, obj.Programs[0].Maps)
	require.NoError(t, obj.SetGlobal("right", []byte{7, 7, 7, 7}))
	require.NoError(t, obj.SetGlobal("left", []byte{1, 1, 1, 1}))
	pair := mapOf(t, obj, ".bss.pair").Contents[0].Value
	require.ElementsMatch(t, []byte{1, 1, 1, 1, 7, 7, 7, 7}, pair)
	// The program refers to each variable where its section has it.
	offsets := map[string][]uint32{}
	for _, in := range obj.Programs[0].All() {
		if m, off, ok := in.Map(); ok {
			name := obj.Programs[0].Maps[m].Name
			offsets[name] = append(offsets[name], off)
		}
	}
	require.Subset(t, offsets[".bss.pair"], []uint32{0, 4})
	require.Equal(t, []uint32{0}, offsets[".bss.big"])
}

const config = `# a comment
CONFIG_BPF=y
CONFIG_VETH=m
CONFIG_BPF_LETTER=y
CONFIG_HZ=250

CONFIG_NEGATIVE=-5
CONFIG_NAME="eth"
CONFIG_LONG_NAME="0123456789"
# CONFIG_MISSING is not set
CONFIG_HZ=100
`

func kconfigOptions(t *testing.T, text string) elf.Options {
	return elf.Options{Config: write(t, "config", text), Version: 6<<16 | 18<<8 | 3}
}

func TestKconfig(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(config))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for _, text := range []string{config, packed.String()} {
		obj, err := readTest(t, "kconfig.o", kconfigOptions(t, text))
		require.NoError(t, err)
		m := mapOf(t, obj, ".kconfig")
		require.True(t, m.Frozen)
		require.Equal(t, uint32(1<<7), m.Flags)
		ds := m.BTF.(*elf.MapTypes).Value.(*btf.Datasec)
		le := binary.LittleEndian
		got := map[string][]byte{}
		for _, v := range ds.Vars {
			got[v.Type.TypeName()] = m.Contents[0].Value[v.Offset:][:v.Size]
		}
		minus := int64(-5)
		require.Equal(t, map[string][]byte{
			"LINUX_KERNEL_VERSION": le.AppendUint32(nil, 6<<16|18<<8|3), "CONFIG_BPF": {1}, "CONFIG_VETH": {2, 0, 0, 0}, "CONFIG_BPF_LETTER": {'y'},
			"CONFIG_HZ": le.AppendUint32(nil, 250), "CONFIG_NEGATIVE": le.AppendUint64(nil, uint64(minus)), "CONFIG_NAME": []byte("eth\x00\x00\x00\x00\x00"),
			"CONFIG_LONG_NAME": []byte("012\x00"), "CONFIG_MISSING": make([]byte, 8), "LINUX_HAS_BPF_COOKIE": {1},
		}, got)
		p := obj.Program("kconfig")
		require.Equal(t, []*ir.MapSpec{m}, p.Maps)
		loaded := map[uint32]bool{}
		for _, in := range p.All() {
			if _, off, ok := in.Map(); ok {
				require.Equal(t, ir.OpLoadImm(ir.PseudoMapValue), in.Op)
				loaded[off] = true
			}
		}
		for _, v := range ds.Vars {
			require.True(t, loaded[v.Offset], "%s at %d is never loaded: %v", v.Type.TypeName(), v.Offset, loaded)
		}
	}
}

func TestKconfigErrors(t *testing.T) {
	for old, tt := range map[string]struct{ new, want string }{
		"CONFIG_HZ=250\n":              {"CONFIG_HZ=y\n", `symbol "CONFIG_HZ": the value y does not fit`},
		"CONFIG_BPF=y\n":               {"", `symbol "CONFIG_BPF": the kernel's configuration does not set it, and it is not weak`},
		"CONFIG_VETH=m":                {"CONFIG_VETH=3", `symbol "CONFIG_VETH": the value 3 does not fit enum libbpf_tristate`},
		`CONFIG_NAME="eth"`:            {`CONFIG_NAME=eth`, `symbol "CONFIG_NAME": the value eth does not fit the variable: strings belong into arrays of char`},
		"CONFIG_NEGATIVE=-5":           {"CONFIG_NEGATIVE=99999999999999999999", `does not fit`},
		"# a comment\nCONFIG_BPF=y":    {"# a comment\nCONFIG_BPF=m", `symbol "CONFIG_BPF": the value m does not fit`},
		"# CONFIG_MISSING is not set ": {"", ""},
		"# CONFIG_MISSING is not set":  {"CONFIG_MISSING", `line 10: not of the form NAME=VALUE`},
		"CONFIG_HZ=100":                {"CONFIG_MISSING=-1", `symbol "CONFIG_MISSING": the value -1 does not fit`},
	} {
		_, err := readTest(t, "kconfig.o", kconfigOptions(t, strings.Replace(config, old, tt.new, 1)))
		if tt.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, tt.want)
		require.True(t, strings.HasPrefix(err.Error(), `elf: read kconfig.o: section ".kconfig": `), err.Error())
	}
	_, err := readTest(t, "kconfig.o", elf.Options{Config: filepath.Join(t.TempDir(), "none")})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = elf.ParseConfig(strings.NewReader("\x1f\x8bnonsense"))
	require.Error(t, err)
	bomb := &bytes.Buffer{}
	z := gzip.NewWriter(bomb)
	for range 17 << 4 {
		_, err := z.Write(make([]byte, 1<<16))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	_, err = elf.ParseConfig(bomb)
	require.EqualError(t, err, "longer than 16777216 bytes")
}

// spec makes type information of a kernel.
func spec(t *testing.T, types ...btf.Type) *btf.Spec {
	b, err := btf.NewBuilder(types, nil)
	require.NoError(t, err)
	raw, err := b.Marshal(nil, nil)
	require.NoError(t, err)
	s, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	require.NoError(t, err)
	return s
}

func idOf(t *testing.T, s *btf.Spec, typ btf.Type) uint32 {
	id, err := s.TypeID(typ)
	require.NoError(t, err)
	return uint32(id)
}

func TestKsyms(t *testing.T) {
	i32 := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	proto := &btf.FuncProto{Return: &btf.Void{}}
	types := []btf.Type{i32, &btf.Func{Name: "bpf_rcu_read_lock", Type: proto}, &btf.Func{Name: "bpf_rcu_read_unlock", Type: proto},
		&btf.Var{Name: "cpu_number_of_test", Type: &btf.Const{Type: i32}, Linkage: btf.GlobalVar}}
	opts := elf.Options{Kernel: spec(t, types...), Symbols: map[string]uint64{"linux_banner": 0xffffffff81234567}}
	obj, err := readTest(t, "ksyms.o", opts)
	require.NoError(t, err)
	var lock, unlock *btf.Func
	var number *btf.Var
	require.NoError(t, opts.Kernel.TypeByName("bpf_rcu_read_lock", &lock))
	require.NoError(t, opts.Kernel.TypeByName("bpf_rcu_read_unlock", &unlock))
	require.NoError(t, opts.Kernel.TypeByName("cpu_number_of_test", &number))
	want := map[string]uint32{"bpf_rcu_read_lock": idOf(t, opts.Kernel, lock), "bpf_rcu_read_unlock": idOf(t, opts.Kernel, unlock), "cpu_number_of_test": idOf(t, opts.Kernel, number)}
	p := obj.Programs[0]
	got, calls, poisoned, banner, variables := map[string]uint32{}, 0, 0, false, 0
	for _, x := range p.Externs {
		got[x.Name] = x.ID
		require.Equal(t, int64(x.ID), p.Insns[x.PC].Imm, x.Name)
	}
	for _, in := range p.All() {
		switch in.Op {
		case ir.OpCall(ir.CallKfunc):
			calls++
		case ir.OpCall(ir.CallHelper):
			poisoned++
			require.Equal(t, int64(2002000000), in.Imm)
		case ir.OpLoadImm(ir.PseudoBTFVar):
			variables++
		case ir.OpLoadImm(ir.PseudoNone):
			banner = banner || uint64(in.Imm) == 0xffffffff81234567
		}
	}
	require.Equal(t, want, got)
	require.Equal(t, 2, calls)
	require.Equal(t, 1, poisoned, "the call of a weak function that is missing")
	require.Equal(t, 2, variables, "the address of a function, and of a variable")
	require.True(t, banner)

	for name, tt := range map[string]struct {
		opts elf.Options
		want string
	}{
		"no function": {elf.Options{Kernel: spec(t, types[0], types[3])}, `section "tc": symbol "bpf_rcu_read_lock": offset 0x0: kernel function: the kernel has no such symbol, and it is not weak`},
		"no variable": {elf.Options{Kernel: spec(t, types[:3]...), Symbols: opts.Symbols}, `symbol "cpu_number_of_test": offset `},
		"no address":  {elf.Options{Kernel: opts.Kernel}, `symbol "linux_banner": offset `},
		"other type": {elf.Options{Kernel: spec(t, types[0], types[2], &btf.Func{Name: "bpf_rcu_read_lock", Type: &btf.FuncProto{Return: i32}})},
			`symbol "bpf_rcu_read_lock": offset 0x0: kernel function: declared with another type than the kernel's: `},
	} {
		_, err := readTest(t, "ksyms.o", tt.opts)
		require.ErrorContains(t, err, tt.want, name)
		require.NotContains(t, err.Error(), "\n")
	}
}

// The running kernel's own types resolve what they can, to what they say.
func TestRunningKernel(t *testing.T) {
	kernel, err := btf.LoadKernelSpec()
	if errors.Is(err, btf.ErrNotFound) || errors.Is(err, btf.ErrNotSupported) || errors.Is(err, os.ErrNotExist) {
		t.Skip("the running kernel has no BTF")
	}
	require.NoError(t, err)
	var task *btf.Struct
	require.NoError(t, kernel.TypeByName("task_struct", &task))
	tgid := int64(-1)
	for _, m := range task.Members {
		if m.Name == "tgid" {
			tgid = int64(m.Offset.Bytes())
		}
	}
	obj, err := readTest(t, "core.o", elf.Options{})
	require.NoError(t, err)
	found := false
	for _, in := range obj.Program("core").All() {
		found = found || in.Kind() == ir.KindALU && in.Imm == tgid
	}
	require.True(t, found, "the offset %d of tgid is not in the program", tgid)

	var lock *btf.Func
	if err := kernel.TypeByName("bpf_rcu_read_lock", &lock); errors.Is(err, btf.ErrNotFound) {
		t.Skip("the running kernel has no bpf_rcu_read_lock")
	}
	obj, err = readTest(t, "kfuncs.o", elf.Options{})
	require.NoError(t, err)
	require.Equal(t, idOf(t, kernel, lock), obj.Programs[0].Externs[0].ID)

	obj, err = readTest(t, "kconfig.o", elf.Options{})
	require.ErrorContains(t, err, "CONFIG_BPF_LETTER", "the running kernel's configuration sets what does not exist: %v", obj)
}

func TestValues(t *testing.T) {
	obj, err := readTest(t, "values.o", elf.Options{})
	require.NoError(t, err)
	first, second, tables := mapOf(t, obj, "first"), mapOf(t, obj, "second"), mapOf(t, obj, "tables")
	require.Equal(t, []ir.MapElem{{Key: []byte{0, 0, 0, 0}, Map: first}, {Key: []byte{5, 0, 0, 0}, Map: second}}, tables.Contents)
	require.Same(t, first, tables.Contents[0].Map)
	require.Equal(t, ir.ArrayOfMaps, tables.Type)
	require.Equal(t, uint32(4), tables.ValueSize)
	require.Equal(t, ir.Array, tables.Inner.Type)
	require.Equal(t, uint32(8), tables.Inner.ValueSize)
	require.Equal(t, []ir.MapElem{{Key: []byte{2, 0, 0, 0}, Program: "finish"}}, mapOf(t, obj, "jumps").Contents)
	require.Equal(t, uint64(5), mapOf(t, obj, "filter").Extra)
	start := obj.Program("start")
	require.Equal(t, []string{"first", "second", "tables", "jumps"}, mapNames(start.Maps))
	// The text of the program says the same.
	var text strings.Builder
	require.NoError(t, asm.Print(&text, start))
	again, err := asm.Parse("start.s", text.String())
	require.NoError(t, err)
	require.Same(t, again.Maps[1], again.Maps[2].Contents[1].Map)
	require.Equal(t, start.Maps[3].Contents, again.Maps[3].Contents)
}

func TestFunctions(t *testing.T) {
	obj, err := readTest(t, "funcs.o", elf.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"funcs"}, obj.Names(), "a static function is no program")
	p := obj.Programs[0]
	var names []string
	for _, f := range p.Funcs {
		names = append(names, f.Name)
	}
	require.Equal(t, "funcs", names[0])
	require.ElementsMatch(t, []string{"funcs", "beside", "chain", "global_add", "each"}, names)
	calls, callbacks := map[string]int{}, map[string]int{}
	for pc, in := range p.All() {
		target, ok := in.Target(pc)
		if !ok {
			continue
		}
		switch name := p.Funcs[p.FuncAt(target)].Name; in.Kind() {
		case ir.KindCall:
			calls[name]++
		case ir.KindLoadImm:
			callbacks[name]++
		}
	}
	require.Equal(t, map[string]int{"beside": 1, "chain": 1, "global_add": 1}, calls)
	require.Equal(t, map[string]int{"each": 1}, callbacks)
	require.Equal(t, btf.GlobalFunc, obj.Funcs["global_add"].Linkage)
	require.Equal(t, btf.StaticFunc, obj.Funcs["chain"].Linkage)
	require.Equal(t, "y", obj.Funcs["global_add"].Type.(*btf.FuncProto).Params[1].Name)
	for _, name := range names {
		require.Contains(t, obj.Funcs, name)
	}
	_, err = readTest(t, "text_only.o", elf.Options{})
	require.EqualError(t, err, `elf: read text_only.o: no programs: no function lies in a program section such as "xdp"`)
}

// sectionObject is a small object with one function in the given section.
func sectionObject(name string) []byte {
	le := binary.LittleEndian
	names := []byte("\x00.symtab\x00.strtab\x00f\x00license\x00")
	section := uint32(len(names))
	names = append(append(names, name...), 0)
	code := []byte{0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0}
	symbols := make([]byte, 48)
	le.PutUint32(symbols[24:], 17)
	symbols[28] = 1<<4 | 2 // global function
	le.PutUint16(symbols[30:], 1)
	le.PutUint64(symbols[40:], uint64(len(code)))
	out := make([]byte, 64)
	copy(out, "\x7fELF\x02\x01\x01")
	le.PutUint16(out[16:], 1)
	le.PutUint16(out[18:], 247)
	le.PutUint32(out[20:], 1)
	headers := make([]byte, 64)
	add := func(name, typ uint32, flags uint64, data []byte, link, info uint32, entry uint64) {
		h := make([]byte, 64)
		le.PutUint32(h, name)
		le.PutUint32(h[4:], typ)
		le.PutUint64(h[8:], flags)
		le.PutUint64(h[24:], uint64(len(out)))
		le.PutUint64(h[32:], uint64(len(data)))
		le.PutUint32(h[40:], link)
		le.PutUint32(h[44:], info)
		le.PutUint64(h[48:], 8)
		le.PutUint64(h[56:], entry)
		headers = append(headers, h...)
		out = append(out, data...)
	}
	add(section, 1, 6, code, 0, 0, 0)
	add(1, 2, 0, symbols, 3, 1, 24)
	add(9, 3, 0, names, 0, 0, 0)
	add(19, 1, 0, []byte("GPL\x00"), 0, 0, 0)
	le.PutUint64(out[40:], uint64(len(out)))
	le.PutUint16(out[52:], 64)
	le.PutUint16(out[58:], 64)
	le.PutUint16(out[60:], 5)
	le.PutUint16(out[62:], 3)
	return append(out, headers...)
}

// Every section name of libbpf has its type, attach type and flags, here and in
// the library underneath, whose table was made from a later libbpf; names that
// libbpf 1.5 refuses are refused.
func TestSections(t *testing.T) {
	count := 0
	for line := range strings.Lines(string(testdata(t, "sections.txt"))) {
		f := strings.Fields(line)
		if f[0] == "#" {
			continue
		}
		count++
		base, plus := strings.CutSuffix(f[0], "+")
		for _, name := range []string{base, base + "/some_target", "?" + base, base + "_suffix"} {
			want := plus && strings.HasPrefix(name, base+"/") || strings.TrimPrefix(name, "?") == base
			obj, err := elf.ReadBytes("s.o", sectionObject(name))
			if !want {
				if _, _, _, ok := elf.SectionProgram(name); !ok {
					require.ErrorContains(t, err, `section "`+name+`": symbol "f": unknown program section`)
					continue
				}
				// A name that extends another, such as tc and tc/ingress, is that one's.
				require.NoError(t, err)
				continue
			}
			require.NoError(t, err, name)
			p := obj.Programs[0]
			require.Equal(t, f[1:], strings.Fields(strings.Join([]string{number(uint32(p.Type)), number(p.AttachType), number(p.LoadFlags)}, " ")), name)
			theirs, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(sectionObject(name)))
			require.NoError(t, err)
			s := theirs.Programs["f"]
			require.Equal(t, []uint32{uint32(s.Type), uint32(s.AttachType), s.Flags}, []uint32{uint32(p.Type), p.AttachType, p.LoadFlags}, name)
		}
	}
	require.Equal(t, 101, count)
}

func number(x uint32) string { return strconv.Itoa(int(x)) }
