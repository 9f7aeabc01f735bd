package kernel

import (
	"bytes"
	"errors"
	"fmt"
	goruntime "runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/wire"
)

// LogLevel is a set of parts of the verifier's log.
type LogLevel uint32

// The parts of the log. Without LogStates and LogPaths it holds only what the
// verifier says of a rejected program.
const (
	LogStates LogLevel = 1 // instructions and states of the path on which the verdict fell
	LogPaths  LogLevel = 2 // the same of all paths
	LogStats  LogLevel = 4 // counts and times
)

// Sizes of the log in bytes.
const (
	firstLog = 64 << 10
	// MaxLog bounds the log that is kept.
	MaxLog = 256 << 20
)

// Options tells how to load a program. The zero value asks for statistics only
// and creates the program's maps.
type Options struct {
	Log LogLevel // LogStats is always added
	// Maps holds for each of the program's maps one that exists already, or nil
	// to create it. It may be shorter than the program's list. Maps given here
	// are not closed with the program.
	Maps []*Map
	// LineInfo loads the program with a line record for every instruction, which
	// Image needs for its PC map.
	LineInfo bool
}

// Verify returns the kernel's verdict on p and gives back all that loading it
// took. The error means that the kernel could not be asked.
func Verify(p *ir.Program, opts Options) (*Report, error) {
	prog, err := Load(p, opts)
	var refused *LoadError
	if errors.As(err, &refused) {
		return refused.Report, nil
	}
	if err != nil {
		return nil, err
	}
	return prog.report, prog.Close()
}

// Load creates the maps of p and loads p. Where the kernel does not load it,
// the error is a *LoadError with the report, and nothing is left open.
func Load(p *ir.Program, opts Options) (_ *Program, err error) {
	raiseMemlock()
	prog := &Program{source: p, fd: -1}
	defer func() {
		if err != nil {
			_ = prog.Close()
		}
	}()
	if err := prog.openMaps(opts.Maps); err != nil {
		return nil, err
	}
	insns, err := prog.relocated()
	if err != nil {
		return nil, err
	}
	a := &loadAttr{
		progType: uint32(p.Type), insnCnt: uint32(p.Slots()), insns: bytesPtr(insns), license: bytesPtr(cString(license(p))),
		logLevel: uint32(opts.Log | LogStats), progFlags: p.LoadFlags, attachType: p.AttachType,
		attachBTFID: attachID(p),
	}
	copy(a.progName[:15], objName(p.Name))
	if opts.LineInfo || needsFuncTypes(p) {
		lines, err := newLineInfo(p, opts.LineInfo)
		if err != nil {
			return nil, err
		}
		defer lines.close()
		a.btfFD = uint32(lines.fd)
		if lines.count > 0 {
			a.lineInfo, a.lineInfoRecSize, a.lineInfoCnt = bytesPtr(lines.records), lineRecord, lines.count
		}
		if lines.nfuncs > 0 {
			a.funcInfo, a.funcInfoRecSize, a.funcInfoCnt = bytesPtr(lines.funcs), funcRecord, lines.nfuncs
		}
	}
	prog.report, prog.fd = load(a)
	if prog.report.Verdict != Accept {
		return nil, &LoadError{Program: p.Name, Report: prog.report}
	}
	return prog, nil
}

// load calls BPF_PROG_LOAD with as large a log as it takes.
func load(a *loadAttr) (*Report, int) {
	size := firstLog
	for {
		buf := make([]byte, size)
		a.logBuf, a.logSize, a.logTrueSize = bytesPtr(buf), uint32(size), 0
		fd, err := bpfQuiet(cmdProgLoad, a)
		if errors.Is(err, unix.ENOSPC) && int(a.logTrueSize) > size && size < MaxLog {
			size = min(int(a.logTrueSize)+1, MaxLog)
			continue
		}
		if errors.Is(err, unix.ENOSPC) && size >= MaxLog {
			// The program was judged, but the verdict is lost with the log.
			a.logLevel = uint32(LogStats)
			r, fd := load(a)
			r.Log, r.Truncated = cutAtZero(buf), true
			return r, fd
		}
		goruntime.KeepAlive(buf)
		return newReport(err, cutAtZero(buf)), max(fd, -1)
	}
}

func cutAtZero(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

func cString(s string) []byte { return append([]byte(s), 0) }

// license returns what the program is loaded under; the kernel demands one.
func license(p *ir.Program) string {
	if p.License == "" {
		return "unspecified"
	}
	return p.License
}

// objName makes a name that the kernel takes: 15 letters, digits, '_' and '.'.
func objName(name string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.':
			return r
		}
		return '_'
	}, name)
	return clean[:min(len(clean), 15)]
}

// relocated returns the program's bytes with descriptors in the place of map
// indices.
func (p *Program) relocated() ([]byte, error) {
	insns := make([]ir.Insn, len(p.source.Insns))
	copy(insns, p.source.Insns)
	for pc, in := range p.source.All() {
		i, off, ok := in.Map()
		if !ok {
			continue
		}
		if i < 0 || i >= len(p.maps) {
			return nil, fmt.Errorf("kernel: load %s: insn %d: map %d does not exist", p.source.Name, pc, i)
		}
		fd := p.maps[i].fd()
		switch in.Row().Pseudo {
		case ir.PseudoMapFD, ir.PseudoMapIdx:
			insns[pc].Op, insns[pc].Imm = ir.OpLoadImm(ir.PseudoMapFD), int64(fd)
		case ir.PseudoMapValue, ir.PseudoMapIdxV:
			insns[pc].Op, insns[pc].Imm = ir.OpLoadImm(ir.PseudoMapValue), int64(uint64(off)<<32|uint64(uint32(fd)))
		}
	}
	raw, err := wire.Encode(insns)
	if err != nil {
		return nil, fmt.Errorf("kernel: load %s: %w", p.source.Name, err)
	}
	return raw, nil
}
