package kernel

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
)

// ErrClosed is wrapped by what a closed Program is asked for.
var ErrClosed = errors.New("program is closed")

var _ runtime.Engine = (*Program)(nil)

// Program is a loaded program: an engine, and what the kernel tells of it.
type Program struct {
	source *ir.Program
	report *Report
	maps   []*Map
	owned  []*Map
	fd     int
	runner runner // of TestRun
}

// Name returns the engine's name, "kernel".
func (p *Program) Name() string { return "kernel" }

// Source returns the program as it was given to Load.
func (p *Program) Source() *ir.Program { return p.source }

// Report returns the kernel's verdict, log and statistics.
func (p *Program) Report() *Report { return p.report }

// Maps returns the program's maps, by index in ir.Program.Maps. They are closed
// with the program unless they were given to Load.
func (p *Program) Maps() []*Map { return p.maps }

// Close gives back the program and the maps that Load created. Further calls do
// nothing.
func (p *Program) Close() error {
	var errs []error
	if p.fd >= 0 {
		errs = append(errs, unix.Close(p.fd))
		p.fd = -1
	}
	for _, m := range p.owned {
		errs = append(errs, m.Close())
	}
	p.owned = nil
	return errors.Join(errs...)
}

// openMaps takes the given maps and creates the others.
func (p *Program) openMaps(given []*Map) error {
	if len(given) > len(p.source.Maps) {
		return fmt.Errorf("kernel: load %s: %d maps given, it refers to %d", p.source.Name, len(given), len(p.source.Maps))
	}
	p.maps = slices.Grow(slices.Clone(given), len(p.source.Maps))[:len(p.source.Maps)]
	have := map[*ir.MapSpec]*Map{}
	for i, m := range p.maps {
		if m != nil {
			have[p.source.Maps[i]] = m
		}
	}
	for _, i := range p.creationOrder() {
		if p.maps[i] != nil {
			continue
		}
		created, err := newMap(p.source.Maps[i], have)
		if err != nil {
			return fmt.Errorf("kernel: load %s: %w", p.source.Name, err)
		}
		p.maps[i] = created
		p.owned = append(p.owned, created)
		have[created.spec] = created
	}
	return nil
}

// creationOrder returns the indices of the program's maps, those that others
// refer to first.
func (p *Program) creationOrder() []int {
	var plain, referring []int
	for i, m := range p.source.Maps {
		if m.Inner != nil {
			referring = append(referring, i)
		} else {
			plain = append(plain, i)
		}
	}
	return append(plain, referring...)
}
