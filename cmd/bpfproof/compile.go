package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/ir/elf"
)

func compileCmd() *cobra.Command {
	var out, cpu string
	cmd := &cobra.Command{
		Use:   "compile X.c -o X.o",
		Short: "compile C for target bpf, with clang",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			stem, isC := strings.CutSuffix(args[0], ".c")
			if !isC {
				return fmt.Errorf("compile %s: not a .c file", args[0])
			}
			if out == "" {
				out = stem + ".o"
			}
			warnings, err := elf.Compile(cmd.Context(), args[0], out, elf.CompileOptions{CPU: cpu})
			fmt.Fprint(cmd.ErrOrStderr(), warnings)
			return err
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "object to write (X.o)")
	cmd.Flags().StringVar(&cpu, "cpu", "v3", "instruction set version, v1 to v4")
	return cmd
}
