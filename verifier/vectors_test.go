package verifier_test

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/wire"
	"github.com/bpfproof/bpfproof/verifier"
)

// vector is a program with the verdict of a live kernel; see SOURCE.md beside
// the file.
type vector struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Category    string `json:"category"`
	ProgType    string `json:"prog_type"`
	LoadFlags   uint32 `json:"load_flags"`
	License     string `json:"license"`
	Insns       string `json:"insns_hex"`
	InsnsZlib   string `json:"insns_zlib_b64"`
	Maps        []vectorMap
	Relocs      []vectorReloc `json:"map_relocs"`
	Needs       []string      `json:"needs"`
	Expect      string        `json:"expect"`
	ExpectUnpri string        `json:"expect_unprivileged"`
	Reason      string        `json:"reject_reason"`
	Kernel      struct {
		Insns int `json:"insns_processed"`
	} `json:"kernel"`
}

type vectorMap struct {
	Type       string `json:"type"`
	KeySize    uint32 `json:"key_size"`
	ValueSize  uint32 `json:"value_size"`
	MaxEntries uint32 `json:"max_entries"`
	Flags      uint32 `json:"flags"`
	Name       string `json:"name"`
	BTF        string `json:"btf_types_hex"`
}

type vectorReloc struct {
	Insn int
	Map  int
}

// vectors reads the file in place, or skips the test where there is none.
func vectors(t testing.TB) []vector {
	path := os.Getenv("BPFPROOF_VECTORS")
	if path == "" {
		path = filepath.Join("..", "..", "shared", "vectors", "verifier.jsonl")
	}
	f, err := os.Open(path)
	if err != nil {
		t.Skip("no vectors: set BPFPROOF_VECTORS to a verifier.jsonl made from the Linux selftests (tools/testing/selftests/bpf/verifier)")
	}
	defer f.Close()
	var all []vector
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var v vector
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
		all = append(all, v)
	}
	require.NoError(t, lines.Err())
	return all
}

func (v *vector) bytes() ([]byte, error) {
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
	return io.ReadAll(r)
}

// program builds the vector's program. The error is what a loader would refuse
// before verification.
func (v *vector) program() (*ir.Program, error) {
	raw, err := v.bytes()
	if err != nil {
		return nil, err
	}
	insns, err := wire.Decode(raw)
	if err != nil {
		return nil, err
	}
	kind, ok := ir.ParseProgType(strings.ToLower(v.ProgType))
	if !ok {
		return nil, fmt.Errorf("program type %q", v.ProgType)
	}
	p := &ir.Program{Name: v.ID, Type: kind, License: v.License, Insns: insns}
	for _, m := range v.Maps {
		kind, ok := ir.ParseMapType(strings.ToLower(m.Type))
		if !ok {
			return nil, fmt.Errorf("map type %q", m.Type)
		}
		spec := &ir.MapSpec{Name: m.Name, Type: kind, KeySize: m.KeySize, ValueSize: m.ValueSize, MaxEntries: m.MaxEntries, Flags: m.Flags}
		if m.BTF != "" {
			spec.Opaque = true // the vectors give types to maps that hold locks, timers or kptrs
		}
		p.Maps = append(p.Maps, spec)
	}
	for pc := range insns {
		if _, _, ok := insns[pc].Map(); ok {
			insns[pc].Imm |= 0xffffffff // no map, unless a relocation names one
		}
	}
	for _, r := range v.Relocs {
		in := &insns[r.Insn]
		in.Imm = in.Imm&^0xffffffff | int64(r.Map)
	}
	p.FindFuncs()
	return p, nil
}

// judge returns our verdict as the vectors spell it, and why.
func judge(t testing.TB, v *vector, policy verifier.Policy) (verdict, why string, r *verifier.Report) {
	p, err := v.program()
	if err != nil {
		return "reject", err.Error(), nil
	}
	policy.StrictAlignment = v.LoadFlags&1 != 0
	engine, err := verifier.New(policy)
	require.NoError(t, err)
	r, err = engine.Verify(t.Context(), p, nil)
	if err != nil {
		return "reject", err.Error(), nil
	}
	if len(r.Findings) > 0 {
		why = r.Findings[0].String()
	}
	return r.Verdict.String(), why, r
}

// saferThanKernel lists vectors that the kernel rejects and we accept, each
// with the argument why the program is safe.
var saferThanKernel = map[string]string{
	"k61-0145": "a shift by a known register of 32 or more is known exactly, since amounts are masked; the kernel gives up on it",
	"k61-1074": "the 32-bit constant 20 spilled at fp-4 is kept, and 20 bytes of packet were checked; the kernel keeps 32-bit spills at multiples of 8 only",
}

func TestVectors(t *testing.T) {
	all := vectors(t)
	for _, d := range verifier.Domains() {
		t.Run(d, func(t *testing.T) {
			policy := verifier.Policy{Domain: d}
			least := 1030 // of 1365, for the default domain
			if d != verifier.DefaultDomain {
				policy.Budget.Visits, least = 50_000, 900
			}
			count := map[string]int{}
			for i := range all {
				v := &all[i]
				verdict, why, _ := judge(t, v, policy)
				count[v.Expect+" -> "+verdict]++
				if verdict == "accept" && v.Expect == "reject" {
					require.Contains(t, saferThanKernel, v.ID, "%s %q: accepted, but the kernel says: %s", v.ID, v.Name, v.Reason)
				}
				if verdict == "reject" && v.Expect == "accept" {
					t.Logf("%s %q: the kernel accepts, we say: %s", v.ID, v.Name, why)
				}
			}
			for _, k := range slices.Sorted(maps.Keys(count)) {
				t.Logf("%4d %s", count[k], k)
			}
			require.GreaterOrEqual(t, count["accept -> accept"]+count["reject -> reject"], least, "same verdict as the kernel")
		})
	}
}

// TestVectorsUnprivileged compares with the verdicts that the kernel gives a
// loader without CAP_PERFMON. What the kernel refuses there because of
// speculation, or loops, is not part of the policy.
func TestVectorsUnprivileged(t *testing.T) {
	count := map[string]int{}
	for _, v := range vectors(t) {
		if v.ExpectUnpri == "" {
			continue
		}
		verdict, why, _ := judge(t, &v, verifier.Policy{Unprivileged: true, Budget: verifier.Budget{Visits: 50_000}})
		count[v.ExpectUnpri+" -> "+verdict]++
		if verdict == "reject" {
			require.Equal(t, "reject", v.ExpectUnpri, "%s %q: %s", v.ID, v.Name, why)
		}
		privileged, _, _ := judge(t, &v, verifier.Policy{Budget: verifier.Budget{Visits: 50_000}})
		if verdict == "accept" {
			require.Equal(t, "accept", privileged, "%s %q: more privilege must not refuse", v.ID, v.Name)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(count)) {
		t.Logf("%4d %s", count[k], k)
	}
}
