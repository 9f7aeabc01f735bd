package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/filetest"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/wire"
)

// spaced writes bytes as the runner does.
func spaced(data []byte) string {
	var b strings.Builder
	for _, x := range data {
		fmt.Fprintf(&b, "%02x  ", x)
	}
	return b.String()
}

// callPlugin calls the command as the public runner calls a plugin: memory
// first where there is any, then options, the program on standard input.
func callPlugin(memory []byte, program string, options ...string) (stdout, stderr string, err error) {
	args := append([]string{conformanceName}, options...)
	if len(memory) > 0 {
		args = append([]string{spaced(memory)}, args...)
	}
	cmd := root()
	var out, errs bytes.Buffer
	cmd.SetArgs(pluginArgs(args))
	cmd.SetIn(strings.NewReader(program + "\n"))
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	err = cmd.Execute()
	return out.String(), errs.String(), err
}

// TestPluginOnSuite calls the plugin for every test of the suite as the public
// runner does, in vm and native, and reads the answer as it does.
func TestPluginOnSuite(t *testing.T) {
	for _, f := range filetest.ConformanceFiles(t, "*.data") {
		raw := f.Raw
		if raw == nil {
			p, err := asm.Parse(f.Name, f.Asm)
			require.NoError(t, err)
			raw, err = wire.Encode(p.Insns)
			require.NoError(t, err)
		}
		for _, engine := range []string{"vm", "native"} {
			out, errs, err := callPlugin(f.Mem, spaced(raw), "--engine", engine)
			if f.Name == "callx.data" {
				require.Equal(t, outcome{unknown}, err)
				require.Contains(t, errs, "refused")
				require.Empty(t, out)
				continue
			}
			require.NoError(t, err, "%s: %s: %s", f.Name, engine, errs)
			require.Equal(t, fmt.Sprintf("%x\n", f.Result), out, "%s: %s", f.Name, engine)
		}
	}
}

func TestPluginArgs(t *testing.T) {
	for _, test := range []struct{ in, want []string }{
		{nil, nil},
		{[]string{"conformance"}, []string{"conformance"}},
		{[]string{"01 02", "conformance", "--elf"}, []string{"conformance", "01 02", "--elf"}},
		{[]string{"", "conformance"}, []string{"conformance", ""}},
		{[]string{"conformance", "conformance"}, []string{"conformance", "conformance"}},
		{[]string{"run", "conformance"}, []string{"run", "conformance"}},
		{[]string{"01", "run"}, []string{"01", "run"}},
	} {
		require.Equal(t, test.want, pluginArgs(test.in), "%q", test.in)
	}
}

// FuzzPlugin gives the plugin any memory and any program, as slots and as an
// object. It answers with a number, or with one line and a status; vm runs
// whatever is well-formed.
func FuzzPlugin(f *testing.F) {
	exit := "95 00 00 00 00 00 00 00"
	for _, s := range []string{"", exit, "b7 00 00 00 01 00 00 00 " + exit, "79 10 00 00 00 00 00 00 " + exit, "9", "zz", "8d 02 00 00 00 00 00 00 " + exit,
		"85 10 00 00 01 00 00 00 " + exit + exit, hex.EncodeToString([]byte("\x7fELF")), "18 00 00 00 01 00 00 00 00 00 00 00 02 00 00 00 " + exit} {
		f.Add(s, "01 02", false)
		f.Add(s, "", true)
	}
	f.Fuzz(func(t *testing.T, program, memory string, object bool) {
		args := []string{conformanceName, "--program", program}
		if object {
			args = append(args, "--elf")
		}
		cmd := root()
		var out, errs bytes.Buffer
		cmd.SetArgs(append(args, "--", memory))
		cmd.SetOut(&out)
		cmd.SetErr(&errs)
		if err := cmd.Execute(); err != nil {
			require.Empty(t, out.String())
			text := oneLine(err.Error()) + strings.TrimSuffix(errs.String(), "\n")
			require.NotContains(t, text, "\n")
			return
		}
		require.Regexp(t, "^[0-9a-f]{1,16}\n$", out.String())
	})
}
