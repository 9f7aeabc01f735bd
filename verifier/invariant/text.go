package invariant

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
)

var kindNames = [...]string{"none", "scalar", "ctx", "fp", "pkt", "pkt_meta", "pkt_end", "map_ptr", "map_value", "map_key",
	"ptr", "mem", "ringbuf_mem", "flow_keys", "tp_buffer", "func", "struct_ptr", "slice", "iter", "dynptr", "dynptr_ptr"}

// String returns the kind's name, such as "map_value".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// String returns all that the register claims, but for zero fields.
func (r Reg[E]) String() string {
	if r.Kind == None {
		return "none"
	}
	var b strings.Builder
	b.WriteString(r.Kind.String())
	if r.Null {
		b.WriteString("_or_null")
	}
	b.WriteByte('(')
	for _, f := range []struct {
		name string
		x    int64
	}{{"frame", int64(r.Frame)}, {"index", int64(r.Index)}, {"id", int64(r.ID)}, {"ref", int64(r.Ref)}, {"off", int64(r.Off)}, {"range", int64(r.Range)}} {
		if f.x != 0 {
			fmt.Fprintf(&b, "%s=%d ", f.name, f.x)
		}
	}
	fmt.Fprintf(&b, "val=%v)", r.Val)
	return b.String()
}

// String returns the bytes, the highest address first, and the spill.
func (s Slot[E]) String() string {
	var b strings.Builder
	for k := SlotSize - 1; k >= 0; k-- {
		b.WriteByte("?m0r"[s.Bytes[k]&3])
	}
	if s.N > 0 {
		fmt.Fprintf(&b, ":%v", s.Spill)
	}
	return b.String()
}

// String returns the state on one line.
func (s State[E]) String() string {
	var b strings.Builder
	for i, f := range s.Frames {
		fmt.Fprintf(&b, "frame%d(site=%d):", i, f.Site)
		if f.Calls > 0 {
			fmt.Fprintf(&b, " calls=%d", f.Calls)
		}
		for n, r := range f.Regs {
			if r.Kind != None {
				fmt.Fprintf(&b, " r%d=%v", n, r)
			}
		}
		for n, sl := range f.Stack {
			if *sl != (Slot[E]{}) {
				fmt.Fprintf(&b, " fp%d=%v", -SlotSize*(n+1), sl)
			}
		}
		b.WriteByte(' ')
	}
	if len(s.Refs) > 0 {
		fmt.Fprintf(&b, "refs=%v ", s.Refs)
	}
	if s.Lock.Held {
		fmt.Fprintf(&b, "lock=%d/%d ", s.Lock.Index, s.Lock.ID)
	}
	return strings.TrimSuffix(b.String(), " ")
}

// regJSON is a register as data; fields that claim nothing are left out.
type regJSON[E comparable] struct {
	Kind  string `json:"kind"`
	Null  bool   `json:"null,omitempty"`
	Frame uint8  `json:"frame,omitempty"`
	Index int32  `json:"index,omitempty"`
	ID    uint32 `json:"id,omitempty"`
	Ref   uint32 `json:"ref,omitempty"`
	Off   int32  `json:"off,omitempty"`
	Range int32  `json:"range,omitempty"`
	Val   E      `json:"val"`
}

func (r *Reg[E]) json() *regJSON[E] {
	return &regJSON[E]{r.Kind.String(), r.Null, r.Frame, r.Index, r.ID, r.Ref, r.Off, r.Range, r.Val}
}

type slotJSON[E comparable] struct {
	Off   int         `json:"off"`   // of the lowest byte, from r10
	Bytes string      `json:"bytes"` // "?mmm0000": highest address first
	Lo    uint8       `json:"lo,omitempty"`
	N     uint8       `json:"n,omitempty"`
	Spill *regJSON[E] `json:"spill,omitempty"`
}

type frameJSON[E comparable] struct {
	Site  ir.PC                  `json:"site"`
	Calls uint32                 `json:"calls,omitempty"`
	Regs  map[string]*regJSON[E] `json:"regs"`
	Stack []slotJSON[E]          `json:"stack,omitempty"`
}

type recordJSON[E comparable] struct {
	PC     ir.PC          `json:"pc"`
	Frames []frameJSON[E] `json:"frames"`
	Refs   []uint32       `json:"refs,omitempty"`
	Lock   *Lock          `json:"lock,omitempty"`
	Next   []int32        `json:"next,omitempty"`
}

// MarshalJSON returns the set as {"domain", "policy", "records"}, the records in
// their order; words are the domain's elements by their exported fields.
func (s *Set[E]) MarshalJSON() ([]byte, error) {
	if s == nil {
		return []byte("null"), nil
	}
	list := make([]recordJSON[E], len(s.Records))
	for i := range s.Records {
		r := &s.Records[i]
		list[i] = recordJSON[E]{PC: r.PC, Refs: r.State.Refs, Next: r.Next}
		if r.State.Lock.Held {
			list[i].Lock = &r.State.Lock
		}
		for _, f := range r.State.Frames {
			list[i].Frames = append(list[i].Frames, f.json())
		}
	}
	return json.Marshal(map[string]any{"domain": s.Domain, "policy": s.Policy, "records": list})
}

func (f *Frame[E]) json() frameJSON[E] {
	out := frameJSON[E]{Site: f.Site, Calls: f.Calls, Regs: map[string]*regJSON[E]{}}
	for n, r := range f.Regs {
		if r.Kind != None {
			out.Regs[ir.Reg(n).String()] = r.json()
		}
	}
	for n, sl := range f.Stack {
		if *sl == (Slot[E]{}) {
			continue
		}
		bytes, _, _ := strings.Cut(sl.String(), ":")
		data := slotJSON[E]{Off: -SlotSize * (n + 1), Bytes: bytes, Lo: sl.Lo, N: sl.N}
		if sl.N > 0 {
			data.Spill = sl.Spill.json()
		}
		out.Stack = append(out.Stack, data)
	}
	return out
}
