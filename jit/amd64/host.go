package amd64

import (
	"golang.org/x/sys/cpu"

	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jit"
)

// Host returns the target for programs that run in this process: everything
// that its processor has, and arrays, also per-CPU ones, as package runtime lays
// them out.
func Host() jit.Target {
	return jit.Target{ArrayStride: abi.ArrayStride, ArrayArea: abi.ArrayArea, BMI2: cpu.X86.HasBMI2, MOVBE: cpu.X86.HasMOVBE}
}
