package explain

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
)

// Input is what a run of a program depends on.
type Input struct {
	Data  []byte // the packet or memory
	Ctx   []byte // the context; nil for the usual one
	Elems []Elem // elements of maps beside their contents at load
	Seed  uint64 // of get_prandom_u32; 0 for the usual one
}

// Elem is an element of a map.
type Elem struct {
	Map        int // index in Program.Maps
	Key, Value []byte
}

// Program returns p with the input's elements in its maps.
func (in *Input) Program(p *ir.Program) *ir.Program {
	q := *p
	q.Maps = slices.Clone(p.Maps)
	for i := range in.Elems {
		e := &in.Elems[i]
		spec := *q.Maps[e.Map]
		spec.Contents = with(spec.Contents, e.Key, plain(&spec, e.Value))
		q.Maps[e.Map] = &spec
	}
	return &q
}

// plain returns a value without what is in it of kernel objects: a map is made
// with free locks.
func plain(m *ir.MapSpec, value []byte) []byte {
	out := slices.Clone(value)
	for _, f := range m.Fields {
		if end := int(f.Off) + int(f.Size); end <= len(out) {
			clear(out[f.Off:end])
		}
	}
	return out
}

// with returns the contents with one element added or replaced.
func with(contents []ir.MapElem, key, value []byte) []ir.MapElem {
	out := slices.Clone(contents)
	for i := range out {
		if bytes.Equal(out[i].Key, key) {
			out[i].Value = value
			return out
		}
	}
	return append(out, ir.MapElem{Key: key, Value: value})
}

// Args returns the flags of `bpfproof run` that give the program this input.
func (in *Input) Args(p *ir.Program) []string {
	args := []string{"--engine", "vm", "--unverified"}
	if len(in.Data) > 0 || p.Type != ir.Unspec {
		args = append(args, "--input", quoted(hex.EncodeToString(in.Data)))
	}
	if in.Ctx != nil {
		args = append(args, "--ctx", hex.EncodeToString(in.Ctx))
	}
	for _, e := range in.Elems {
		args = append(args, "--elem", fmt.Sprintf("%d:%x=%x", e.Map, e.Key, e.Value))
	}
	if in.Seed != 0 {
		args = append(args, "--seed", fmt.Sprint(in.Seed))
	}
	return args
}

func quoted(s string) string {
	if s == "" {
		return "''"
	}
	return s
}

// String returns the input as text, one part after the other.
func (in *Input) String() string {
	parts := []string{fmt.Sprintf("%d bytes of data %s", len(in.Data), dots(in.Data))}
	if in.Ctx != nil {
		parts = append(parts, "context "+dots(in.Ctx))
	}
	for _, e := range in.Elems {
		parts = append(parts, fmt.Sprintf("map %d has %x = %s", e.Map, e.Key, dots(e.Value)))
	}
	if in.Seed != 0 {
		parts = append(parts, fmt.Sprintf("random numbers from %d", in.Seed))
	}
	return strings.Join(parts, "; ")
}

// dots shortens long bytes: the command has all of them.
func dots(b []byte) string {
	const most = 32
	if len(b) <= most {
		return hex.EncodeToString(b)
	}
	return hex.EncodeToString(b[:most]) + "..."
}

func (in *Input) clone() Input {
	out := Input{Data: slices.Clone(in.Data), Ctx: slices.Clone(in.Ctx), Seed: in.Seed}
	for _, e := range in.Elems {
		out.Elems = append(out.Elems, Elem{e.Map, slices.Clone(e.Key), slices.Clone(e.Value)})
	}
	return out
}

// key identifies the input.
func (in *Input) key() string {
	return fmt.Sprintf("%x|%x|%v|%x|%d", in.Data, in.Ctx, in.Ctx == nil, in.Elems, in.Seed)
}

// parts lists the bytes of the input that a search may change.
func (in *Input) parts() [][]byte {
	parts := [][]byte{in.Data}
	if len(in.Ctx) > 0 {
		parts = append(parts, in.Ctx)
	}
	for i := range in.Elems {
		parts = append(parts, in.Elems[i].Value)
	}
	return parts
}

func (in *Input) elem(m int, key []byte) bool {
	return slices.ContainsFunc(in.Elems, func(e Elem) bool { return e.Map == m && bytes.Equal(e.Key, key) })
}
