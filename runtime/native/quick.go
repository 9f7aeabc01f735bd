package native

import (
	"fmt"
	"reflect"
	goruntime "runtime"
	"sync"
	"unsafe"

	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// Some helpers are done in machine code, without the way to the Go stack and
// back: lookup, update and delete in the maps that describe themselves in their
// header (package maps, describe.go), and the number of the processor. The code
// is quick in quick_amd64.s. It does the common case, in the same memory, under
// the same locks and by the same steps as package maps, and leaves the rest to
// that: whatever allocates, waits, or fails.
//
// It is copied into executable memory as an image is, so that all that holds for
// images holds for it: the signal handler takes a fault inside for the program's,
// and Go's runtime neither preempts it nor looks for a frame in it. A lock that it
// holds is noted in the machine structure and given back where a fault ends the
// run.

// quickHelpers are those that quick does.
var quickHelpers = [...]abi.HelperID{abi.MapLookupElem, abi.MapUpdateElem, abi.MapDeleteElem, abi.GetSMPProcessorID,
	abi.RingbufOutput, abi.RingbufReserve, abi.RingbufSubmit, abi.RingbufDiscard}

// What quick is assembled with.
const (
	idLookup = uint32(abi.MapLookupElem)
	idUpdate = uint32(abi.MapUpdateElem)
	idDelete = uint32(abi.MapDeleteElem)
	idCPU    = uint32(abi.GetSMPProcessorID)

	idOutput  = uint32(abi.RingbufOutput)
	idReserve = uint32(abi.RingbufReserve)
	idSubmit  = uint32(abi.RingbufSubmit)
	idDiscard = uint32(abi.RingbufDiscard)
	idWake    = 1 << 17 // no helper: the reader of the ring buffer in r1 sleeps

	leastHandle = maps.LeastHandle
	patience    = 64  // tries for a lock before Go waits for it
	chainSteps  = 128 // of a chain that quick looks through, at most
	notFound    = -2  // -ENOENT

	updateNoExist = abi.UpdateNoExist
	updateExist   = abi.UpdateExist

	classHash4 = maps.ClassHash4
	classHash8 = maps.ClassHash8
	classArray = maps.ClassArray
	classHashN = maps.ClassHashN
	classRing  = maps.ClassRing
	classLPM32 = maps.ClassLPM32
	classMore4 = maps.ClassMore4

	headBuckets  = maps.HeadBuckets
	headMask     = maps.HeadMask
	headElems    = maps.HeadElems
	headSize     = maps.HeadSize
	headValues   = maps.HeadValues
	headStep     = maps.HeadStep
	headArea     = maps.HeadArea
	headCPUs     = maps.HeadCPUs
	headStates   = maps.HeadStates
	headStripes  = maps.HeadStripes
	headStripeOf = maps.HeadStripeOf
	headCount    = maps.HeadCount
	headEntries  = maps.HeadEntries
	headPlain    = maps.HeadPlain
	headKey      = maps.HeadKey

	headRing     = maps.HeadRing
	headRingMask = maps.HeadRingMask
	headProd     = maps.HeadProd
	headPending  = maps.HeadPending
	headCons     = maps.HeadCons
	headWaits    = maps.HeadWaits

	headSlots   = maps.HeadSlots
	headShift   = maps.HeadShift
	headNodes   = maps.HeadNodes
	headBits    = maps.HeadBits
	headVersion = maps.HeadVersion
	nodeValue   = maps.NodeValue
	nodeLen     = maps.NodeLen
	nodeChild   = maps.NodeChild
	nodePrefix  = maps.NodePrefix
	nodeBytes   = maps.NodeBytes

	ringBusy    = maps.RingBusy
	ringDiscard = maps.RingDiscard
	ringHeader  = maps.RingHeader
	ringQuiet   = maps.RingNoWakeup
	outputBytes = 4096 // of a record that quick copies, at most
	settleSteps = 64   // of records that one reservation passes over, at most

	stripeLock  = maps.StripeLock
	stripeNFree = maps.StripeNFree
	stripeNGone = maps.StripeNGone
	stripeFree  = maps.StripeFree
	stripeGone  = maps.StripeGone
	stripeElems = maps.StripeElems
	stripeBytes = maps.StripeBytes

	stateAbsent  = maps.StateAbsent
	statePresent = maps.StatePresent
	stateUsed    = maps.StateUsed
)

// quickImage is the copy of quick, made once in a process.
var quickImage = sync.OnceValues(func() (*image, error) {
	im, err := newImage(functionText(quickAddress()), nil)
	if err != nil {
		return nil, fmt.Errorf("place helpers: %w", err)
	}
	return im, nil
})

// functionBytes bounds the search for the end of a function.
const functionBytes = 1 << 16

// functionText returns the machine code of a function of this process, with what
// fills it up to the next.
func functionText(start uintptr) []byte {
	f := goruntime.FuncForPC(start)
	n := 0
	for n < functionBytes && goruntime.FuncForPC(start+uintptr(n)) != nil && goruntime.FuncForPC(start+uintptr(n)).Entry() == f.Entry() {
		n++
	}
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(nil), start)), n)
}

// exit returns where the program's image calls helpers.
func (p *Program) exit() (uintptr, error) {
	helper, _, _ := addresses()
	if !p.usual() {
		return helper, nil
	}
	im, err := quickImage()
	if err != nil {
		return 0, err
	}
	return im.addr(0), nil
}

// usual reports whether all helpers that quick would do for the program are the
// usual ones.
func (p *Program) usual() bool {
	for _, id := range quickHelpers {
		if int(id) >= len(p.helpers) || p.helpers[id] == nil {
			continue
		}
		f, ok := helpers.Lookup(id)
		if !ok || reflect.ValueOf(f).Pointer() != reflect.ValueOf(p.helpers[id]).Pointer() {
			return false
		}
	}
	return true
}

// inQuick reports whether an address is inside the copy of quick.
func inQuick(addr uint64) bool {
	im, err := quickImage()
	return err == nil && addr-uint64(im.addr(0)) < uint64(len(im.mem))
}

// letGo gives back the lock that machine code held when it was stopped.
func (m *machine) letGo() {
	if m.held != 0 {
		maps.ReleaseStripe(m.held)
		m.held = 0
	}
}

// abandon discards the record of a ring buffer that the program reserved and
// did not end.
func (m *machine) abandon() {
	if m.record != 0 {
		maps.DiscardRecord(m.record)
		m.record = 0
	}
}

// wake wakes the reader of a ring buffer.
func (r *Run) wake(handle uint64) (uint64, error) {
	m, err := r.env.Map(handle)
	if err != nil {
		return 0, err
	}
	if ring, ok := m.(*maps.RingBuf); ok {
		ring.Wake()
	}
	return 0, nil
}
