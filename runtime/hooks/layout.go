package hooks

import (
	"encoding/binary"
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime"
)

// Field is one field of an event's record.
type Field struct {
	Name   string `json:"name"`
	Off    int    `json:"off"`  // bytes from the record's start
	Size   int    `json:"size"` // bytes; numbers have 1, 2, 4 or 8
	Signed bool   `json:"signed,omitempty"`
}

// Layout declares what the records of an event look like. To a program of type
// tracepoint the record is its context, of which the first 8 bytes are hidden,
// as those of the kernel's records are; bytes behind the record are zero.
type Layout struct {
	Name   string  `json:"name"`
	Size   int     `json:"size"` // bytes of a record
	Fields []Field `json:"fields,omitempty"`
}

// Field returns the field of that name.
func (l *Layout) Field(name string) (f Field, ok bool) {
	for _, f := range l.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// Get returns a number of a record, with its sign.
func (l *Layout) Get(record []byte, name string) (uint64, error) {
	b, f, err := l.part(record, name)
	if err != nil {
		return 0, err
	}
	shift := 64 - 8*f.Size
	x := uint64(0)
	switch f.Size {
	case 1:
		x = uint64(b[0])
	case 2:
		x = uint64(binary.NativeEndian.Uint16(b))
	case 4:
		x = uint64(binary.NativeEndian.Uint32(b))
	case 8:
		x = binary.NativeEndian.Uint64(b)
	}
	if f.Signed {
		x = uint64(int64(x<<shift) >> shift)
	}
	return x, nil
}

// Put writes a number, cut to the field's size, into a record.
func (l *Layout) Put(record []byte, name string, x uint64) error {
	b, f, err := l.part(record, name)
	if err != nil {
		return err
	}
	switch f.Size {
	case 1:
		b[0] = byte(x)
	case 2:
		binary.NativeEndian.PutUint16(b, uint16(x))
	case 4:
		binary.NativeEndian.PutUint32(b, uint32(x))
	case 8:
		binary.NativeEndian.PutUint64(b, x)
	}
	return nil
}

// part returns the bytes of a field that holds a number.
func (l *Layout) part(record []byte, name string) ([]byte, Field, error) {
	f, ok := l.Field(name)
	switch {
	case !ok:
		return nil, f, fmt.Errorf("hooks: event %q: it has no field %q", l.Name, name)
	case f.Size != 1 && f.Size != 2 && f.Size != 4 && f.Size != 8:
		return nil, f, fmt.Errorf("hooks: event %q: field %q has %d bytes, which is no number", l.Name, name, f.Size)
	case f.Off < 0 || f.Off+f.Size > len(record):
		return nil, f, fmt.Errorf("hooks: event %q: field %q ends at byte %d of %d", l.Name, name, f.Off+f.Size, len(record))
	}
	return record[f.Off : f.Off+f.Size], f, nil
}

// check finds fields that are outside of the record, or there twice.
func (l *Layout) check() error {
	if l.Size < 0 || l.Size > runtime.MaxData {
		return fmt.Errorf("hooks: event %q: records of %d bytes", l.Name, l.Size)
	}
	seen := map[string]bool{}
	for _, f := range l.Fields {
		if f.Off < 0 || f.Size < 0 || f.Off > l.Size-f.Size {
			return fmt.Errorf("hooks: event %q: field %q, bytes %d to %d, is outside of the record's %d", l.Name, f.Name, f.Off, f.Off+f.Size, l.Size)
		}
		if seen[f.Name] {
			return fmt.Errorf("hooks: event %q: two fields are named %q", l.Name, f.Name)
		}
		seen[f.Name] = true
	}
	return nil
}

// takes says how a program of a type gets records of up to size bytes: as its
// context, or, a program without one, as its memory. Types that see packets or
// what the kernel makes for them get none.
func takes(t ir.ProgType, size int) error {
	switch t {
	case ir.Unspec:
		return nil
	case ir.Tracepoint, ir.RawTracepoint, ir.Kprobe, ir.PerfEvent:
		c, ok := abi.LookupContext(t)
		if !ok {
			break
		}
		if size > c.Size {
			return fmt.Errorf("records of %d bytes are larger than the %d of %s", size, c.Size, c.Name)
		}
		return nil
	}
	return fmt.Errorf("programs of type %v take no such events", t)
}

// record makes a record the input of a program of a type that takes it.
func record(t ir.ProgType, b []byte) runtime.Input {
	if t == ir.Unspec {
		return runtime.Input{Data: b}
	}
	return runtime.Input{Ctx: b}
}
