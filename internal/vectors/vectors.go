// Package vectors reads ground truth for verifiers: files of programs with the
// verdict that a live kernel gave. One JSON object a line; the fields are those
// of [Vector].
//
//	all, err := vectors.Read("verifier.jsonl")
//	p, err := all[0].Program()
//
// A file made from the Linux selftests is not part of the repository: [Path]
// names where one is looked for. The package must not know who judges or runs
// the programs.
package vectors

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/wire"
)

// Vector is a program with what a kernel made of it.
type Vector struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Category   string   `json:"category"`
	ProgType   string   `json:"prog_type"`   // as in enum bpf_prog_type, without the prefix
	AttachType string   `json:"attach_type"` // as in enum bpf_attach_type, without the prefix; or empty
	AttachFunc string   `json:"attach_func"` // what the program is attached to, by its name
	LoadFlags  uint32   `json:"load_flags"`
	License    string   `json:"license"`
	Insns      string   `json:"insns_hex"`
	InsnsZlib  string   `json:"insns_zlib_b64"`
	Maps       []Map    `json:"maps"`
	Relocs     []Reloc  `json:"map_relocs"`
	Kfuncs     []Kfunc  `json:"kfunc_relocs"`
	FuncInfo   [][2]int `json:"func_info"` // functions that BTF describes: instruction and type
	BTFTypes   string   `json:"btf_types_hex"`
	BTFStrings string   `json:"btf_strings_hex"`
	Needs      []string `json:"needs"` // what the program needs beside its bytes and maps

	Expect       string `json:"expect"` // accept or reject
	ExpectUnpriv string `json:"expect_unprivileged"`
	Reason       string `json:"reject_reason"`
	Runs         []Run  `json:"runs"`
	Kernel       struct {
		Insns  int `json:"insns_processed"`
		Micros int `json:"verification_us"`
	} `json:"kernel"`
}

// Map is a map of a vector's program.
type Map struct {
	Type        string `json:"type"`
	KeySize     uint32 `json:"key_size"`
	ValueSize   uint32 `json:"value_size"`
	MaxEntries  uint32 `json:"max_entries"`
	Flags       uint32 `json:"flags"`
	Name        string `json:"name"`
	Init        []Elem `json:"init"`
	Inner       *Map   `json:"inner"`
	ValueTypeID uint32 `json:"btf_value_type_id"`
	BTFTypes    string `json:"btf_types_hex"`
	BTFStrings  string `json:"btf_strings_hex"`
}

// Elem is an initial element: a value, or a program.
type Elem struct {
	Key   string `json:"key_hex"`
	Value string `json:"value_hex"`
	Prog  string `json:"prog_insns_hex"`
	Self  []int  `json:"self_map_insns"` // instructions of Prog that load this map
}

// Reloc says that the 64-bit load at Insn loads map number Map, or the address
// of its value.
type Reloc struct {
	Insn int
	Map  int
}

// Kfunc says that the call at Insn calls a function of the kernel.
type Kfunc struct {
	Insn  int
	Kfunc string
}

// Run is an input with the program's result.
type Run struct {
	Data   string `json:"data_hex"`
	Retval uint32 `json:"retval"`
}

// Path returns where a file of vectors is looked for, given a checkout's root:
// the environment's BPFPROOF_VECTORS, or beside the checkout.
func Path(root string) string {
	if p := os.Getenv("BPFPROOF_VECTORS"); p != "" {
		return p
	}
	return root + "/../shared/vectors/verifier.jsonl"
}

// Missing is what a test that skips for want of vectors says.
const Missing = "no vectors: set BPFPROOF_VECTORS to a verifier.jsonl made from the Linux selftests (tools/testing/selftests/bpf/verifier)"

// maxLine bounds a line of a file in bytes.
const maxLine = 64 << 20

// Read reads a file of vectors.
func Read(path string) ([]Vector, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("vectors: read: %w", err)
	}
	defer f.Close()
	var all []Vector
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var v Vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			return nil, fmt.Errorf("vectors: read %s:%d: %w", path, n, err)
		}
		all = append(all, v)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("vectors: read %s: %w", path, err)
	}
	return all, nil
}

func (v *Vector) bytes() ([]byte, error) {
	if v.InsnsZlib == "" {
		return hex.DecodeString(v.Insns)
	}
	packed, err := base64.StdEncoding.DecodeString(v.InsnsZlib)
	if err != nil {
		return nil, err
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, ir.MaxSlots*8+1))
}

// Program builds the vector's program. A *wire.Error or an unknown type is what
// a loader would refuse before verification.
func (v *Vector) Program() (*ir.Program, error) {
	fail := func(err error) (*ir.Program, error) { return nil, fmt.Errorf("vectors: build %s: %w", v.ID, err) }
	raw, err := v.bytes()
	if err != nil {
		return fail(err)
	}
	insns, err := wire.Decode(raw)
	if err != nil {
		return fail(err)
	}
	kind, ok := ir.ParseProgType(strings.ToLower(v.ProgType))
	if !ok {
		return fail(fmt.Errorf("program type %q", v.ProgType))
	}
	p := &ir.Program{Name: v.ID, Type: kind, License: v.License, LoadFlags: v.LoadFlags, AttachTo: v.AttachFunc, Insns: insns}
	if v.AttachType != "" {
		a, ok := abi.ParseAttachType(strings.ToLower(v.AttachType))
		if !ok {
			return fail(fmt.Errorf("attach type %q", v.AttachType))
		}
		p.AttachType = uint32(a)
	}
	for i := range v.Maps {
		spec, err := v.Maps[i].spec()
		if err != nil {
			return fail(fmt.Errorf("map %d: %w", i, err))
		}
		p.Maps = append(p.Maps, spec)
	}
	if err := v.relocate(insns); err != nil {
		return fail(err)
	}
	for _, k := range v.Kfuncs {
		p.Externs = append(p.Externs, ir.Extern{PC: ir.PC(k.Insn), Name: k.Kfunc})
	}
	p.FindFuncs()
	if err := v.checkTypes(p); err != nil {
		return fail(err)
	}
	if err := v.globals(p); err != nil {
		return fail(err)
	}
	return p, nil
}

