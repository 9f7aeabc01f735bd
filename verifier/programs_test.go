package verifier_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/verifier"
)

// program is a text with what must come of it: accept where code is empty.
type program struct {
	name string
	text string
	code verifier.Code
	msg  string // part of the message
	mode string // "unprivileged", "strict"
}

// fragments that many programs begin with.
const (
	parsed = `
		r2 = *(u32 *)(r1 + 0)
		r3 = *(u32 *)(r1 + 4)
	`
	lookup = `
		.map m hash key 4 value 16 entries 4
		*(u32 *)(r10 - 4) = 0
		r2 = r10
		r2 += -4
		r1 = map[m]
		call map_lookup_elem
	`
	found = lookup + "if r0 == 0 goto out\n"
	end   = `
	out:
		r0 = 0
		exit
	`
)

var programs = []program{
	{name: "smallest", text: "r0 = 0\nexit"},
	{name: "uninit r0", text: "exit", code: verifier.UninitRead, msg: "R0 !read_ok"},
	{name: "uninit source", text: "r0 = r2\nexit", code: verifier.UninitRead, msg: "R2 !read_ok"},
	{name: "uninit after call", text: "call ktime_get_ns\nr0 = r1\nexit", code: verifier.UninitRead, msg: "R1 !read_ok"},
	{name: "kept over call", text: "r6 = 1\ncall ktime_get_ns\nr0 = r6\nexit"},
	{name: "frame pointer", text: "r10 = 0\nr0 = 0\nexit", code: verifier.FrameWrite, msg: "read only"},
	{name: "unreachable", text: "r0 = 0\nexit\nr0 = 1\nexit", code: verifier.Unreachable, msg: "unreachable insn 2"},
	{name: "div by zero", text: "r0 = 1\nr0 /= 0\nexit", code: verifier.BadOperand, msg: "div by zero"},
	{name: "div by variable", text: "call get_prandom_u32\nr1 = 8\nr1 /= r0\nr0 = r1\nexit"},
	{name: "shift", text: "r0 = 1\nw0 <<= 32\nexit", code: verifier.BadOperand, msg: "invalid shift 32"},

	{name: "stack", text: "*(u64 *)(r10 - 8) = 7\nr0 = *(u32 *)(r10 - 8)\nexit"},
	{name: "stack below", text: "*(u64 *)(r10 - 520) = 7\nr0 = 0\nexit", code: verifier.StackBounds, msg: "off=-520 size=8"},
	{name: "stack above", text: "r0 = *(u8 *)(r10 + 0)\nexit", code: verifier.StackBounds, msg: "invalid read from stack R10 off=0 size=1"},
	{name: "stack misaligned", text: "*(u64 *)(r10 - 9) = 7\nr0 = 0\nexit", code: verifier.Alignment, msg: "misaligned stack access"},
	{name: "stack uninit", text: "r0 = *(u64 *)(r10 - 8)\nexit"},
	{name: "stack uninit unprivileged", text: "r0 = *(u64 *)(r10 - 8)\nexit", code: verifier.UninitRead, msg: "invalid read from stack off -8+0 size 8", mode: "unprivileged"},
	{name: "stack variable", text: "call get_prandom_u32\nr0 &= 7\nr1 = r10\nr1 += -8\nr1 += r0\nr0 = *(u8 *)(r1 + 0)\nexit"},
	{name: "stack variable too far", text: "call get_prandom_u32\nr0 &= 15\nr1 = r10\nr1 += -8\nr1 += r0\nr0 = *(u8 *)(r1 + 0)\nexit", code: verifier.StackBounds, msg: "variable-offset read"},
	{name: "spill and fill", text: "*(u64 *)(r10 - 8) = r1\nr2 = *(u64 *)(r10 - 8)\nr0 = *(u32 *)(r2 + 12)\nexit"},
	{name: "part of a spill", text: "*(u64 *)(r10 - 8) = r1\nr0 = *(u32 *)(r10 - 8)\nexit", code: verifier.StackSpill, msg: "invalid size of register fill"},
	{name: "spill overwritten", text: "*(u64 *)(r10 - 8) = r1\n*(u8 *)(r10 - 5) = 1\nr2 = *(u64 *)(r10 - 8)\nr0 = *(u32 *)(r2 + 12)\nexit", code: verifier.BadDeref, msg: "R2 invalid mem access 'scalar'"},
	{name: "constant kept in part", text: "*(u32 *)(r10 - 4) = 4\nr0 = *(u32 *)(r10 - 4)\nif r0 != 4 goto bad\nexit\nbad: r0 = *(u8 *)(r0 + 0)\nexit"},

	{name: "packet", text: parsed + "r4 = r2\nr4 += 14\nif r4 > r3 goto out\nr5 = *(u8 *)(r2 + 13)" + end},
	{name: "packet one too far", text: parsed + "r4 = r2\nr4 += 14\nif r4 > r3 goto out\nr5 = *(u16 *)(r2 + 13)" + end, code: verifier.PacketBounds, msg: "invalid access to packet, off=13 size=2, R2(id=0,off=0,r=14)"},
	{name: "packet unchecked", text: parsed + "r5 = *(u8 *)(r2 + 0)" + end, code: verifier.PacketBounds, msg: "r=0"},
	{name: "packet wrong branch", text: parsed + "r4 = r2\nr4 += 14\nif r4 <= r3 goto out\nr5 = *(u8 *)(r2 + 0)" + end, code: verifier.PacketBounds},
	{name: "packet end first", text: parsed + "r4 = r2\nr4 += 14\nif r3 < r4 goto out\nr5 = *(u8 *)(r2 + 13)" + end},
	{name: "packet end strict", text: parsed + "r4 = r2\nr4 += 14\nif r3 > r4 goto in\ngoto out\nin: r5 = *(u8 *)(r2 + 14)" + end},
	{name: "packet end not strict", text: parsed + "r4 = r2\nr4 += 14\nif r3 >= r4 goto in\ngoto out\nin: r5 = *(u8 *)(r2 + 14)" + end, code: verifier.PacketBounds},
	{name: "packet variable", text: parsed + "call get_prandom_u32\nr0 = 0\nexit"},
	{name: "packet variable offset", text: "r6 = r1\ncall get_prandom_u32\nr2 = *(u32 *)(r6 + 0)\nr3 = *(u32 *)(r6 + 4)\nr0 &= 255\nr2 += r0\nr4 = r2\nr4 += 4\nif r4 > r3 goto out\nr5 = *(u32 *)(r2 + 0)" + end},
	{name: "packet check does not help another", text: "r6 = r1\ncall get_prandom_u32\nr2 = *(u32 *)(r6 + 0)\nr3 = *(u32 *)(r6 + 4)\nr7 = r2\nr0 &= 255\nr2 += r0\nr4 = r7\nr4 += 4\nif r4 > r3 goto out\nr5 = *(u32 *)(r2 + 0)" + end, code: verifier.PacketBounds, msg: "r=0"},
	{name: "packet moved", text: "r6 = r1\n" + parsed + "r7 = r2\nr4 = r2\nr4 += 14\nif r4 > r3 goto out\nr2 = 4\ncall xdp_adjust_head\nr5 = *(u8 *)(r7 + 0)" + end, code: verifier.BadDeref, msg: "R7 invalid mem access 'scalar'"},
	{name: "packet end deref", text: parsed + "r0 = *(u8 *)(r3 + 0)\nexit", code: verifier.BadDeref, msg: "pkt_end"},
	{name: "packet end moved", text: parsed + "r3 += 1" + end, code: verifier.PtrArith, msg: "pointer arithmetic on pkt_end prohibited"},
	{name: "packet write", text: ".type sched_cls\nr2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr4 = r2\nr4 += 1\nif r4 > r3 goto out\n*(u8 *)(r2 + 0) = 1" + end},
	{name: "packet write refused", text: ".type cgroup_skb\nr2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr4 = r2\nr4 += 1\nif r4 > r3 goto out\n*(u8 *)(r2 + 0) = 1" + end, code: verifier.PacketWrite, msg: "cannot write into packet"},
	{name: "packet aligned", text: parsed + "r4 = r2\nr4 += 8\nif r4 > r3 goto out\nr5 = *(u32 *)(r2 + 2)" + end, mode: "strict"},
	{name: "packet misaligned", text: parsed + "r4 = r2\nr4 += 8\nif r4 > r3 goto out\nr5 = *(u32 *)(r2 + 3)" + end, code: verifier.Alignment, mode: "strict"},

	{name: "map value", text: found + "r1 = *(u64 *)(r0 + 8)" + end},
	{name: "map value too far", text: found + "r1 = *(u64 *)(r0 + 9)" + end, code: verifier.MapValueBounds, msg: "invalid access to map value, value_size=16 off=9 size=8"},
	{name: "map value unchecked", text: lookup + "r1 = *(u64 *)(r0 + 0)" + end, code: verifier.NullDeref, msg: "map_value_or_null"},
	{name: "map value null", text: lookup + "if r0 != 0 goto out\nr1 = *(u64 *)(r0 + 0)" + end, code: verifier.BadDeref},
	{name: "map value copy checked", text: lookup + "r6 = r0\nif r0 == 0 goto out\nr1 = *(u64 *)(r6 + 0)" + end},
	{name: "map value spill checked", text: lookup + "*(u64 *)(r10 - 16) = r0\nif r0 == 0 goto out\nr6 = *(u64 *)(r10 - 16)\nr1 = *(u64 *)(r6 + 0)" + end},
	{name: "map value moved before check", text: lookup + "r0 += 8" + end, code: verifier.PtrArith, msg: "null-check it first"},
	{name: "array element known", text: ".map a array key 4 value 16 entries 4\n*(u32 *)(r10 - 4) = 3\nr2 = r10\nr2 += -4\nr1 = map[a]\ncall map_lookup_elem\nr1 = *(u64 *)(r0 + 0)\nr0 = 0\nexit"},
	{name: "array element beyond", text: ".map a array key 4 value 16 entries 4\n*(u32 *)(r10 - 4) = 4\nr2 = r10\nr2 += -4\nr1 = map[a]\ncall map_lookup_elem\nr1 = *(u64 *)(r0 + 0)\nr0 = 0\nexit", code: verifier.NullDeref, msg: "map_value_or_null"},
	{name: "map value index", text: found + "r1 = *(u8 *)(r0 + 0)\nif r1 > 8 goto out\nr0 += r1\nr1 = *(u64 *)(r0 + 0)" + end},
	{name: "map value index off by one", text: found + "r1 = *(u8 *)(r0 + 0)\nif r1 > 9 goto out\nr0 += r1\nr1 = *(u64 *)(r0 + 0)" + end, code: verifier.MapValueBounds, msg: "R0 max value is outside of the allowed memory range"},
	{name: "map value signed index", text: found + "r1 = *(s16 *)(r0 + 0)\nif r1 s> 8 goto out\nr0 += r1\nr1 = *(u64 *)(r0 + 0)" + end, code: verifier.MapValueBounds, msg: "min value is negative"},
	{name: "map value unbounded index", text: found + "r1 = *(u64 *)(r0 + 0)\nr0 += r1\nr1 = *(u64 *)(r0 + 0)" + end, code: verifier.PtrArith, msg: "unbounded min value"},
	{name: "map read only", text: ".map m array key 4 value 16 entries 1 flags 128\nr1 = map[m] + 0\n*(u8 *)(r1 + 0) = 1" + end, code: verifier.MapAccess, msg: "write into map forbidden"},
	{name: "map read only deleted from", text: ".map m hash key 4 value 16 entries 1 flags 128\n*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = map[m]\ncall map_delete_elem\nexit", code: verifier.MapAccess, msg: "write into map forbidden"},
	{name: "map of another argument", text: ".map m hash key 4 value 4 entries 1\n.map big hash key 4 value 64 entries 1\n*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -4\nr3 = r2\nr4 = map[m]\nr1 = map[big]\ncall map_update_elem\nexit", code: verifier.StackBounds, msg: "off=-4 size=64"},
	{name: "map direct value", text: ".map m array key 4 value 16 entries 1\nr1 = map[m] + 8\n*(u64 *)(r1 + 0) = 1" + end},
	{name: "map direct value too far", text: ".map m array key 4 value 16 entries 1\nr1 = map[m] + 16\nr0 = 0\nexit", code: verifier.MapReference, msg: "value_size=16 off=16"},
	{name: "map pointer arithmetic", text: ".map m array key 4 value 16 entries 1\nr1 = map[m]\nr1 += 8" + end, code: verifier.PtrArith, msg: "map_ptr prohibited"},

	{name: "ctx", text: "r0 = *(u32 *)(r1 + 12)\nexit"},
	{name: "ctx narrow", text: "r0 = *(u8 *)(r1 + 12)\nexit", code: verifier.CtxAccess, msg: "invalid bpf_context access off=12 size=1"},
	{name: "ctx narrow allowed", text: ".type sched_cls\nr0 = *(u8 *)(r1 + 16)\nexit"},
	{name: "ctx too far", text: "r0 = *(u32 *)(r1 + 24)\nexit", code: verifier.CtxAccess, msg: "off=24 size=4"},
	{name: "ctx write", text: "*(u32 *)(r1 + 12) = 1\nr0 = 0\nexit", code: verifier.CtxAccess},
	{name: "ctx write allowed", text: ".type sched_cls\n*(u32 *)(r1 + 8) = 1\nr0 = 0\nexit"},
	{name: "ctx modified", text: "r1 += 4\nr0 = *(u32 *)(r1 + 12)\nexit", code: verifier.CtxAccess, msg: "dereference of modified ctx ptr R1 off=4 disallowed"},
	{name: "ctx socket", text: ".type sched_cls\nr0 = *(u64 *)(r1 + 168)\nr0 = *(u32 *)(r0 + 4)\nexit", code: verifier.NullDeref, msg: "sock_common_or_null"},
	{name: "ctx and stack", text: "*(u64 *)(r10 - 8) = 0\nr2 = *(u32 *)(r1 + 12)\nif r2 == 0 goto load\nr1 = r10\nr1 += -20\nload: r0 = *(u32 *)(r1 + 12)\nexit", code: verifier.MixedPointers, msg: "same insn cannot be used with different pointers"},

	{name: "pointer plus pointer", text: "r1 += r10\nr0 = 0\nexit", code: verifier.PtrArith, msg: "R1 pointer += pointer prohibited"},
	{name: "pointer minus pointer", text: parsed + "r3 -= r2\nr0 = r3\nexit"},
	{name: "pointer minus pointer unprivileged", text: parsed + "r3 -= r2\nr0 = r3\nexit", code: verifier.PtrArith, mode: "unprivileged"},
	{name: "number minus pointer", text: "r0 = 1\nr0 -= r10\nexit", code: verifier.PtrArith, msg: "R0 tried to subtract pointer from scalar"},
	{name: "stack minus", text: "r2 = r10\nr2 -= 8\nr0 = 0\nexit", code: verifier.PtrArith, msg: "subtraction from stack pointer prohibited"},
	{name: "pointer and", text: "r1 &= 8\nr0 = 0\nexit", code: verifier.PtrArith, msg: "bitwise operator &= on pointer prohibited"},
	{name: "pointer 32", text: "w1 += 8\nr0 = 0\nexit", code: verifier.PtrArith, msg: "32-bit pointer arithmetic prohibited"},
	{name: "pointer far", text: parsed + "r2 += 1000000000\nr0 = 0\nexit", code: verifier.PtrArith, msg: "math between pkt pointer and 1000000000 is not allowed"},
	{name: "number deref", text: "r1 = 8\nr0 = *(u8 *)(r1 + 0)\nexit", code: verifier.BadDeref, msg: "R1 invalid mem access 'scalar'"},
	{name: "leak to map", text: found + "*(u64 *)(r0 + 0) = r10" + end, code: verifier.PtrLeak, msg: "R10 leaks addr into map", mode: "unprivileged"},
	{name: "no leak to map", text: found + "*(u64 *)(r0 + 0) = r10" + end},
	{name: "leak by result", text: "r0 = r1\nexit", code: verifier.PtrLeak, msg: "R0 leaks addr as return value", mode: "unprivileged"},
	{name: "leak by comparison", text: "if r1 == 5 goto +0\nr0 = 0\nexit", code: verifier.PtrLeak, msg: "R1 pointer comparison prohibited", mode: "unprivileged"},

	{name: "atomic", text: "*(u64 *)(r10 - 8) = 1\nr2 = 2\nlock *(u64 *)(r10 - 8) += r2\nr0 = *(u64 *)(r10 - 8)\nexit"},
	{name: "atomic ctx", text: "r2 = 2\nlock *(u32 *)(r1 + 12) += w2\nr0 = 0\nexit", code: verifier.AtomicTarget, msg: "BPF_ATOMIC stores into R1 ctx is not allowed"},
	{name: "atomic misaligned", text: found + "r2 = 2\nlock *(u64 *)(r0 + 4) += r2" + end, code: verifier.Alignment, msg: "misaligned value access"},

	{name: "helper key", text: ".map m hash key 8 value 8 entries 1\n*(u32 *)(r10 - 8) = 0\nr2 = r10\nr2 += -4\nr1 = map[m]\ncall map_delete_elem\nexit", code: verifier.StackBounds, msg: "off=-4 size=8"},
	{name: "helper no map", text: "r2 = r10\nr2 += -4\ncall map_delete_elem\nexit", code: verifier.HelperArg, msg: "R1 type=ctx expected=map_ptr"},
	{name: "helper no memory", text: ".map m hash key 8 value 8 entries 1\nr2 = 5\nr1 = map[m]\ncall map_delete_elem\nexit", code: verifier.HelperArg, msg: "R2 type=scalar expected=fp"},
	{name: "helper number", text: "call 212\nexit", code: verifier.HelperUnknown, msg: "invalid func unknown#212"},
	{name: "helper other type", text: ".type sched_cls\nr2 = 0\ncall xdp_adjust_head\nexit", code: verifier.HelperUnknown, msg: "program of this type cannot use helper bpf_xdp_adjust_head#44"},
	{name: "helper not modelled", text: ".type kprobe\n.license GPL\ncall get_current_task_btf\nexit", code: verifier.Unsupported, msg: "helper get_current_task_btf"},
	{name: "helper licence", text: ".license Proprietary\n*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\nr4 = 0\nr5 = 0\ncall trace_printk\nexit", code: verifier.HelperLicense, msg: "cannot call GPL-restricted function"},
	{name: "helper memory size", text: "call get_prandom_u32\nr0 &= 7\nr2 = r0\nr1 = r10\nr1 += -8\nr2 += 1\nr3 = 0\nr4 = 0\nr5 = 0\ncall trace_printk\nexit"},
	{name: "helper memory size zero", text: "call get_prandom_u32\nr0 &= 7\nr2 = r0\nr1 = r10\nr1 += -8\nr3 = 0\nr4 = 0\nr5 = 0\ncall trace_printk\nexit", code: verifier.HelperArg, msg: "R2 invalid zero-sized read: u64=[0,7]"},
	{name: "helper memory too large", text: "call get_prandom_u32\nr0 &= 15\nr2 = r0\nr1 = r10\nr1 += -8\nr2 += 1\nr3 = 0\nr4 = 0\nr5 = 0\ncall trace_printk\nexit", code: verifier.StackBounds, msg: "off=-8 size=16"},

	{name: "tail call", text: ".map p prog_array key 4 value 4 entries 4\nr2 = map[p]\nr3 = 1\ncall tail_call\nr0 = 0\nexit"},
	{name: "tail call result", text: ".map p prog_array key 4 value 4 entries 4\nr2 = map[p]\nr3 = 1\ncall tail_call\nexit", code: verifier.UninitRead, msg: "R0 !read_ok"},
	{name: "tail call in function, its result", text: ".map p prog_array key 4 value 4 entries 4\n.map m hash key 4 value 16 entries 4\ncall f\n*(u32 *)(r10 - 4) = 0\nr6 = r0\nr2 = r10\nr2 += -4\nr1 = map[m]\ncall map_lookup_elem\nif r0 == 0 goto out\nr0 += r6\nr1 = *(u8 *)(r0 + 0)\nout: r0 = 0\nexit\n.func f\nr2 = map[p]\nr3 = 1\ncall tail_call\nr0 = 0\nexit", code: verifier.PtrArith, msg: "unbounded min value"},
	{name: "packet load ends its function", text: ".type socket_filter\n.map m array key 4 value 16 entries 1\ncall f\nr1 = map[m] + 0\nr0 += -5\nr1 += r0\nr0 = *(u8 *)(r1 + 0)\nexit\n.func f\nr6 = r1\nr0 = *(u8 *)skb[100]\nr0 = 5\nexit", code: verifier.MapValueBounds, msg: "off=-5"},
	{name: "two cgroup storages", text: ".type cgroup_skb\n.map a cgroup_storage key 16 value 8 entries 0\n.map b cgroup_storage key 16 value 8 entries 0\nr1 = map[a]\nr2 = 0\ncall get_local_storage\nr1 = map[b]\nr2 = 0\ncall get_local_storage\nr0 = 1\nexit", code: verifier.MapReference, msg: "only one cgroup storage"},
	{name: "cgroup storage", text: ".type cgroup_skb\n.map a cgroup_storage key 16 value 8 entries 0\nr1 = map[a]\nr2 = 0\ncall get_local_storage\nr1 = *(u64 *)(r0 + 0)\nr0 = 1\nexit"},
	{name: "cgroup storage flags", text: ".type cgroup_skb\n.map a cgroup_storage key 16 value 8 entries 0\nr1 = map[a]\nr2 = 1\ncall get_local_storage\nr0 = 1\nexit", code: verifier.HelperArg, msg: "non-zero flags"},
	{name: "map in map", text: ".map o array_of_maps key 4 value 4 entries 1 inner (i array key 4 value 16 entries 2)\n*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = map[o]\ncall map_lookup_elem\nif r0 == 0 goto out\nr1 = r0\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 + 8)\nout: r0 = 0\nexit"},
	{name: "map in map unchecked", text: ".map o array_of_maps key 4 value 4 entries 1 inner (i array key 4 value 16 entries 2)\n*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = map[o]\ncall map_lookup_elem\nr1 = r0\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nr0 = 0\nexit", code: verifier.HelperArg, msg: "R1 type=map_ptr_or_null expected=map_ptr"},
	{name: "tail call other map", text: ".map p array key 4 value 4 entries 4\nr2 = map[p]\nr3 = 1\ncall tail_call\nexit", code: verifier.HelperArg, msg: "cannot pass map_type 2 into func bpf_tail_call#12"},
	{name: "tail call no ctx", text: ".map p prog_array key 4 value 4 entries 4\nr1 = 0\nr2 = map[p]\nr3 = 1\ncall tail_call\nexit", code: verifier.HelperArg, msg: "R1 type=scalar expected=ctx"},
	{name: "tail call too deep", text: ".map p prog_array key 4 value 4 entries 4\n*(u64 *)(r10 - 256) = 0\ncall f\nexit\n.func f\nr2 = map[p]\nr3 = 1\ncall tail_call\nr0 = 0\nexit", code: verifier.StackTotal, msg: "tail_calls are not allowed"},

	{name: "call", text: "r1 = 3\ncall f\nexit\n.func f\nr0 = r1\nexit"},
	{name: "call stack of caller", text: "*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\ncall f\nr0 = *(u64 *)(r10 - 8)\nif r0 == 5 goto out\nr0 = *(u64 *)(r0 + 0)\nout: exit\n.func f\n*(u64 *)(r1 + 0) = 5\nr0 = 0\nexit"},
	{name: "call returns stack", text: "call f\nexit\n.func f\nr0 = r10\nexit", code: verifier.StackEscape, msg: "cannot return stack pointer to the caller"},
	{name: "call spills stack", text: "r1 = r10\nr1 += -8\ncall f\nexit\n.func f\n*(u64 *)(r1 + 0) = r10\nr0 = 0\nexit", code: verifier.StackEscape, msg: "cannot spill pointers to stack into stack frame of the caller"},
	{name: "call clobbers", text: "r1 = 3\nr2 = 4\ncall f\nr0 = r2\nexit\n.func f\nr0 = r1\nexit", code: verifier.UninitRead, msg: "R2 !read_ok"},
	{name: "recursion", text: "call f\nexit\n.func f\ncall f\nexit", code: verifier.CallDepth, msg: "too deep"},
	{name: "stack of two", text: "*(u64 *)(r10 - 304) = 0\ncall f\nexit\n.func f\n*(u64 *)(r10 - 304) = 0\nr0 = 0\nexit", code: verifier.StackTotal, msg: "combined stack size of 2 calls is 608. Too large"},

	{name: "loop", text: "r1 = 0\nagain: r1 += 1\nif r1 < 100 goto again\nr0 = r1\nexit"},
	{name: "loop for ever", text: "r0 = 0\nagain: goto again\nexit", code: verifier.Unreachable},
	{name: "loop without progress", text: "call get_prandom_u32\nagain: if r0 == 5 goto out\ngoto again\nout: exit", code: verifier.InfiniteLoop, msg: "infinite loop detected"},
	{name: "return range", text: ".type cgroup_skb\nr0 = 1\nexit"},
	{name: "return out of range", text: ".type cgroup_skb\nr0 = 2\nexit", code: verifier.ReturnValue, msg: "should have been in [0, 1]"},
	{name: "return pointer", text: ".type cgroup_skb\nr0 = r1\nexit", code: verifier.ReturnValue, msg: "not a known value (ctx)"},
	{name: "program type", text: ".type struct_ops\nr0 = 0\nexit", code: verifier.Unsupported, msg: "program type struct_ops"},
	{name: "reject beats unknown", text: "if r1 == 5 goto a\ncall 84\nexit\na: r0 = r2\nexit", code: verifier.UninitRead, msg: "R2"},

	{name: "needed in the end", text: found + "r1 = *(u8 *)(r0 + 0)\nr2 = 3\nif r1 == 0 goto j\nr2 = 4\nj: r6 = r0\nr6 += r2\nr0 = r6\nr0 -= r0\nout: exit"},
	{name: "needed through the stack", text: found + "r1 = *(u8 *)(r0 + 0)\n*(u64 *)(r10 - 16) = 3\nif r1 == 0 goto j\n*(u64 *)(r10 - 16) = 8\nj: r2 = *(u64 *)(r10 - 16)\nr0 += r2\nr0 = *(u64 *)(r0 + 0)" + end},
	{name: "needed by the caller", text: ".map m array key 4 value 16 entries 1\nr1 = r10\nr1 += -8\ncall f\nr2 = *(u64 *)(r10 - 8)\nr1 = map[m] + 0\nr1 += r2\nr0 = *(u64 *)(r1 + 0)\nexit\n.func f\nr6 = r1\ncall get_prandom_u32\nr7 = 3\nif r0 == 0 goto j\nr7 = 8\nj: *(u64 *)(r6 + 0) = r7\nr0 = 0\nexit"},
	{name: "dead branch", text: "call get_prandom_u32\nr0 &= 7\nif r0 > 7 goto bad\nexit\nbad: r0 = *(u8 *)(r0 + 0)\nexit"},
	{name: "dead branch 32", text: "call get_prandom_u32\nw0 &= 7\nif w0 > 7 goto bad\nexit\nbad: r0 = *(u8 *)(r0 + 0)\nexit"},
	{name: "jset", text: "call get_prandom_u32\nif r0 & 8 goto out\nr0 &= 8\nif r0 == 0 goto out\nr0 = *(u8 *)(r0 + 0)\nout: exit"},
	{name: "copy learns", text: found + "r1 = *(u32 *)(r0 + 0)\nr2 = r1\nif r1 > 8 goto out\nr0 += r2\nr1 = *(u64 *)(r0 + 0)" + end},
	{name: "copy with offset learns", text: found + "r1 = *(u32 *)(r0 + 0)\nr2 = r1\nr2 += 4\nif r1 > 4 goto out\nr0 += r2\nr1 = *(u64 *)(r0 + 0)" + end},
	{name: "copy through the stack learns", text: found + "r1 = *(u32 *)(r0 + 0)\n*(u64 *)(r10 - 16) = r1\nif r1 > 8 goto out\nr2 = *(u64 *)(r10 - 16)\nr0 += r2\nr1 = *(u64 *)(r0 + 0)" + end},
	{name: "changed copy does not learn", text: found + "r1 = *(u32 *)(r0 + 0)\nr2 = r1\nr2 *= 2\nif r1 > 8 goto out\nr0 += r2\nr1 = *(u64 *)(r0 + 0)" + end, code: verifier.MapValueBounds},
	{name: "register compared with register", text: found + "r1 = *(u32 *)(r0 + 0)\nr2 = 8\nif r1 > r2 goto out\nr0 += r1\nr1 = *(u64 *)(r0 + 0)" + end},
	{name: "x minus x", text: found + "r1 = *(u64 *)(r0 + 0)\nr2 = r1\nr2 -= r1\nr0 += r2\nr1 = *(u64 *)(r0 + 0)" + end},
	{name: "joined states both hold", text: found + "r1 = *(u8 *)(r0 + 0)\nr2 = 0\nif r1 == 0 goto j\nr2 = 8\nj: r0 += r2\nr1 = *(u64 *)(r0 + 0)" + end},
	{name: "one of the joined does not hold", text: found + "r1 = *(u8 *)(r0 + 0)\nr2 = 0\nif r1 == 0 goto j\nr2 = 9\nj: r0 += r2\nr1 = *(u64 *)(r0 + 0)" + end, code: verifier.MapValueBounds},
}

