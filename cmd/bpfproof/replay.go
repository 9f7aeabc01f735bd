package main

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/hooks"
)

// replay runs the program on every packet of the capture.
func (r *runner) replay(cmd *cobra.Command, p *ir.Program, e *loaded) (*runJSON, error) {
	var last uint64
	bar := newSteps(os.Stderr)
	defer bar.close()
	opts := hooks.ReplayOptions{Each: func(_ hooks.Packet, ret uint64) { last = ret }, Progress: r.progress(bar)}
	report, err := r.deliver(cmd, e, opts)
	if err != nil {
		return nil, err
	}
	return &runJSON{RetVal: last, NsPerRun: report.NsPerPacket(), Packets: int(report.Packets), Verdicts: named(p.Type, report.Verdicts)}, nil
}

// deliver runs the capture through a link, which counts, or through the live
// kernel.
func (r *runner) deliver(cmd *cobra.Command, e *loaded, opts hooks.ReplayOptions) (hooks.Report, error) {
	if e.object != nil {
		l, err := e.object.Programs()[0].Attach(&hooks.Pcap{Path: r.pcap, ReplayOptions: opts})
		if err != nil {
			return hooks.Report{}, err
		}
		return l.(*hooks.Replay).Run(cmd.Context())
	}
	f, err := os.Open(r.pcap)
	if err != nil {
		return hooks.Report{}, err
	}
	defer f.Close()
	reader, err := hooks.NewReader(r.pcap, f, false)
	if err != nil {
		return hooks.Report{}, err
	}
	return hooks.Run(cmd.Context(), e.Engine, reader, opts)
}

// progress returns what shows how much of the capture was read; nil where
// nobody watches, or the file's size is not that of what is read.
func (r *runner) progress(bar *steps) func(int64) {
	info, err := os.Stat(r.pcap)
	if bar == nil || err != nil || info.Size() == 0 {
		return nil
	}
	return func(offset int64) { bar.step(r.pcap, int(min(offset, info.Size())), int(info.Size())) }
}

// named gives a histogram of results the names they have for a program type.
func named(t ir.ProgType, verdicts map[uint64]uint64) map[string]int {
	m := map[string]int{}
	for ret, n := range verdicts {
		m[hooks.VerdictName(t, ret)] = int(n)
	}
	return m
}

// histogram prints counts in order of name.
func histogram(verdicts map[string]int) string {
	var parts []string
	for name, n := range verdicts {
		parts = append(parts, fmt.Sprintf("%s %d", name, n))
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}
