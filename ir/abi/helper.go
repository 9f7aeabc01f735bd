package abi

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// HelperID is a helper's number in a call instruction (enum bpf_func_id).
type HelperID int32

// Arg is what a helper demands of one argument.
type Arg uint8

// The argument classes (enum bpf_arg_type and its flags).
const (
	NoArg            Arg = iota
	ArgAny               // any initialised content
	ArgPassed            // passed on and not looked at: may be uninitialised
	ArgZero              // the constant 0
	ArgCtx               // the program's context, unmodified
	ArgMap               // a map known at verification
	ArgMapKey            // readable memory of the map's key size
	ArgMapValue          // readable memory of the map's value size
	ArgUninitValue       // writable memory of the map's value size, need not be initialised
	ArgMem               // readable memory; its size is the next argument
	ArgUninitMem         // writable memory, need not be initialised; its size is the next argument
	ArgInOutMem          // memory that is read and written; its size is the next argument
	ArgSize              // size in bytes of the memory before, at least 1
	ArgSizeOrZero        // size in bytes of the memory before
	ArgFixed             // readable memory of Helper.Fixed bytes
	ArgUninitFixed       // writable memory of Helper.Fixed bytes, aligned, need not be initialised
	ArgInOutFixed        // aligned memory of Helper.Fixed bytes that is read and written
	ArgAllocSize         // a number known at verification: size of the memory that is returned
	ArgRingbufMem        // a ring buffer record, which is given back
	ArgSockCommon        // a socket of any state
	ArgSocket            // a full socket
	ArgAnySock           // a socket of any state, also as a kernel structure
	ArgRelease           // the same, which is given back
	ArgBTF               // a kernel structure
	ArgBTFRelease        // a kernel structure that the program owns, which is given back
	ArgPerCPU            // a per-CPU variable of the kernel
	ArgKptr              // a place for a kernel pointer in a map value
	ArgSpinLock          // a bpf_spin_lock
	ArgTimer             // a bpf_timer
	ArgFunc              // a static function of the program
	ArgStack             // a pointer to the stack, for a callback
	ArgConstStr          // a terminated string in a read-only map
	ArgDynptr            // an initialised dynptr
	ArgDynptrUninit      // room on the stack for a dynptr
	ArgDynptrRelease     // a dynptr of a ring buffer record, which is given back
)

// Ret is what a helper leaves in r0.
type Ret uint8

// The return classes (enum bpf_return_type).
const (
	RetVoid             Ret = iota // r0 is unreadable
	RetInteger                     // any 64-bit number
	RetLength                      // at most the size of the memory argument, or a negative errno
	RetMapValueOrNull              // a value of the map argument, or 0
	RetMapValue                    // a value of the map argument
	RetSocketOrNull                // a full socket, or 0
	RetSockCommonOrNull            // a socket of any state, or 0
	RetTCPSockOrNull               // a TCP socket, or 0
	RetRingbufOrNull               // a ring buffer record of the ArgAllocSize, or 0
	RetDynptrOrNull                // memory of the ArgAllocSize behind a dynptr, or 0
	RetSockStructOrNull            // the argument's socket as a structure of the kernel, or 0
	RetBTF                         // a kernel structure
	RetBTFOrNull                   // a kernel structure, or 0
	RetPerCPU                      // a variable of the kernel
	RetPerCPUOrNull                // a variable of the kernel, or 0
)

// Helper is the prototype of a helper function.
type Helper struct {
	ID        HelperID
	Name      string // as in the kernel, without "bpf_"
	Args      [5]Arg
	Nullable  uint8 // bit i: Args[i] may also be 0
	Ret       Ret
	Fixed     [5]uint32 // size in bytes of the fixed memory arguments
	GPLOnly   bool
	MovesData bool          // packet pointers are invalid after the call
	Packet    bool          // memory arguments may lie in the packet
	Sleeps    bool          // only sleepable programs may call it
	Acquires  bool          // what it returns must be given back
	Progs     []ir.ProgType // the types that this prototype is for; nil means those without one of their own
}

// MayBeNull reports whether argument i may be 0 instead.
func (h *Helper) MayBeNull(i int) bool { return h.Nullable>>i&1 != 0 }

