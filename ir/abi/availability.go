package abi

// Written by TestHelperAvailability of internal/e2e with BPFPROOF_UPDATE=1, from the
// answers of a live kernel: Linux 6.18.

import "github.com/bpfproof/bpfproof/ir"

// hooks are the bits of availability, from the lowest.
var hooks = []Hook{
	{ir.ProgType(1), 0},   // socket_filter
	{ir.ProgType(2), 0},   // kprobe
	{ir.ProgType(3), 0},   // sched_cls
	{ir.ProgType(4), 0},   // sched_act
	{ir.ProgType(5), 0},   // tracepoint
	{ir.ProgType(6), 0},   // xdp
	{ir.ProgType(7), 0},   // perf_event
	{ir.ProgType(8), 0},   // cgroup_skb
	{ir.ProgType(9), 2},   // cgroup_sock cgroup_inet_sock_create
	{ir.ProgType(9), 34},  // cgroup_sock cgroup_inet_sock_release
	{ir.ProgType(9), 12},  // cgroup_sock cgroup_inet4_post_bind
	{ir.ProgType(9), 13},  // cgroup_sock cgroup_inet6_post_bind
	{ir.ProgType(10), 0},  // lwt_in
	{ir.ProgType(11), 0},  // lwt_out
	{ir.ProgType(12), 0},  // lwt_xmit
	{ir.ProgType(13), 0},  // sock_ops
	{ir.ProgType(14), 0},  // sk_skb
	{ir.ProgType(15), 0},  // cgroup_device
	{ir.ProgType(16), 0},  // sk_msg
	{ir.ProgType(17), 0},  // raw_tracepoint
	{ir.ProgType(18), 10}, // cgroup_sock_addr cgroup_inet4_connect
	{ir.ProgType(18), 11}, // cgroup_sock_addr cgroup_inet6_connect
	{ir.ProgType(18), 8},  // cgroup_sock_addr cgroup_inet4_bind
	{ir.ProgType(18), 9},  // cgroup_sock_addr cgroup_inet6_bind
	{ir.ProgType(18), 14}, // cgroup_sock_addr cgroup_udp4_sendmsg
	{ir.ProgType(18), 15}, // cgroup_sock_addr cgroup_udp6_sendmsg
	{ir.ProgType(18), 19}, // cgroup_sock_addr cgroup_udp4_recvmsg
	{ir.ProgType(18), 20}, // cgroup_sock_addr cgroup_udp6_recvmsg
	{ir.ProgType(18), 29}, // cgroup_sock_addr cgroup_inet4_getpeername
	{ir.ProgType(18), 30}, // cgroup_sock_addr cgroup_inet6_getpeername
	{ir.ProgType(18), 31}, // cgroup_sock_addr cgroup_inet4_getsockname
	{ir.ProgType(18), 32}, // cgroup_sock_addr cgroup_inet6_getsockname
	{ir.ProgType(18), 49}, // cgroup_sock_addr cgroup_unix_connect
	{ir.ProgType(18), 50}, // cgroup_sock_addr cgroup_unix_sendmsg
	{ir.ProgType(19), 0},  // lwt_seg6local
	{ir.ProgType(21), 39}, // sk_reuseport sk_reuseport_select
	{ir.ProgType(22), 0},  // flow_dissector
	{ir.ProgType(23), 0},  // cgroup_sysctl
	{ir.ProgType(24), 0},  // raw_tracepoint_writable
	{ir.ProgType(25), 22}, // cgroup_sockopt cgroup_setsockopt
	{ir.ProgType(25), 21}, // cgroup_sockopt cgroup_getsockopt
	{ir.ProgType(26), 23}, // tracing trace_raw_tp
	{ir.ProgType(26), 28}, // tracing trace_iter
	{ir.ProgType(30), 36}, // sk_lookup sk_lookup
	{ir.ProgType(31), 0},  // syscall
	{ir.ProgType(32), 45}, // netfilter netfilter
}

