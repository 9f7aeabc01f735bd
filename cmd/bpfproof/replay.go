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
func (r *runner) replay(cmd *cobra.Command, p *ir.Program, name string, e *loaded) (*runJSON, error) {
	f, err := os.Open(r.pcap)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	reader, err := hooks.NewReader(r.pcap, f, false)
	if err != nil {
		return nil, err
	}
	var last uint64
	report, err := hooks.Run(cmd.Context(), e.Engine, reader, hooks.ReplayOptions{Each: func(_ hooks.Packet, ret uint64) { last = ret }})
	if err != nil {
		return nil, err
	}
	return &runJSON{Program: p.Name, Engine: name, RetVal: last, NsPerRun: report.NsPerPacket(),
		Packets: int(report.Packets), Verdicts: named(p.Type, report.Verdicts)}, nil
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
