package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"
	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// mapJSON is what dump and lookup print of an element.
type mapJSON struct {
	Key   string `json:"key"` // hex
	Value string `json:"value"`
	// With --types: as the BTF types say.
	TypedKey   json.RawMessage `json:"typed_key,omitempty"`
	TypedValue json.RawMessage `json:"typed_value,omitempty"`
}

// infoJSON is what info prints of a map.
type infoJSON struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Key        uint32 `json:"key"`
	Value      uint32 `json:"value"`
	MaxEntries uint32 `json:"max_entries"`
	Flags      uint32 `json:"flags,omitempty"`
	CPUs       uint32 `json:"cpus,omitempty"` // with values of their own
	Elements   int    `json:"elements"`
	Frozen     bool   `json:"frozen"`
	Bytes      uint64 `json:"bytes"`
}

// mapTool works on a pinned map.
type mapTool struct {
	types, name string // the object that has the types, and the map's name there
	asJSON      bool
	out         *printer
	m           maps.Map
	key, value  btf.Type // nil without --types
}

func mapCmd() *cobra.Command {
	var t mapTool
	cmd := &cobra.Command{
		Use:   "map",
		Short: "read and change pinned maps: dump, lookup, update, delete, info, unpin",
		Long: `map works on the file of a pinned map (run --pin, or pipeline.Options.Pin), which no process may have open meanwhile.
Keys and values are hex bytes, in the order in which they lie in memory. With --types X.o they are JSON of the types that
the object gives the map: numbers, strings of hex digits with 0x in front, [lists] and {"objects"}; hex:BYTES stays possible.
A value of a per-CPU map is a list of those of all processors. Lookup and delete exit with 1 where the map has no such key.`,
	}
	pf := cmd.PersistentFlags()
	pf.StringVar(&t.types, "types", "", "object whose BTF describes keys and values")
	pf.StringVar(&t.name, "map", "", "name of the map in the object (the file's name)")
	pf.BoolVar(&t.asJSON, "json", false, "print one JSON object an element, on one line")
	sub := func(use, short string, args int, f func(args []string) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(args), RunE: func(cmd *cobra.Command, args []string) error {
			t.out = newPrinter(cmd, t.asJSON)
			if err := t.open(args[0]); err != nil {
				return err
			}
			return first(f(args[1:]), t.m.Close())
		}}
		cmd.AddCommand(c)
		return c
	}
	sub("dump PATH", "print all elements", 1, func([]string) error { return t.dump() })
	sub("info PATH", "print what the map is", 1, func([]string) error { return t.info() })
	sub("lookup PATH KEY", "print one element", 2, t.lookup)
	sub("delete PATH KEY", "take an element out", 2, t.remove)
	sub("unpin PATH", "remove the map", 1, func([]string) error { return maps.Unpin(t.m) })
	var exist, noexist bool
	update := sub("update PATH KEY VALUE", "set an element", 3, func(args []string) error {
		flags := uint64(abi.UpdateAny)
		switch {
		case exist && noexist:
			return errors.New("--exist and --noexist exclude each other")
		case exist:
			flags = abi.UpdateExist
		case noexist:
			flags = abi.UpdateNoExist
		}
		return t.update(args, flags)
	})
	update.Flags().BoolVar(&exist, "exist", false, "only if the map has the key")
	update.Flags().BoolVar(&noexist, "noexist", false, "only if the map does not have the key")
	return cmd
}

func (t *mapTool) open(path string) error {
	m, err := maps.OpenPinned(path)
	if err != nil {
		return err
	}
	t.m = m
	if t.types != "" {
		if err := t.findTypes(m.Spec()); err != nil {
			return first(fmt.Errorf("--types %s: %w", t.types, err), m.Close())
		}
	}
	return nil
}

// findTypes takes the types of the map of the object that has the wanted name.
func (t *mapTool) findTypes(s *ir.MapSpec) error {
	o, err := elf.Load(t.types)
	if err != nil {
		return err
	}
	name := t.name
	if name == "" {
		name = s.Name
	}
	for _, m := range o.Maps {
		if m.Name != name {
			continue
		}
		types, ok := m.BTF.(*elf.MapTypes)
		if !ok {
			return fmt.Errorf("map %q has no types", name)
		}
		if m.KeySize != s.KeySize || m.ValueSize != s.ValueSize {
			return fmt.Errorf("map %q has keys of %d and values of %d bytes, the pinned one of %d and %d", name, m.KeySize, m.ValueSize, s.KeySize, s.ValueSize)
		}
		t.key, t.value = types.Key, types.Value
		return nil
	}
	return fmt.Errorf("it has no map %q: --map names one", name)
}

