// Package special finds what the values of maps hold that is no plain bytes:
// locks, timers, pointers to kernel objects and the like, by the BTF of their
// type. Programs must not access these bytes as such, so a loader that leaves
// them out makes the verifier accept what the kernel refuses. It likewise reads what
// global functions take, by which the kernel verifies them.
//
// It knows types; not objects, programs or maps. Both the reader of objects and
// that of test vectors use it.
//
// Invariant: the fields lie in the value, in order of offset.
//
//	fields, err := special.Fields(spec.Value)
//	prototype := special.Prototype(f, ir.XDP)
//
// Source: btf_parse_fields and btf_prepare_func_args in kernel/bpf/btf.c of Linux
// 6.18.
package special

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf/btf"

	"github.com/bpfproof/bpfproof/ir"
)

// objectTypes are the structures in a value that are kernel objects, no plain
// bytes (btf_get_field_type in kernel/bpf/btf.c of Linux 6.18).
var objectTypes = map[string]ir.ValueFieldKind{
	"bpf_spin_lock": ir.SpinLockField, "bpf_timer": ir.TimerField,
	"bpf_res_spin_lock": ir.OtherField, "bpf_wq": ir.OtherField, "bpf_task_work": ir.OtherField, "bpf_refcount": ir.OtherField,
	"bpf_list_head": ir.OtherField, "bpf_list_node": ir.OtherField, "bpf_rb_root": ir.OtherField, "bpf_rb_node": ir.OtherField,
}

const (
	maxNesting = 8  // how deep types are followed
	maxFields  = 11 // of a value (BTF_FIELDS_MAX)
)

// ErrTooMany is wrapped where a value holds more than the kernel takes.
var ErrTooMany = errors.New("too many kernel objects")

// Fields lists what values of type t hold that is no plain bytes: locks,
// timers, pointers to kernel objects and the like, in order of offset. The type
// is a map's value, or a section of global variables.
func Fields(t btf.Type) ([]ir.ValueField, error) {
	f := &fieldFinder{}
	if err := f.find(t, 0, 0); err != nil {
		return nil, fmt.Errorf("special: find kernel objects in values of type %q: %w", t.TypeName(), err)
	}
	f.vocabulary()
	return f.fields, nil
}

type fieldFinder struct {
	fields []ir.ValueField
	words  []int // those with the tag "kptr"
	old    bool  // a tag was found that only kernels before 6.4 have
}

// kptrTags gives the tags of pointers to kernel objects.
var kptrTags = map[string]ir.KptrKind{"kptr_untrusted": ir.PlainKptr, "kptr": ir.OwnedKptr, "kptr_ref": ir.OwnedKptr, "percpu_kptr": ir.PerCPUKptr}

func (f *fieldFinder) addKptr(tag *btf.TypeTag, off uint32) error {
	if err := f.add(ir.KptrField, off, 8); err != nil {
		return err
	}
	f.old = f.old || tag.Value == "kptr_ref"
	field := &f.fields[len(f.fields)-1]
	field.Kptr, field.Target = kptrTags[tag.Value], btf.UnderlyingType(tag.Type).TypeName()
	if tag.Value == "kptr" {
		f.words = append(f.words, len(f.fields)-1)
	}
	return nil
}

// vocabulary gives the tag "kptr" its meaning. Kernels before 6.4 had kptr_ref for
// pointers that own their object, and kptr for those that do not; a type that has
// the one uses both so.
func (f *fieldFinder) vocabulary() {
	if !f.old {
		return
	}
	for _, i := range f.words {
		f.fields[i].Kptr = ir.PlainKptr
	}
}

func (f *fieldFinder) find(t btf.Type, off uint32, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("type %q is nested too deep", t.TypeName())
	}
	switch u := btf.UnderlyingType(t).(type) {
	case *btf.Struct:
		if k, ok := objectTypes[u.Name]; ok {
			return f.add(k, off, u.Size)
		}
		for _, m := range u.Members {
			if err := f.find(m.Type, off+m.Offset.Bytes(), depth+1); err != nil {
				return err
			}
		}
	case *btf.Pointer:
		if tag, tagged := u.Target.(*btf.TypeTag); tagged {
			return f.addKptr(tag, off)
		}
	case *btf.Array:
		return f.elements(u, off, depth)
	case *btf.Datasec:
		for _, v := range u.Vars {
			if x, ok := v.Type.(*btf.Var); ok {
				if err := f.find(x.Type, off+v.Offset, depth+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// elements finds fields in an array: those of its first element, then again in
// all others.
func (f *fieldFinder) elements(a *btf.Array, off uint32, depth int) error {
	before := len(f.fields)
	size, err := btf.Sizeof(a.Type)
	if err != nil {
		return err
	}
	for i := range a.Nelems {
		if err := f.find(a.Type, off+i*uint32(size), depth+1); err != nil || len(f.fields) == before {
			return err
		}
	}
	return nil
}

func (f *fieldFinder) add(k ir.ValueFieldKind, off, size uint32) error {
	if len(f.fields) == maxFields {
		return fmt.Errorf("more than %d: %w", maxFields, ErrTooMany)
	}
	f.fields = append(f.fields, ir.ValueField{Kind: k, Off: off, Size: size})
	return nil
}
