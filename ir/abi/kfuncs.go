package abi

// kfuncRows lists functions of the kernel with the words of kfuncWords. Functions
// that are not listed are not known.
//
// Sources: BTF_ID_FLAGS in kernel, net, fs and tools/testing of Linux 6.12. Of those
// that came later, Linux 6.18 was asked where they may be called; their flags have
// been held to no source.
var kfuncRows = []struct {
	names, flags string
	special      KfuncSpecial
}{
	// Objects.
	{"bpf_task_acquire bpf_cgroup_acquire bpf_cgroup_ancestor bpf_task_get_cgroup1 bpf_crypto_ctx_acquire", "acquire rcu null", KfPlain},
	{"bpf_task_release bpf_cgroup_release bpf_cpumask_release bpf_key_put bpf_crypto_ctx_release bpf_ct_release bpf_xdp_xfrm_state_release", "release", KfPlain},
	{"bpf_task_from_pid bpf_task_from_vpid bpf_cgroup_from_id bpf_cpumask_create bpf_lookup_system_key", "acquire null", KfPlain},
	{"bpf_lookup_user_key bpf_crypto_ctx_create", "acquire null sleeps", KfPlain},
	{"bpf_get_task_exe_file", "acquire trusted null lsm", KfPlain},
	{"bpf_put_file", "release lsm", KfPlain},
	{"bpf_task_under_cgroup bpf_cgroup_read_xattr", "rcu", KfPlain},
	{"bpf_path_d_path", "trusted lsm", KfPlain},
	{"bpf_get_dentry_xattr bpf_get_file_xattr bpf_set_dentry_xattr bpf_remove_dentry_xattr", "sleeps trusted lsm", KfPlain},
	{"bpf_crypto_decrypt bpf_crypto_encrypt", "rcu", KfPlain},
	{"bpf_map_sum_elem_count bpf_send_signal_task bpf_sock_destroy bpf_sk_assign_tcp_reqsk", "trusted", KfPlain},
	{"css_rstat_updated", "", KfPlain},
	{"css_rstat_flush", "sleeps", KfPlain},
	{"bpf_sock_ops_enable_tx_tstamp", "trusted", KfPlain},
	{"bpf_sock_addr_set_sun_path", "", KfPlain},

	// Sets of processors.
	{"bpf_cpumask_acquire", "acquire trusted", KfPlain},
	{"bpf_cpumask_first bpf_cpumask_first_zero bpf_cpumask_first_and bpf_cpumask_set_cpu bpf_cpumask_clear_cpu bpf_cpumask_test_cpu " +
		"bpf_cpumask_test_and_set_cpu bpf_cpumask_test_and_clear_cpu bpf_cpumask_setall bpf_cpumask_clear bpf_cpumask_and bpf_cpumask_or " +
		"bpf_cpumask_xor bpf_cpumask_equal bpf_cpumask_intersects bpf_cpumask_subset bpf_cpumask_empty bpf_cpumask_full bpf_cpumask_copy " +
		"bpf_cpumask_any_distribute bpf_cpumask_any_and_distribute bpf_cpumask_weight bpf_cpumask_populate", "rcu", KfPlain},

	// Connections and packets.
	{"bpf_xdp_ct_alloc bpf_xdp_ct_lookup bpf_skb_ct_alloc bpf_skb_ct_lookup bpf_xdp_get_xfrm_state", "acquire null", KfPlain},
	{"bpf_ct_insert_entry", "acquire null release", KfPlain},
	{"bpf_ct_set_timeout bpf_ct_change_timeout bpf_ct_set_status bpf_ct_change_status bpf_ct_set_nat_info", "trusted", KfPlain},
	{"bpf_xdp_metadata_rx_hash bpf_xdp_metadata_rx_timestamp bpf_xdp_metadata_rx_vlan_tag", "trusted", KfPlain},
	{"bpf_xdp_pull_data", "moves", KfPlain},

	// Sections.
	{"bpf_rcu_read_lock", "", KfRCULock},
	{"bpf_rcu_read_unlock", "", KfRCUUnlock},
	{"bpf_preempt_disable", "", KfPreemptDisable},
	{"bpf_preempt_enable", "", KfPreemptEnable},

	// Casts.
	{"bpf_cast_to_kern_ctx", "", KfCastToCtx},
	{"bpf_rdonly_cast", "", KfRdonlyCast},

	// Iterations.
	{"bpf_iter_num_new bpf_iter_bits_new bpf_iter_kmem_cache_new", "new", KfPlain},
	{"bpf_iter_num_next bpf_iter_bits_next bpf_iter_task_vma_next bpf_iter_css_next bpf_iter_css_task_next bpf_iter_task_next", "next null", KfPlain},
	{"bpf_iter_num_destroy bpf_iter_bits_destroy bpf_iter_task_vma_destroy bpf_iter_css_destroy bpf_iter_css_task_destroy bpf_iter_task_destroy", "destroy", KfPlain},
	{"bpf_iter_kmem_cache_next bpf_iter_dmabuf_next", "next null sleeps", KfPlain},
	{"bpf_iter_kmem_cache_destroy bpf_iter_dmabuf_destroy", "destroy sleeps", KfPlain},
	{"bpf_iter_dmabuf_new", "new sleeps", KfPlain},
	{"bpf_iter_task_vma_new", "new rcu", KfPlain},
	{"bpf_iter_css_task_new", "new trusted", KfCSSTaskNew},
	{"bpf_iter_css_new bpf_iter_task_new", "new trusted rcuprot", KfPlain},

	// Dynamic pointers.
	{"bpf_dynptr_from_skb", "trusted", KfDynptrFromPacket},
	{"bpf_dynptr_from_xdp", "", KfDynptrFromPacket},
	{"bpf_dynptr_slice", "null", KfDynptrSlice},
	{"bpf_dynptr_slice_rdwr", "null", KfDynptrSliceRdwr},
	{"bpf_dynptr_clone", "", KfDynptrClone},
	{"bpf_dynptr_adjust bpf_dynptr_is_null bpf_dynptr_is_rdonly bpf_dynptr_size", "", KfPlain},

	// Strings, memory of processes, sessions.
	{"bpf_strcmp bpf_strcasecmp bpf_strchr bpf_strchrnul bpf_strnchr bpf_strrchr bpf_strlen bpf_strnlen bpf_strspn bpf_strcspn bpf_strstr bpf_strnstr", "", KfPlain},
	{"bpf_copy_from_user_str", "sleeps", KfPlain},
	{"bpf_session_is_return", "session", KfPlain},
	{"bpf_session_cookie", "session", KfSessionCookie},

	// The module of the kernel's own tests.
	{"bpf_kfunc_call_test_acquire bpf_kfunc_call_memb_acquire bpf_kfunc_call_test_acq_rdonly_mem", "acquire null", KfPlain},
	{"bpf_kfunc_call_test_release bpf_kfunc_call_memb_release bpf_kfunc_call_memb1_release bpf_kfunc_call_int_mem_release", "release", KfPlain},
	{"bpf_kfunc_call_test_get_rdwr_mem bpf_kfunc_call_test_get_rdonly_mem", "null", KfPlain},
	{"bpf_kfunc_call_test_kptr_get", "acquire null", KfPlain},
	{"bpf_kfunc_call_test_ref", "trusted rcu", KfPlain},
	{"bpf_kfunc_call_test_destructive", "destructive", KfPlain},
	{"bpf_kfunc_call_test_sleepable", "sleeps", KfPlain},
	{"bpf_kfunc_call_test1 bpf_kfunc_call_test2 bpf_kfunc_call_test3 bpf_kfunc_call_test4 bpf_kfunc_call_test_mem_len_pass1 " +
		"bpf_kfunc_call_test_mem_len_fail1 bpf_kfunc_call_test_mem_len_fail2 bpf_kfunc_call_test_pass_ctx bpf_kfunc_call_test_pass1 " +
		"bpf_kfunc_call_test_pass2 bpf_kfunc_call_test_fail1 bpf_kfunc_call_test_fail2 bpf_kfunc_call_test_fail3 " +
		"bpf_kfunc_call_test_static_unused_arg bpf_kfunc_call_test_offset bpf_testmod_test_mod_kfunc", "", KfPlain},

	// Known by name only.
	{"bpf_dynptr_copy bpf_dynptr_memset bpf_dynptr_from_skb_meta bpf_obj_new_impl bpf_obj_drop_impl bpf_percpu_obj_new_impl " +
		"bpf_percpu_obj_drop_impl bpf_refcount_acquire_impl bpf_list_push_front_impl bpf_list_push_back_impl bpf_list_pop_front " +
		"bpf_list_pop_back bpf_list_front bpf_list_back bpf_rbtree_add_impl bpf_rbtree_remove bpf_rbtree_first bpf_rbtree_root " +
		"bpf_rbtree_left bpf_rbtree_right bpf_throw bpf_wq_init bpf_wq_set_callback_impl bpf_wq_start bpf_arena_alloc_pages " +
		"bpf_arena_free_pages bpf_arena_reserve_pages bpf_local_irq_save bpf_local_irq_restore bpf_res_spin_lock bpf_res_spin_unlock " +
		"bpf_res_spin_lock_irqsave bpf_res_spin_unlock_irqrestore bpf_get_kmem_cache bpf_stream_vprintk_impl " +
		"bpf_task_work_schedule_signal_impl bpf_task_work_schedule_resume_impl bpf_copy_from_user_dynptr bpf_copy_from_user_str_dynptr " +
		"bpf_copy_from_user_task_dynptr bpf_copy_from_user_task_str_dynptr bpf_copy_from_user_task_str bpf_probe_read_kernel_dynptr " +
		"bpf_probe_read_kernel_str_dynptr bpf_probe_read_user_dynptr bpf_probe_read_user_str_dynptr", "", KfUnmodelled},
}