func (t *mapTool) dump() error {
	for k, v := range maps.All(t.m) {
		if err := t.print(k, v); err != nil {
			return err
		}
	}
	return nil
}

func (t *mapTool) print(k, v []byte) error {
	e := mapJSON{Key: hex.EncodeToString(k), Value: hex.EncodeToString(v)}
	text := e.Key + ": " + e.Value
	if t.key != nil || t.value != nil {
		var err1, err2 error
		e.TypedKey, err1 = printTyped(t.key, k)
		e.TypedValue, err2 = t.printValue(v)
		if err := first(err1, err2); err != nil {
			return err
		}
		text = string(e.TypedKey) + ": " + string(e.TypedValue)
	}
	return t.out.answer(&e, text)
}

// cpus returns how many values the map has for a key.
func (t *mapTool) cpus() int {
	if p, ok := maps.AsPerCPU(t.m); ok {
		return int(p.CPUs())
	}
	return 0
}

func (t *mapTool) printValue(v []byte) (json.RawMessage, error) {
	n := t.cpus()
	if n == 0 {
		return printTyped(t.value, v)
	}
	var all []json.RawMessage
	for i := range n {
		one, err := printTyped(t.value, v[i*len(v)/n:][:t.m.Spec().ValueSize])
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return json.Marshal(all)
}

func (t *mapTool) info() error {
	i := maps.InfoOf(t.m)
	j := infoJSON{Name: i.Name, Type: i.Type.String(), Key: i.KeySize, Value: i.ValueSize, MaxEntries: i.MaxEntries, Flags: i.Flags,
		CPUs: uint32(t.cpus()), Elements: i.Elements, Frozen: i.Frozen, Bytes: i.Bytes}
	text := fmt.Sprintf("%s: %s, key %d B, value %d B, %d of %d elements", j.Name, j.Type, j.Key, j.Value, j.Elements, j.MaxEntries)
	if j.Frozen {
		text += ", frozen"
	}
	return t.out.answer(&j, text)
}

func (t *mapTool) lookup(args []string) error {
	k, err := t.parseKey(args[0])
	if err != nil {
		return err
	}
	v, err := t.m.Lookup(k)
	if errors.Is(err, maps.ErrKeyNotExist) {
		return end(no)
	}
	if err != nil {
		return err
	}
	return t.print(k, v)
}

func (t *mapTool) remove(args []string) error {
	k, err := t.parseKey(args[0])
	if err != nil {
		return err
	}
	err = t.m.Delete(k)
	if errors.Is(err, maps.ErrKeyNotExist) {
		return end(no)
	}
	return err
}

func (t *mapTool) update(args []string, flags uint64) error {
	k, err := t.parseKey(args[0])
	if err != nil {
		return err
	}
	s := t.m.Spec()
	var v []byte
	switch n := t.cpus(); {
	case n == 0:
		v, err = parseBytes("VALUE", args[1], t.value, int(s.ValueSize))
	case t.value != nil && !strings.HasPrefix(args[1], rawPrefix):
		v, err = parseEach("VALUE", args[1], t.value, n, (int(s.ValueSize)+7)&^7)
	default:
		v, err = parseBytes("VALUE", args[1], nil, n*((int(s.ValueSize)+7)&^7))
	}
	if err != nil {
		return err
	}
	return t.m.Update(k, v, flags)
}

func (t *mapTool) parseKey(text string) ([]byte, error) {
	return parseBytes("KEY", text, t.key, int(t.m.Spec().KeySize))
}

// rawPrefix marks bytes where a typed value is expected.
const rawPrefix = "hex:"

// parseBytes reads a key or a value of a size: of a type where there is one.
func parseBytes(what, text string, t btf.Type, size int) ([]byte, error) {
	digits, raw := strings.CutPrefix(text, rawPrefix)
	if t != nil && !raw {
		return parseTyped(what, text, t, size)
	}
	var b []byte
	high, half := byte(0), false
	for i, c := range digits {
		x, err := hex.DecodeString("0" + string(c))
		switch {
		case c == ' ':
		case err != nil:
			return nil, fmt.Errorf("%s: character %d: %q is no hexadecimal digit", what, i+1, c)
		case half:
			b, half = append(b, high<<4|x[0]), false
		default:
			high, half = x[0], true
		}
	}
	if half || len(b) != size {
		return nil, fmt.Errorf("%s: %d hexadecimal digits, want %d for %d bytes", what, len(strings.ReplaceAll(digits, " ", "")), 2*size, size)
	}
	return b, nil
}