func parse(t testing.TB, name, text string) *ir.Program {
	if !strings.Contains(text, ".type") {
		text = ".type xdp\n" + text
	}
	if !strings.Contains(text, ".license") {
		text = ".license GPL\n" + text
	}
	p, err := asm.Parse(name, text)
	require.NoError(t, err)
	return p
}

func TestPrograms(t *testing.T) {
	names := map[string]bool{}
	for _, tt := range slices.Concat(programs, heldPrograms, pointerPrograms) {
		require.False(t, names[tt.name], tt.name)
		names[tt.name] = true
		t.Run(tt.name, func(t *testing.T) {
			v, err := verifier.New(verifier.Policy{Unprivileged: tt.mode == "unprivileged", StrictAlignment: tt.mode == "strict"})
			require.NoError(t, err)
			r, err := v.Verify(t.Context(), parse(t, tt.name, tt.text), nil)
			require.NoError(t, err)
			switch tt.code {
			case "":
				require.Equal(t, verifier.Accept, r.Verdict, "%v", r.Findings)
				require.Empty(t, r.Findings)
				return
			case verifier.Unsupported:
				require.Equal(t, verifier.Unknown, r.Verdict, "%v", r.Findings)
			default:
				require.Equal(t, verifier.Reject, r.Verdict, "%v", r.Findings)
			}
			require.Equal(t, tt.code, r.Findings[0].Code, "%v", r.Findings)
			require.Contains(t, r.Findings[0].Msg, tt.msg)
		})
	}
}
