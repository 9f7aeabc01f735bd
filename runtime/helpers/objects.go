package helpers

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// Pointers to kernel objects are numbers here: there is nothing behind them, and
// a program that reads there faults. What ties values to objects, or compares
// them, works with the numbers alone.

// taskBase makes a thread's number an address that no process has.
const taskBase = 0xffff_c000_0000_0000

// getCurrentTask returns the number of the simulated thread.
func getCurrentTask(e *Env, _ [5]uint64) (uint64, error) {
	return taskBase + uint64(e.Task.PID)<<12, nil
}

// createStorage asks for a value where the object has none
// (BPF_LOCAL_STORAGE_GET_F_CREATE).
const createStorage = 1

// storageGet returns the address of the value that a map ties to an object, 0 if
// there is none (bpf_task_storage_get in kernel/bpf/bpf_task_storage.c of Linux
// 6.18 and its like for sockets, inodes and cgroups).
func storageGet(e *Env, args [5]uint64) (uint64, error) {
	m, err := storage(e, args[0])
	if err != nil || args[1] == 0 || args[3]&^createStorage != 0 {
		return 0, err
	}
	var init []byte
	if args[2] != 0 {
		if init, err = e.Memory.Read(args[2], int(m.Spec().ValueSize)); err != nil {
			return 0, err
		}
	}
	addr, err := m.Get(args[1], e.CPU, args[3] == createStorage, init)
	if err != nil {
		return 0, nil // no room: the kernel's answer to want of memory
	}
	return addr, nil
}

// storageDelete takes the value away: -EINVAL without an object, -ENOENT where
// it has none.
func storageDelete(e *Env, args [5]uint64) (uint64, error) {
	m, err := storage(e, args[0])
	if err != nil {
		return 0, err
	}
	if args[1] == 0 {
		return errno(unix.EINVAL), nil
	}
	return result(m.Forget(args[1]))
}

func storage(e *Env, handle uint64) (*maps.Storage, error) {
	s, err := e.find(handle)
	if err != nil {
		return nil, err
	}
	m, ok := s.m.(*maps.Storage)
	if !ok {
		return nil, wrongKind("storage", s.m)
	}
	return m, nil
}

func currentTaskUnderCgroup(e *Env, args [5]uint64) (uint64, error) {
	return underCgroup(e, args[0], uint32(args[1]))
}

func skbUnderCgroup(e *Env, args [5]uint64) (uint64, error) {
	return underCgroup(e, args[1], uint32(args[2]))
}

// underCgroup returns 1 where the task is in the cgroup that an element of a
// CGROUP_ARRAY stands for, or below it: -E2BIG beyond the array, -EAGAIN for an
// empty element. Elements hold the lower halves of the cgroups' numbers.
func underCgroup(e *Env, handle uint64, index uint32) (uint64, error) {
	s, err := e.find(handle)
	switch {
	case err != nil:
		return 0, err
	case s.m.Spec().Type != ir.CgroupArray:
		return 0, wrongKind("under_cgroup", s.m)
	case index >= s.m.Spec().MaxEntries:
		return errno(unix.E2BIG), nil
	}
	addr := s.m.LookupAddr(binary.NativeEndian.AppendUint32(nil, index))
	if addr == 0 {
		return errno(unix.EAGAIN), nil
	}
	b, err := e.Memory.Read(addr, 4)
	if err != nil {
		return 0, fmt.Errorf("helpers: under_cgroup: %w", err)
	}
	want := binary.NativeEndian.Uint32(b)
	for _, id := range append([]uint64{e.Cgroup}, e.Task.Ancestors...) {
		if uint32(id) == want {
			return 1, nil
		}
	}
	return 0, nil
}