// The helpers' numbers, where code refers to one.
const (
	MapLookupElem     HelperID = 1
	MapUpdateElem     HelperID = 2
	MapDeleteElem     HelperID = 3
	KtimeGetNs        HelperID = 5
	TracePrintk       HelperID = 6
	GetPrandomU32     HelperID = 7
	GetSMPProcessorID HelperID = 8
	TailCall          HelperID = 12
	PerfEventRead     HelperID = 22
	PerfEventOutput   HelperID = 25
	SkbLoadBytes      HelperID = 26
	GetStackID        HelperID = 27
	CsumDiff          HelperID = 28
	SkbUnderCgroup    HelperID = 33
	TaskUnderCgroup   HelperID = 37
	XDPAdjustHead     HelperID = 44
	RedirectMap       HelperID = 51
	SkRedirectMap     HelperID = 52
	SockMapUpdate     HelperID = 53
	PerfEventReadVal  HelperID = 55
	MsgRedirectMap    HelperID = 60
	XDPAdjustTail     HelperID = 65
	SockHashUpdate    HelperID = 70
	MsgRedirectHash   HelperID = 71
	SkRedirectHash    HelperID = 72
	GetLocalStorage   HelperID = 81
	SkSelectReuseport HelperID = 82
	SkRelease         HelperID = 86
	MapPushElem       HelperID = 87
	MapPopElem        HelperID = 88
	MapPeekElem       HelperID = 89
	SpinLock          HelperID = 93
	SpinUnlock        HelperID = 94
	SkFullsock        HelperID = 95
	TCPSockOf         HelperID = 96
	SkStorageGet      HelperID = 107
	SkStorageDelete   HelperID = 108
	SkbOutput         HelperID = 111
	ProbeReadKernel   HelperID = 113
	XDPOutput         HelperID = 121
	KtimeGetBootNs    HelperID = 125
	RingbufOutput     HelperID = 130
	RingbufReserve    HelperID = 131
	RingbufSubmit     HelperID = 132
	RingbufDiscard    HelperID = 133
	RingbufQuery      HelperID = 134
	InodeStorageGet   HelperID = 145
	InodeStorageDel   HelperID = 146
	TaskStorageGet    HelperID = 156
	TaskStorageDel    HelperID = 157
	ForEachMapElem    HelperID = 164
	TimerInit         HelperID = 169
	TimerSetCallback  HelperID = 170
	FindVMA           HelperID = 180
	Loop              HelperID = 181
	KptrXchg          HelperID = 194
	MapLookupPerCPU   HelperID = 195
	RingbufReserveDyn HelperID = 198
	RingbufSubmitDyn  HelperID = 199
	RingbufDiscardDyn HelperID = 200
	UserRingbufDrain  HelperID = 209
	CgrpStorageGet    HelperID = 210
	CgrpStorageDel    HelperID = 211
)

// LastHelper is the greatest number that names a helper in Linux 6.18.
const LastHelper HelperID = 211

// Helpers returns the prototypes in order of ID, the general one of each. The
// caller must not change them.
func Helpers() []Helper { return general }

// LookupHelper returns the general prototype of helper id; ok is false if it
// is not in the table.
func LookupHelper(id HelperID) (h *Helper, ok bool) {
	i, ok := slices.BinarySearchFunc(general, id, func(h Helper, id HelperID) int { return int(h.ID - id) })
	if !ok {
		return nil, false
	}
	return &general[i], true
}

// HelperFor returns the prototype that helper id has in programs of type t.
func HelperFor(id HelperID, t ir.ProgType) (h *Helper, ok bool) {
	for i := range special {
		if special[i].ID == id && slices.Contains(special[i].Progs, t) {
			return &special[i], true
		}
	}
	return LookupHelper(id)
}

// LookupHelperName is LookupHelper by name.
func LookupHelperName(name string) (h *Helper, ok bool) {
	for i := range general {
		if general[i].Name == name {
			return &general[i], true
		}
	}
	return nil, false
}

// Hook is a place where programs are loaded for: a type and an attach type.
type Hook struct {
	Prog   ir.ProgType
	Attach AttachType
}

// Hooks returns the places for which helpers' availability is known, those of
// one type together, the usual one first.
func Hooks() []Hook { return hooks }

// Available reports whether programs of type t, loaded for a, may call helper
// id; known is false if no hook is of that type. Where the attach type has no
// hook of its own, the type's first one answers.
//
// Source: asked of Linux 6.18, for each helper and hook; see the test in
// internal/e2e, which writes the table.
func Available(id HelperID, t ir.ProgType, a AttachType) (available, known bool) {
	hook := -1
	for i, h := range hooks {
		if h.Prog == t && (hook < 0 || h.Attach == a) {
			hook = i
		}
	}
	if hook < 0 || id <= 0 || id > LastHelper {
		return false, hook >= 0
	}
	return availability[id]>>hook&1 != 0, true
}
