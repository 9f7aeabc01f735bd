package e2e

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/internal/conformance"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/native"
	"github.com/bpfproof/bpfproof/runtime/vm"
	"github.com/bpfproof/bpfproof/verifier"
)

// executed runs an accepted program of the corpus in vm and, where its entry
// does not say otherwise, in native, compares, and marks the operations that the run went through: the interpreter tells
// them, and native code that leaves the same took the same way.
func executed(t *testing.T, e *corpus.Entry, ops map[ir.Op]string) {
	t.Helper()
	p := program(t, e)
	mark := func(pc ir.PC, _ *[ir.NumRegs]uint64) { ops[p.Insns[pc].Op] = e.Name() }
	var inputs []runtime.Input
	for _, r := range e.Runs {
		inputs = append(inputs, runtime.Input{Data: r.Packet})
	}
	accept := func(context.Context, *ir.Program) error { return nil } // TestCorpus verifies them
	outcomes := []Outcome{runOurs(t, p, vm.Loader(vm.Options{Trace: mark}), accept, inputs)}
	if e.RunsIn("native") {
		outcomes = append(outcomes, runOurs(t, p, native.Loader(Backend(), native.Options{}), accept, inputs))
	}
	RequireEqual(t, outcomes)
	for i, r := range e.Runs {
		require.Equal(t, r.Ret, uint32(outcomes[0].Results[i].Ret), "%s: run %d", e.Name(), i)
	}
}

// refusedRows are the operations that our engines do not execute, and why. The
// strict decoder, the assembler and the printer know them all.
var refusedRows = map[string]string{
	"addr_space_cast_kern": "there are no arenas, whose pointers it converts",
	"addr_space_cast_user": "there are no arenas, whose pointers it converts",
	"ld_btf_var":           "the address of a variable of the kernel; there is no kernel around our engines",
	"call_kfunc":           "functions of the kernel; there is no kernel around our engines",
	"callx":                "RFC 9669 does not define it and Linux refuses it; a register holds a helper's number for some tools, an address for LLVM",
}

// TestEveryRowIsExecuted fails for every operation of the table that no
// committed program executes and that is not named as refused
// with its reason.
func TestEveryRowIsExecuted(t *testing.T) {
	entries, err := corpus.Entries()
	require.NoError(t, err)
	ops := map[ir.Op]string{}
	for _, e := range entries {
		if e.Accept && len(e.Runs) > 0 {
			executed(t, &e, ops)
		}
	}
	for _, row := range ir.Rows() {
		why, refused := refusedRows[row.Name]
		by, ran := ops[row.Op]
		switch {
		case refused && ran:
			t.Errorf("%s is executed by %s, but listed as refused: %s", row.Name, by, why)
		case !refused && !ran:
			t.Errorf("%s is executed by no committed program", row.Name)
		case refused:
			requireRefused(t, row)
		}
	}
}

// requireRefused fails unless both engines refuse a program with the operation,
// at load and by a typed error, and the verifier does not accept it without the types
// of a kernel.
func requireRefused(t *testing.T, row ir.Row) {
	t.Helper()
	in := ir.Insn{Op: row.Op}
	if row.Pseudo == ir.PseudoFunc && row.Kind == ir.KindLoadImm {
		in.Imm = -1
	}
	insns := []ir.Insn{in}
	if row.Slots() == 2 {
		insns = append(insns, ir.Pad())
	}
	p := &ir.Program{Name: row.Name, Insns: append(insns, ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K)}, ir.Insn{Op: ir.OpExit()})}
	require.NoError(t, p.Check(), row.Name)
	for _, engine := range []string{"vm", "native"} {
		_, err := conformance.Run(t.Context(), engine, p, nil)
		var bad *conformance.Error
		require.True(t, errors.As(err, &bad) && bad.Kind == conformance.Unsupported, "%s: %s: %v", row.Name, engine, err)
	}
	p.Type = ir.XDP
	require.NotEqual(t, verifier.Accept, Verify(t, p, Domain).Verdict, row.Name)
}
