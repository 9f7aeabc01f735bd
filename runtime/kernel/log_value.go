package kernel

import (
	"math"
	"strings"
)

// TypeFlag is a modifier of a value's type.
type TypeFlag uint16

// The modifiers, as the log spells them before or behind the type's name.
const (
	FlagOrNull    TypeFlag = 1 << iota // "_or_null"
	FlagReadOnly                       // "rdonly_"
	FlagRingBuf                        // "ringbuf_"
	FlagUser                           // "user_"
	FlagPerCPU                         // "percpu_"
	FlagRCU                            // "rcu_"
	FlagUntrusted                      // "untrusted_"
	FlagTrusted                        // "trusted_"
	FlagNonOwning                      // "non_own_ref" among the attributes
)

// Value is what the verifier knows of a register.
type Value struct {
	// Type is "scalar", "fp" for the stack, or another of the kernel's names without
	// modifiers: "ctx", "pkt", "map_value", "ptr" for a kernel object, ...
	Type     string
	Flags    TypeFlag
	Object   string // of "ptr": the type of the kernel object
	Precise  bool   // the verdict depends on the exact value
	ID       int    // values with one id are equal or checked together; 0 for none
	Linked   bool   // the value is IDOff above the one that has the id alone
	IDOff    int32
	RefObjID int // the reference that it comes from; 0 for none
	Map      *MapValue
	Frame    int    // of "fp": the frame that is pointed into; -1 for the own one
	Off      int64  // fixed offset in bytes; of "fp" from the frame's end
	Range    uint64 // of packet pointers: bytes from Off's base that are checked
	Size     uint64 // of "mem": bytes
	Dynptr   string // of "dynptr_ptr": its kind
	// Bounds is the value of a scalar, or the variable part of a pointer's offset.
	// A pointer for which the log lists no bounds has a constant one.
	Bounds Bounds
}

// MapValue is the map that a pointer belongs to.
type MapValue struct {
	Name      string // "" if it has none
	KeySize   uint32
	ValueSize uint32
}

// Bounds are all the ranges of a number, and the bits that are known.
type Bounds struct {
	SMin, SMax     int64
	UMin, UMax     uint64
	SMin32, SMax32 int32
	UMin32, UMax32 uint32
	Bits, Unknown  uint64 // var_off: known bits, and a mask of those that are not
}

// AnyBounds are the bounds of an unknown number.
func AnyBounds() Bounds {
	return Bounds{
		SMin: math.MinInt64, SMax: math.MaxInt64, UMax: math.MaxUint64,
		SMin32: math.MinInt32, SMax32: math.MaxInt32, UMax32: math.MaxUint32, Unknown: math.MaxUint64,
	}
}

// ConstBounds are the bounds of a known number.
func ConstBounds(x uint64) Bounds {
	return Bounds{
		SMin: int64(x), SMax: int64(x), UMin: x, UMax: x,
		SMin32: int32(x), SMax32: int32(x), UMin32: uint32(x), UMax32: uint32(x), Bits: x,
	}
}

// Contains reports whether x is within all the bounds.
func (b *Bounds) Contains(x uint64) bool {
	s, u32, s32 := int64(x), uint32(x), int32(x)
	return b.SMin <= s && s <= b.SMax && b.UMin <= x && x <= b.UMax && b.UMin32 <= u32 && u32 <= b.UMax32 &&
		b.SMin32 <= s32 && s32 <= b.SMax32 && x&^b.Unknown == b.Bits
}

// Const returns the number, if it is known.
func (b *Bounds) Const() (x uint64, ok bool) { return b.Bits, b.Unknown == 0 }

// baseTypes are the names of reg_type_str, but for fp, ptr and scalar.
var baseTypes = map[string]bool{
	"ctx": true, "map_ptr": true, "map_value": true, "pkt": true, "pkt_meta": true, "pkt_end": true, "flow_keys": true,
	"sock": true, "sock_common": true, "tcp_sock": true, "tp_buffer": true, "xdp_sock": true, "mem": true,
	"arena": true, "buf": true, "func": true, "map_key": true, "dynptr_ptr": true, "insn": true,
}

