package kernel

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
)

// The sizes of struct bpf_line_info and struct bpf_func_info, and the split of
// the last word of a line: the number above, the column in the low bits.
const (
	lineRecord = 16
	funcRecord = 8
	lineShift  = 10
)

// lineInfo is type information made for one purpose: a line record for every
// instruction, whose line number is the PC plus 1. The kernel keeps the records
// beside the instructions through all its rewriting, so what comes back tells
// which machine code belongs to which PC.
//
// The kernel also wants a type for every function of a program that has
// callbacks ("missing btf func_info"): a static function that returns an int,
// since the verifier goes by the code of static functions alone.
type lineInfo struct {
	fd      int
	records []byte // of lines
	count   uint32
	funcs   []byte // of functions
	nfuncs  uint32
}

// needsFuncTypes reports whether p takes the address of a function, or has a global
// one: the kernel goes by their types then.
func needsFuncTypes(p *ir.Program) bool {
	for _, f := range p.Funcs {
		if f.Global != nil {
			return true
		}
	}
	for _, in := range p.All() {
		if in.Op == ir.OpLoadImm(ir.PseudoFunc) {
			return true
		}
	}
	return false
}

// newLineInfo makes a line record for every instruction if lines is set, and a
// function record for every function if the program needs their types.
func newLineInfo(p *ir.Program, lines bool) (*lineInfo, error) {
	if lines && p.Slots() >= 1<<(32-lineShift)-1 {
		return nil, fmt.Errorf("kernel: load %s: line records reach only to PC %d", p.Name, 1<<(32-lineShift)-2)
	}
	strings := []byte("\x00int\x00p\x00arg:ctx\x00arg:nonnull\x00byte\x00")
	const intName, fileName = 1, 5
	l := &lineInfo{}
	le := binary.LittleEndian
	for pc := range p.All() {
		if !lines {
			break
		}
		l.records = le.AppendUint32(l.records, uint32(pc))
		l.records = le.AppendUint32(l.records, fileName)
		l.records = le.AppendUint32(l.records, fileName)
		l.records = le.AppendUint32(l.records, uint32(pc+1)<<lineShift)
		l.count++
	}
	// At least one type, int, since the kernel refuses type information without
	// types (Documentation/bpf/btf.rst: header, btf_type, the encoding of an int).
	types := le.AppendUint32(nil, intName)
	types = le.AppendUint32(types, 1<<24) // BTF_KIND_INT
	types = le.AppendUint32(types, 4)     // bytes
	types = le.AppendUint32(types, 1<<24|32)
	if needsFuncTypes(p) {
		t := funcTypes{types: types, last: 1}
		for _, f := range p.Funcs {
			l.funcs = le.AppendUint32(l.funcs, uint32(f.PC))
			l.funcs = le.AppendUint32(l.funcs, t.function(f.Global))
			l.nfuncs++
		}
		types = t.types
	}
	blob := le.AppendUint16(nil, 0xeb9f)
	blob = append(blob, 1, 0)
	for _, x := range []int{24, 0, len(types), len(types), len(strings)} {
		blob = le.AppendUint32(blob, uint32(x))
	}
	blob = append(append(blob, types...), strings...)
	fd, err := bpf(cmdBTFLoad, &btfAttr{btf: bytesPtr(blob), size: uint32(len(blob))})
	if err != nil {
		return nil, fmt.Errorf("kernel: load %s: type information: %w", p.Name, err)
	}
	l.fd = fd
	return l, nil
}

func (l *lineInfo) close() { _ = unix.Close(l.fd) }