// availability has, by helper, a bit for each hook that may call it.
var availability = [LastHelper + 1]uint64{
	1:   0x00003fffffffffff, // map_lookup_elem
	2:   0x00003fffffffffff, // map_update_elem
	3:   0x00003fffffffffff, // map_delete_elem
	4:   0x0000164000080052, // probe_read
	5:   0x00003fffffffffff, // ktime_get_ns
	6:   0x00003fffffffffff, // trace_printk
	7:   0x00003fffffffffff, // get_prandom_u32
	8:   0x00003fffffffffff, // get_smp_processor_id
	9:   0x000000000001400c, // skb_store_bytes
	10:  0x000000000000400c, // l3_csum_replace
	11:  0x000000000000400c, // l4_csum_replace
	12:  0x00003fffffffffff, // tail_call
	13:  0x000000000000400c, // clone_redirect
	14:  0x00003fffffffffff, // get_current_pid_tgid
	15:  0x00003fffffffffff, // get_current_uid_gid
	16:  0x00003fffffffffff, // get_current_comm
	17:  0x00003fffffffffff, // get_cgroup_classid
	18:  0x000000000000000c, // skb_vlan_push
	19:  0x000000000000000c, // skb_vlan_pop
	20:  0x000000000000400c, // skb_get_tunnel_key
	21:  0x000000000000400c, // skb_set_tunnel_key
	22:  0x00003fffffffffff, // perf_event_read
	23:  0x000000000000402c, // redirect
	24:  0x000000040000700c, // get_route_realm
	25:  0x00001fe7ffffffff, // perf_event_output
	26:  0x0000001c0001708d, // skb_load_bytes
	27:  0x0000164000080052, // get_stackid
	28:  0x000000040000702c, // csum_diff
	29:  0x000000000000400c, // skb_get_tunnel_opt
	30:  0x000000000000400c, // skb_set_tunnel_opt
	31:  0x000000000000000c, // skb_change_proto
	32:  0x000000000000000c, // skb_change_type
	33:  0x000000040000700c, // skb_under_cgroup
	34:  0x000000040000700c, // get_hash_recalc
	35:  0x00003fffffffffff, // get_current_task
	36:  0x0000000000000000, // probe_write_user
	37:  0x00003fffffffffff, // current_task_under_cgroup
	38:  0x000000000001400c, // skb_change_tail
	39:  0x000000040001700c, // skb_pull_data
	40:  0x000000000000400c, // csum_update
	41:  0x000000000000400c, // set_hash_invalid
	42:  0x00003fffffffffff, // get_numa_node_id
	43:  0x000000000001400c, // skb_change_head
	44:  0x0000000000000020, // xdp_adjust_head
	45:  0x0000164000080052, // probe_read_str
	46:  0x0000160bfff18f8d, // get_socket_cookie
	47:  0x000000000001008d, // get_socket_uid
	48:  0x000000000000000c, // set_hash
	49:  0x00000083fff08000, // setsockopt
	50:  0x000000000001000c, // skb_adjust_room
	51:  0x0000000000000020, // redirect_map
	52:  0x0000000000010000, // sk_redirect_map
	53:  0x0000000000008000, // sock_map_update
	54:  0x0000000000000020, // xdp_adjust_meta
	55:  0x00003fffffffffff, // perf_event_read_value
	56:  0x0000000000000040, // perf_prog_read_value
	57:  0x00000083fff08000, // getsockopt
	58:  0x0000000000000000, // override_return
	59:  0x0000000000008000, // sock_ops_cb_flags_set
	60:  0x0000000000040000, // msg_redirect_map
	61:  0x0000000000040000, // msg_apply_bytes
	62:  0x0000000000040000, // msg_cork_bytes
	63:  0x0000000000040000, // msg_pull_data
	64:  0x0000000000300000, // bind
	65:  0x0000000000000020, // xdp_adjust_tail
	66:  0x000000000000000c, // skb_get_xfrm_state
	67:  0x0000164000080052, // get_stack
	68:  0x000000080000008d, // skb_load_bytes_relative
	69:  0x000000000000002c, // fib_lookup
	70:  0x0000000000008000, // sock_hash_update
	71:  0x0000000000040000, // msg_redirect_hash
	72:  0x0000000000010000, // sk_redirect_hash
	73:  0x0000000000005000, // lwt_push_encap
	74:  0x0000000400000000, // lwt_seg6_store_bytes
	75:  0x0000000400000000, // lwt_seg6_adjust_srh
	76:  0x0000000400000000, // lwt_seg6_action
	77:  0x0000000000000000, // rc_repeat
	78:  0x0000000000000000, // rc_keydown
	79:  0x000000000000008c, // skb_cgroup_id
	80:  0x00003fffffffffff, // get_current_cgroup_id
	81:  0x000001a3fff28f80, // get_local_storage
	82:  0x0000000800000000, // sk_select_reuseport
	83:  0x000000000000008c, // skb_ancestor_cgroup_id
	84:  0x00000003fff100ac, // sk_lookup_tcp
	85:  0x00000003fff100ac, // sk_lookup_udp
	86:  0x00000803fff100ac, // sk_release
	87:  0x00003fffffffffff, // map_push_elem
	88:  0x00003fffffffffff, // map_pop_elem
	89:  0x00003fffffffffff, // map_peek_elem
	90:  0x0000000000040000, // msg_push_data
	91:  0x0000000000040000, // msg_pop_data
	92:  0x0000000000000000, // rc_pointer_rel
	93:  0x00003fffffffffff, // spin_lock
	94:  0x00003fffffffffff, // spin_unlock
	95:  0x000000000000008c, // sk_fullsock
	96:  0x000001800000808c, // tcp_sock
	97:  0x000000000000008c, // skb_ecn_set_ce
	98:  0x000000000000008c, // get_listener_sock
	99:  0x00000003fff100ac, // skc_lookup_tcp
	100: 0x000000000000002c, // tcp_check_syncookie
	101: 0x0000002000000000, // sysctl_get_name
	102: 0x0000002000000000, // sysctl_get_current_value
	103: 0x0000002000000000, // sysctl_get_new_value
	104: 0x0000002000000000, // sysctl_set_new_value
	105: 0x00003fffffffffff, // strtol
	106: 0x00003fffffffffff, // strtoul
	107: 0x00001783fff48f8c, // sk_storage_get
	108: 0x00001783fff4808c, // sk_storage_delete
	109: 0x00003fffffffffff, // send_signal
	110: 0x000000000000002c, // tcp_gen_syncookie
	111: 0x0000160000000000, // skb_output
	112: 0x00003fffffffffff, // probe_read_user
	113: 0x00003fffffffffff, // probe_read_kernel
	114: 0x00003fffffffffff, // probe_read_user_str
	115: 0x00003fffffffffff, // probe_read_kernel_str
	116: 0x0000000000000000, // tcp_send_ack
	117: 0x00003fffffffffff, // send_signal_thread
	118: 0x00003fffffffffff, // jiffies64
	119: 0x0000000000000040, // read_branch_records
	120: 0x00003fffffffffff, // get_ns_current_pid_tgid
	121: 0x0000160000000000, // xdp_output
	122: 0x00000183fff48f8d, // get_netns_cookie
	123: 0x00003fffffffffff, // get_current_ancestor_cgroup_id
	124: 0x000008000000000c, // sk_assign
	125: 0x00003fffffffffff, // ktime_get_boot_ns
	126: 0x0000040000000000, // seq_printf
	127: 0x0000040000000000, // seq_write
	128: 0x0000000000000080, // sk_cgroup_id
	129: 0x0000000000000080, // sk_ancestor_cgroup_id
	130: 0x00003fffffffffff, // ringbuf_output
	131: 0x00003fffffffffff, // ringbuf_reserve
	132: 0x00003fffffffffff, // ringbuf_submit
	133: 0x00003fffffffffff, // ringbuf_discard
	134: 0x00003fffffffffff, // ringbuf_query
	135: 0x000000000000400c, // csum_level
	136: 0x00001e17fff5f0ad, // skc_to_tcp6_sock
	137: 0x00001e17fff5f0ad, // skc_to_tcp_sock
	138: 0x00001e17fff5f0ad, // skc_to_tcp_timewait_sock
	139: 0x00001e17fff5f0ad, // skc_to_tcp_request_sock
	140: 0x00001e17fff5f0ad, // skc_to_udp6_sock
	141: 0x00003fffffffffff, // get_task_stack
	142: 0x0000000000008000, // load_hdr_opt
	143: 0x0000000000008000, // store_hdr_opt
	144: 0x0000000000008000, // reserve_hdr_opt
	145: 0x0000000000000000, // inode_storage_get
	146: 0x0000000000000000, // inode_storage_delete
	147: 0x0000160000000000, // d_path
	148: 0x00003fffffffffff, // copy_from_user
	149: 0x00003fffffffffff, // snprintf_btf
	150: 0x0000040000000000, // seq_printf_btf
	151: 0x000000000000000c, // skb_cgroup_classid
	152: 0x000000000000000c, // redirect_neigh
	153: 0x00003fffffffffff, // per_cpu_ptr
	154: 0x00003fffffffffff, // this_cpu_ptr
	155: 0x000000000000000c, // redirect_peer
	156: 0x00003fffffffffff, // task_storage_get
	157: 0x00003fffffffffff, // task_storage_delete
	158: 0x00003fffffffffff, // get_current_task_btf
	159: 0x0000000000000000, // bprm_opts_set
	160: 0x0000083ffff5ffad, // ktime_get_coarse_ns
	161: 0x0000000000000000, // ima_inode_hash
	162: 0x0000160000000000, // sock_from_file
	163: 0x000000000000002c, // check_mtu
	164: 0x00003fffffffffff, // for_each_map_elem
	165: 0x00003fffffffffff, // snprintf
	166: 0x0000100000000000, // sys_bpf
	167: 0x0000100000000000, // btf_find_by_name_kind
	168: 0x0000100000000000, // sys_close
	169: 0x00003fffffffffff, // timer_init
	170: 0x00003fffffffffff, // timer_set_callback
	171: 0x00003fffffffffff, // timer_start
	172: 0x00003fffffffffff, // timer_cancel
	173: 0x0000164000080052, // get_func_ip
	174: 0x0000024000080052, // get_attach_cookie
	175: 0x00003fffffffffff, // task_pt_regs
	176: 0x00003fffffffffff, // get_branch_snapshot
	177: 0x00003fffffffffff, // trace_vprintk
	178: 0x00001e17fff5f0ad, // skc_to_unix_sock
	179: 0x0000100000000000, // kallsyms_lookup_name
	180: 0x00003fffffffffff, // find_vma
	181: 0x00003fffffffffff, // loop
	182: 0x00003fffffffffff, // strncmp
	183: 0x0000000000000000, // get_func_arg
	184: 0x0000000000000000, // get_func_ret
	185: 0x0000000000000000, // get_func_arg_cnt
	186: 0x0000018303f00f00, // get_retval
	187: 0x0000018303f00f00, // set_retval
	188: 0x0000160000000020, // xdp_get_buff_len
	189: 0x0000000000000020, // xdp_load_bytes
	190: 0x0000000000000020, // xdp_store_bytes
	191: 0x00003fffffffffff, // copy_from_user_task
	192: 0x000000000000000c, // skb_set_tstamp
	193: 0x0000000000000000, // ima_file_hash
	194: 0x00003fffffffffff, // kptr_xchg
	195: 0x00003fffffffffff, // map_lookup_percpu_elem
	196: 0x00001e17fff5f0ad, // skc_to_mptcp_sock
	197: 0x00003fffffffffff, // dynptr_from_mem
	198: 0x00003fffffffffff, // ringbuf_reserve_dynptr
	199: 0x00003fffffffffff, // ringbuf_submit_dynptr
	200: 0x00003fffffffffff, // ringbuf_discard_dynptr
	201: 0x00003fffffffffff, // dynptr_read
	202: 0x00003fffffffffff, // dynptr_write
	203: 0x00003fffffffffff, // dynptr_data
	204: 0x000000000000002c, // tcp_raw_gen_syncookie_ipv4
	205: 0x000000000000002c, // tcp_raw_gen_syncookie_ipv6
	206: 0x000000000000002c, // tcp_raw_check_syncookie_ipv4
	207: 0x000000000000002c, // tcp_raw_check_syncookie_ipv6
	208: 0x00003fffffffffff, // ktime_get_tai_ns
	209: 0x00003fffffffffff, // user_ringbuf_drain
	210: 0x00003fffffffffff, // cgrp_storage_get
	211: 0x00003fffffffffff, // cgrp_storage_delete
}
