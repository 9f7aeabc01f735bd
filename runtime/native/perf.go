package native

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// OpenPerfMap opens the file in which perf(1) looks for the names of this
// process's generated code, for Options.PerfMap. The caller closes it.
func OpenPerfMap() (io.WriteCloser, error) {
	path := fmt.Sprintf("/tmp/perf-%d.map", os.Getpid())
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("native: open perf map: %w", err)
	}
	return f, nil
}

// writePerfMap writes a line for each function: address and size in
// hexadecimal, and a name (tools/perf/Documentation/jit-interface.txt of Linux
// 6.18), and one for the helpers that are done in machine code. It is one write, so that programs can share a file.
func (p *Program) writePerfMap(w io.Writer) error {
	name := strings.Map(func(r rune) rune {
		if r <= ' ' {
			return '_'
		}
		return r
	}, p.prog.Name)
	var b strings.Builder
	for i, f := range p.code.Funcs {
		fmt.Fprintf(&b, "%x %x bpf_prog_%s", p.image.addr(f.Entry), f.End-f.Entry, name)
		if i > 0 {
			fmt.Fprintf(&b, "_f%d", i)
		}
		b.WriteByte('\n')
	}
	if im, err := quickImage(); err == nil && p.helperExit == im.addr(0) {
		fmt.Fprintf(&b, "%x %x bpf_helpers\n", im.addr(0), len(im.mem))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write perf map: %w", err)
	}
	return nil
}
