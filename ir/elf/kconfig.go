package elf

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
)

// kconfigSection is the section of variables that hold the kernel's
// configuration. It exists in BTF only.
const kconfigSection = ".kconfig"

// maxConfig bounds the text of a kernel configuration; that of Linux 6.18 has
// 0.3 MiB.
const maxConfig = 16 << 20

// kconfig adds the map that holds the variables of .kconfig, with the values of
// the kernel that the object is read for.
func (rd *reader) kconfig(obj *Object) error {
	var ds *btf.Datasec
	if rd.spec.Types == nil || rd.spec.Types.TypeByName(kconfigSection, &ds) != nil {
		return nil
	}
	if ds.Size == 0 || ds.Size > maxZeroed {
		return rd.errorf(kconfigSection, "", -1, "malformed: %d bytes of variables", ds.Size)
	}
	data := make([]byte, ds.Size)
	k := &kernelConfig{opts: rd.opts}
	for _, v := range ds.Vars {
		name := v.Type.TypeName()
		typ, ok := v.Type.(*btf.Var)
		if !ok || uint64(v.Offset)+uint64(v.Size) > uint64(len(data)) {
			return rd.errorf(kconfigSection, name, -1, "malformed: no variable of the section")
		}
		value, err := k.value(name)
		if err != nil {
			return rd.errorf(kconfigSection, name, -1, "%w", err)
		}
		if value == "" {
			if rd.weak(name) {
				continue // zero
			}
			return rd.errorf(kconfigSection, name, -1, "the kernel's configuration does not set it, and it is not weak")
		}
		if err := putConfig(data[v.Offset:v.Offset+v.Size], typ.Type, value); err != nil {
			return rd.errorf(kconfigSection, name, -1, "%w", err)
		}
	}
	m := &ir.MapSpec{
		Name: kconfigSection, Type: ir.Array, KeySize: 4, ValueSize: ds.Size, MaxEntries: 1, Flags: flagReadOnlyProg, Frozen: true,
		Contents: []ir.MapElem{{Key: make([]byte, 4), Value: data}}, BTF: &MapTypes{Key: &btf.Void{}, Value: ds},
	}
	rd.byName[kconfigSection], rd.order[m] = m, len(obj.Maps)
	obj.Maps = append(obj.Maps, m)
	return nil
}

// kernelConfig answers for the variables that .kconfig may declare.
type kernelConfig struct {
	opts Options
	set  map[string]string // the configuration, nil until it is read
}

// value returns the value as the configuration writes it: y, m, n, a number or a
// string in quotes; "" if it is not set. The names are those of libbpf 1.5
// (bpf_object__resolve_externs).
func (k *kernelConfig) value(name string) (string, error) {
	version, err := k.opts.version()
	if err != nil {
		return "", err
	}
	atLeast := func(major, minor uint32) string {
		if version >= major<<16|minor<<8 {
			return "1"
		}
		return "0"
	}
	switch {
	case name == "LINUX_KERNEL_VERSION":
		return strconv.Itoa(int(version)), nil
	case name == "LINUX_HAS_BPF_COOKIE":
		return atLeast(5, 15), nil
	case name == "LINUX_HAS_SYSCALL_WRAPPER": // on the machines that this project knows
		return atLeast(4, 17), nil
	case !strings.HasPrefix(name, "CONFIG_"):
		return "", fmt.Errorf("no variable of the kernel's configuration has this name: want CONFIG_*, LINUX_KERNEL_VERSION, LINUX_HAS_BPF_COOKIE or LINUX_HAS_SYSCALL_WRAPPER")
	}
	if k.set == nil {
		if k.set, err = k.opts.config(); err != nil {
			return "", err
		}
	}
	return k.set[name], nil
}

// version returns the kernel's version as LINUX_VERSION_CODE has it.
func (o Options) version() (uint32, error) {
	if o.Version != 0 {
		return o.Version, nil
	}
	v, err := features.LinuxVersionCode()
	if err != nil {
		return 0, fmt.Errorf("version of the running kernel: %s", oneLine(err))
	}
	return v, nil
}

