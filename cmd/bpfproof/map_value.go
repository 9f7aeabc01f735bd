package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// maxTypeDepth bounds how deep types nest: nothing that is plain bytes goes
// deeper, and a damaged object may go round in circles.
const maxTypeDepth = 32

// maxTypedText bounds the JSON of one value in bytes: types may have any number
// of members of no size.
const maxTypedText = 64 << 20

// errTypeDepth says that a type is too deep.
var errTypeDepth = errors.New("the type nests too deep or has too many members")

// printTyped writes bytes as JSON of their type; null without a type.
func printTyped(t btf.Type, b []byte) (json.RawMessage, error) {
	if t == nil {
		return json.RawMessage("null"), nil
	}
	if _, void := btf.UnderlyingType(t).(*btf.Void); void {
		return json.RawMessage("null"), nil
	}
	var out bytes.Buffer
	if err := writeTyped(&out, t, b, 0); err != nil {
		return nil, fmt.Errorf("type %s: %w", t.TypeName(), err)
	}
	return out.Bytes(), nil
}

func writeTyped(out *bytes.Buffer, t btf.Type, b []byte, depth int) error {
	size, err := btf.Sizeof(t)
	switch {
	case depth > maxTypeDepth || out.Len() > maxTypedText:
		return errTypeDepth
	case err != nil:
		return err
	case size > len(b):
		return fmt.Errorf("%d bytes of %d", len(b), size)
	}
	switch t := btf.UnderlyingType(t).(type) {
	case *btf.Struct:
		return writeMembers(out, t.Members, b, depth)
	case *btf.Union:
		return writeMembers(out, t.Members, b, depth)
	case *btf.Datasec:
		var members []btf.Member
		for _, v := range t.Vars {
			members = append(members, btf.Member{Name: v.Type.TypeName(), Type: v.Type.(*btf.Var).Type, Offset: btf.Bits(8 * v.Offset)})
		}
		return writeMembers(out, members, b, depth)
	case *btf.Array:
		return writeArray(out, t, b, depth)
	case *btf.Int:
		return writeInt(out, number(b[:size]), size*8, t.Encoding)
	case *btf.Enum:
		x := number(b[:size])
		for _, v := range t.Values {
			if v.Value&mask(8*size) == x {
				fmt.Fprintf(out, "%q", v.Name)
				return nil
			}
		}
		fmt.Fprint(out, x)
		return nil
	case *btf.Pointer:
		fmt.Fprintf(out, `"%#x"`, number(b[:size]))
		return nil
	}
	return fmt.Errorf("values of kind %T are not plain bytes", btf.UnderlyingType(t))
}

func writeMembers(out *bytes.Buffer, members []btf.Member, b []byte, depth int) error {
	out.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(out, "%q:", m.Name)
		if m.BitfieldSize > 0 {
			x := bits(b, int(m.Offset), int(m.BitfieldSize))
			enc := btf.Unsigned
			if i, ok := btf.UnderlyingType(m.Type).(*btf.Int); ok {
				enc = i.Encoding
			}
			if err := writeInt(out, x, int(m.BitfieldSize), enc); err != nil {
				return err
			}
			continue
		}
		off := int(m.Offset.Bytes())
		if off > len(b) {
			return fmt.Errorf("field %q is outside of the value", m.Name)
		}
		if err := writeTyped(out, m.Type, b[off:], depth+1); err != nil {
			return fmt.Errorf("field %q: %w", m.Name, err)
		}
	}
	out.WriteByte('}')
	return nil
}

func writeArray(out *bytes.Buffer, t *btf.Array, b []byte, depth int) error {
	size, err := btf.Sizeof(t.Type)
	if err != nil {
		return err
	}
	out.WriteByte('[')
	for i := range int(t.Nelems) {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := writeTyped(out, t.Type, b[i*size:], depth+1); err != nil {
			return err
		}
	}
	out.WriteByte(']')
	return nil
}

func writeInt(out *bytes.Buffer, x uint64, bits int, enc btf.IntEncoding) error {
	switch {
	case bits < 1 || bits > 64:
		fmt.Fprintf(out, "null") // numbers of 128 bits: the hex has them
	case enc == btf.Bool:
		fmt.Fprint(out, x != 0)
	case enc == btf.Signed:
		fmt.Fprint(out, int64(x<<(64-bits))>>(64-bits))
	default:
		fmt.Fprint(out, x)
	}
	return nil
}

// number reads up to 8 bytes as they lie on this machine.
func number(b []byte) uint64 {
	var full [8]byte
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		copy(full[:], b)
	} else if len(b) <= 8 {
		copy(full[8-len(b):], b)
	}
	return binary.NativeEndian.Uint64(full[:])
}

func mask(bits int) uint64 { return ^uint64(0) >> (64 - bits) }

// bits reads a bit field of a little-endian machine.
func bits(b []byte, off, size int) (x uint64) {
	for i := range size {
		if at := off + i; at/8 < len(b) {
			x |= uint64(b[at/8]>>(at%8)&1) << i
		}
	}
	return x
}

// typedParser reads JSON of a type; errors name the place in the text.
type typedParser struct {
	what string
	dec  *json.Decoder
}

// parseTyped reads a key or value of a type and a size in bytes.
func parseTyped(what, text string, t btf.Type, size int) ([]byte, error) {
	b := make([]byte, size)
	return b, parseInto(what, text, func(p *typedParser) error { return p.value(t, b, 0) })
}

