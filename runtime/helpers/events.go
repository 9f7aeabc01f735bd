package helpers

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/runtime/maps"
)

// Parts of the flags of perf_event_output (BPF_F_INDEX_MASK, BPF_F_CTXLEN_MASK).
const (
	indexMask    = math.MaxUint32
	currentCPU   = math.MaxUint32
	packetShift  = 32
	packetLength = 0xfffff
)

// perfEventOutput writes a sample to the buffer of the running processor. Where
// the program has a packet, flags may ask for its first bytes behind the data
// (bpf_xdp_event_output and bpf_skb_event_output in net/core/filter.c).
func perfEventOutput(e *Env, args [5]uint64) (uint64, error) {
	s, err := e.find(args[1])
	if err != nil {
		return 0, err
	}
	p, ok := s.m.(*maps.Perf)
	if !ok {
		return 0, wrongKind("perf_event_output", s.m)
	}
	flags, n := args[2], args[2]>>packetShift
	var packet []byte
	if n != 0 {
		if e.Packet == nil || n > packetLength {
			return errno(unix.EINVAL), nil
		}
		if packet, ok = bytesOf(e.Packet, 0, n); !ok {
			return errno(unix.EFAULT), nil
		}
	}
	data, err := readOrNone(e, args[3], uint32(args[4]))
	if err != nil {
		return 0, err
	}
	index := uint32(flags & indexMask)
	if index == currentCPU {
		index = e.CPU
	}
	return result(p.Output(index, e.CPU, data, packet))
}

// getStackID captures the environment's stack: -EFAULT where it has none.
func getStackID(e *Env, args [5]uint64) (uint64, error) {
	s, err := e.find(args[1])
	if err != nil {
		return 0, err
	}
	m, ok := s.m.(*maps.StackTrace)
	if !ok {
		return 0, wrongKind("get_stackid", s.m)
	}
	id, err := m.Capture(e.Stack, args[2])
	if err == maps.ErrKeyNotExist {
		return errno(unix.EFAULT), nil
	}
	if err != nil {
		return result(err)
	}
	return uint64(id), nil
}

// getLocalStorage returns the value of the environment's cgroup, which gets one
// as if the program had been attached there.
func getLocalStorage(e *Env, args [5]uint64) (uint64, error) {
	s, err := e.find(args[0])
	if err != nil {
		return 0, err
	}
	m, ok := s.m.(*maps.Storage)
	if !ok {
		return 0, wrongKind("get_local_storage", s.m)
	}
	addr, err := m.Get(e.Cgroup, e.CPU, true, nil)
	if err != nil {
		return 0, fmt.Errorf("helpers: get_local_storage: %w", err)
	}
	return addr, nil
}

// lockYields bounds how long a program waits for a lock: many seconds. Programs
// hold one for a few instructions; only one that nobody verified writes a word
// there that no unlock clears.
const lockYields = 1 << 24

// spinLock takes the bpf_spin_lock at args[0]. A run holds one at most.
func spinLock(e *Env, args [5]uint64) (uint64, error) {
	if _, err := e.Memory.Write(args[0], 4); err != nil {
		return 0, err
	}
	if e.lock != 0 || args[0]%4 != 0 {
		return 0, fmt.Errorf("helpers: spin_lock: %#x: the run holds a lock, or this is none", args[0])
	}
	if !maps.TryLock(args[0], lockYields) {
		return 0, fmt.Errorf("helpers: spin_lock: %#x: nobody gives the lock back, or this is none", args[0])
	}
	e.lock = args[0]
	return 0, nil
}

func spinUnlock(e *Env, args [5]uint64) (uint64, error) {
	if e.lock != args[0] || e.lock == 0 {
		return 0, fmt.Errorf("helpers: spin_unlock: %#x is no lock that the run holds", args[0])
	}
	e.lock = 0
	maps.Unlock(args[0])
	return 0, nil
}
