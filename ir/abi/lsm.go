package abi

import "strings"

// LSMHook is what programs of type lsm find at one hook.
type LSMHook struct {
	Sleepable bool // programs may sleep there
	Untrusted bool // nobody vouches for its arguments
	Disabled  bool // programs are not attached there
	Bool      bool // its result is 0 or 1, else 0 or the negative number of an error
}

// LookupLSMHook returns what is special of the hook of that name, such as
// "file_open".
//
// Source: the sets of kernel/bpf/bpf_lsm.c of Linux 6.12.
func LookupLSMHook(name string) LSMHook {
	return LSMHook{Sleepable: lsmSleepable[name], Untrusted: lsmUntrusted[name], Disabled: lsmDisabled[name], Bool: lsmBool[name]}
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

var (
	lsmDisabled  = set("vm_enough_memory inode_need_killpriv inode_getsecurity inode_listsecurity inode_copy_up_xattr getselfattr getprocattr setprocattr key_getsecurity audit_rule_match xfrm_decode_session ismaclabel")
	lsmUntrusted = set("bpf_map_free bpf_prog_free file_alloc_security file_free_security sk_alloc_security sk_free_security task_free")
	lsmBool      = set("xfrm_state_pol_flow_match audit_rule_known inode_xattr_skipcap")
	lsmSleepable = set("bpf bpf_map bpf_map_create bpf_map_free bpf_prog bpf_prog_load bpf_token_create bpf_token_free bpf_token_cmd " +
		"bpf_token_capable bprm_check_security bprm_committed_creds bprm_committing_creds bprm_creds_for_exec bprm_creds_from_file capget " +
		"capset cred_prepare file_ioctl file_lock file_open file_post_open file_receive inode_create inode_free_security inode_getattr " +
		"inode_getxattr inode_mknod inode_need_killpriv inode_post_setxattr inode_readlink inode_rename inode_rmdir inode_setattr " +
		"inode_setxattr inode_symlink inode_unlink kernel_module_request kernel_read_file kernfs_init_security path_unlink path_mkdir " +
		"path_rmdir path_truncate path_symlink path_link path_rename path_chmod path_chown mmap_file netlink_send path_notify " +
		"release_secctx sb_alloc_security sb_eat_lsm_opts sb_kern_mount sb_mount sb_remount sb_set_mnt_opts sb_show_options sb_statfs " +
		"sb_umount settime socket_accept socket_bind socket_connect socket_create socket_getpeername socket_getpeersec_dgram " +
		"socket_getsockname socket_getsockopt socket_listen socket_post_create socket_recvmsg socket_sendmsg socket_shutdown " +
		"socket_socketpair syslog task_alloc current_getsecid_subj task_getsecid_obj task_prctl task_setscheduler userns_create")
	pathTargets = set("security_file_permission security_inode_getattr security_file_open security_path_truncate vfs_truncate " +
		"vfs_fallocate dentry_open vfs_getattr filp_close")
)

// PathAllowed reports that programs attached to the function, or to the LSM hook if
// lsm is set, may call helper d_path (bpf_d_path_allowed).
func PathAllowed(target string, lsm bool) bool {
	if lsm {
		return lsmSleepable[target]
	}
	return pathTargets[target]
}
