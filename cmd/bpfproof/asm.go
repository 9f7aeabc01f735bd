package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/wire"
)

func asmCmd() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "asm X.s [-o X.bin]",
		Short: "assemble text to slots: hex on stdout, or bytes in a file",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			p, err := asm.Parse(args[0], string(text))
			if err != nil {
				return err
			}
			if err := p.Check(); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			raw, err := wire.Encode(p.Insns)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return writeSlots(cmd, out, raw)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write: .hex as hex, anything else as bytes")
	return cmd
}

func writeSlots(cmd *cobra.Command, out string, raw []byte) error {
	var text strings.Builder
	for i := 0; i < len(raw); i += 8 {
		fmt.Fprintln(&text, hex.EncodeToString(raw[i:i+8]))
	}
	switch {
	case out == "":
		_, err := fmt.Fprint(cmd.OutOrStdout(), text.String())
		return err
	case strings.HasSuffix(out, ".hex"):
		return os.WriteFile(out, []byte(text.String()), 0o644)
	}
	return os.WriteFile(out, raw, 0o644)
}

func disCmd() *cobra.Command {
	var in input
	var source bool
	cmd := &cobra.Command{
		Use:   "dis [-S] X",
		Short: "print programs as text that asm reads",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			programs, err := in.load(cmd, args[0])
			if err != nil {
				return err
			}
			printProgram := asm.Print
			if source {
				printProgram = asm.PrintSource
			}
			for _, p := range programs {
				if err := printProgram(cmd.OutOrStdout(), p); err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
			}
			return nil
		},
	}
	in.flags(cmd)
	cmd.Flags().BoolVarP(&source, "source", "S", false, "with the lines of the source as comments, where the object has them")
	return cmd
}
