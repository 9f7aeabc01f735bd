package abi

import (
	"strings"

	"github.com/bpfproof/bpfproof/ir"
)

// KfuncFlags is what the kernel says of one of its functions that programs call,
// beside its prototype (include/linux/btf.h: KF_*).
type KfuncFlags uint32

// The flags.
const (
	KfAcquire      KfuncFlags = 1 << iota // the result is a reference that must be given back
	KfRelease                             // an argument's reference is given back
	KfRetNull                             // the result may be 0
	KfTrusted                             // pointers must be trusted, or referenced
	KfRCU                                 // pointers must be trusted, or protected by RCU
	KfSleeps                              // it may sleep
	KfDestructive                         // it may bring the machine down
	KfIterNew                             // it begins an iteration
	KfIterNext                            // it gives the next element
	KfIterDestroy                         // it ends the iteration
	KfRCUProtected                        // an iteration's elements live as long as RCU is held
	KfMovesPacket                         // pointers into the packet are good no more
	KfLSM                                 // of those that trace, only programs of type lsm have it
	KfSession                             // only programs that are attached for sessions have it
)

var kfuncWords = [...]string{"acquire", "release", "null", "trusted", "rcu", "sleeps", "destructive", "new", "next", "destroy", "rcuprot", "moves", "lsm", "session"}

// Kfunc is a function of the kernel that programs may call.
type Kfunc struct {
	Name  string
	Flags KfuncFlags
	// Special is what it does beyond what prototype and flags tell.
	Special KfuncSpecial
}

// KfuncSpecial tells functions apart that verifiers know by name.
type KfuncSpecial uint8

// The functions with a meaning of their own.
const (
	KfPlain KfuncSpecial = iota
	KfRCULock
	KfRCUUnlock
	KfPreemptDisable
	KfPreemptEnable
	KfCastToCtx
	KfRdonlyCast
	KfDynptrFromPacket
	KfDynptrSlice
	KfDynptrSliceRdwr
	KfDynptrClone
	KfSessionCookie
	KfCSSTaskNew
	KfUnmodelled // it needs more than is known here
)

// Is reports whether all of the flags are set.
func (k *Kfunc) Is(f KfuncFlags) bool { return k.Flags&f == f }

// LookupKfunc returns the facts of the function of that name; ok is false if it is
// not in the table.
func LookupKfunc(name string) (k *Kfunc, ok bool) {
	i, ok := kfuncIndex[name]
	if !ok {
		return nil, false
	}
	return &kfuncs[i], true
}

// KfuncAvailable reports whether programs of type t, loaded for a, may call the
// function; known is false if that was never asked.
//
// Source: asked of Linux 6.18; programs of type lsm, and those at functions, share
// the functions of others that trace (bpf_prog_type_to_kfunc_hook).
func KfuncAvailable(name string, t ir.ProgType, a AttachType) (available, known bool) {
	k, ok := LookupKfunc(name)
	if !ok {
		return false, false
	}
	if k.Is(KfSession) {
		return t == ir.Kprobe && a == AttachTraceKprobeSession, true
	}
	asked := t
	if t == ir.LSM {
		asked = ir.Tracing
	}
	hook := -1
	for i, h := range hooks {
		if h.Prog == asked && (hook < 0 || h.Attach == a) {
			hook = i
		}
	}
	row, listed := kfuncHooks[name]
	if !listed && strings.HasPrefix(name, "bpf_kfunc_call_") {
		row, listed = kfuncHooks["bpf_kfunc_call_test_release"] // of the test module, which no kernel has that was asked
	}
	if hook < 0 || !listed {
		return false, false
	}
	return row>>hook&1 != 0 || t == ir.LSM && k.Is(KfLSM), true
}

var kfuncs, kfuncIndex = readKfuncs()

// readKfuncs reads the rows. It panics on a word that is in no table: the rows are
// constants, and a test reads them all.
func readKfuncs() ([]Kfunc, map[string]int) {
	var all []Kfunc
	index := map[string]int{}
	for _, row := range kfuncRows {
		for name := range strings.FieldsSeq(row.names) {
			index[name] = len(all)
			all = append(all, Kfunc{Name: name, Flags: readKfuncFlags(row.flags), Special: row.special})
		}
	}
	return all, index
}

func readKfuncFlags(words string) (f KfuncFlags) {
	for word := range strings.FieldsSeq(words) {
		found := false
		for i, w := range kfuncWords {
			if w == word {
				f |= 1 << i
				found = true
			}
		}
		if !found {
			panic("abi: kfunc flag " + word)
		}
	}
	return f
}

// Kfuncs returns the names of all functions in the table, those of the test module
// apart.
func Kfuncs() []string {
	var names []string
	for _, k := range kfuncs {
		if _, ok := kfuncHooks[k.Name]; ok {
			names = append(names, k.Name)
		}
	}
	return names
}
