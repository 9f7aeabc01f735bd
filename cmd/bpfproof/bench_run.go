package main

import (
	"github.com/spf13/cobra"
)

func benchRunCmd() *cobra.Command {
	b := engineBench{ours: []string{baselineColumn, optColumn}, maps: true,
		ratios: [][2]string{{baselineColumn, kernelColumn}, {optColumn, kernelColumn}, {optColumn, cColumn}, {kernelColumn, cColumn}}}
	var asJSON, perf bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "both tiers of our compiler beside the kernel's JIT and native C",
		Long: "Measure the programs of corpus/bench in the baseline and the optimising tier of our compiler, in the live\n" +
			"kernel's JIT and, those without maps, as C compiled for this machine, which is the floor.\n\n" +
			"All columns of a program are measured in one run, round by round in turn, as bench vm does it.\n" +
			"The geometric means are over the programs without maps.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if b.harden.on {
				b.ours = append(b.ours, hardColumn)
				b.ratios = append(b.ratios, [2]string{hardColumn, optColumn}, [2]string{hardColumn, kernelColumn})
			}
			closePerf, err := perfMap(perf, &b.native)
			if err != nil {
				return err
			}
			return first(b.run(cmd, newPrinter(cmd, asJSON)), closePerf())
		},
	}
	cmd.Flags().BoolVar(&perf, "perf-map", false, perfMapUsage)
	b.harden.flags(cmd)
	b.flags(cmd)
	b.policy.flags(cmd)
	jsonFlag(cmd, &asJSON)
	cmd.Flags().StringSliceVar(&b.only, "prog", nil, "only the programs of these names")
	cmd.Flags().StringVar(&b.cc, "cc", "cc", "C compiler of the native column")
	cmd.Flags().StringSliceVar(&b.passes, "passes", nil, "passes of the optimising tier, as of jit")
	return cmd
}
