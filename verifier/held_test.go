package verifier_test

import "github.com/bpfproof/bpfproof/verifier"

// heldPrograms are about what a program holds: sockets, records and locks, and
// about loops that something bounds.
var heldPrograms = []program{
	{name: "socket released", text: sockLookup + "if r0 == 0 goto out\nr1 = r0\ncall sk_release" + end},
	{name: "socket unchecked", text: sockLookup + "r1 = r0\ncall sk_release" + end, code: verifier.HelperArg, msg: "type=sock_or_null"},
	{name: "socket lost", text: sockLookup + "r0 = 0\nexit", code: verifier.RefLeak, msg: "Unreleased reference"},
	{name: "socket lost on one path", text: sockLookup + "if r0 == 0 goto out\nr6 = r0\nr1 = *(u32 *)(r0 + 4)\nif r1 == 2 goto out\nr1 = r6\ncall sk_release" + end, code: verifier.RefLeak},
	{name: "socket used after release", text: sockLookup + "if r0 == 0 goto out\nr6 = r0\nr1 = r0\ncall sk_release\nr1 = *(u32 *)(r6 + 4)" + end, code: verifier.BadDeref, msg: "R6 invalid mem access 'scalar'"},
	{name: "socket released twice", text: sockLookup + "if r0 == 0 goto out\nr6 = r0\nr1 = r0\ncall sk_release\nr1 = r6\ncall sk_release" + end, code: verifier.HelperArg},
	{name: "socket field", text: sockLookup + "if r0 == 0 goto out\nr7 = *(u32 *)(r0 + 4)\nr7 = *(u16 *)(r0 + 48)\nr1 = r0\ncall sk_release" + end},
	{name: "socket field too far", text: sockLookup + "if r0 == 0 goto out\nr7 = *(u32 *)(r0 + 80)" + end, code: verifier.BadDeref, msg: "invalid sock access off=80 size=4"},
	{name: "socket written", text: sockLookup + "if r0 == 0 goto out\n*(u32 *)(r0 + 16) = 1" + end, code: verifier.BadDeref, msg: "cannot write into sock"},
	{name: "socket moved", text: sockLookup + "if r0 == 0 goto out\nr0 += 4" + end, code: verifier.PtrArith, msg: "pointer arithmetic on sock prohibited"},
	{name: "tcp socket dies with the socket", text: sockLookup + "if r0 == 0 goto out\nr6 = r0\nr1 = r0\ncall tcp_sock\nr7 = r0\nr1 = r6\ncall sk_release\nif r7 == 0 goto out\nr1 = *(u32 *)(r7 + 0)" + end, code: verifier.BadDeref, msg: "R7 invalid mem access 'scalar'"},
	{name: "context's socket not released", text: ".type sched_cls\nr1 = *(u64 *)(r1 + 168)\nif r1 == 0 goto out\ncall sk_release" + end, code: verifier.RefRelease, msg: "R1 must be referenced"},
	{name: "tail call with a socket", text: ".map p prog_array key 4 value 4 entries 4\nr6 = r1\n" + sockLookup + "r1 = r6\nr2 = map[p]\nr3 = 0\ncall tail_call" + end, code: verifier.RefLeak, msg: "tail_call would lead to reference leak"},

	{name: "record submitted", text: reserve + "if r0 == 0 goto out\n*(u64 *)(r0 + 8) = 1\nr1 = r0\nr2 = 0\ncall ringbuf_submit" + end},
	{name: "record too small", text: reserve + "if r0 == 0 goto out\n*(u64 *)(r0 + 9) = 1\nr1 = r0\nr2 = 0\ncall ringbuf_submit" + end, code: verifier.MemBounds, msg: "invalid access to memory, mem_size=16 off=9 size=8"},
	{name: "record lost", text: reserve + "r0 = 0\nexit", code: verifier.RefLeak},
	{name: "record moved", text: reserve + "if r0 == 0 goto out\nr1 = r0\nr1 += 8\nr2 = 0\ncall ringbuf_submit" + end, code: verifier.CtxAccess, msg: "dereference of modified ringbuf_mem ptr"},

	{name: "loop helper", text: loop + "r0 = *(u64 *)(r10 - 8)\nexit\n.func body\nr3 = *(u64 *)(r2 + 0)\nr3 += r1\n*(u64 *)(r2 + 0) = r3\nr0 = 0\nexit"},
	{name: "loop helper's index", text: ".map m array key 4 value 16 entries 1\n" + loop + "r0 = 0\nexit\n.func body\nif r1 > 8 goto done\nr2 = map[m] + 0\nr2 += r1\nr3 = *(u64 *)(r2 + 0)\ndone: r0 = 0\nexit"},
	{name: "loop helper's index is its bound", text: ".map m array key 4 value 16 entries 1\n" + loop + "r0 = 0\nexit\n.func body\nr2 = map[m] + 0\nr2 += r1\nr3 = *(u8 *)(r2 + 0)\nr0 = 0\nexit", code: verifier.MapValueBounds, msg: "max value"},
	{name: "loop helper changes what is counted on", text: ".map m array key 4 value 16 entries 1\n" + loop + "r1 = *(u64 *)(r10 - 8)\nr2 = map[m] + 0\nr2 += r1\nr0 = *(u8 *)(r2 + 0)\nexit\n.func body\n*(u64 *)(r2 + 0) = r1\nr0 = 0\nexit", code: verifier.MapValueBounds},
	{name: "loop helper counts up", text: ".map m array key 4 value 16 entries 1\n" + loop + "r1 = *(u64 *)(r10 - 8)\nr2 = map[m] + 0\nr2 += r1\nr0 = *(u8 *)(r2 + 0)\nexit\n.func body\nr3 = *(u64 *)(r2 + 0)\nr3 += 1\n*(u64 *)(r2 + 0) = r3\nr0 = 0\nexit", code: verifier.MapValueBounds},
	{name: "callback's result", text: loop + "r0 = 0\nexit\n.func body\nr0 = 2\nexit", code: verifier.ReturnValue, msg: "At callback return the register R0 has smin=2 smax=2 should have been in [0, 1]"},
	{name: "callback keeps a record", text: ".map r ringbuf entries 4096\n" + loop + "r0 = 0\nexit\n.func body\nr1 = map[r]\nr2 = 8\nr3 = 0\ncall ringbuf_reserve\nr0 = 0\nexit", code: verifier.RefLeak, msg: "callback"},
	{name: "callback releases the caller's", text: reserve + "if r0 == 0 goto out\n*(u64 *)(r10 - 8) = r0\nr1 = 5\nr2 = func[body]\nr3 = r10\nr3 += -8\nr4 = 0\ncall loop" + end + ".func body\nr1 = *(u64 *)(r2 + 0)\nr2 = 0\ncall ringbuf_submit\nr0 = 0\nexit", code: verifier.RefLeak},
	{name: "callback loops for ever", text: loop + "r0 = 0\nexit\n.func body\nr0 = 0\nagain: if r0 != 0 goto again\nif r1 == 7 goto again\nexit", code: verifier.InfiniteLoop},
	{name: "for each element", text: eachElem + "r0 = 0\nexit\n.func body\nr0 = *(u32 *)(r2 + 0)\nr0 = *(u64 *)(r3 + 8)\n*(u64 *)(r3 + 0) = r0\nr0 = 0\nexit"},
	{name: "for each key written", text: eachElem + "r0 = 0\nexit\n.func body\n*(u32 *)(r2 + 0) = 1\nr0 = 0\nexit", code: verifier.MapAccess, msg: "write to change key"},
	{name: "for each value too far", text: eachElem + "r0 = 0\nexit\n.func body\nr0 = *(u64 *)(r3 + 9)\nr0 = 0\nexit", code: verifier.MapValueBounds},
	{name: "no function for a callback", text: "r1 = 5\nr2 = 7\nr3 = 0\nr4 = 0\ncall loop\nr0 = 0\nexit", code: verifier.HelperArg, msg: "R2 type=scalar expected=func"},
	{name: "endless around a loop helper", text: "again: " + loop + "goto again\n.func body\nr0 = 0\nexit", code: verifier.InfiniteLoop},
	{name: "endless around a loop helper, decided at run", text: "again: " + loop + "if r0 != 77 goto again\nr0 = 0\nexit\n.func body\nr0 = 0\nexit", code: verifier.InfiniteLoop},

	{name: "may_goto", text: "r0 = 0\nagain: may_goto out\nr0 += 1\ngoto again\nout: exit"},
	{name: "may_goto changes nothing", text: "r0 = 0\nagain: may_goto out\ngoto again\nout: exit"},
	{name: "may_goto and an access", text: ".map m array key 4 value 16 entries 1\nr6 = 0\nagain: may_goto out\nif r6 > 15 goto out\nr1 = map[m] + 0\nr1 += r6\nr2 = *(u8 *)(r1 + 0)\nr6 += 1\ngoto again\nout: r0 = 0\nexit"},
	{name: "may_goto and an access too far", text: ".map m array key 4 value 16 entries 1\nr6 = 0\nagain: may_goto out\nif r6 > 16 goto out\nr1 = map[m] + 0\nr1 += r6\nr2 = *(u8 *)(r1 + 0)\nr6 += 1\ngoto again\nout: r0 = 0\nexit", code: verifier.MapValueBounds},
	{name: "may_goto in a function called for ever", text: "again: call f\nif r0 == 0 goto again\nexit\n.func f\nr0 = 0\nl: may_goto out\ngoto l\nout: exit", code: verifier.InfiniteLoop},
	// The second call enters the loop's middle, in a state that the first call
	// described on its way to the checkpoint that it leaned on. The frames are
	// not the same: each has a budget of its own, and the program never ends.
	{name: "a budget of another frame", text: "r6 = 0\nagain: r1 = r6\ncall f\nr6 = 1\nif r0 == 0 goto again\nexit\n.func f\nr0 = 0\nif r1 == 1 goto b\nm: may_goto out\nb: r0 = 0\ngoto m\nout: exit", code: verifier.InfiniteLoop},
}

// fragments that these programs begin with.
const (
	sockLookup = `
		.type sched_cls
		*(u64 *)(r10 - 16) = 0
		*(u64 *)(r10 - 8) = 0
		r2 = r10
		r2 += -16
		r3 = 12
		r4 = 0
		r5 = 0
		call sk_lookup_tcp
	`
	reserve = `
		.map r ringbuf entries 4096
		r1 = map[r]
		r2 = 16
		r3 = 0
		call ringbuf_reserve
	`
	loop = `
		*(u64 *)(r10 - 8) = 0
		r1 = 100
		r2 = func[body]
		r3 = r10
		r3 += -8
		r4 = 0
		call loop
	`
	eachElem = `
		.map m hash key 4 value 16 entries 4
		r1 = map[m]
		r2 = func[body]
		r3 = 0
		r4 = 0
		call for_each_map_elem
	`
)
