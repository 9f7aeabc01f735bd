package vm_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// BenchmarkVM runs the programs of corpus/bench; insns/s counts the
// instructions that they execute.
func BenchmarkVM(b *testing.B) {
	for _, c := range corpus.Benchmarks() {
		b.Run("prog="+c.Name, func(b *testing.B) {
			data, err := corpus.FS.ReadFile(c.Object)
			require.NoError(b, err)
			object, err := elf.Read(c.Object, bytes.NewReader(data))
			require.NoError(b, err)
			p := object.Program(c.Name)
			executed := 0
			in := runtime.Input{Data: corpus.BenchPacket()}
			measure(b, p, in, vm.Options{Trace: func(ir.PC, *[ir.NumRegs]uint64) { executed++ }}, func(s runtime.Session) {
				_, err := s.Run(context.Background(), runtime.DefaultFuel)
				require.NoError(b, err)
			})
			measure(b, p, in, vm.Options{}, func(s runtime.Session) {
				for b.Loop() {
					if _, err := s.Run(context.Background(), runtime.DefaultFuel); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.ReportMetric(float64(executed)*float64(b.N)/b.Elapsed().Seconds(), "insns/s")
		})
	}
}

// measure opens a session on the input for f.
func measure(b *testing.B, p *ir.Program, in runtime.Input, opts vm.Options, f func(runtime.Session)) {
	b.Helper()
	ms, err := runtime.CreateMaps(p)
	require.NoError(b, err)
	prog, err := vm.Load(p, ms, opts)
	require.NoError(b, err)
	defer prog.Close()
	s, err := prog.Open()
	require.NoError(b, err)
	defer s.Close()
	require.NoError(b, s.Frame().Set(in))
	f(s)
	for _, m := range ms {
		require.NoError(b, m.Close())
	}
}
