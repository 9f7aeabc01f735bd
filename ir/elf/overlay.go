package elf

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
)

// overlay is a file with some bytes replaced, and a tail put where the file has
// nothing of interest. The library underneath refuses a few forms that libbpf
// takes; the reader says them in a form that it does take, and puts back the
// original meaning afterwards.
type overlay struct {
	r       io.ReaderAt
	patches []patch // sorted by offset once all are known
	tail    []byte
	tailAt  int64
}

// patch is at most maxPatch bytes for a place in the file.
type patch struct {
	at    int64
	bytes []byte
}

const maxPatch = 16

func (o *overlay) put(at int64, b []byte) { o.patches = append(o.patches, patch{at, b}) }

// ReadAt reads as the file does, with the changes in place.
func (o *overlay) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.r.ReadAt(p, off)
	i, _ := slices.BinarySearchFunc(o.patches, off-maxPatch, func(x patch, at int64) int { return cmp.Compare(x.at, at) })
	for ; i < len(o.patches) && o.patches[i].at < off+int64(n); i++ {
		lay(p[:n], off, o.patches[i].bytes, o.patches[i].at)
	}
	if end := o.tailAt + int64(len(o.tail)); len(o.tail) > 0 && off < end && off+int64(len(p)) > o.tailAt {
		reach := int(min(end-off, int64(len(p))))
		clear(p[min(n, reach):reach])
		lay(p[:reach], off, o.tail, o.tailAt)
		if reach > n {
			n = reach
		}
		if n == len(p) {
			err = nil
		}
	}
	return n, err
}

// lay copies to p, which lies at off, what b, which lies at the offset at, has
// for the same place.
func lay(p []byte, off int64, b []byte, at int64) {
	if at >= off+int64(len(p)) || at+int64(len(b)) <= off {
		return
	}
	if at < off {
		copy(p, b[off-at:])
		return
	}
	copy(p[at-off:], b)
}

// renamed is the prefix of the name that a section ".bss.*" has for the
// library, which knows ".data.*" and not that.
const renamed = ".data"

// adapt makes the overlay: suffixed .bss sections are named ".data.bss.*", weak
// .kconfig variables are global, and the BTF fits both and the library.
func (rd *reader) adapt() (io.ReaderAt, error) {
	o := &overlay{r: rd.r}
	if err := rd.renameBSS(o); err != nil {
		return nil, err
	}
	rd.bindKconfig(o)
	if err := rd.adaptTypes(o); err != nil {
		return nil, err
	}
	if len(o.patches) == 0 {
		return rd.r, nil
	}
	slices.SortStableFunc(o.patches, func(a, b patch) int { return cmp.Compare(a.at, b.at) })
	return o, nil
}

// sectionHeader returns where the header of section i lies, and its bytes.
func (rd *reader) sectionHeader(i int) (int64, [64]byte, error) {
	var head [64]byte
	if _, err := rd.r.ReadAt(head[:], 0); err != nil {
		return 0, head, rd.errorf("", "", 0, "%w", err)
	}
	entry := int64(binary.LittleEndian.Uint16(head[58:]))
	at := int64(binary.LittleEndian.Uint64(head[40:])) + int64(i)*entry
	if entry < 64 {
		return 0, head, rd.errorf("", "", 58, "malformed: section headers of %d bytes", entry)
	}
	if _, err := rd.r.ReadAt(head[:], at); err != nil {
		return 0, head, rd.errorf("", "", at, "malformed section header: %w", err)
	}
	return at, head, nil
}

