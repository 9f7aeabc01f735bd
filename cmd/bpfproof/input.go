package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/elf"
)

// input names the programs a subcommand works on.
type input struct {
	prog string // "" for all
	kind string // program type for inputs that do not carry one
}

func (in *input) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&in.prog, "prog", "", "only the program of this name")
	cmd.Flags().StringVar(&in.kind, "type", "", "program type of raw bytes and of text without .type, such as xdp")
}

// load reads the programs of a file: object, C source, text or raw slots.
func (in *input) load(cmd *cobra.Command, path string) ([]*ir.Program, error) {
	var opts elf.AnyOptions
	if in.kind != "" {
		t, ok := ir.ParseProgType(in.kind)
		if !ok {
			return nil, fmt.Errorf("--type %s: unknown program type", in.kind)
		}
		opts.Type = t
	}
	object, err := elf.LoadAny(cmd.Context(), path, opts)
	if err != nil {
		return nil, err
	}
	return object.Find(in.prog)
}

// readBytes reads the value of a flag that is hex or @file.
func readBytes(flag, value string) ([]byte, error) {
	if path, ok := strings.CutPrefix(value, "@"); ok {
		return os.ReadFile(path)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(value), ""))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return b, nil
}
