package kernel

import (
	"errors"
	goruntime "runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Commands of bpf(2) (enum bpf_cmd).
const (
	cmdProgLoad = 5
	cmdTestRun  = 10
	cmdObjInfo  = 15
	cmdBTFLoad  = 18
)

// ptr is a pointer field of union bpf_attr: 64 bits on this machine, seen by
// the garbage collector.
type ptr struct{ p unsafe.Pointer }

func bytesPtr(b []byte) ptr { return ptr{unsafe.Pointer(unsafe.SliceData(b))} }

func slicePtr[T any](s []T) ptr { return ptr{unsafe.Pointer(unsafe.SliceData(s))} }

// loadAttr is the part of union bpf_attr that BPF_PROG_LOAD takes.
type loadAttr struct {
	progType, insnCnt            uint32
	insns, license               ptr
	logLevel, logSize            uint32
	logBuf                       ptr
	kernVersion, progFlags       uint32
	progName                     [16]byte
	progIfindex, attachType      uint32
	btfFD, funcInfoRecSize       uint32
	funcInfo                     ptr
	funcInfoCnt, lineInfoRecSize uint32
	lineInfo                     ptr
	lineInfoCnt, attachBTFID     uint32
	attachFD, coreReloCnt        uint32
	fdArray, coreRelos           ptr
	coreReloRecSize, logTrueSize uint32
}

// runAttr is the part that BPF_PROG_TEST_RUN takes.
type runAttr struct {
	fd, retval            uint32
	dataSizeIn, dataSize  uint32 // after the call, dataSize is the size of the output
	dataIn, dataOut       ptr
	repeat, duration      uint32
	ctxSizeIn, ctxSizeOut uint32
	ctxIn, ctxOut         ptr
	flags, cpu, batch, _  uint32
}

// infoAttr is the part that BPF_OBJ_GET_INFO_BY_FD takes.
type infoAttr struct {
	fd, size uint32
	info     ptr
}

// btfAttr is the part that BPF_BTF_LOAD takes.
type btfAttr struct {
	btf, logBuf           ptr
	size, logSize         uint32
	logLevel, logTrueSize uint32
	flags                 uint32
	tokenFD               int32
}

// progInfo is struct bpf_prog_info.
type progInfo struct {
	progType, id                     uint32
	tag                              [8]byte
	jitedLen, xlatedLen              uint32
	jited, xlated                    ptr
	loadTime                         uint64
	uid, nrMaps                      uint32
	mapIDs                           ptr
	name                             [16]byte
	ifindex, gpl                     uint32
	netnsDev, netnsIno               uint64
	nrKsyms, nrFuncLens              uint32
	ksyms, funcLens                  ptr
	btfID, funcInfoRecSize           uint32
	funcInfo                         ptr
	nrFuncInfo, nrLineInfo           uint32
	lineInfo, jitedLineInfo          ptr
	nrJitedLineInfo, lineInfoRecSize uint32
	jitedLineInfoRecSize, nrTags     uint32
	tags                             ptr
	runTime, runCount, misses        uint64
	verifiedInsns, attachBTFObj      uint32
	attachBTFID, _                   uint32
}

// attr is any of the parts above.
type attr interface {
	loadAttr | runAttr | infoAttr | btfAttr
}

// bpf calls bpf(2). The structure must be on the heap where the call blocks:
// callers pass pointers to fields or to results of new.
func bpf[A attr](cmd uintptr, a *A) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_BPF, cmd, uintptr(unsafe.Pointer(a)), unsafe.Sizeof(*a))
	goruntime.KeepAlive(a)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// maxTries bounds how often a command is repeated that the kernel asks to
// repeat.
const maxTries = 30

// bpfQuiet is bpf with all signals of the thread held back, so that the kernel
// does not leave a long verification or run half done (EAGAIN, EINTR).
func bpfQuiet[A attr](cmd uintptr, a *A) (int, error) {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	var all, old unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^uint64(0)
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &old); err != nil {
		return -1, err
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	for try := 1; ; try++ {
		r, err := bpf(cmd, a)
		if !errors.Is(err, unix.EAGAIN) || try == maxTries {
			return r, err
		}
	}
}

// objInfo reads the kernel's description of a program.
func objInfo(fd int, info *progInfo) error {
	a := &infoAttr{fd: uint32(fd), size: uint32(unsafe.Sizeof(*info)), info: ptr{unsafe.Pointer(info)}}
	_, err := bpf(cmdObjInfo, a)
	goruntime.KeepAlive(info)
	return err
}
