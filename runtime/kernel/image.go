package kernel

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	goruntime "runtime"

	"github.com/bpfproof/bpfproof/ir"
)

// Image is the machine code that the kernel's JIT made of a program.
type Image struct {
	Text  []byte // all functions, one behind the other
	Funcs []ImageFunc
	// PCMap holds by PC of the program the offset in Text where its code starts,
	// NoCode where the kernel removed the instruction, rewrote it away or gives no
	// code of its own. It is nil unless the program was loaded with LineInfo.
	PCMap []int32
	// Lines are the records behind PCMap in order of address: the kernel puts
	// several instructions for one where it inlines.
	Lines []ImageLine
}

// NoCode marks instructions without code of their own in Image.PCMap.
const NoCode int32 = -1

// ImageFunc is one function of an image.
type ImageFunc struct {
	PC   ir.PC  // of the program, -1 without LineInfo
	Addr uint64 // where the kernel put it; 0 if it does not tell
	Off  int32  // in Text
	Len  int32
}

// ImageLine says where the code of an instruction starts.
type ImageLine struct {
	PC         ir.PC
	Translated int32 // slot in the translated program
	Off        int32 // in Text
}

// HiddenError says that the kernel did not show what it was asked for: no JIT, or
// no permission to see kernel addresses (kptr_restrict, CAP_SYSLOG).
type HiddenError struct{ What string }

func (e *HiddenError) Error() string {
	return "kernel: read " + e.What + ": not shown by the kernel"
}

// info reads the kernel's description with the wanted arrays, whose sizes ask
// tells from a first reading.
func (p *Program) info(ask func(sizes *progInfo) *progInfo) (*progInfo, error) {
	if p.fd < 0 {
		return nil, fmt.Errorf("kernel: read %s: %w", p.source.Name, ErrClosed)
	}
	sizes := &progInfo{}
	if err := objInfo(p.fd, sizes); err != nil {
		return nil, fmt.Errorf("kernel: read %s: %w", p.source.Name, err)
	}
	want := ask(sizes)
	if err := objInfo(p.fd, want); err != nil {
		return nil, fmt.Errorf("kernel: read %s: %w", p.source.Name, err)
	}
	goruntime.KeepAlive(sizes)
	return want, nil
}

// Tag returns the kernel's hash of the instructions, in hex: programs that
// differ in nothing but the descriptors of their maps have the same.
func (p *Program) Tag() (string, error) {
	info, err := p.info(func(*progInfo) *progInfo { return &progInfo{} })
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(info.tag[:]), nil
}

// Translated returns the slots of the program as the kernel rewrote it before
// its JIT, in the kernel's own form: map addresses and helper distances are
// blinded, and there are opcodes that no program may use.
func (p *Program) Translated() ([]byte, error) {
	var code []byte
	_, err := p.info(func(s *progInfo) *progInfo {
		code = make([]byte, s.xlatedLen)
		return &progInfo{xlatedLen: s.xlatedLen, xlated: bytesPtr(code)}
	})
	if err == nil && len(code) == 0 {
		err = &HiddenError{"translated program"}
	}
	return code, err
}

// Image returns the program's machine code.
func (p *Program) Image() (*Image, error) {
	var text []byte
	var ksyms, lineAddrs []uint64
	var lens []uint32
	var lines []byte
	info, err := p.info(func(s *progInfo) *progInfo {
		text, ksyms, lens = make([]byte, s.jitedLen), make([]uint64, s.nrKsyms), make([]uint32, s.nrFuncLens)
		lines, lineAddrs = make([]byte, int(s.nrLineInfo)*int(s.lineInfoRecSize)), make([]uint64, s.nrJitedLineInfo)
		return &progInfo{
			jitedLen: s.jitedLen, jited: bytesPtr(text), nrKsyms: s.nrKsyms, ksyms: slicePtr(ksyms), nrFuncLens: s.nrFuncLens, funcLens: slicePtr(lens),
			nrLineInfo: s.nrLineInfo, lineInfoRecSize: s.lineInfoRecSize, lineInfo: bytesPtr(lines),
			nrJitedLineInfo: s.nrJitedLineInfo, jitedLineInfoRecSize: s.jitedLineInfoRecSize, jitedLineInfo: slicePtr(lineAddrs),
		}
	})
	if err != nil {
		return nil, err
	}
	if len(text) == 0 || len(lens) == 0 || len(ksyms) != len(lens) {
		return nil, &HiddenError{"machine code"}
	}
	img := &Image{Text: text}
	off := int32(0)
	for i, n := range lens {
		img.Funcs = append(img.Funcs, ImageFunc{PC: -1, Addr: ksyms[i], Off: off, Len: int32(n)})
		off += int32(n)
	}
	if int(off) != len(text) {
		return nil, fmt.Errorf("kernel: read %s: functions take %d bytes, the image has %d", p.source.Name, off, len(text))
	}
	if len(lineAddrs) > 0 && len(lineAddrs) == int(info.nrLineInfo) {
		img.place(p.source, lines, int(info.lineInfoRecSize), lineAddrs)
	}
	return img, nil
}

// place fills PCMap and Lines from the records that newLineInfo gave to the
// kernel and the addresses that came back.
func (img *Image) place(p *ir.Program, lines []byte, size int, addrs []uint64) {
	img.PCMap = make([]int32, p.Slots())
	for i := range img.PCMap {
		img.PCMap[i] = NoCode
	}
	for i, addr := range addrs {
		rec := lines[i*size:]
		slot, pc := int32(binary.LittleEndian.Uint32(rec)), ir.PC(binary.LittleEndian.Uint32(rec[12:])>>lineShift)-1
		for j := range img.Funcs {
			f := &img.Funcs[j]
			if addr < f.Addr || addr >= f.Addr+uint64(f.Len) || f.Addr == 0 || pc < 0 || pc >= p.Slots() {
				continue
			}
			off := f.Off + int32(addr-f.Addr)
			img.Lines = append(img.Lines, ImageLine{PC: pc, Translated: slot, Off: off})
			if img.PCMap[pc] == NoCode {
				img.PCMap[pc] = off
			}
			if f.PC < 0 {
				f.PC = pc
			}
		}
	}
}
