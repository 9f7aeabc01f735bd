package abi

import "github.com/bpfproof/bpfproof/ir"

// funcBase marks references to functions: no address of this machine has these
// upper bits.
const funcBase = 0xfbfb << 48

// FuncRef returns what a reference to the function at pc (ir.PseudoFunc) loads
// where functions have no addresses.
func FuncRef(pc ir.PC) uint64 { return funcBase | uint64(uint32(pc)) }

// FuncOf returns the function that a register refers to; ok is false for a
// number that FuncRef does not return.
func FuncOf(ref uint64) (pc ir.PC, ok bool) {
	return ir.PC(uint32(ref)), ref&^0x7fffffff == funcBase
}

// CallbackArg tells what a callback finds in one of its arguments.
type CallbackArg uint8

// What a callback finds. Arguments that it does not have must not be read.
const (
	NoCallbackArg  CallbackArg = iota
	CallbackIndex              // a number below the helper's count
	CallbackMap                // the helper's map
	CallbackKey                // a key of it
	CallbackValue              // a value of it
	CallbackPassed             // what the helper was given for the callback
	CallbackFirst              // the helper's first argument
	CallbackVMA                // a struct vm_area_struct of the kernel
	CallbackDynptr             // a dynamic pointer that cannot be changed
)

// Callback tells how a helper calls the function that it is given. Indices are of
// the helper's arguments, from 0.
type Callback struct {
	Func   int
	Passed int  // what is passed on; -1 if nothing is
	Map    int  // what names the map; -1 if there is none
	Count  int  // how often it calls at most, as a number of 32 bits; -1 if that is not told
	Async  bool // it is called later, by itself
	RetMax int64
	Args   [5]CallbackArg // of r1 to r5
}

// callbacks lists the helpers with callbacks. Results are in [0, RetMax].
//
// Source: set_loop_callback_state, set_map_elem_callback_state,
// set_timer_callback_state, set_find_vma_callback_state and
// set_user_ringbuf_callback_state in kernel/bpf/verifier.c of Linux 6.18.
var callbacks = [...]*Callback{
	Loop:             {Func: 1, Passed: 2, Map: -1, Count: 0, RetMax: 1, Args: [5]CallbackArg{CallbackIndex, CallbackPassed}},
	ForEachMapElem:   {Func: 1, Passed: 2, Map: 0, Count: -1, RetMax: 1, Args: [5]CallbackArg{CallbackMap, CallbackKey, CallbackValue, CallbackPassed}},
	FindVMA:          {Func: 2, Passed: 3, Map: -1, Count: -1, RetMax: 1, Args: [5]CallbackArg{CallbackFirst, CallbackVMA, CallbackPassed}},
	UserRingbufDrain: {Func: 1, Passed: 2, Map: -1, Count: -1, RetMax: 1, Args: [5]CallbackArg{CallbackDynptr, CallbackPassed}},
	TimerSetCallback: {Func: 1, Passed: -1, Map: 0, Count: -1, Async: true, Args: [5]CallbackArg{CallbackMap, CallbackKey, CallbackValue}},
}

// CallbackOf returns how the helper that the instruction calls calls back, nil if it
// does not.
func CallbackOf(in ir.Insn) *Callback {
	if row := in.Row(); row.Kind != ir.KindCall || row.Pseudo != ir.CallHelper || in.Imm < 0 || in.Imm >= int64(len(callbacks)) {
		return nil
	}
	return callbacks[in.Imm]
}

// CallbackAt returns how the helper called at pc calls back, nil if none does or pc
// is negative.
func CallbackAt(p *ir.Program, pc ir.PC) *Callback {
	if pc < 0 {
		return nil
	}
	return CallbackOf(p.Insns[pc])
}

// MovesPackets tells, for each function of the program, whether a call of it may
// move the packet: it or one that it calls or refers to calls a helper that does,
// or makes a tail call, to a program that may. Elements are by index in
// Program.Funcs.
//
// Source: mark_subprog_changes_pkt_data and bpf_helper_changes_pkt_data in Linux
// 6.18.
func MovesPackets(p *ir.Program) []bool {
	moves := make([]bool, max(1, len(p.Funcs)))
	for changed := true; changed; {
		changed = false
		for i := range p.Insns {
			pc, in := ir.PC(i), p.Insns[i]
			k := in.Kind()
			if k != ir.KindCall && k != ir.KindLoadImm || moves[p.FuncAt(pc)] {
				continue
			}
			h, ok := HelperFor(HelperID(in.Imm), p.Type)
			does := k == ir.KindCall && in.Row().Pseudo == ir.CallHelper && ok && (h.MovesData || h.ID == TailCall)
			if to, ok := in.Target(pc); ok && moves[p.FuncAt(to)] {
				does = true
			}
			if does {
				moves[p.FuncAt(pc)], changed = true, true
			}
		}
	}
	return moves
}
