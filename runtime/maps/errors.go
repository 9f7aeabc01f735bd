package maps

import "golang.org/x/sys/unix"

// Error is why a map operation was refused. Wrapped errors carry it, so that
// errors.Is(err, maps.ErrKeyNotExist) works.
type Error uint8

// The reasons, each with the number bpf(2) and helpers give for it.
const (
	ErrKeyNotExist  Error = iota + 1 // ENOENT: no element has the key
	ErrKeyExist                      // EEXIST: an element has the key, and NOEXIST was asked
	ErrNoSpace                       // E2BIG: the map holds max_entries elements
	ErrTooBig                        // E2BIG: the index is outside the array, or a size beyond its limit
	ErrInvalid                       // EINVAL: wrong size, unknown flag, or not an operation of this kind
	ErrNoMemory                      // ENOMEM: no memory for another element
	ErrPermission                    // EPERM: the map is frozen
	ErrNotSupported                  // EOPNOTSUPP: a kind or flag this runtime has not
	ErrClosed                        // EBADF: the map is closed
	ErrNoRoom                        // ENOSPC: an LPM trie holds max_entries prefixes, or a perf buffer is full
	ErrOverflow                      // EOVERFLOW: a queue of a cpumap is too long
	ErrNoDevice                      // ENODEV: there is no such processor
	ErrBusy                          // EBUSY: another process has the pinned map open, or there is a timer
	ErrDeadlock                      // EDEADLK: a timer's call would wait for its own end
)

type reason struct {
	errno unix.Errno
	text  string
}

var reasons = [...]reason{
	{0, "no error"},
	{unix.ENOENT, "key does not exist"},
	{unix.EEXIST, "key already exists"},
	{unix.E2BIG, "map is full"},
	{unix.E2BIG, "too big"},
	{unix.EINVAL, "invalid argument"},
	{unix.ENOMEM, "no memory for another element"},
	{unix.EPERM, "map is frozen"},
	{unix.EOPNOTSUPP, "not supported"},
	{unix.EBADF, "map is closed"},
	{unix.ENOSPC, "no room"},
	{unix.EOVERFLOW, "value too large"},
	{unix.ENODEV, "no such processor"},
	{unix.EBUSY, "the pinned map is open elsewhere, or there is a timer"},
	{unix.EDEADLK, "a timer's call would wait for its own end"},
}

// Error returns the reason in words.
func (e Error) Error() string { return "maps: " + reasons[e].text }

// Errno returns the number bpf(2) fails with, and helpers return negated.
func (e Error) Errno() unix.Errno { return reasons[e].errno }

// Is makes errors.Is(err, unix.ENOENT) and the like work.
func (e Error) Is(target error) bool {
	n, ok := target.(unix.Errno)
	return ok && n == e.Errno()
}
