package verifier_test

import "github.com/bpfproof/bpfproof/verifier"

// Parts of programs about sockets.
const (
	socketOfSkb = ".type cgroup_skb\nr6 = *(u64 *)(r1 + 168)\nif r6 == 0 goto out\nr1 = r6\ncall sk_fullsock\nr7 = r0\nr1 = r6\ncall sk_fullsock\n"
	fromSockmap = ".map s sockmap key 4 value 4 entries 1\n*(u32 *)(r10 - 4) = 0\nr1 = map[s]\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nr6 = r0\nif r6 == 0 goto out\n"
	intoSockmap = "r1 = map[s]\nr2 = r10\nr2 += -4\nr4 = 0\ncall map_update_elem\n"
	xdpOut      = "out:\nr0 = 2\nexit"
	noSocket    = "out:\nr0 = 0\nexit"
	dissector   = ".type flow_dissector\nr6 = *(u64 *)(r1 + 144)\n"
)

// pointerPrograms are about what is learnt of pointers by comparing them with
// each other, and about what helpers take for some maps. The live kernel gives
// the same verdicts.
var pointerPrograms = []program{
	{name: "equal to what is not null", text: socketOfSkb + "if r0 == 0 goto out\nif r0 != r7 goto out\nr0 = *(u32 *)(r7 + 8)\n" + noSocket},
	{name: "equal, the other way", text: socketOfSkb + "if r0 == 0 goto out\nif r7 == r0 goto same\ngoto out\nsame: r0 = *(u32 *)(r7 + 8)\n" + noSocket},
	{name: "not equal to what is not null", text: socketOfSkb + "if r0 == 0 goto out\nif r0 == r7 goto out\nr0 = *(u32 *)(r7 + 8)\n" + noSocket,
		code: verifier.NullDeref, msg: "R7 invalid mem access 'sock_or_null'"},
	{name: "equal to what may be null", text: socketOfSkb + "if r0 != r7 goto out\nr0 = *(u32 *)(r7 + 8)\n" + noSocket,
		code: verifier.NullDeref, msg: "R7 invalid mem access 'sock_or_null'"},
	{name: "equal in 32 bits", text: socketOfSkb + "if r0 == 0 goto out\nif w0 != w7 goto out\nr0 = *(u32 *)(r7 + 8)\n" + noSocket,
		code: verifier.NullDeref, msg: "R7 invalid mem access 'sock_or_null'"},

	{name: "socket into sockmap", text: fromSockmap + "r3 = r6\n" + intoSockmap + "r1 = r6\ncall sk_release\n" + xdpOut},
	{name: "memory into sockmap", text: fromSockmap + "r3 = r10\nr3 += -4\n" + intoSockmap + "r1 = r6\ncall sk_release\n" + xdpOut,
		code: verifier.HelperArg, msg: "R3 type=fp expected="},

	{name: "flow keys moved", text: dissector + "r6 += 8\nr0 = *(u64 *)(r6 + 0)\nr0 = 0\nexit"},
	{name: "flow keys moved by an unknown number", text: dissector + "r7 = *(u16 *)(r6 + 0)\nr7 &= 8\nr6 += r7\nr0 = *(u64 *)(r6 + 0)\nr0 = 0\nexit",
		code: verifier.PtrArith, msg: "R6 pointer arithmetic on flow_keys prohibited"},
}