// parseEach reads a list of n values, which lie size bytes apart.
func parseEach(what, text string, t btf.Type, n, size int) ([]byte, error) {
	b := make([]byte, n*size)
	return b, parseInto(what, text, func(p *typedParser) error {
		return p.list(n, func(i int) error { return p.value(t, b[i*size:][:size], 0) })
	})
}

func parseInto(what, text string, f func(*typedParser) error) error {
	p := &typedParser{what, json.NewDecoder(strings.NewReader(quoteHex(text)))}
	p.dec.UseNumber()
	if err := f(p); err != nil {
		return err
	}
	if _, err := p.dec.Token(); err != io.EOF {
		return p.errorf("there is more behind the value")
	}
	return nil
}

// quoteHex makes a bare 0x10 the string that it has to be in JSON.
func quoteHex(text string) string {
	if strings.HasPrefix(text, "0x") {
		return strconv.Quote(text)
	}
	return text
}

func (p *typedParser) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: character %d: %s", p.what, p.dec.InputOffset(), fmt.Sprintf(format, args...))
}

func (p *typedParser) token() (json.Token, error) {
	tok, err := p.dec.Token()
	if err == io.EOF {
		return nil, p.errorf("the text ends inside the value")
	}
	if err != nil {
		return nil, p.errorf("%v", err)
	}
	return tok, nil
}

// value reads a value of a type into b.
func (p *typedParser) value(t btf.Type, b []byte, depth int) error {
	size, err := btf.Sizeof(t)
	if err != nil || size > len(b) || depth > maxTypeDepth {
		return p.errorf("type %s does not fit %d bytes", t.TypeName(), len(b))
	}
	switch u := btf.UnderlyingType(t).(type) {
	case *btf.Struct:
		return p.members(u.Members, b, depth)
	case *btf.Union:
		return p.members(u.Members, b, depth)
	case *btf.Array:
		each, err := btf.Sizeof(u.Type)
		if err != nil {
			return p.errorf("%v", err)
		}
		return p.list(int(u.Nelems), func(i int) error { return p.value(u.Type, b[i*each:][:each], depth+1) })
	case *btf.Int:
		return p.integer(b[:size], u.Encoding == btf.Signed, nil)
	case *btf.Enum:
		return p.integer(b[:size], u.Signed, u.Values)
	}
	return p.errorf("values of type %s are not set by JSON: use %sBYTES", t.TypeName(), rawPrefix)
}

func (p *typedParser) members(members []btf.Member, b []byte, depth int) error {
	if tok, err := p.token(); err != nil {
		return err
	} else if tok != json.Delim('{') {
		return p.errorf("want {\"field\": value, ...}")
	}
	seen := map[string]bool{}
	for p.dec.More() {
		tok, err := p.token()
		if err != nil {
			return err
		}
		name, _ := tok.(string)
		m, ok := member(members, name)
		switch {
		case !ok:
			return p.errorf("there is no field %q", name)
		case seen[name]:
			return p.errorf("field %q is there twice", name)
		case m.BitfieldSize > 0:
			return p.errorf("field %q is a bit field: use %sBYTES", name, rawPrefix)
		}
		seen[name] = true
		if uint64(m.Offset.Bytes()) > uint64(len(b)) {
			return p.errorf("field %q is outside of the value", name)
		}
		if err := p.value(m.Type, b[m.Offset.Bytes():], depth+1); err != nil {
			return err
		}
	}
	_, err := p.token()
	return err
}

func member(members []btf.Member, name string) (m btf.Member, ok bool) {
	for _, m := range members {
		if m.Name == name {
			return m, true
		}
	}
	return m, false
}

// list reads a list of exactly n values.
func (p *typedParser) list(n int, f func(i int) error) error {
	if tok, err := p.token(); err != nil {
		return err
	} else if tok != json.Delim('[') {
		return p.errorf("want a list of %d values", n)
	}
	for i := range n {
		if !p.dec.More() {
			return p.errorf("%d values, want %d", i, n)
		}
		if err := f(i); err != nil {
			return err
		}
	}
	if p.dec.More() {
		return p.errorf("more than %d values", n)
	}
	_, err := p.token()
	return err
}

// integer reads a number, a string with one in base 16, true or false, or the
// name of a value.
func (p *typedParser) integer(b []byte, signed bool, names []btf.EnumValue) error {
	tok, err := p.token()
	if err != nil {
		return err
	}
	var x uint64
	switch tok := tok.(type) {
	case bool:
		if tok {
			x = 1
		}
	case json.Number:
		x, err = parseNumber(tok.String(), signed, 8*len(b))
	case string:
		i := -1
		for n := range names {
			if names[n].Name == tok {
				i = n
			}
		}
		if i >= 0 {
			x = names[i].Value
		} else {
			x, err = parseNumber(tok, signed, 8*len(b))
		}
	default:
		return p.errorf("want a number")
	}
	if err != nil {
		return p.errorf("%v is no number of %d bits: %v", tok, 8*len(b), errors.Unwrap(err))
	}
	var full [8]byte
	binary.NativeEndian.PutUint64(full[:], x)
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		copy(b, full[:])
	} else {
		copy(b, full[8-len(b):])
	}
	return nil
}

func parseNumber(text string, signed bool, bits int) (uint64, error) {
	if bits > 64 {
		return 0, fmt.Errorf("parse: %w", strconv.ErrRange)
	}
	if signed && !strings.HasPrefix(text, "0x") {
		x, err := strconv.ParseInt(text, 0, bits)
		return uint64(x), err
	}
	return strconv.ParseUint(text, 0, bits)
}