// renameBSS gives the suffixed .bss sections their other names, in a string
// table that lies behind all else.
func (rd *reader) renameBSS(o *overlay) error {
	var list []int
	for i, s := range rd.file.Sections {
		if strings.HasPrefix(s.Name, ".bss.") {
			list = append(list, i)
		}
	}
	if len(list) == 0 {
		return nil
	}
	var head [64]byte
	if _, err := rd.r.ReadAt(head[:], 0); err != nil {
		return rd.errorf("", "", 0, "%w", err)
	}
	names := int(binary.LittleEndian.Uint16(head[62:]))
	if names >= len(rd.file.Sections) {
		return rd.errorf("", "", 62, "malformed: section %d of names does not exist", names)
	}
	old, err := rd.file.Sections[names].Data()
	if err != nil {
		return rd.errorf(rd.file.Sections[names].Name, "", -1, "%w", err)
	}
	o.tail = append([]byte{}, old...)
	for _, s := range rd.file.Sections {
		if s.Type != elf.SHT_NOBITS && s.Type != elf.SHT_NULL {
			o.tailAt = max(o.tailAt, int64(s.Offset+s.FileSize))
		}
	}
	o.tailAt = max(o.tailAt, int64(binary.LittleEndian.Uint64(head[40:]))+64*int64(len(rd.file.Sections))) + 64
	for _, i := range list {
		at, _, err := rd.sectionHeader(i)
		if err != nil {
			return err
		}
		o.put(at, binary.LittleEndian.AppendUint32(nil, uint32(len(o.tail))))
		o.tail = append(append(o.tail, renamed+rd.file.Sections[i].Name...), 0)
	}
	at, _, err := rd.sectionHeader(names)
	if err != nil {
		return err
	}
	place := binary.LittleEndian.AppendUint64(nil, uint64(o.tailAt))
	o.put(at+24, binary.LittleEndian.AppendUint64(place, uint64(len(o.tail))))
	return nil
}

// bindKconfig makes the weak variables of .kconfig global; that they are weak
// is still known from rd.symbols.
func (rd *reader) bindKconfig(o *overlay) {
	table := rd.file.SectionByType(elf.SHT_SYMTAB)
	if table == nil {
		return
	}
	for i, s := range rd.symbols {
		if s.Section == elf.SHN_UNDEF && elf.ST_BIND(s.Info) == elf.STB_WEAK && isKconfig(s.Name) {
			at := int64(table.Offset) + int64(i+1)*elf.Sym64Size + 4
			o.put(at, []byte{elf.ST_INFO(elf.STB_GLOBAL, elf.ST_TYPE(s.Info))})
		}
	}
}

// isKconfig reports whether a name is one of those that .kconfig may declare.
func isKconfig(name string) bool {
	return strings.HasPrefix(name, "CONFIG_") || strings.HasPrefix(name, "LINUX_")
}

// The kinds of BTF types that matter here (Documentation/bpf/btf.rst).
const (
	kindVar     = 14
	kindDatasec = 15
)

// adaptTypes changes the object's BTF: the variables of .ksyms lose their types,
// which the library refuses (rd.ksyms still has them), and the suffixed .bss
// sections get the sizes and offsets that the compiler leaves to the loader, since
// the library looks for them under the section's name.
func (rd *reader) adaptTypes(o *overlay) error {
	if rd.types == nil {
		return nil
	}
	base := int64(rd.file.Section(".BTF").Offset)
	for _, sec := range rd.types.sections {
		switch {
		case sec.name == ksymsSection:
			for _, id := range sec.members {
				if at, ok := rd.types.vars[id]; ok {
					o.put(base+int64(at)+8, make([]byte, 4))
				}
			}
		case strings.HasPrefix(sec.name, ".bss."):
			if err := rd.placeVariables(o, base, sec); err != nil {
				return err
			}
		}
	}
	return nil
}

func (rd *reader) placeVariables(o *overlay, base int64, sec btfSection) error {
	le := binary.LittleEndian
	index := -1
	for i, s := range rd.file.Sections {
		if s.Name == sec.name {
			index = i
		}
	}
	if index < 0 {
		return rd.errorf(".BTF", "", int64(sec.at), "malformed: section %q does not exist", sec.name)
	}
	o.put(base+int64(sec.at)+8, le.AppendUint32(nil, uint32(rd.file.Sections[index].Size)))
	offsets := map[string]uint64{}
	for _, s := range rd.symbols {
		if int(s.Section) == index {
			offsets[s.Name] = s.Value
		}
	}
	for i, id := range sec.members {
		at, ok := rd.types.vars[id]
		if !ok {
			continue // for the library to refuse
		}
		if off, ok := offsets[rd.types.name(at)]; ok {
			o.put(base+int64(sec.at)+12+12*int64(i)+4, le.AppendUint32(nil, uint32(off)))
		}
	}
	return nil
}

