package host

import (
	"encoding/binary"
	"fmt"
	goruntime "runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Machine is a piece of executable memory with a data area.
type Machine struct {
	all  []byte
	base uint64
}

// setGS is ARCH_SET_GS of arch_prctl(2).
const setGS = 0x1001

// call calls the code at the address.
func call(code uintptr)

// New maps a machine's memory.
func New() (*Machine, error) {
	all, err := unix.Mmap(-1, 0, allBytes, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("host: map memory: %w", err)
	}
	return &Machine{all: all, base: uint64(uintptr(unsafe.Pointer(&all[0])))}, nil
}

// Close unmaps the memory.
func (m *Machine) Close() error { return unix.Munmap(m.all) }

// Load sets the instructions that Run executes.
func (m *Machine) Load(code []byte) { copy(m.all[:codeBytes], wrap(code)) }

// Data returns the data area and its address.
func (m *Machine) Data() ([]byte, uint64) {
	return m.all[dataOff : dataOff+DataBytes], m.base + dataOff
}

// Run executes the loaded instructions from s and leaves the result there.
func (m *Machine) Run(s *State) {
	le := binary.LittleEndian
	for r, x := range s.R {
		le.PutUint64(m.all[slotIn+8*r:], x)
	}
	le.PutUint64(m.all[slotFlags:], s.Flags)
	if s.GS != 0 { // Go itself uses fs
		goruntime.LockOSThread()
		defer goruntime.UnlockOSThread()
		if _, _, err := unix.RawSyscall(unix.SYS_ARCH_PRCTL, setGS, uintptr(s.GS), 0); err != 0 {
			panic(err)
		}
	}
	call(uintptr(m.base))
	for r := range s.R {
		s.R[r] = le.Uint64(m.all[slotOut+8*r:])
	}
	s.Flags = le.Uint64(m.all[slotAfter:])
}
