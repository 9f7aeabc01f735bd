package kernel

import (
	"fmt"
	"math"
	"strings"
)

// String returns the state as the log writes it, without a blank in front.
func (s *State) String() string {
	var parts []string
	if s.Frame != 0 {
		parts = append(parts, fmt.Sprintf("frame%d:", s.Frame))
	}
	for _, r := range s.Regs {
		parts = append(parts, fmt.Sprintf("R%d%s=%v", r.Reg, liveMark(r.Live), r.Value))
	}
	for _, x := range s.Stack {
		parts = append(parts, x.String())
	}
	if len(s.Refs) > 0 {
		parts = append(parts, "refs="+strings.ReplaceAll(strings.Trim(fmt.Sprint(s.Refs), "[]"), " ", ","))
	}
	if s.Callback {
		parts = append(parts, "cb")
	}
	if s.Async {
		parts = append(parts, "async_cb")
	}
	return strings.Join(parts, " ")
}

func liveMark(s string) string {
	if s == "" {
		return ""
	}
	return "_" + s
}

// String returns the slot as the log writes it.
func (s SlotState) String() string {
	head := fmt.Sprintf("fp%d%s=", s.Off, liveMark(s.Live))
	o := s.Object
	switch {
	case o != nil && o.Iterator:
		return fmt.Sprintf("%siter_%s(ref_id=%d,state=%s,depth=%d)", head, o.Type, o.RefID, o.State, o.Depth)
	case o != nil:
		var list attributes
		list.number("id", o.ID)
		list.number("ref_id", o.RefID)
		list.number("dynptr_id", o.DynptrID)
		return fmt.Sprintf("%sdynptr_%s(%s)", head, o.Type, list)
	case s.Value.Type != "":
		above, _, _ := strings.Cut(s.Types, "r")
		return head + above + s.Value.String()
	}
	return head + s.Types
}

// attributes are joined by commas.
type attributes []string

func (a attributes) String() string { return strings.Join(a, ",") }

func (a *attributes) add(format string, args ...any) { *a = append(*a, fmt.Sprintf(format, args...)) }

func (a *attributes) number(key string, x int) {
	if x != 0 {
		a.add("%s=%d", key, x)
	}
}

// signed writes small numbers in decimal and others in hexadecimal, as the log
// does.
func signed(x int64) string {
	if x >= math.MinInt16 && x <= math.MaxInt16 {
		return fmt.Sprint(x)
	}
	return fmt.Sprintf("%#x", uint64(x))
}

func unsigned(x uint64) string {
	if x <= math.MaxUint16 {
		return fmt.Sprint(x)
	}
	return fmt.Sprintf("%#x", x)
}

// String returns the value as the log writes it.
func (v Value) String() string {
	head := ""
	if v.Precise {
		head = "P"
	}
	if x, ok := v.Bounds.Const(); ok && v.Type == "scalar" {
		return head + signed(int64(x))
	}
	for _, m := range prefixes {
		if v.Flags&m.flag != 0 {
			head += m.text
		}
	}
	switch head += v.Type; {
	case v.Type == "arena":
		return head
	case v.Type == "ptr" && v.Flags&FlagOrNull != 0:
		head += "_or_null_" + v.Object
	case v.Type == "ptr":
		head += "_" + v.Object
	case v.Flags&FlagOrNull != 0:
		head += "_or_null"
	}
	if v.Type == "fp" {
		if v.Frame >= 0 {
			head += fmt.Sprintf("[%d]", v.Frame)
		}
		if x, ok := v.Bounds.Const(); ok {
			return head + signed(v.Off+int64(x))
		}
	}
	return fmt.Sprintf("%s(%s)", head, v.attributes())
}

func (v *Value) attributes() attributes {
	var list attributes
	if v.Linked {
		list.add("id=%d%+d", v.ID, v.IDOff)
	} else {
		list.number("id", v.ID)
	}
	list.number("ref_obj_id", v.RefObjID)
	if v.Flags&FlagNonOwning != 0 {
		list.add("non_own_ref")
	}
	if m := v.Map; m != nil {
		if m.Name != "" {
			list.add("map=%s", m.Name)
		}
		list.add("ks=%d,vs=%d", m.KeySize, m.ValueSize)
	}
	if v.Off != 0 {
		list.add("off=%s", signed(v.Off))
	}
	switch v.Type {
	case "pkt", "pkt_meta":
		list.add("r=%s", unsigned(v.Range))
	case "mem":
		list.add("sz=%s", unsigned(v.Size))
	case "dynptr_ptr":
		list.add("type=%s", v.Dynptr)
	}
	if x, ok := v.Bounds.Const(); !ok {
		list = append(list, v.Bounds.attributes()...)
	} else if x != 0 {
		list.add("imm=%s", signed(int64(x)))
	}
	return list
}

// attributes lists the bounds that say something; those of one number and one
// sign are joined where they have the same signedness or follow each other in
// the log's order by two.
func (b *Bounds) attributes() attributes {
	all := AnyBounds()
	half := func(x int32) uint64 { // without sign where it is written in hexadecimal
		if x >= math.MinInt16 && x <= math.MaxInt16 {
			return uint64(int64(x))
		}
		return uint64(uint32(x))
	}
	list := []struct {
		name string
		x    uint64
		omit bool
	}{
		{"smin", uint64(b.SMin), b.SMin == all.SMin}, {"smax", uint64(b.SMax), b.SMax == all.SMax},
		{"umin", b.UMin, b.UMin == all.UMin}, {"umax", b.UMax, b.UMax == all.UMax},
		{"smin32", half(b.SMin32), b.SMin32 == all.SMin32}, {"smax32", half(b.SMax32), b.SMax32 == all.SMax32},
		{"umin32", uint64(b.UMin32), b.UMin32 == all.UMin32}, {"umax32", uint64(b.UMax32), b.UMax32 == all.UMax32},
	}
	var out attributes
	for i, m := range list {
		if list[i].omit {
			continue
		}
		isSigned := m.name[0] == 's'
		negative := isSigned && int64(m.x) < 0
		names := m.name + "="
		for j := i + 2; j < len(list); j += 2 {
			other := &list[j]
			if !other.omit && other.x == m.x && (other.name[0] == 's' && int64(other.x) < 0) == negative {
				other.omit = true
				names += other.name + "="
			}
		}
		if isSigned {
			out.add("%s%s", names, signed(int64(m.x)))
		} else {
			out.add("%s%s", names, unsigned(m.x))
		}
	}
	if b.Unknown != math.MaxUint64 {
		out.add("var_off=(%#x; %#x)", b.Bits, b.Unknown)
	}
	return out
}
