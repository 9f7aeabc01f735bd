package kernel

import (
	"github.com/cilium/ebpf/btf"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// attachID returns the number in the kernel's BTF of what the program is made for; 0
// where its type does not say, or where the kernel does not have it, which the
// kernel then tells.
//
// Source: bpf_check_attach_target in kernel/bpf/verifier.c of Linux 6.18.
func attachID(p *ir.Program) uint32 {
	if p.AttachTo == "" || p.Type != ir.Tracing && p.Type != ir.LSM {
		return 0
	}
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return 0
	}
	var t btf.Type
	switch a := abi.AttachType(p.AttachType); {
	case p.Type == ir.LSM:
		t, err = funcNamed(spec, "bpf_lsm_"+p.AttachTo)
	case a == abi.AttachTraceIter:
		t, err = funcNamed(spec, "bpf_iter_"+p.AttachTo)
	case a == abi.AttachTraceRawTP:
		var td *btf.Typedef
		err = spec.TypeByName("btf_trace_"+p.AttachTo, &td)
		t = td
	default:
		t, err = funcNamed(spec, p.AttachTo)
	}
	if err != nil {
		return 0
	}
	id, err := spec.TypeID(t)
	if err != nil {
		return 0
	}
	return uint32(id)
}

func funcNamed(spec *btf.Spec, name string) (btf.Type, error) {
	var f *btf.Func
	err := spec.TypeByName(name, &f)
	return f, err
}
