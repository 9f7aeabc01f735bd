package verifier_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/verifier"
)

// BenchmarkVerify verifies an example over each domain, the programs of
// corpus/bench, and groups of vectors. "ns/visit" is the time by instruction
// processed.
func BenchmarkVerify(b *testing.B) {
	classifier := readProgram(b, "examples/xdp_classifier.o", "xdp_classifier")
	for _, d := range verifier.Domains() {
		b.Run("prog=xdp_classifier/domain="+d, func(b *testing.B) { benchVerify(b, d, classifier) })
	}
	for _, p := range corpus.Benchmarks() {
		program := readProgram(b, p.Object, p.Name)
		b.Run("prog="+p.Name, func(b *testing.B) { benchVerify(b, "", program) })
	}
	for name, programs := range vectorGroups(b) {
		b.Run("vectors="+name, func(b *testing.B) { benchVerify(b, "", programs...) })
	}
}

func readProgram(t testing.TB, object, name string) *ir.Program {
	data, err := corpus.FS.ReadFile(object)
	require.NoError(t, err)
	o, err := elf.Read(object, bytes.NewReader(data))
	require.NoError(t, err)
	return o.Program(name)
}

// vectorGroups returns accepted vectors: those of at most 64 visits, and some
// large ones by their shape.
func vectorGroups(b *testing.B) map[string][]*ir.Program {
	shapes := map[string]string{"k61-1010": "paths", "k61-1011": "paths", "k61-0778": "straight", "k61-0809": "loop", "k61-0773": "setup"}
	groups := map[string][]*ir.Program{}
	all := readVectors(b)
	for i := range all {
		v := &all[i]
		name := shapes[v.ID]
		if name == "" && v.Kernel.Insns > 0 && v.Kernel.Insns <= 64 {
			name = "small"
		}
		if name == "" || v.Expect != "accept" {
			continue
		}
		if verdict, _, r := judge(b, v, verifier.Policy{Budget: verifier.Budget{Visits: 2_000_000}}); verdict == "accept" && (name != "small" || r.Stats.Visits <= 64) {
			p, err := v.Program()
			require.NoError(b, err)
			groups[name] = append(groups[name], p)
		}
	}
	return groups
}

func benchVerify(b *testing.B, domain string, programs ...*ir.Program) {
	v, err := verifier.New(verifier.Policy{Domain: domain})
	require.NoError(b, err)
	visits := 0
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range programs {
			r, err := v.Verify(b.Context(), p, nil)
			require.NoError(b, err)
			require.Equal(b, verifier.Accept, r.Verdict, "%v", r.Findings)
			visits += r.Stats.Visits
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(visits), "ns/visit")
}
