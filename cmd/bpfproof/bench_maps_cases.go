package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// mapOps is how often a run makes the operation; mapKeys how many keys there
// are, a power of two.
const (
	mapOps   = 500
	mapBits  = 13
	mapKeys  = 1 << mapBits
	mapLarge = 10_000_000
)

// mapCase is an operation to measure. Its program finds a key at r10-4 and r10-8
// (LPM: length and prefix), counts in r7 what went wrong, and keeps r6 to r9.
type mapCase struct {
	name   string
	spec   string // of map m in the text of programs, "" for none
	body   string
	large  bool
	scales bool // a read, to be measured on several threads as well
	empty  bool // the loop alone
	keys   func(i int) ([]byte, bool)
	app    func(m maps.Map, key, value []byte) error // of the application, instead of body
	bpf    func(m *kernel.Map, key, value []byte) error
}

// hashIndex spreads an index over 32 bits; programs do the same.
func hashIndex(i uint32) uint32 { return i * 2654435769 }

func plainKey(i int) ([]byte, bool) {
	return binary.LittleEndian.AppendUint32(nil, uint32(i)), i < mapKeys
}

func largeKey(i int) ([]byte, bool) {
	return binary.LittleEndian.AppendUint32(nil, uint32(i)), i < mapLarge
}

func oddKey(i int) ([]byte, bool) {
	return binary.LittleEndian.AppendUint32(nil, uint32(i)|1<<20), i < mapKeys
}

// prefixKey gives 10,000 prefixes of 8 to 32 bits.
func prefixKey(i int) ([]byte, bool) {
	bits := uint32(8 + i*7%25)
	key := binary.LittleEndian.AppendUint32(nil, bits)
	addr := binary.LittleEndian.AppendUint32(nil, hashIndex(uint32(i)))
	for b := range addr {
		keep := min(8, max(0, int(bits)-8*b))
		addr[b] &= ^byte(0xff >> keep)
	}
	return append(key, addr...), i < 10_000
}

const (
	hashSpec  = "hash key 4 value 8 entries 16384"
	lookup    = "r1 = map[m]\nr2 = r10\nr2 += -4\ncall map_lookup_elem\n"
	missIsBad = "if r0 != 0 goto next\nr7 += 1\n"
	hitIsBad  = "if r0 == 0 goto next\nr7 += 1\n"
	update    = "*(u64 *)(r10 - 16) = r8\nr1 = map[m]\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\nr4 = 0\ncall map_update_elem\n"
	remove    = "r1 = map[m]\nr2 = r10\nr2 += -4\ncall map_delete_elem\n"
)

var mapCases = []mapCase{
	{name: "array_lookup", spec: "array key 4 value 8 entries 8192", body: lookup + missIsBad},
	{name: "hash_hit", scales: true, spec: hashSpec, body: lookup + missIsBad, keys: plainKey},
	{name: "hash_miss", spec: hashSpec, body: lookup + hitIsBad, keys: oddKey},
	{name: "hash_update", spec: hashSpec, body: update + hitIsBad, keys: plainKey},
	{name: "hash_insert_delete", spec: hashSpec, body: update + "r7 += r0\n" + remove + hitIsBad, keys: oddKey},
	{name: "percpu_array", spec: "percpu_array key 4 value 8 entries 8192", body: lookup + missIsBad},
	{name: "lru_hit", spec: "lru_hash key 4 value 8 entries 16384", body: lookup + missIsBad, keys: plainKey},
	{name: "lru_update_evicting", spec: "lru_hash key 4 value 8 entries 4096", body: update + hitIsBad},
	{name: "lpm_lookup", scales: true, spec: "lpm_trie key 8 value 8 entries 10000 flags 1", keys: prefixKey,
		body: "r1 = *(u32 *)(r10 - 4)\nw1 *= -1640531527\n*(u32 *)(r10 - 20) = r1\n*(u32 *)(r10 - 24) = 32\nr1 = map[m]\nr2 = r10\nr2 += -24\ncall map_lookup_elem\n" + missIsBad},
	{name: "queue_push_pop", spec: "queue key 0 value 8 entries 16",
		body: "*(u64 *)(r10 - 16) = r8\nr1 = map[m]\nr2 = r10\nr2 += -16\nr3 = 0\ncall map_push_elem\nr7 += r0\nr1 = map[m]\nr2 = r10\nr2 += -16\ncall map_pop_elem\n" + hitIsBad},
	{name: "ringbuf_64", spec: "ringbuf key 0 value 0 entries 65536",
		body: "r1 = map[m]\nr2 = 64\nr3 = 0\ncall ringbuf_reserve\nif r0 == 0 goto bad\n*(u64 *)(r0 + 0) = r8\nr1 = r0\nr2 = 1\ncall ringbuf_submit\ngoto next\nbad:\nr7 += 1\n"},
	{name: "ringbuf_output_64", spec: "ringbuf key 0 value 0 entries 65536",
		body: "r1 = map[m]\nr2 = r10\nr2 += -80\nr3 = 64\nr4 = 1\ncall ringbuf_output\n" + hitIsBad},
	{name: "helper_call", body: "call get_smp_processor_id\n"},
	{name: "helper_go", body: "call get_prandom_u32\n"},
	{name: "hash_hit_10m", spec: "hash key 4 value 8 entries 10000000", body: lookup + missIsBad, keys: largeKey, large: true},
	{name: "app_lookup", spec: hashSpec, keys: plainKey, app: appLookup, bpf: bpfLookup},
	{name: "app_lookup_into", scales: true, spec: hashSpec, keys: plainKey, app: appLookupInto, bpf: bpfLookup},
	{name: "app_array_lookup", spec: "array key 4 value 8 entries 8192", app: appLookup, bpf: bpfLookup},
	{name: "app_update", spec: hashSpec, keys: plainKey, app: appUpdate, bpf: bpfUpdate},
}

