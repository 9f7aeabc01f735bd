//go:build !amd64

package native

// supported reports that images can be run on this machine; Load refuses all
// where they cannot, so nothing below is ever called.
const supported = false

func enterImage(r *Run, _, _, _ uint64) uint64 {
	r.err = errMachine
	return 0
}

func reenter(r *Run) { r.err = errMachine }

func addresses() (helper, poll, signal uintptr) { return 0, 0, 0 }

func quickAddress() uintptr { return 0 }
