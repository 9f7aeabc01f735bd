package main

import "golang.org/x/sys/unix"

// release names the running kernel, such as "Linux 6.18.1".
func release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "the live kernel"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}
