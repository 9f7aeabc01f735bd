package helpers

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// Func is a helper: it takes the five argument registers and returns r0. An
// error ends the run.
type Func func(e *Env, args [5]uint64) (uint64, error)

// Numbers that package abi has no name for, as nothing else refers to them.
const (
	classid   abi.HelperID = 17
	strtolID  abi.HelperID = 105
	strtoulID abi.HelperID = 106
)

var funcs = map[abi.HelperID]Func{
	abi.MapLookupElem:     mapLookupElem,
	abi.MapUpdateElem:     mapUpdateElem,
	abi.MapDeleteElem:     mapDeleteElem,
	abi.MapPushElem:       mapPushElem,
	abi.MapPopElem:        mapPopElem,
	abi.MapPeekElem:       mapPeekElem,
	abi.MapLookupPerCPU:   mapLookupPerCPU,
	abi.RingbufOutput:     ringbufOutput,
	abi.RingbufReserve:    ringbufReserve,
	abi.RingbufSubmit:     ringbufSubmit,
	abi.RingbufDiscard:    ringbufDiscard,
	abi.RingbufQuery:      ringbufQuery,
	abi.PerfEventOutput:   perfEventOutput,
	abi.RedirectMap:       redirectMap,
	abi.GetStackID:        getStackID,
	abi.GetLocalStorage:   getLocalStorage,
	abi.SkbLoadBytes:      skbLoadBytes,
	classid:               getCgroupClassid,
	strtolID:              strtol,
	strtoulID:             strtoul,
	abi.SpinLock:          spinLock,
	abi.SpinUnlock:        spinUnlock,
	abi.KtimeGetNs:        ktimeGetNs,
	abi.KtimeGetBootNs:    ktimeGetBootNs,
	abi.GetPrandomU32:     getPrandomU32,
	abi.GetSMPProcessorID: getSMPProcessorID,
	abi.TracePrintk:       tracePrintk,
	abi.CsumDiff:          csumDiff,
	abi.XDPAdjustHead:     xdpAdjustHead,
	abi.XDPAdjustTail:     xdpAdjustTail,
}

// Lookup returns the implementation of a helper; ok is false if there is none.
func Lookup(id abi.HelperID) (f Func, ok bool) {
	f, ok = funcs[id]
	return f, ok
}

// MissingError says that a program calls a helper that has no implementation.
// It refuses the program at load, never at run.
type MissingError struct {
	PC ir.PC
	ID abi.HelperID
}

func (e *MissingError) Error() string {
	name := "unknown"
	if h, ok := abi.LookupHelper(e.ID); ok {
		name = h.Name
	}
	return fmt.Sprintf("helpers: insn %d: helper %d (%s) has no implementation", e.PC, e.ID, name)
}

// Check returns a *MissingError for the first call in p of a helper without
// implementation, nil if there is none.
func Check(p *ir.Program) error {
	for pc, in := range p.All() {
		if in.Op != ir.OpCall(ir.CallHelper) {
			continue
		}
		if _, ok := Lookup(abi.HelperID(in.Imm)); !ok {
			return &MissingError{PC: pc, ID: abi.HelperID(in.Imm)}
		}
	}
	return nil
}
