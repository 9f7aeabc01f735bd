package kernel_test

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/wire"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// understood loads p at the given level and requires that every line of the
// log is understood, that what was understood of a state is all that it says,
// and that instructions are those of the program.
func understood(t testing.TB, name string, p *ir.Program, level kernel.LogLevel) (lines, states int) {
	t.Helper()
	r, err := kernel.Verify(p, kernel.Options{Log: level})
	require.NoError(t, err)
	l, err := r.ParseLog()
	require.NoError(t, err, name)
	require.Equal(t, r.Stats, l.Stats, name)
	raw, err := wire.Encode(p.Insns)
	require.NoError(t, err)
	text := strings.Split(r.Log, "\n")
	for _, s := range l.Steps {
		if s.Kind == kernel.StepInsn || s.Kind == kernel.StepPrecise {
			require.Equal(t, raw[8*s.PC], s.Opcode, "%s: line %d: the opcode is not the program's", name, s.Line)
		}
		if s.Kind == kernel.StepInsn || s.Kind == kernel.StepPrecise {
			sameInsn(t, fmt.Sprintf("%s: line %d", name, s.Line), p, s.PC, s.Text)
		}
		if s.State == nil {
			continue
		}
		states++
		line := text[s.Line-1]
		switch s.Kind {
		case kernel.StepCaller, kernel.StepCallee, kernel.StepReturning, kernel.StepReturned:
			line = text[s.Line]
		}
		require.True(t, strings.HasSuffix(line, s.State.String()), "%s: line %d\n got %q\nread %v", name, s.Line, line, s.State)
	}
	for _, row := range l.Live {
		require.Equal(t, raw[8*row.PC], row.Opcode, "%s: line %d: the opcode is not the program's", name, row.Line)
		sameInsn(t, fmt.Sprintf("%s: line %d", name, row.Line), p, row.PC, row.Text)
	}
	if r.Verdict == kernel.Accept {
		require.Empty(t, l.Messages, name)
	} else if r.Verdict == kernel.Reject {
		require.NotEmpty(t, l.Messages, name)
		require.Equal(t, r.Reason, l.Messages[len(l.Messages)-1].Text, name)
	}
	return l.Lines, states
}

// sameInsn requires that a text of the log is the program's instruction, apart
// from addresses that the kernel put in and calls that it names by itself.
func sameInsn(t testing.TB, where string, p *ir.Program, pc ir.PC, text string) {
	in := p.Insns[pc]
	if in.Kind() == ir.KindLoadImm || in.Kind() == ir.KindCall {
		require.Regexp(t, `^(r\d+ = (0x[0-9a-f]+|func.*|map.*)|call(x)? \S+)$`, text, where)
		return
	}
	// The log writes immediates without sign.
	text = regexp.MustCompile(`0x[89a-f][0-9a-f]{7}\b`).ReplaceAllStringFunc(text, func(hex string) string {
		x, err := strconv.ParseUint(hex, 0, 32)
		require.NoError(t, err, where)
		return fmt.Sprint(int32(x))
	})
	got, err := asm.Parse("log", strings.Replace(text, " + -", " - ", 1))
	require.NoError(t, err, where)
	require.Equal(t, in, got.Insns[0], "%s: %s", where, text)
}

var levels = []kernel.LogLevel{kernel.LogStates, kernel.LogPaths, kernel.LogStates | kernel.LogPaths}

func TestLogsOfCorpus(t *testing.T) {
	need(t)
	entries, err := corpus.Entries()
	require.NoError(t, err)
	lines, states, skipped := 0, 0, 0
	for _, e := range entries {
		p := program(t, &e)
		r, err := kernel.Verify(p, kernel.Options{})
		require.NoError(t, err)
		if r.Stats.Processed > long.N(2000, 1_000_000) {
			skipped++
			continue
		}
		for _, level := range levels {
			n, m := understood(t, e.Name(), p, level)
			lines, states = lines+n, states+m
		}
	}
	t.Logf("%d programs, %d of them with too long a log: %d lines, %d states", len(entries), skipped, lines, states)
	require.Greater(t, states, 5000)
}