// tailCall is the number of the helper.
const tailCall = int64(abi.TailCall)

// checkTypes refuses what the kernel loads only with BTF of the functions:
// references to functions, and functions other than the first that may end in
// their middle (check_abnormal_return in kernel/bpf/verifier.c of Linux 6.18).
func (v *Vector) checkTypes(p *ir.Program) error {
	if len(v.FuncInfo) > 0 {
		return nil
	}
	for pc, in := range p.All() {
		helper := in.Kind() == ir.KindCall && in.Row().Pseudo == ir.CallHelper
		inner := p.FuncAt(pc) > 0
		switch {
		case in.Kind() == ir.KindLoadImm && in.Row().Pseudo == ir.PseudoFunc:
			return fmt.Errorf("insn %d: missing btf func_info", pc)
		case inner && in.Kind() == ir.KindLoadPacket:
			return fmt.Errorf("insn %d: LD_ABS is not allowed in subprogs without BTF", pc)
		case inner && helper && in.Imm == tailCall:
			return fmt.Errorf("insn %d: tail_call is not allowed in subprogs without BTF", pc)
		}
	}
	return nil
}

// relocate names the maps in the instructions; loads of maps without a
// relocation name none, which ir.Check refuses.
func (v *Vector) relocate(insns []ir.Insn) error {
	for pc := range insns {
		if _, _, ok := insns[pc].Map(); ok {
			insns[pc].Imm |= 0xffffffff
		}
	}
	for _, r := range v.Relocs {
		if r.Insn < 0 || r.Insn >= len(insns) || r.Map < 0 || r.Map >= len(v.Maps) {
			return fmt.Errorf("relocation of map %d at insn %d", r.Map, r.Insn)
		}
		in := &insns[r.Insn]
		in.Imm = in.Imm&^0xffffffff | int64(r.Map)
	}
	return nil
}

// Tail is a program that a vector's program array holds.
type Tail struct {
	Map     string // the array's name in the program
	Index   uint32
	Program *ir.Program // its maps are those of the vector's program
}

// Tails returns the programs that the arrays of p, the vector's program, hold.
func (v *Vector) Tails(p *ir.Program) ([]Tail, error) {
	var tails []Tail
	for i := range v.Maps {
		for j, e := range v.Maps[i].Init {
			if e.Prog == "" {
				continue
			}
			t, err := e.tail(p, i, fmt.Sprintf("%s-map%d-%d", p.Name, i, j))
			if err != nil {
				return nil, fmt.Errorf("vectors: build %s: map %d: %w", v.ID, i, err)
			}
			tails = append(tails, t)
		}
	}
	return tails, nil
}

func (e *Elem) tail(p *ir.Program, index int, name string) (Tail, error) {
	key, err := hex.DecodeString(e.Key)
	if err != nil {
		return Tail{}, err
	}
	raw, err := hex.DecodeString(e.Prog)
	if err != nil {
		return Tail{}, err
	}
	insns, err := wire.Decode(raw)
	if err != nil {
		return Tail{}, err
	}
	if len(key) != 4 {
		return Tail{}, fmt.Errorf("key of %d bytes", len(key))
	}
	for _, pc := range e.Self {
		if pc < 0 || pc >= len(insns) {
			return Tail{}, fmt.Errorf("load of the map at insn %d", pc)
		}
		insns[pc].Imm = insns[pc].Imm&^0xffffffff | int64(index)
	}
	q := &ir.Program{Name: name, Type: p.Type, AttachType: p.AttachType, License: p.License, Insns: insns, Maps: p.Maps}
	q.FindFuncs()
	return Tail{Map: p.Maps[index].Name, Index: binary.LittleEndian.Uint32(key), Program: q}, nil
}

func (m *Map) spec() (*ir.MapSpec, error) {
	kind, ok := ir.ParseMapType(strings.ToLower(m.Type))
	if !ok {
		return nil, fmt.Errorf("map type %q", m.Type)
	}
	s := &ir.MapSpec{Name: m.Name, Type: kind, KeySize: m.KeySize, ValueSize: m.ValueSize, MaxEntries: m.MaxEntries, Flags: m.Flags}
	if m.Inner != nil {
		inner, err := m.Inner.spec()
		if err != nil {
			return nil, err
		}
		s.Inner = inner
	}
	for _, e := range m.Init {
		if e.Value == "" {
			continue
		}
		k, err := hex.DecodeString(e.Key)
		if err != nil {
			return nil, err
		}
		x, err := hex.DecodeString(e.Value)
		if err != nil {
			return nil, err
		}
		s.Contents = append(s.Contents, ir.MapElem{Key: k, Value: x})
	}
	if m.BTFTypes != "" {
		fields, err := m.fields()
		if err != nil {
			return nil, err
		}
		s.Fields = fields
	}
	return s, nil
}
