//go:build !amd64

package mem

// lowFlag is 0 where mmap has no flag for low addresses: hints are used.
const lowFlag = 0
