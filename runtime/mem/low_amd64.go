package mem

import "golang.org/x/sys/unix"

// lowFlag asks mmap for an address in the first 2 GiB.
const lowFlag = unix.MAP_32BIT