// value takes a register's value.
func (c *cursor) value() Value {
	v := Value{Frame: -1, Precise: c.lit("P")}
	if b := c.next(); b == '-' || b >= '0' && b <= '9' {
		x, _ := c.num()
		v.Type, v.Bounds = "scalar", ConstBounds(x)
		return v
	}
	for again := true; again; {
		again = false
		for _, m := range prefixes {
			if c.lit(m.text) {
				v.Flags |= m.flag
				again = true
			}
		}
	}
	switch {
	case c.lit("fp"):
		v.Type = "fp"
		if c.lit("[") {
			v.Frame = c.id()
			c.want("]")
		}
		if b := c.next(); b == '-' || b >= '0' && b <= '9' {
			x, _ := c.num()
			v.Off, v.Bounds = int64(x), ConstBounds(0)
			return v
		}
	case c.lit("ptr_"):
		v.Type = "ptr"
		if c.lit("or_null_") {
			v.Flags |= FlagOrNull
		}
		v.Object = c.until("( ")
	default:
		name := c.word()
		if base, ok := strings.CutSuffix(name, "_or_null"); ok {
			name, v.Flags = base, v.Flags|FlagOrNull
		}
		if name != "scalar" && !baseTypes[name] {
			c.fail("unknown type %q", name)
		}
		v.Type = name
		if name == "arena" {
			v.Bounds = AnyBounds()
			return v // written without attributes
		}
	}
	if v.Precise && v.Type != "scalar" {
		c.fail("a pointer is marked as precise")
	}
	c.attributes(&v)
	return v
}

var prefixes = []struct {
	text string
	flag TypeFlag
}{
	{"rdonly_", FlagReadOnly}, {"ringbuf_", FlagRingBuf}, {"user_", FlagUser}, {"percpu_", FlagPerCPU},
	{"rcu_", FlagRCU}, {"untrusted_", FlagUntrusted}, {"trusted_", FlagTrusted},
}

// attributes takes what stands in the parentheses behind a type.
func (c *cursor) attributes(v *Value) {
	ranges, imm := false, uint64(0)
	bounds := AnyBounds()
	c.want("(")
	for c.reason == "" && !c.lit(")") {
		key := c.word()
		if key == "non_own_ref" {
			v.Flags |= FlagNonOwning
		} else {
			c.want("=")
			switch key {
			case "id":
				v.ID = c.id()
				if c.lit("+") || c.next() == '-' {
					v.Linked, v.IDOff = true, c.narrow(uint64(c.int()), false)
				}
			case "ref_obj_id":
				v.RefObjID = c.id()
			case "map", "ks", "vs":
				c.mapValue(v, key)
			case "off":
				x, _ := c.num()
				v.Off = int64(x)
			case "r":
				v.Range, _ = c.num()
			case "sz":
				v.Size, _ = c.num()
			case "type":
				v.Dynptr = c.until(",)")
			case "imm":
				imm, _ = c.num()
			case "var_off":
				ranges = true
				c.want("(")
				bounds.Bits, _ = c.num()
				c.want("; ")
				bounds.Unknown, _ = c.num()
				c.want(")")
			default:
				ranges = true
				c.bounds(&bounds, key)
			}
		}
		if c.next() != ')' {
			c.want(",")
		}
	}
	if v.Type != "scalar" && !ranges {
		bounds = ConstBounds(imm)
	}
	v.Bounds = bounds
}

func (c *cursor) mapValue(v *Value, key string) {
	if v.Map == nil {
		v.Map = &MapValue{}
	}
	switch key {
	case "map":
		v.Map.Name = c.until(",)")
	case "ks":
		v.Map.KeySize = uint32(c.int()) // written as int
	case "vs":
		v.Map.ValueSize = uint32(c.int())
	}
}

// bounds takes "umin=umin32=7" behind its first "=": all the names have the
// number. The 32-bit signed ones are written without sign in hexadecimal.
func (c *cursor) bounds(b *Bounds, key string) {
	keys := []string{key}
	for b := c.next(); b == 's' || b == 'u'; b = c.next() {
		keys = append(keys, c.word())
		c.want("=")
		if len(keys) > 8 {
			c.fail("too many names of one bound")
		}
	}
	x, hex := c.num()
	for _, key := range keys {
		switch key {
		case "smin":
			b.SMin = int64(x)
		case "smax":
			b.SMax = int64(x)
		case "umin":
			b.UMin = x
		case "umax":
			b.UMax = x
		case "smin32":
			b.SMin32 = c.narrow(x, hex)
		case "smax32":
			b.SMax32 = c.narrow(x, hex)
		case "umin32":
			b.UMin32 = uint32(c.within32(x))
		case "umax32":
			b.UMax32 = uint32(c.within32(x))
		default:
			c.fail("unknown attribute %q", key)
		}
	}
}

func (c *cursor) within32(x uint64) uint64 {
	if x > math.MaxUint32 {
		c.fail("%#x has more than 32 bits", x)
	}
	return x
}

func (c *cursor) narrow(x uint64, hex bool) int32 {
	if hex {
		return int32(c.within32(x))
	}
	if int64(x) != int64(int32(x)) {
		c.fail("%d has more than 32 bits", int64(x))
	}
	return int32(x)
}
