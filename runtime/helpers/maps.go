package helpers

import (
	"errors"

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
func keyed(e *Env, handle, addr uint64) (maps.Map, []byte, error) {
	m, err := e.Map(handle)
	if err != nil {
		return nil, nil, err
	}
	key, err := e.Memory.Read(addr, int(m.Spec().KeySize))
	return m, key, err
}

// mapLookupElem returns the address of the value, or 0.
func mapLookupElem(e *Env, args [5]uint64) (uint64, error) {
	m, key, err := keyed(e, args[0], args[1])
	if err != nil {
		return 0, err
	}
	return m.LookupAddr(key), nil
}

func mapUpdateElem(e *Env, args [5]uint64) (uint64, error) {
	m, key, err := keyed(e, args[0], args[1])
	if err != nil {
		return 0, err
	}
	value, err := e.Memory.Read(args[2], int(m.Spec().ValueSize))
	if err != nil {
		return 0, err
	}
	return result(m.Put(key, value, args[3]))
}

func mapDeleteElem(e *Env, args [5]uint64) (uint64, error) {
	m, key, err := keyed(e, args[0], args[1])
	if err != nil {
		return 0, err
	}
	return result(m.Remove(key))
}
