package hooks

import (
	goruntime "runtime"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// TestOffsets: the fields that hooks fill in by offset are where the tables of
// contexts have them.
func TestOffsets(t *testing.T) {
	for _, tt := range []struct {
		kind ir.ProgType
		name string
		off  int
	}{
		{ir.XDP, "ingress_ifindex", xdpIngressIfindex}, {ir.SchedCLS, "ingress_ifindex", skbIngressIfindex}, {ir.SchedCLS, "ifindex", skbIfindex},
		{ir.SchedCLS, "pkt_type", skbPktType}, {ir.SchedCLS, "data_end", skbDataEnd}, {ir.SchedCLS, "wire_len", skbWireLen},
		{ir.PerfEvent, "sample_period", perfPeriod},
	} {
		c, ok := abi.LookupContext(tt.kind)
		require.True(t, ok)
		found := false
		for _, f := range c.Fields {
			if f.Name == tt.name {
				require.Equal(t, f.Off, tt.off, "%v: %s", tt.kind, tt.name)
				found = true
			}
		}
		require.True(t, found, "%v: %s", tt.kind, tt.name)
	}
	for kind, size := range map[ir.ProgType]int{ir.XDP: xdpSize, ir.SchedCLS: skbSize, ir.Kprobe: regsSize} {
		c, ok := abi.LookupContext(kind)
		require.True(t, ok)
		require.Equal(t, c.Size, size, "%v", kind)
	}
}

// TestRegisters: a probe's registers are where the live kernel has those of a
// uprobe.
func TestRegisters(t *testing.T) {
	if goruntime.GOARCH != "amd64" {
		t.Skip("registers of other machines: probes show those of x86-64 everywhere")
	}
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		t.Skipf("the kernel does not describe its types here: %v", err)
	}
	var regs *btf.Struct
	require.NoError(t, spec.TypeByName("pt_regs", &regs))
	require.EqualValues(t, regsSize, regs.Size)
	at := map[string]int{}
	for _, m := range regs.Members {
		at[m.Name] = int(m.Offset.Bytes())
	}
	for i, name := range []string{"di", "si", "dx", "cx", "r8", "r9"} {
		require.Equal(t, at[name], regsArgs[i], "argument %d", i+1)
	}
	require.Equal(t, []int{at["ax"], at["ip"]}, []int{regsResult, regsIP})
}
