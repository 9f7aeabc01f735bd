package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/golden"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// TestHelpersDoc holds docs/helpers.md to the table of helpers.
func TestHelpersDoc(t *testing.T) {
	var b strings.Builder
	n := 0
	var rows strings.Builder
	for _, h := range abi.Helpers() {
		where := "refused at load, by name"
		if _, ok := helpers.Lookup(h.ID); ok {
			where = "`runtime/helpers`"
			n++
		} else if helpers.OfEngines(h.ID) {
			where = "the engines"
			n++
		}
		fmt.Fprintf(&rows, "| %d | `%s` | %s |\n", h.ID, h.Name, where)
	}
	fmt.Fprintf(&b, `# Helpers that programs may call

The verifier knows the prototypes of all %d helpers of Linux 6.18 (%s). Both
engines run %d of them. What a program without a kernel cannot have, it gets from
the simulated environment of the run (%s): its task, cgroup, socket, devices,
routes and parameters of the system.

Where the live kernel can be asked, tests draw programs that call the helpers and
compare results and packets with it: %s.

This file is written by %s.

| number | name | where |
| --- | --- | --- |
`, len(abi.Helpers()), "`ir/abi`", n, "`helpers.Env`", "`go test -run TestLive ./runtime/helpers`", "`go test -run TestHelpersDoc ./internal/e2e -args -update`")
	golden.EqualIn(t, "../../docs", "helpers.md", []byte(b.String()+rows.String()))
	require.GreaterOrEqual(t, n, 90)
}

// TestHelpersLoad shows that the engine takes a call of every helper in the
// table, and refuses the others by name.
func TestHelpersLoad(t *testing.T) {
	for _, h := range abi.Helpers() {
		p, err := asm.Parse("p", fmt.Sprintf("call %s\nr0 = 0\nexit\n", h.Name))
		require.NoError(t, err)
		p.Type = ir.XDP
		e, err := vm.Load(p, nil, vm.Options{})
		_, ok := helpers.Lookup(h.ID)
		if ok || helpers.OfEngines(h.ID) {
			require.NoError(t, err, h.Name)
			require.NoError(t, e.Close())
			continue
		}
		var missing *helpers.MissingError
		require.ErrorAs(t, err, &missing, h.Name)
		require.Contains(t, err.Error(), h.Name)
	}
}
