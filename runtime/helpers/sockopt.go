package helpers

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// SockOpt names an option of a socket: its level and its number there.
type SockOpt struct{ Level, Name int32 }

// sockOpts are the options of 32 bits that simulated sockets have, of those that
// programs may reach (sol_socket_sockopt and its like in net/core/filter.c of
// Linux 6.18), with their least and greatest values.
var sockOpts = map[SockOpt][2]int32{
	{unix.SOL_SOCKET, unix.SO_RCVBUF}:      {0, 1<<31 - 1},
	{unix.SOL_SOCKET, unix.SO_SNDBUF}:      {0, 1<<31 - 1},
	{unix.SOL_SOCKET, unix.SO_PRIORITY}:    {-1 << 31, 1<<31 - 1},
	{unix.SOL_SOCKET, unix.SO_RCVLOWAT}:    {-1 << 31, 1<<31 - 1},
	{unix.SOL_SOCKET, unix.SO_MARK}:        {-1 << 31, 1<<31 - 1},
	{unix.SOL_SOCKET, unix.SO_KEEPALIVE}:   {-1 << 31, 1<<31 - 1},
	{unix.SOL_SOCKET, unix.SO_REUSEADDR}:   {-1 << 31, 1<<31 - 1},
	{unix.SOL_SOCKET, unix.SO_REUSEPORT}:   {-1 << 31, 1<<31 - 1},
	{unix.SOL_IP, unix.IP_TOS}:             {0, 255},
	{unix.SOL_IPV6, unix.IPV6_TCLASS}:      {-1, 255},
	{unix.SOL_TCP, unix.TCP_NODELAY}:       {-1 << 31, 1<<31 - 1},
	{unix.SOL_TCP, unix.TCP_KEEPIDLE}:      {1, 32767},
	{unix.SOL_TCP, unix.TCP_KEEPINTVL}:     {1, 32767},
	{unix.SOL_TCP, unix.TCP_KEEPCNT}:       {1, 127},
	{unix.SOL_TCP, unix.TCP_SYNCNT}:        {1, 127},
	{unix.SOL_TCP, unix.TCP_WINDOW_CLAMP}:  {0, 1<<31 - 1},
	{unix.SOL_TCP, unix.TCP_USER_TIMEOUT}:  {0, 1<<31 - 1},
	{unix.SOL_TCP, unix.TCP_NOTSENT_LOWAT}: {0, 1<<31 - 1},
	{unix.SOL_TCP, unix.TCP_MAXSEG}:        {8, 32767},
}

// option checks what both helpers ask for: -ENOPROTOOPT for an option that there
// is not, -EINVAL for one of another size.
func option(args [5]uint64) (SockOpt, [2]int32, unix.Errno) {
	o := SockOpt{int32(args[1]), int32(args[2])}
	bounds, ok := sockOpts[o]
	switch {
	case !ok:
		return o, bounds, unix.ENOPROTOOPT
	case int32(args[4]) != 4:
		return o, bounds, unix.EINVAL
	}
	return o, bounds, 0
}

// setsockopt sets an option of the simulated socket.
func setsockopt(e *Env, args [5]uint64) (uint64, error) {
	in, err := e.Memory.Read(args[3], int(uint32(args[4])))
	if err != nil {
		return 0, err
	}
	o, bounds, errs := option(args)
	if errs != 0 {
		return errno(errs), nil
	}
	x := int32(binary.NativeEndian.Uint32(in))
	if x < bounds[0] || x > bounds[1] {
		return errno(unix.EINVAL), nil
	}
	if e.Options == nil {
		e.Options = map[SockOpt]int32{}
	}
	e.Options[o] = x
	return 0, nil
}

// getsockopt reads one: 0 if it was never set.
func getsockopt(e *Env, args [5]uint64) (uint64, error) {
	out, err := e.Memory.Write(args[3], int(uint32(args[4])))
	if err != nil {
		return 0, err
	}
	o, _, errs := option(args)
	if errs != 0 {
		clear(out)
		return errno(errs), nil
	}
	binary.NativeEndian.PutUint32(out, uint32(e.Options[o]))
	return 0, nil
}

// Sysctl is the access to a kernel parameter that a program judges.
type Sysctl struct {
	Name    string // path under /proc/sys
	Current []byte // the parameter's value
	New     []byte // what is to be written; nil: the access is a read
	Changed bool   // by the program
}

// sysctlCopy writes a value, its end and zeros: the result is its length,
// -EINVAL where there is none, -E2BIG where it was cut (copy_sysctl_value in
// kernel/bpf/cgroup.c of Linux 6.18).
func sysctlCopy(e *Env, args [5]uint64, value []byte) (uint64, error) {
	out, err := e.Memory.Write(args[1], int(uint32(args[2])))
	if err != nil {
		return 0, err
	}
	clear(out)
	switch {
	case len(out) == 0:
		return errno(unix.E2BIG), nil
	case len(value) == 0:
		return errno(unix.EINVAL), nil
	}
	copy(out, value)
	if len(out) > len(value) {
		return uint64(len(value)), nil
	}
	out[len(out)-1] = 0
	return errno(unix.E2BIG), nil
}

// baseName asks sysctl_get_name for the last part of the path.
const baseName = 1 << 0

// sysctlGetName writes the parameter's name.
func sysctlGetName(e *Env, args [5]uint64) (uint64, error) {
	if args[3]&^baseName != 0 {
		return errno(unix.EINVAL), nil
	}
	name := []byte(e.Sysctl.Name)
	if args[3]&baseName != 0 {
		for i := len(name) - 1; i >= 0; i-- {
			if name[i] == '/' {
				name = name[i+1:]
				break
			}
		}
	}
	return sysctlCopy(e, args, name)
}

func sysctlGetCurrentValue(e *Env, args [5]uint64) (uint64, error) {
	return sysctlCopy(e, args, e.Sysctl.Current)
}

func sysctlGetNewValue(e *Env, args [5]uint64) (uint64, error) {
	return sysctlCopy(e, args, e.Sysctl.New)
}

// mostSysctl bounds a new value in bytes.
const mostSysctl = 4095

// sysctlSetNewValue replaces what is to be written.
func sysctlSetNewValue(e *Env, args [5]uint64) (uint64, error) {
	in, err := e.Memory.Read(args[1], int(uint32(args[2])))
	switch {
	case err != nil:
		return 0, err
	case len(e.Sysctl.New) == 0 || len(in) == 0:
		return errno(unix.EINVAL), nil
	case len(in) > mostSysctl:
		return errno(unix.E2BIG), nil
	}
	e.Sysctl.New, e.Sysctl.Changed = append([]byte{}, in...), true
	return 0, nil
}