// btfIndex is what of an object's BTF must be changed in place.
type btfIndex struct {
	raw      []byte
	names    uint64            // where the strings begin
	vars     map[uint32]uint32 // where the variables lie, by type id
	sections []btfSection
}

// btfSection is a data section in BTF.
type btfSection struct {
	name    string
	at      uint32   // where it lies
	members []uint32 // type ids
}

// indexTypes walks the object's BTF. It returns nil where there is none.
func (rd *reader) indexTypes() (*btfIndex, error) {
	sec := rd.file.Section(".BTF")
	if sec == nil || sec.Type == elf.SHT_NOBITS {
		return nil, nil
	}
	raw, err := sec.Data()
	if err == nil {
		var x *btfIndex
		if x, err = newIndex(raw); err == nil {
			return x, nil
		}
	}
	return nil, rd.errorf(sec.Name, "", -1, "malformed: %w", err)
}

func newIndex(raw []byte) (*btfIndex, error) {
	le := binary.LittleEndian
	if len(raw) < 24 || le.Uint16(raw) != 0xeb9f {
		return nil, fmt.Errorf("%d bytes that do not begin with a header of BTF", len(raw))
	}
	start := uint64(le.Uint32(raw[4:])) + uint64(le.Uint32(raw[8:]))
	end := start + uint64(le.Uint32(raw[12:]))
	x := &btfIndex{raw: raw, names: uint64(le.Uint32(raw[4:])) + uint64(le.Uint32(raw[16:])), vars: map[uint32]uint32{}}
	if end > uint64(len(raw)) || x.names > uint64(len(raw)) {
		return nil, fmt.Errorf("types or names lie beyond the %d bytes of BTF", len(raw))
	}
	id := uint32(1)
	for at := start; at < end; id++ {
		if end-at < 12 {
			return nil, fmt.Errorf("type %d is cut", id)
		}
		info := le.Uint32(raw[at+4:])
		kind, n := info>>24&0x1f, uint64(info&0xffff)
		size := 12 + extraBytes(kind, n)
		if size > end-at {
			return nil, fmt.Errorf("type %d is cut", id)
		}
		switch kind {
		case kindVar:
			x.vars[id] = uint32(at)
		case kindDatasec:
			sec := btfSection{name: x.name(uint32(at)), at: uint32(at)}
			for m := range n {
				sec.members = append(sec.members, le.Uint32(raw[at+12+12*m:]))
			}
			x.sections = append(x.sections, sec)
		}
		at += size
	}
	return x, nil
}

// name returns the name of the type at a place, "" if it has none.
func (x *btfIndex) name(at uint32) string {
	off := x.names + uint64(binary.LittleEndian.Uint32(x.raw[at:]))
	if off >= uint64(len(x.raw)) {
		return ""
	}
	name, _, ok := bytes.Cut(x.raw[off:], []byte{0})
	if !ok {
		return ""
	}
	return string(name)
}

// declares reports whether a data section of that name has members.
func (x *btfIndex) declares(section string) bool {
	for _, s := range x.sections {
		if s.name == section && len(s.members) > 0 {
			return true
		}
	}
	return false
}

// extraBytes returns what follows the 12 bytes that every type has.
func extraBytes(kind uint32, n uint64) uint64 {
	switch kind {
	case 1, kindVar, 17: // INT, VAR, DECL_TAG
		return 4
	case 3: // ARRAY
		return 12
	case 4, 5, kindDatasec, 19: // STRUCT, UNION, DATASEC, ENUM64
		return 12 * n
	case 6, 13: // ENUM, FUNC_PROTO
		return 8 * n
	}
	return 0
}
