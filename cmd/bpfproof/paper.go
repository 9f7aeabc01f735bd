package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/bpfproof/bpfproof/papers"
)

func paperCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "paper",
		Short: "reproduce published results",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(paperListCmd(), paperRunCmd())
	return cmd
}

func paperListCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "list the papers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, p := range papers.All() {
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%-12s %s (%s)\n", p.Key, p.Title, p.Venue); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func paperRunCmd() *cobra.Command {
	var o papers.Options
	cmd := &cobra.Command{
		Use:   "run KEY",
		Short: "print a paper's tables and draw its figures",
		Long: `run prints the tables of a paper and draws its figures as SVG and PNG. What each
claim of the paper is compared with stands in papers/KEY/CLAIMS.md.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, ok := papers.Lookup(args[0])
			if !ok {
				var keys []string
				for _, p := range papers.All() {
					keys = append(keys, p.Key)
				}
				return fmt.Errorf("paper: run %q: there are %s", args[0], strings.Join(keys, ", "))
			}
			o.Out = cmd.OutOrStdout()
			bar := newSteps(os.Stderr)
			defer bar.close()
			if bar != nil {
				o.Progress = bar.step
			}
			return p.Run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Dir, "figures", "figures", "directory to write figures to")
	cmd.Flags().BoolVar(&o.Long, "long", false, "run everything that the paper has, which can take minutes")
	return cmd
}

// steps shows a bar for the step that is running; nil shows nothing.
type steps struct {
	progress *mpb.Progress
	name     string
	bar      *mpb.Bar
}

// newSteps returns nil where f is no terminal.
func newSteps(f *os.File) *steps {
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return &steps{progress: mpb.New(mpb.WithOutput(io.Writer(f)))}
}

func (s *steps) step(name string, done, total int) {
	if name != s.name {
		s.close()
		s.name = name
		s.bar = s.progress.AddBar(int64(total), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(name+" ")), mpb.AppendDecorators(decor.Percentage()))
	}
	s.bar.SetCurrent(int64(done))
}

// close ends the last bar.
func (s *steps) close() {
	if s != nil && s.bar != nil {
		s.bar.Abort(true)
		s.bar.Wait()
	}
}
