package helpers

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// Func is a helper: it takes the five argument registers and returns r0. An
// error ends the run.
type Func func(e *Env, args [5]uint64) (uint64, error)

// funcs are the helpers by the kernel's names, but for those of the engines.
var funcs = byNumber(map[string]Func{
	"map_lookup_elem":        mapLookupElem,
	"map_update_elem":        mapUpdateElem,
	"map_delete_elem":        mapDeleteElem,
	"map_push_elem":          mapPushElem,
	"map_pop_elem":           mapPopElem,
	"map_peek_elem":          mapPeekElem,
	"map_lookup_percpu_elem": mapLookupPerCPU,
	"get_local_storage":      getLocalStorage,
	"spin_lock":              spinLock,
	"spin_unlock":            spinUnlock,
	"kptr_xchg":              kptrXchg,
	"task_storage_get":       storageGet,
	"task_storage_delete":    storageDelete,
	"sk_storage_get":         storageGet,
	"sk_storage_delete":      storageDelete,
	"inode_storage_get":      storageGet,
	"inode_storage_delete":   storageDelete,
	"cgrp_storage_get":       storageGet,
	"cgrp_storage_delete":    storageDelete,

	"timer_init":         timerInit,
	"timer_set_callback": timerSetCallback,
	"timer_start":        timerStart,
	"timer_cancel":       timerCancel,

	"ringbuf_output":         ringbufOutput,
	"ringbuf_reserve":        ringbufReserve,
	"ringbuf_submit":         ringbufSubmit,
	"ringbuf_discard":        ringbufDiscard,
	"ringbuf_query":          ringbufQuery,
	"ringbuf_reserve_dynptr": ringbufReserveDynptr,
	"ringbuf_submit_dynptr":  ringbufSubmitDynptr,
	"ringbuf_discard_dynptr": ringbufDiscardDynptr,
	"dynptr_from_mem":        dynptrFromMem,
	"dynptr_read":            dynptrRead,
	"dynptr_write":           dynptrWrite,
	"dynptr_data":            dynptrData,
	"perf_event_output":      perfEventOutput,
	"get_stackid":            getStackID,

	"ktime_get_ns":         ktimeGetNs,
	"ktime_get_boot_ns":    ktimeGetBootNs,
	"ktime_get_coarse_ns":  ktimeGetNs,
	"ktime_get_tai_ns":     ktimeGetTaiNs,
	"jiffies64":            jiffies64,
	"get_prandom_u32":      getPrandomU32,
	"get_smp_processor_id": getSMPProcessorID,
	"get_numa_node_id":     getNumaNodeID,

	"get_current_task":               getCurrentTask,
	"get_current_task_btf":           getCurrentTask,
	"current_task_under_cgroup":      currentTaskUnderCgroup,
	"skb_under_cgroup":               skbUnderCgroup,
	"get_current_pid_tgid":           getCurrentPidTgid,
	"get_current_uid_gid":            getCurrentUidGid,
	"get_current_comm":               getCurrentComm,
	"get_current_cgroup_id":          getCurrentCgroupID,
	"get_current_ancestor_cgroup_id": getCurrentAncestorCgroupID,
	"get_ns_current_pid_tgid":        getNsCurrentPidTgid,
	"get_netns_cookie":               getNetnsCookie,
	"get_socket_cookie":              getSocketCookie,
	"get_socket_uid":                 getSocketUID,
	"get_attach_cookie":              getAttachCookie,
	"get_retval":                     getRetval,
	"set_retval":                     setRetval,
	"get_cgroup_classid":             getCgroupClassid,

	"probe_read":            probeReadUser,
	"probe_read_kernel":     probeReadKernel,
	"probe_read_user":       probeReadUser,
	"probe_read_str":        probeReadUserStr,
	"probe_read_kernel_str": probeReadKernelStr,
	"probe_read_user_str":   probeReadUserStr,
	"copy_from_user":        probeReadUser,

	"trace_printk":  tracePrintk,
	"trace_vprintk": traceVprintk,
	"snprintf":      snprintf,
	"strncmp":       strncmp,
	"strtol":        strtol,
	"strtoul":       strtoul,

	"csum_diff":       csumDiff,
	"csum_update":     csumUpdate,
	"csum_level":      csumLevel,
	"l3_csum_replace": l3CsumReplace,
	"l4_csum_replace": l4CsumReplace,

	"skb_get_tunnel_key":      skbGetTunnelKey,
	"skb_set_tunnel_key":      skbSetTunnelKey,
	"skb_get_tunnel_opt":      skbGetTunnelOpt,
	"skb_set_tunnel_opt":      skbSetTunnelOpt,
	"skb_load_bytes":          skbLoadBytes,
	"skb_load_bytes_relative": skbLoadBytesRelative,
	"skb_store_bytes":         skbStoreBytes,
	"skb_pull_data":           skbPullData,
	"skb_change_type":         skbChangeType,
	"skb_change_proto":        skbChangeProto,
	"skb_change_tail":         skbChangeTail,
	"skb_change_head":         skbChangeHead,
	"skb_adjust_room":         skbAdjustRoom,
	"skb_vlan_push":           skbVLANPush,
	"skb_vlan_pop":            skbVLANPop,
	"skb_ecn_set_ce":          skbECNSetCE,
	"skb_set_tstamp":          skbSetTstamp,
	"skb_cgroup_id":           skbCgroupID,
	"skb_ancestor_cgroup_id":  skbAncestorCgroupID,
	"skb_cgroup_classid":      skbCgroupClassid,
	"get_hash_recalc":         getHashRecalc,
	"set_hash":                setHash,
	"set_hash_invalid":        setHashInvalid,
	"get_route_realm":         getRouteRealm,

	"xdp_adjust_head":  xdpAdjustHead,
	"xdp_adjust_tail":  xdpAdjustTail,
	"xdp_adjust_meta":  xdpAdjustMeta,
	"xdp_get_buff_len": xdpGetBuffLen,
	"xdp_load_bytes":   xdpLoadBytes,
	"xdp_store_bytes":  xdpStoreBytes,

	"redirect":       redirect,
	"redirect_map":   redirectMap,
	"redirect_peer":  redirectPeer,
	"redirect_neigh": redirectNeigh,
	"clone_redirect": cloneRedirect,
	"check_mtu":      checkMTU,
	"fib_lookup":     fibLookup,

	"sk_lookup_tcp":            skLookupTCP,
	"sk_lookup_udp":            skLookupUDP,
	"skc_lookup_tcp":           skcLookupTCP,
	"sk_release":               skRelease,
	"sk_fullsock":              skFullsock,
	"tcp_sock":                 tcpSock,
	"get_listener_sock":        getListenerSock,
	"sk_assign":                skAssign,
	"sk_cgroup_id":             skbCgroupID,
	"sk_ancestor_cgroup_id":    skbAncestorCgroupID,
	"skc_to_tcp_sock":          skcTo(isTCP),
	"skc_to_tcp6_sock":         skcTo(isTCP6),
	"skc_to_udp6_sock":         skcTo(isUDP6),
	"skc_to_tcp_timewait_sock": skcTo(isTimeWait),
	"skc_to_tcp_request_sock":  skcTo(isRequest),
	"skc_to_unix_sock":         skcTo(isOther),
	"skc_to_mptcp_sock":        skcTo(isOther),

	"sk_redirect_map":     skRedirectMap,
	"msg_redirect_map":    skRedirectMap,
	"sk_redirect_hash":    skRedirectHash,
	"msg_redirect_hash":   skRedirectHash,
	"sk_select_reuseport": skSelectReuseport,
	"sock_map_update":     sockMapUpdate,
	"sock_hash_update":    sockMapUpdate,

	"getsockopt":               getsockopt,
	"setsockopt":               setsockopt,
	"sysctl_get_name":          sysctlGetName,
	"sysctl_get_current_value": sysctlGetCurrentValue,
	"sysctl_get_new_value":     sysctlGetNewValue,
	"sysctl_set_new_value":     sysctlSetNewValue,
})

// ofEngines are the helpers that both engines have themselves, as they call the
// program's functions or go on in another program.
var ofEngines = [...]abi.HelperID{abi.TailCall, abi.Loop, abi.ForEachMapElem, abi.UserRingbufDrain}

// OfEngines reports whether a helper is the engines' own.
func OfEngines(id abi.HelperID) bool { return slices.Contains(ofEngines[:], id) }

// byNumber orders the helpers by the numbers that package abi has for the names.
func byNumber(named map[string]Func) map[abi.HelperID]Func {
	fs := make(map[abi.HelperID]Func, len(named))
	for name, f := range named {
		h, ok := abi.LookupHelperName(name)
		if !ok {
			panic("helpers: there is no helper " + name)
		}
		fs[h.ID] = f
	}
	return fs
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
