package abi

import "github.com/bpfproof/bpfproof/ir"

// Load flags that rules depend on (BPF_F_STRICT_ALIGNMENT, BPF_F_SLEEPABLE).
const (
	LoadStrictAlignment = 1 << 0
	LoadSleepable       = 1 << 4
)

// GPLCompatible tells whether the licence allows GPL-only helpers
// (license_is_gpl_compatible in include/linux/license.h).
func GPLCompatible(license string) bool {
	switch license {
	case "GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL":
		return true
	}
	return false
}

// MapReadOnly reports that programs may not change the map's values.
func MapReadOnly(m *ir.MapSpec) bool {
	return m.Frozen || m.Flags&MapReadOnlyProg != 0 || m.Type == ir.Devmap || m.Type == ir.DevmapHash
}

// MapWrites reports that the helper changes the map that it is given.
func MapWrites(id HelperID) bool {
	switch id {
	case MapUpdateElem, MapDeleteElem, MapPushElem, MapPopElem:
		return true
	}
	return false
}

// argObjects lists the objects that a class takes.
var argObjects = [...][]ObjectKind{
	ArgSockCommon: {SockCommon, Socket, TCPSock, XDPSock},
	ArgSocket:     {Socket},
	ArgAnySock:    {SockCommon, Socket, TCPSock, XDPSock, SockStruct},
	ArgRelease:    {SockCommon, Socket, TCPSock, XDPSock, SockStruct},
}

// ArgObjects returns the kinds of objects that arguments of the class may be, nil
// for classes that are no such objects. The caller must not change them.
func ArgObjects(a Arg) []ObjectKind {
	if int(a) < len(argObjects) {
		return argObjects[a]
	}
	return nil
}

// RetObject returns the object that helpers of the class return, or 0; NoObject for
// other classes.
func RetObject(r Ret) ObjectKind {
	switch r {
	case RetSocketOrNull:
		return Socket
	case RetSockCommonOrNull:
		return SockCommon
	case RetTCPSockOrNull:
		return TCPSock
	case RetSockStructOrNull:
		return SockStruct
	}
	return NoObject
}

// ReturnsPart reports that what the helper returns is a part of its first argument,
// and lives as long as that one (is_ptr_cast_function).
func ReturnsPart(h *Helper) bool {
	return h.ID == SkFullsock || h.ID == TCPSockOf || h.Ret == RetSockStructOrNull
}
