package helpers

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/runtime/maps"
)

// errno returns a negative errno as helpers leave it in r0.
func errno(n unix.Errno) uint64 { return -uint64(n) }

// result turns a map's error into r0: 0, or a negative errno.
func result(err error) (uint64, error) {
	if err == nil {
		return 0, nil
	}
	var e maps.Error
	if errors.As(err, &e) {
		return errno(e.Errno()), nil
	}
	return 0, err
}

// keyed resolves a map argument and reads the key behind the next.
func keyed(e *Env, handle, addr uint64) (*slot, []byte, error) {
	s, err := e.find(handle)
	if err != nil {
		return s, nil, err
	}
	key, err := e.Memory.Read(addr, s.key)
	return s, key, err
}

// mapLookupElem returns the address of the value, or 0. Of a map of maps that
// is the inner map itself.
func mapLookupElem(e *Env, args [5]uint64) (uint64, error) {
	if e.Proved {
		if addr, ok := maps.SeekAt(args[0], args[1], e.CPU); ok {
			return addr, nil
		}
	}
	return lookupElem(e, args)
}

// lookupElem is map_lookup_elem of any map, and of programs that nobody proved.
func lookupElem(e *Env, args [5]uint64) (uint64, error) {
	s, key, err := keyed(e, args[0], args[1])
	switch {
	case err != nil:
		return 0, err
	case s.cpu != nil:
		return s.cpu.LookupCPU(key, e.CPU), nil
	}
	return s.m.LookupAddr(key), nil
}

// mapLookupPerCPU returns the address of the value on another processor.
func mapLookupPerCPU(e *Env, args [5]uint64) (uint64, error) {
	s, key, err := keyed(e, args[0], args[1])
	switch {
	case err != nil:
		return 0, err
	case s.cpu == nil:
		return 0, wrongKind("map_lookup_percpu_elem", s.m)
	}
	return s.cpu.LookupCPU(key, uint32(args[2])), nil
}

func mapUpdateElem(e *Env, args [5]uint64) (uint64, error) {
	if s := e.quick(args[0]); s.plain {
		if s.hash.SetWord(s.hash.Word(args[1]), args[2], args[3]) {
			return 0, nil
		}
	}
	s, key, err := keyed(e, args[0], args[1])
	if err != nil {
		return 0, err
	}
	value, err := e.Memory.Read(args[2], int(s.m.Spec().ValueSize))
	if err != nil {
		return 0, err
	}
	if s.cpu != nil {
		return result(s.cpu.PutCPU(key, value, args[3], e.CPU))
	}
	return result(s.m.Put(key, value, args[3]))
}

func mapDeleteElem(e *Env, args [5]uint64) (uint64, error) {
	if s := e.quick(args[0]); s.hash != nil {
		if s.hash.DeleteWord(s.hash.Word(args[1])) {
			return 0, nil
		}
		return errno(unix.ENOENT), nil
	}
	s, key, err := keyed(e, args[0], args[1])
	if err != nil {
		return 0, err
	}
	return result(s.m.Remove(key))
}

// wrongKind says that a helper was given a map that it does not take, which no
// verified program does.
func wrongKind(helper string, m maps.Map) error {
	return fmt.Errorf("helpers: %s: map %q is a %v", helper, m.Spec().Name, m.Spec().Type)
}

// buffer resolves an argument that is a queue, a stack or a bloom filter.
func buffer(e *Env, helper string, handle uint64) (maps.Buffer, int, error) {
	s, err := e.find(handle)
	if err != nil {
		return nil, 0, err
	}
	b, ok := s.m.(maps.Buffer)
	if !ok {
		return nil, 0, wrongKind(helper, s.m)
	}
	return b, int(s.m.Spec().ValueSize), nil
}

func mapPushElem(e *Env, args [5]uint64) (uint64, error) {
	b, n, err := buffer(e, "map_push_elem", args[0])
	if err != nil {
		return 0, err
	}
	value, err := e.Memory.Read(args[1], n)
	if err != nil {
		return 0, err
	}
	return result(b.Push(value, args[2]))
}

func mapPopElem(e *Env, args [5]uint64) (uint64, error) {
	b, n, err := buffer(e, "map_pop_elem", args[0])
	if err != nil {
		return 0, err
	}
	out, err := e.Memory.Write(args[1], n)
	if err != nil {
		return 0, err
	}
	return result(b.Pop(out))
}

// mapPeekElem reads the value where the map is a bloom filter, and writes it
// elsewhere.
func mapPeekElem(e *Env, args [5]uint64) (uint64, error) {
	b, n, err := buffer(e, "map_peek_elem", args[0])
	if err != nil {
		return 0, err
	}
	out, err := e.Memory.Write(args[1], n)
	if err != nil {
		return 0, err
	}
	return result(b.Peek(out))
}
