package conformance

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// runKernel runs the program as a subprogram of one that sets up the suite's
// entry state: see the package comment.
func runKernel(ctx context.Context, p *ir.Program, memory []byte) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, &Error{Kind: Failed, Err: err}
	}
	whole, result := wrap(p, memory)
	prog, err := kernel.Load(whole, kernel.Options{})
	if err != nil {
		return 0, notLoaded(whole, err)
	}
	defer prog.Close()
	if _, err := prog.TestRun(make([]byte, kernel.MinPacket), nil, 1); err != nil {
		return 0, &Error{Kind: Failed, Err: err}
	}
	value, err := prog.Maps()[result].Lookup(make([]byte, 4))
	if err != nil {
		return 0, &Error{Kind: Failed, Err: err}
	}
	return binary.NativeEndian.Uint64(value), nil
}

// notLoaded says why the kernel did not take a program. Of one that it rejects
// it is asked again, for the log with all states.
func notLoaded(whole *ir.Program, err error) error {
	var refused *kernel.LoadError
	if !errors.As(err, &refused) || refused.Report.Verdict != kernel.Reject {
		return &Error{Kind: Unsupported, Err: err}
	}
	if r, again := kernel.Verify(whole, kernel.Options{Log: kernel.LogStates}); again == nil && r.Verdict == kernel.Reject {
		refused.Report = r
	}
	return &Error{Kind: Rejected, Err: err}
}

// Wrapped returns the program that the live kernel gets in the place of p on the
// memory.
func Wrapped(p *ir.Program, memory []byte) *ir.Program {
	whole, _ := wrap(p, memory)
	return whole
}

// wrap returns an XDP program that calls p on the memory and stores r0 in the
// map whose index is result.
func wrap(p *ir.Program, memory []byte) (whole *ir.Program, result int) {
	whole = &ir.Program{Name: "conformance", Type: ir.XDP, Maps: slices.Clone(p.Maps)}
	// The kernel lets only programs of such a licence call its helper 5.
	whole.License = "Dual MIT/GPL"
	mov := func(dst ir.Reg, imm int64) ir.Insn {
		return ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Dst: dst, Imm: imm}
	}
	value := func(spec *ir.MapSpec) []ir.Insn {
		whole.Maps = append(whole.Maps, spec)
		return []ir.Insn{{Op: ir.OpLoadImm(ir.PseudoMapValue), Dst: ir.R1, Imm: int64(len(whole.Maps) - 1)}, ir.Pad()}
	}
	entry := []ir.Insn{mov(ir.R1, 0)}
	if len(memory) > 0 {
		entry = value(&ir.MapSpec{Name: "memory", Type: ir.Array, KeySize: 4, ValueSize: uint32(len(memory)), MaxEntries: 1,
			Contents: []ir.MapElem{{Key: make([]byte, 4), Value: memory}}})
	}
	store := append(value(&ir.MapSpec{Name: "result", Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1}),
		ir.Insn{Op: ir.OpStore(ir.W64, ir.X), Dst: ir.R1, Src: ir.R0}, mov(ir.R0, xdpPass), ir.Insn{Op: ir.OpExit()})
	call := ir.Insn{Op: ir.OpCall(ir.CallLocal), Imm: int64(len(store))}
	whole.Insns = slices.Concat(entry, []ir.Insn{mov(ir.R2, int64(len(memory))), call}, store, p.Insns)
	return whole, len(whole.Maps) - 1
}

// xdpPass is the verdict XDP_PASS: the wrapper's own r0, of no meaning here.
const xdpPass = 2