var errMissing = errors.New("a key is missing")

// appBuffer is what an operation of the application works with.
type appBuffer struct {
	key   [4]byte
	value [8]byte
}

// at sets the key of operation i, and returns key and value.
func (b *appBuffer) at(i int) (key, value []byte) {
	binary.LittleEndian.PutUint32(b.key[:], hashIndex(uint32(i))>>(32-mapBits))
	return b.key[:], b.value[:]
}

func appLookup(m maps.Map, key, _ []byte) error {
	v, err := m.Lookup(key)
	if err == nil && len(v) != 8 {
		return errMissing
	}
	return err
}

func appLookupInto(m maps.Map, key, value []byte) error { return maps.LookupInto(m, key, value) }

func bpfLookup(m *kernel.Map, key, _ []byte) error {
	_, err := m.Lookup(key)
	return err
}

func appUpdate(m maps.Map, key, value []byte) error { return m.Update(key, value, 0) }

func bpfUpdate(m *kernel.Map, key, value []byte) error { return m.Update(key, value, 0) }

// programs returns the case and its loop alone.
func (c *mapCase) programs() []*mapCase {
	if c.app != nil {
		return []*mapCase{c}
	}
	alone := *c
	alone.empty = true
	return []*mapCase{c, &alone}
}

// each returns the nanoseconds of one operation.
func (c *mapCase) each(ns []float64) float64 {
	if c.app != nil {
		return ns[0]
	}
	return (ns[0] - ns[1]) / mapOps
}

// source is the program's text.
func (c *mapCase) source() string {
	bits := mapBits
	if c.large {
		bits = 23
	}
	spec, body := ".map m "+c.spec+"\n", c.body
	if c.empty || c.spec == "" {
		spec = ""
	}
	if c.empty {
		body = ""
	}
	init := ""
	for off := 8; off <= 80; off += 8 {
		init += fmt.Sprintf("*(u64 *)(r10 - %d) = 0\n", off)
	}
	return ".type xdp\n.license GPL\n" + spec + ".map seed array key 4 value 8 entries 1\n" + init +
		"r9 = map[seed] + 0\nr8 = *(u64 *)(r9 + 0)\nr7 = 0\n" + fmt.Sprintf("r6 = %d\n", mapOps) +
		"loop:\nr8 += 1\nw1 = w8\nw1 *= -1640531527\n" + fmt.Sprintf("w1 >>= %d\n", 32-bits) + "*(u32 *)(r10 - 4) = r1\n" +
		body + "next:\nr6 += -1\nif r6 != 0 goto loop\n*(u64 *)(r9 + 0) = r8\nr0 = r7\nexit\n"
}

func (c *mapCase) appSpec() *ir.MapSpec {
	s := &ir.MapSpec{Name: "m", Type: ir.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 2 * mapKeys}
	if strings.HasPrefix(c.spec, "array") {
		s.Type, s.MaxEntries = ir.Array, mapKeys
	}
	return s
}

// fill sets the elements of the case.
func (c *mapCase) fill(set func(key, value []byte, flags uint64) error) error {
	if c.keys == nil || c.empty {
		return nil
	}
	for i := 0; ; i++ {
		key, ok := c.keys(i)
		if !ok {
			return nil
		}
		if err := set(key, binary.LittleEndian.AppendUint64(nil, uint64(i)), 0); err != nil {
			return err
		}
	}
}

func (b *mapsBench) openKernel(_ context.Context, c *mapCase) (timer, error) {
	if c.app != nil {
		m, err := kernel.NewMap(c.appSpec())
		if err != nil {
			return nil, err
		}
		return &appTimer[*kernel.Map]{m: m, do: c.bpf}, c.fill(m.Update)
	}
	p, err := c.program()
	if err != nil {
		return nil, err
	}
	k, err := kernel.Load(p, kernel.Options{})
	if err != nil {
		return nil, err
	}
	t := &kernelTimer{k, make([]byte, 64)}
	for i, m := range k.Maps() {
		if p.Maps[i].Name != "m" {
			continue
		}
		if p.Maps[i].Type == ir.RingBuf {
			return drainKernel(t, m)
		}
		return t, c.fill(m.Update)
	}
	return t, nil
}

// drainKernel reads a ring buffer of the kernel by moving the reader's position,
// which is the first word of its first page; the writer's is that of the second.
func drainKernel(t timer, m *kernel.Map) (timer, error) {
	page := unix.Getpagesize()
	cons, err := unix.Mmap(m.FD(), 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	prod, err := unix.Mmap(m.FD(), int64(page), page, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return &mapTimer{t, func() error {
		copy(cons[:8], prod[:8])
		return nil
	}}, nil
}