// config reads the kernel's configuration: the given file, or that of the
// running kernel.
func (o Options) config() (map[string]string, error) {
	paths := []string{o.Config}
	if o.Config == "" {
		var name unix.Utsname
		if err := unix.Uname(&name); err != nil {
			return nil, fmt.Errorf("configuration of the running kernel: %w", err)
		}
		paths = []string{"/boot/config-" + unix.ByteSliceToString(name.Release[:]), "/proc/config.gz"}
	}
	for _, path := range paths {
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) && o.Config == "" {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("kernel configuration: %w", err)
		}
		defer f.Close()
		set, err := ParseConfig(f)
		if err != nil {
			return nil, fmt.Errorf("kernel configuration %s: %w", path, err)
		}
		return set, nil
	}
	return nil, fmt.Errorf("the running kernel does not show its configuration: neither of %q exists", paths)
}

// ParseConfig reads a kernel configuration, compressed by gzip or not: lines
// NAME=VALUE, comments and blank lines. The first of several values counts. More
// than 16 MiB of text and lines of any other form are an error with the line's
// number.
//
// Source: scripts/kconfig/confdata.c of Linux 6.18 writes it.
func ParseConfig(r io.Reader) (map[string]string, error) {
	in := bufio.NewReader(r)
	if magic, err := in.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		defer z.Close()
		in = bufio.NewReader(z)
	}
	text, err := io.ReadAll(io.LimitReader(in, maxConfig+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxConfig:
		return nil, fmt.Errorf("longer than %d bytes", maxConfig)
	}
	set, n := map[string]string{}, 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || name == "" || value == "" || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("line %d: not of the form NAME=VALUE", n)
		}
		if _, twice := set[name]; !twice {
			set[name] = value
		}
	}
	return set, nil
}

// putConfig writes a value of the configuration as a variable's type has it.
//
// Source: libbpf 1.5, set_kcfg_value_tri, set_kcfg_value_str and
// set_kcfg_value_num: a bool takes y and n, a tristate y, m and n, a char their
// letters, an array of char a string, cut if it is too long, an integer a
// number that it can hold.
func putConfig(data []byte, typ btf.Type, value string) error {
	switch typ := btf.UnderlyingType(typ).(type) {
	case *btf.Int:
		if value == "y" || value == "m" || value == "n" {
			return putLetter(data, typ, value)
		}
		return putNumber(data, typ, value)
	case *btf.Enum:
		number := map[string]uint32{"n": 0, "y": 1, "m": 2}
		x, ok := number[value]
		if typ.Name != "libbpf_tristate" || !ok || len(data) != 4 {
			return fmt.Errorf("the value %s does not fit enum %s: want enum libbpf_tristate and y, m or n", value, typ.Name)
		}
		binary.LittleEndian.PutUint32(data, x)
		return nil
	case *btf.Array:
		elem, ok := btf.UnderlyingType(typ.Type).(*btf.Int)
		quoted := len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"'
		if !ok || elem.Size != 1 || elem.Encoding == btf.Bool || !quoted || len(data) == 0 {
			return fmt.Errorf("the value %s does not fit the variable: strings belong into arrays of char", value)
		}
		copy(data[:len(data)-1], value[1:len(value)-1])
		return nil
	}
	return fmt.Errorf("variables of this type are not for the configuration: %v", typ)
}

func putLetter(data []byte, typ *btf.Int, value string) error {
	switch {
	case len(data) != 1 || typ.Size != 1:
	case typ.Encoding == btf.Bool && value != "m":
		if value == "y" {
			data[0] = 1
		}
		return nil
	case typ.Encoding != btf.Bool:
		data[0] = value[0]
		return nil
	}
	return fmt.Errorf("the value %s does not fit %s", value, typ.Name)
}

func putNumber(data []byte, typ *btf.Int, value string) error {
	bits := 8 * len(data)
	if typ.Size != uint32(len(data)) || bits > 64 {
		return fmt.Errorf("variables of %d bytes are not for numbers", len(data))
	}
	var x uint64
	var err error
	if typ.Encoding == btf.Signed {
		var signed int64
		signed, err = strconv.ParseInt(value, 0, bits)
		x = uint64(signed)
	} else {
		x, err = strconv.ParseUint(value, 0, bits)
	}
	if err != nil || typ.Encoding == btf.Bool && x > 1 {
		return fmt.Errorf("the value %s does not fit %s of %d bytes", value, typ.Name, len(data))
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], x)
	copy(data, b[:])
	return nil
}
