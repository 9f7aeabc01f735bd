package main

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// judgeKernel asks the live kernel. Where bpf() is not permitted the answer is
// unknown, with the reason.
func judgeKernel(p *ir.Program, log bool) (verdictJSON, string, error) {
	out := verdictJSON{Program: p.Name, Verdict: kernel.Unknown.String(), Insns: p.Count()}
	if err := kernel.Available(); err != nil {
		out.Code, out.Message = "no-kernel", err.Error()
		return out, fmt.Sprintf("%s: unknown (%v)", p.Name, err), nil
	}
	var opts kernel.Options
	if log {
		opts.Log = kernel.LogPaths
	}
	r, err := kernel.Verify(p, opts)
	if err != nil {
		return out, "", err
	}
	out.Verdict = r.Verdict.String()
	out.Visits, out.States, out.Micros = r.Stats.Processed, r.Stats.TotalStates, float64(r.Stats.Micros)
	text := fmt.Sprintf("%s: %v by the kernel (%d insns, %d processed, %d states, %d us)", p.Name, r.Verdict, p.Count(),
		r.Stats.Processed, r.Stats.TotalStates, r.Stats.Micros)
	if r.Verdict != kernel.Accept {
		out.Code, out.PC, out.Message = "kernel", int(r.PC), r.Reason
		text += fmt.Sprintf("\n  insn %d: %s", r.PC, r.Reason)
	}
	if log {
		text = r.Log + text
	}
	return out, text, nil
}
