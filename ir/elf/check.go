package elf

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/bpfproof/bpfproof/ir/wire"
)

// maxZeroed bounds the bytes that an object's sections without contents (.bss)
// may ask for together: they take no room in the file, so the file's size does
// not bound them.
const maxZeroed = 16 << 20

const slotBytes = wire.SlotSize

// checkFile holds the file's claims against its size, before any parser
// allocates by them, and opens it.
func (rd *reader) checkFile() error {
	if err := rd.checkHeader(); err != nil {
		return err
	}
	file, err := elf.NewFile(rd.r)
	if err != nil {
		return rd.errorf("", "", -1, "malformed: %s", oneLine(err))
	}
	rd.file = file
	if err := rd.checkSections(); err != nil {
		return err
	}
	symbols, err := file.Symbols()
	if err != nil {
		return rd.errorf("", "", -1, "malformed symbol table: %s", oneLine(err))
	}
	rd.symbols = symbols
	return rd.checkSymbols()
}

// checkHeader tells files that are no eBPF object apart, by the first 64 bytes.
func (rd *reader) checkHeader() error {
	var h [64]byte
	n, err := rd.r.ReadAt(h[:], 0)
	switch {
	case err != nil && err != io.EOF:
		return rd.errorf("", "", -1, "%w", err)
	case n < 4 || string(h[:4]) != elf.ELFMAG:
		return rd.errorf("", "", 0, "not an ELF file")
	case n < len(h):
		return rd.errorf("", "", int64(n), "truncated: the ELF header takes %d bytes", len(h))
	case elf.Class(h[elf.EI_CLASS]) != elf.ELFCLASS64:
		return rd.errorf("", "", elf.EI_CLASS, "not a 64-bit object")
	}
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(h[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	machine := elf.Machine(order.Uint16(h[18:]))
	if machine != elf.EM_BPF {
		return rd.errorf("", "", 18, "not an eBPF object: its machine is %v", machine)
	}
	if elf.Data(h[elf.EI_DATA]) != elf.ELFDATA2LSB {
		return rd.errorf("", "", elf.EI_DATA, "big-endian object: this host is little-endian")
	}
	if typ := elf.Type(order.Uint16(h[16:])); typ != elf.ET_REL {
		return rd.errorf("", "", 16, "not a relocatable object: its type is %v", typ)
	}
	start, entry, count := order.Uint64(h[40:]), order.Uint16(h[58:]), order.Uint16(h[60:])
	if size := uint64(entry) * uint64(count); size > 0 && !rd.has(start, size) {
		return rd.errorf("", "", int64(start), "truncated: the table of %d sections lies beyond the end of the file", count)
	}
	return nil
}

// has reports whether the file reaches to the last of size bytes from off on.
func (rd *reader) has(off, size uint64) bool {
	if size == 0 {
		return true
	}
	last := off + size - 1
	if last < off || int64(last) < 0 {
		return false
	}
	var b [1]byte
	n, _ := rd.r.ReadAt(b[:], int64(last))
	return n == 1
}

func (rd *reader) checkSections() error {
	zeroed := uint64(0)
	for _, s := range rd.file.Sections {
		switch {
		case s.Flags&elf.SHF_COMPRESSED != 0:
			return rd.errorf(s.Name, "", -1, "compressed sections are %w", ErrUnsupported)
		case s.Type == elf.SHT_NOBITS:
			if s.Size > maxZeroed || zeroed+s.Size > maxZeroed {
				return rd.errorf(s.Name, "", -1, "%d zero bytes are more than the %d allowed", s.Size, maxZeroed)
			}
			zeroed += s.Size
		case s.Type != elf.SHT_NULL && !rd.has(s.Offset, s.FileSize):
			return rd.errorf(s.Name, "", -1, "truncated: its %d bytes at %#x lie beyond the end of the file", s.FileSize, s.Offset)
		case isCode(s):
			if err := rd.checkCode(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkCode decodes the section as it lies in the file: cilium/ebpf reads
// instructions leniently, so reserved fields would be lost on the way.
func (rd *reader) checkCode(s *elf.Section) error {
	if s.Size%slotBytes != 0 {
		return rd.errorf(s.Name, "", int64(s.Size), "%d bytes of code are not a whole number of %d-byte slots", s.Size, slotBytes)
	}
	raw, err := s.Data()
	if err != nil {
		return rd.errorf(s.Name, "", -1, "%w", err)
	}
	_, err = wire.Decode(raw)
	var bad *wire.Error
	if errors.As(err, &bad) {
		return rd.errorf(s.Name, "", int64(bad.PC)*slotBytes, "%w", err)
	}
	return err
}

func isCode(s *elf.Section) bool {
	return s.Type == elf.SHT_PROGBITS && s.Flags&elf.SHF_EXECINSTR != 0
}

// checkSymbols refuses functions and variables that are not where they are said
// to be.
func (rd *reader) checkSymbols() error {
	for _, s := range rd.symbols {
		i := int(s.Section)
		if s.Section == elf.SHN_UNDEF || s.Section >= elf.SHN_LORESERVE {
			continue
		}
		if i >= len(rd.file.Sections) {
			return rd.errorf("", s.Name, -1, "its section %d does not exist", i)
		}
		sec := rd.file.Sections[i]
		if s.Value > sec.Size || s.Size > sec.Size-s.Value {
			return rd.errorf(sec.Name, s.Name, int64(s.Value), "its %d bytes reach beyond the section's %d", s.Size, sec.Size)
		}
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && isCode(sec) && (s.Value%slotBytes != 0 || s.Size%slotBytes != 0) {
			return rd.errorf(sec.Name, s.Name, int64(s.Value), "%d bytes of code are not a whole number of %d-byte slots", s.Size, slotBytes)
		}
	}
	return nil
}

// sectionOf returns the section that holds the symbol, "" if none does.
func (rd *reader) sectionOf(symbol string) string {
	for _, s := range rd.symbols {
		if s.Name == symbol && int(s.Section) < len(rd.file.Sections) && s.Section != elf.SHN_UNDEF {
			return rd.file.Sections[s.Section].Name
		}
	}
	return ""
}

func quoteAll(names []string) string { return fmt.Sprintf("%q", names) }