// Logs with source lines carry comments.
func TestLogWithSourceLines(t *testing.T) {
	need(t)
	r, err := kernel.Verify(movExit(1), kernel.Options{Log: kernel.LogPaths, LineInfo: true})
	require.NoError(t, err)
	l, err := r.ParseLog()
	require.NoError(t, err)
	var lines []int
	for _, s := range l.Steps {
		if s.Kind == kernel.StepSource {
			lines = append(lines, s.FileLine)
		}
	}
	require.Equal(t, []int{1, 2}, lines, "%s", r.Log)
}

// vector is a program of the vectors' file; see its SOURCE.md.
type vector struct {
	ID        string   `json:"id"`
	ProgType  string   `json:"prog_type"`
	LoadFlags uint32   `json:"load_flags"`
	License   string   `json:"license"`
	Insns     string   `json:"insns_hex"`
	InsnsZlib string   `json:"insns_zlib_b64"`
	Needs     []string `json:"needs"`
	Maps      []struct {
		Type       string `json:"type"`
		KeySize    uint32 `json:"key_size"`
		ValueSize  uint32 `json:"value_size"`
		MaxEntries uint32 `json:"max_entries"`
		Flags      uint32 `json:"flags"`
		Name       string `json:"name"`
	} `json:"maps"`
	Relocs []struct{ Insn, Map int } `json:"map_relocs"`
}

func vectors(t testing.TB) []vector {
	path := os.Getenv("BPFPROOF_VECTORS")
	if path == "" {
		path = filepath.Join("..", "..", "..", "shared", "vectors", "verifier.jsonl")
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

// program builds the vector's program; nil if it takes more than bytes and
// plain maps.
func (v *vector) program(t testing.TB) *ir.Program {
	raw, err := hex.DecodeString(v.Insns)
	require.NoError(t, err)
	if v.InsnsZlib != "" {
		packed, err := base64.StdEncoding.DecodeString(v.InsnsZlib)
		require.NoError(t, err)
		r, err := zlib.NewReader(bytes.NewReader(packed))
		require.NoError(t, err)
		raw, err = io.ReadAll(r)
		require.NoError(t, err)
	}
	insns, err := wire.Decode(raw)
	if err != nil || len(v.Needs) > 0 {
		return nil // the kernel refuses such bytes as well, without a log of states
	}
	kind, ok := ir.ParseProgType(strings.ToLower(v.ProgType))
	require.True(t, ok, v.ProgType)
	p := &ir.Program{Name: v.ID, Type: kind, License: v.License, Insns: insns, LoadFlags: v.LoadFlags}
	for _, m := range v.Maps {
		kind, ok := ir.ParseMapType(strings.ToLower(m.Type))
		require.True(t, ok, m.Type)
		p.Maps = append(p.Maps, &ir.MapSpec{Name: m.Name, Type: kind, KeySize: m.KeySize, ValueSize: m.ValueSize, MaxEntries: m.MaxEntries, Flags: m.Flags})
	}
	for _, r := range v.Relocs {
		in := &insns[r.Insn]
		in.Imm = in.Imm&^0xffffffff | int64(r.Map)
	}
	for _, in := range p.All() {
		if m, _, ok := in.Map(); ok && (m < 0 || m >= len(p.Maps)) {
			return nil // refers to descriptors that are none, on purpose
		}
	}
	return p
}

// Every line of the logs of the kernel's own test programs is understood.
func TestLogsOfVectors(t *testing.T) {
	need(t)
	all := vectors(t)
	loaded, skipped, lines, states := 0, 0, 0, 0
	for i := range all {
		if !long.Enabled() && i%3 != 0 {
			continue
		}
		p := all[i].program(t)
		if p == nil || !long.Enabled() && len(p.Insns) > 4096 {
			continue
		}
		r, err := kernel.Verify(p, kernel.Options{})
		if err != nil {
			require.ErrorContains(t, err, "create map", all[i].ID) // kinds that take an inner map
			continue
		}
		if r.Stats.Processed > long.N(5000, 100_000) {
			skipped++ // logs of a million lines
			continue
		}
		loaded++
		for _, level := range []kernel.LogLevel{kernel.LogStates, kernel.LogPaths} {
			n, m := understood(t, all[i].ID, p, level)
			lines, states = lines+n, states+m
		}
	}
	t.Logf("%d programs: %d lines, %d states; %d programs with longer logs", loaded, lines, states, skipped)
	require.Greater(t, loaded, 300)
}
