package ktypes_test

import (
	"bytes"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/ktypes"
)

// running returns the running kernel's types, or skips the test.
func running(t *testing.T) *ktypes.Types {
	k := ktypes.Running()
	if err := k.Available(); err != nil {
		t.Skip(err)
	}
	return k
}

// offsetOf returns where a member of a structure of the running kernel is, by
// another way than Walk.
func offsetOf(t *testing.T, name, field string) int {
	spec, err := btf.LoadKernelSpec()
	require.NoError(t, err)
	var s *btf.Struct
	require.NoError(t, spec.TypeByName(name, &s))
	for _, m := range s.Members {
		if m.Name == field {
			return int(m.Offset.Bytes())
		}
	}
	t.Fatalf("struct %s has no member %s", name, field)
	return 0
}

func TestWalkRunning(t *testing.T) {
	k := running(t)
	task, ok := k.Named("task_struct")
	require.True(t, ok)
	again, _ := k.Named("task_struct")
	require.Equal(t, task, again)
	a, err := k.Walk(task, offsetOf(t, "task_struct", "group_leader"), 8)
	require.NoError(t, err)
	require.Equal(t, ktypes.Pointer, a.Kind)
	require.Equal(t, "task_struct", k.Name(a.Target))
	require.Equal(t, ktypes.RCU, k.TrustOf(task, a))

	a, err = k.Walk(task, offsetOf(t, "task_struct", "pid"), 4)
	require.NoError(t, err)
	require.Equal(t, ktypes.Number, a.Kind)

	_, err = k.Walk(task, offsetOf(t, "task_struct", "group_leader"), 4)
	require.ErrorContains(t, err, "cannot access ptr member group_leader")
	_, err = k.Walk(task, k.Size(task), 1)
	require.ErrorContains(t, err, "access beyond struct task_struct")

	skb, ok := k.Named("sk_buff")
	require.True(t, ok)
	a, err = k.Walk(skb, 0, 8) // next, in a union
	require.NoError(t, err)
	require.True(t, a.Union)
}

func TestFuncs(t *testing.T) {
	k := running(t)
	f, ok := k.Func("bpf_task_from_pid")
	require.True(t, ok)
	require.True(t, f.Kfunc)
	require.Equal(t, "task_struct", k.Name(f.Ret.Target))
	require.Len(t, f.Args, 1)
	require.Equal(t, 4, f.Args[0].Bytes)
	_, ok = k.Func("no_such_function")
	require.False(t, ok)

	tp, ok := k.Tracepoint("sched_switch")
	require.True(t, ok)
	require.Equal(t, "bool", map[bool]string{true: "bool"}[tp.Args[0].Bytes == 1])
	require.Equal(t, "task_struct", k.Name(tp.Args[1].Target))
}

// TestModule uses no kernel: what the module's types need of it is empty then.
func TestModule(t *testing.T) {
	b, err := btf.NewBuilder([]btf.Type{&btf.Struct{Name: "sock", Size: 8}}, nil)
	require.NoError(t, err)
	raw, err := b.Marshal(nil, nil)
	require.NoError(t, err)
	k, err := ktypes.Read(reader(raw))
	require.NoError(t, err)
	_, ok := k.Func("bpf_kfunc_call_test_acquire")
	require.False(t, ok)
	k = k.WithTestModule()
	f, ok := k.Func("bpf_kfunc_call_test_acquire")
	require.True(t, ok)
	require.Equal(t, "prog_test_ref_kfunc", k.Name(f.Ret.Target))
	memb, _ := k.Named("prog_test_member")
	memb1, _ := k.Named("prog_test_member1")
	require.True(t, k.Matches(f.Ret.Target, 8, memb, false))
	require.True(t, k.Matches(f.Ret.Target, 8, memb1, false), "the first member of a member")
	require.False(t, k.Matches(memb, 0, memb1, true))
	for name, plain := range map[string]bool{"pass1": true, "pass2": true, "fail1": false, "fail2": false, "fail3": false} {
		f, ok := k.Func("bpf_kfunc_call_test_" + name)
		require.True(t, ok, name)
		require.Equal(t, plain, f.Args[0].Plain, name)
	}
}

func TestNoTypes(t *testing.T) {
	var none *ktypes.Types
	require.EqualError(t, none.Available(), "ktypes: no types of a kernel are given")
	_, err := ktypes.Read(reader("no BTF"))
	require.ErrorContains(t, err, "ktypes: read BTF: ")
}

func reader[T string | []byte](b T) *bytes.Reader { return bytes.NewReader([]byte(b)) }
