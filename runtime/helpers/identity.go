package helpers

import (
	"golang.org/x/sys/unix"
)

// Task is the simulated thread that a program runs in, with the socket, cgroup
// and hook that go with it. The zero value is the kernel's idle thread in a root
// of everything.
type Task struct {
	PID, TGID uint32 // thread and process
	UID, GID  uint32
	Comm      string // of at most 15 bytes
	Node      uint32 // NUMA node

	Ancestors []uint64 // cgroups above Env.Cgroup, the root first

	// The namespace of the process: device and inode of its file, and the numbers
	// that the task has there.
	NamespaceDev, NamespaceIno uint64
	NamespacePID, NamespaceTID uint32

	NetCookie    uint64 // of the network namespace
	SocketCookie uint64 // of the packet's socket
	SocketUID    uint32 // owner of that socket
	AttachCookie uint64 // that the program was attached with
	Retval       int32  // of the hook so far (get_retval)
}

func getCurrentPidTgid(e *Env, _ [5]uint64) (uint64, error) {
	return uint64(e.Task.TGID)<<32 | uint64(e.Task.PID), nil
}

func getCurrentUidGid(e *Env, _ [5]uint64) (uint64, error) {
	return uint64(e.Task.GID)<<32 | uint64(e.Task.UID), nil
}

// commBytes is the size of a thread's name with its end (TASK_COMM_LEN).
const commBytes = 16

// getCurrentComm writes the thread's name, cut where there is no room, and zeros.
func getCurrentComm(e *Env, args [5]uint64) (uint64, error) {
	out, err := e.Memory.Write(args[0], int(uint32(args[1])))
	if err != nil {
		return 0, err
	}
	clear(out)
	name := e.Task.Comm[:min(len(e.Task.Comm), commBytes-1)]
	if len(out) > 0 {
		copy(out[:len(out)-1], name)
	}
	return 0, nil
}

func getNumaNodeID(e *Env, _ [5]uint64) (uint64, error) { return uint64(e.Task.Node), nil }

func getCurrentCgroupID(e *Env, _ [5]uint64) (uint64, error) { return e.Cgroup, nil }

// ancestor returns the cgroup at a level, 0 where there is none: the root is at
// level 0, the task's own cgroup at the last.
func (e *Env) ancestor(level int32) uint64 {
	switch n := len(e.Task.Ancestors); {
	case level < 0 || int(level) > n:
		return 0
	case int(level) == n:
		return e.Cgroup
	}
	return e.Task.Ancestors[level]
}

func getCurrentAncestorCgroupID(e *Env, args [5]uint64) (uint64, error) {
	return e.ancestor(int32(args[0])), nil
}

// nsBytes is the size of struct bpf_pidns_info.
const nsBytes = 8

// getNsCurrentPidTgid writes the task's numbers in the namespace that it is in:
// -EINVAL, and zeros, for another one.
func getNsCurrentPidTgid(e *Env, args [5]uint64) (uint64, error) {
	out, err := e.Memory.Write(args[2], int(uint32(args[3])))
	if err != nil {
		return 0, err
	}
	t := &e.Task
	if len(out) != nsBytes || args[0] != t.NamespaceDev || args[1] != t.NamespaceIno || args[0] != uint64(uint32(args[0])) {
		clear(out)
		return errno(unix.EINVAL), nil
	}
	putWords(out, t.NamespaceTID, t.NamespacePID)
	return 0, nil
}

func getNetnsCookie(e *Env, _ [5]uint64) (uint64, error) { return e.Task.NetCookie, nil }

func getSocketCookie(e *Env, _ [5]uint64) (uint64, error) { return e.Task.SocketCookie, nil }

func getSocketUID(e *Env, _ [5]uint64) (uint64, error) { return uint64(e.Task.SocketUID), nil }

func getAttachCookie(e *Env, _ [5]uint64) (uint64, error) { return e.Task.AttachCookie, nil }

func getRetval(e *Env, _ [5]uint64) (uint64, error) { return uint64(int64(e.Task.Retval)), nil }

// mostErrno bounds the errors that set_retval takes (MAX_ERRNO).
const mostErrno = 4095

// setRetval changes what the hook returns; a positive number, or one that is no
// error, becomes 0 or -EINVAL in the kernel only at the hook's end.
func setRetval(e *Env, args [5]uint64) (uint64, error) {
	e.Task.Retval = int32(args[0])
	return 0, nil
}

// The packet's socket is in the task's cgroup and class.

func skbCgroupID(e *Env, _ [5]uint64) (uint64, error) { return e.Cgroup, nil }

func skbAncestorCgroupID(e *Env, args [5]uint64) (uint64, error) {
	return e.ancestor(int32(args[1])), nil
}

func skbCgroupClassid(e *Env, _ [5]uint64) (uint64, error) { return uint64(e.Class), nil }

// getCgroupClassid returns the class that the simulated environment is in.
func getCgroupClassid(e *Env, _ [5]uint64) (uint64, error) { return uint64(e.Class), nil }

// getRouteRealm returns 0: packets have no route yet where programs see them.
func getRouteRealm(*Env, [5]uint64) (uint64, error) { return 0, nil }
