package abi

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
)

// prototype is a row of the table of helpers: the number, the name, the
// arguments and the result in the words of argWords and retWords, and flags.
// A word that ends in "?" may also be 0; one that ends in ":n" has n bytes.
type prototype struct {
	id        HelperID
	name      string
	signature string
	flags     string
}

var argWords = map[string]Arg{
	"any": ArgAny, "zero": ArgZero, "rest": ArgPassed, "ctx": ArgCtx, "map": ArgMap, "key": ArgMapKey, "value": ArgMapValue, "value!": ArgUninitValue,
	"mem": ArgMem, "mem!": ArgUninitMem, "mem+": ArgInOutMem, "size": ArgSize, "size0": ArgSizeOrZero,
	"fix": ArgFixed, "fix!": ArgUninitFixed, "fix+": ArgInOutFixed, "alloc": ArgAllocSize, "rb-": ArgRingbufMem,
	"skc": ArgSockCommon, "sock": ArgSocket, "sk": ArgAnySock, "sk-": ArgRelease, "btf": ArgBTF, "btf?-": ArgBTFRelease,
	"percpu": ArgPerCPU, "kptr": ArgKptr, "lock": ArgSpinLock, "timer": ArgTimer, "func": ArgFunc, "stack": ArgStack, "str": ArgConstStr,
	"dyn": ArgDynptr, "dyn!": ArgDynptrUninit, "dynrb!": ArgDynptrUninit, "dynrb-": ArgDynptrRelease,
}

var retWords = map[string]Ret{
	"void": RetVoid, "int": RetInteger, "len": RetLength, "value?": RetMapValueOrNull, "value": RetMapValue,
	"sock?": RetSocketOrNull, "skc?": RetSockCommonOrNull, "tcp?": RetTCPSockOrNull, "rb?": RetRingbufOrNull,
	"dynmem?": RetDynptrOrNull, "sk?": RetSockStructOrNull, "btf": RetBTF, "btf?": RetBTFOrNull, "percpu": RetPerCPU, "percpu?": RetPerCPUOrNull,
}

// read returns the prototype as data. It panics on a word that is in no table:
// the rows are constants, and a test reads them all.
func (p prototype) read(progs []ir.ProgType) Helper {
	h := Helper{ID: p.id, Name: p.name, Progs: progs}
	args, ret, _ := strings.Cut(p.signature, "->")
	for i, w := range strings.Fields(args) {
		word, size, sized := strings.Cut(w, ":")
		if sized {
			n, err := strconv.ParseUint(size, 10, 32)
			if err != nil {
				panic(fmt.Sprintf("abi: helper %d: %v", p.id, err))
			}
			h.Fixed[i] = uint32(n)
		}
		a, ok := argWords[word]
		if !ok {
			a, ok = argWords[strings.TrimSuffix(word, "?")]
		}
		if !ok {
			panic(fmt.Sprintf("abi: helper %d: argument %q", p.id, w))
		}
		h.Args[i] = a
		if strings.Contains(word, "?") {
			h.Nullable |= 1 << i
		}
	}
	var ok bool
	if h.Ret, ok = retWords[strings.TrimSpace(ret)]; !ok {
		panic(fmt.Sprintf("abi: helper %d: result %q", p.id, ret))
	}
	h.GPLOnly, h.Packet, h.Sleeps = has(p.flags, "gpl"), has(p.flags, "pkt"), has(p.flags, "sleeps")
	h.MovesData, h.Acquires = has(p.flags, "moves"), has(p.flags, "acquires")
	return h
}

var general, special = readPrototypes()

func readPrototypes() (general, special []Helper) {
	for _, p := range prototypes {
		general = append(general, p.read(nil))
	}
	for _, s := range ownPrototypes {
		special = append(special, s.read(s.progs))
	}
	return general, special
}

// ownPrototypes are those that differ by program type.
var ownPrototypes = []struct {
	prototype
	progs []ir.ProgType
}{
	{prototype{17, "get_cgroup_classid", "-> int", ""}, []ir.ProgType{ir.CgroupSKB, ir.CgroupSock, ir.CgroupSockAddr, ir.CgroupDevice,
		ir.CgroupSysctl, ir.CgroupSockopt, ir.SockOps, ir.LSM}},
	{prototype{46, "get_socket_cookie", "sk? -> int", ""}, []ir.ProgType{ir.Tracing, ir.LSM, ir.SkMsg}},
	{prototype{49, "setsockopt", "sk any any mem size -> int", ""}, []ir.ProgType{ir.CgroupSockopt, ir.Tracing, ir.LSM, ir.StructOps}},
	{prototype{57, "getsockopt", "sk any any mem! size -> int", ""}, []ir.ProgType{ir.CgroupSockopt, ir.Tracing, ir.LSM, ir.StructOps}},
	{prototype{84, "sk_lookup_tcp", "ctx mem size0 any any -> sock?", "acquires"}, []ir.ProgType{ir.CgroupSockAddr}},
	{prototype{85, "sk_lookup_udp", "ctx mem size0 any any -> sock?", "acquires"}, []ir.ProgType{ir.CgroupSockAddr}},
	{prototype{99, "skc_lookup_tcp", "ctx mem size0 any any -> skc?", "acquires"}, []ir.ProgType{ir.CgroupSockAddr}},
	{prototype{107, "sk_storage_get", "map ctx value? any -> value?", ""}, []ir.ProgType{ir.CgroupSock}},
	{prototype{107, "sk_storage_get", "map btf? value? any -> value?", ""}, []ir.ProgType{ir.Tracing}},
	{prototype{108, "sk_storage_delete", "map btf? -> int", ""}, []ir.ProgType{ir.Tracing}},
	{prototype{124, "sk_assign", "ctx sock? any -> int", ""}, []ir.ProgType{ir.SkLookup}},
	{prototype{188, "xdp_get_buff_len", "btf -> int", ""}, []ir.ProgType{ir.Tracing}},
}
