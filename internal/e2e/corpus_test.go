package e2e

import (
	"context"
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/internal/traffic"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/verifier"
)

// program reads the program of a corpus entry.
func program(t testing.TB, e *corpus.Entry) *ir.Program {
	t.Helper()
	data, err := corpus.FS.ReadFile(e.Path)
	require.NoError(t, err)
	if path.Ext(e.Path) == ".s" {
		p, err := asm.Parse(e.Path, string(data))
		require.NoError(t, err)
		return p
	}
	obj, err := elf.ReadBytes(e.Path, data)
	require.NoError(t, err)
	p := obj.Program(e.Program)
	require.NotNil(t, p, "program %s in %s", e.Program, e.Path)
	return p
}

// TestCorpus takes every program of the corpus through every stage: verdict,
// proof, and runs in all engines, against what its entry states.
func TestCorpus(t *testing.T) {
	entries, err := corpus.Entries()
	require.NoError(t, err)
	require.Greater(t, len(entries), 60)
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			p := program(t, &e)
			if !e.Accept {
				rejected(t, p, &e)
				return
			}
			accepted(t, p, &e)
		})
	}
}

func rejected(t *testing.T, p *ir.Program, e *corpus.Entry) {
	r := Verify(t, p, Domain)
	require.Equal(t, verifier.Reject, r.Verdict, "%v", r.Findings)
	require.Equal(t, e.Finding, string(r.Findings[0].Code), "%v", r.Findings)
	for _, domain := range verifier.Domains() {
		require.NotEqual(t, verifier.Accept, Verify(t, p, domain).Verdict, "domain %s", domain)
	}
}

func accepted(t *testing.T, p *ir.Program, e *corpus.Entry) {
	r := Verify(t, p, Domain)
	if e.Unknown != "" {
		require.Equal(t, verifier.Unknown, r.Verdict, "%v: the entry's statement is out of date", r.Findings)
		require.Contains(t, r.Findings[0].Msg, e.Unknown)
	} else {
		require.Equal(t, verifier.Accept, r.Verdict, "%v", r.Findings)
	}
	if e.RunsIn("native") {
		proved(t, p)
	}
	runs := e.Runs
	if len(runs) == 0 {
		runs = []corpus.Run{{Packet: corpus.DefaultPacket()}}
	}
	var inputs []runtime.Input
	for _, run := range runs {
		inputs = append(inputs, runtime.Input{Data: run.Packet})
	}
	accept := func(context.Context, *ir.Program) error { return nil } // its verdict was checked above
	outcomes := runIn(t, p, inputs, accept, e.RunsIn)
	RequireEqual(t, outcomes)
	for i, run := range e.Runs {
		got := outcomes[0].Results[i]
		require.Equal(t, run.Ret, uint32(got.Ret), "r0 of run %d", i)
		require.Equal(t, run.Data, got.Data, "packet after run %d", i)
	}
	for _, m := range e.Maps {
		holds(t, outcomes[0].Elems[m.Map], m)
	}
}

// proved requires that the translation of p is proved.
func proved(t *testing.T, p *ir.Program) {
	t.Helper()
	cert := Prove(t, p)
	if cert.Status != jitproof.Proved {
		o := cert.First(jitproof.Refuted)
		if o == nil {
			o = cert.First(jitproof.Unknown)
		}
		t.Fatalf("the translation is %v: insn %d (%s): %s: %s", cert.Status, o.PC, asm.Insn(p, max(o.PC, 0)), o.Kind, o.Reason)
	}
}

// holds checks one statement on a map.
func holds(t *testing.T, elems []ir.MapElem, want corpus.Elem) {
	t.Helper()
	if want.Key == nil {
		require.Empty(t, elems, "map %s", want.Map)
		return
	}
	require.Contains(t, elems, ir.MapElem{Key: want.Key, Value: want.Value}, "map %s", want.Map)
}

// TestClassifierOnTraffic runs the classifier on the whole capture in every
// engine: each packet's verdict and bytes, and the maps afterwards, agree.
func TestClassifierOnTraffic(t *testing.T) {
	e := corpus.Entry{Path: "examples/xdp_classifier.o", Program: "xdp_classifier"}
	p := program(t, &e)
	var inputs []runtime.Input
	for _, packet := range traffic.Generate(traffic.Options{}) {
		inputs = append(inputs, runtime.Input{Data: packet.Data})
	}
	require.GreaterOrEqual(t, len(inputs), 10_000)
	outcomes := RunAll(t, p, inputs)
	RequireEqual(t, outcomes)

	verdicts := map[uint64]int{}
	for _, r := range outcomes[0].Results {
		verdicts[r.Ret]++
	}
	require.Len(t, verdicts, 3, "aborted, drop and pass all occur: %v", verdicts)
	require.Greater(t, len(outcomes[0].Elems["sources"]), 100)
}
