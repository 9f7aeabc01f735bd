package kernel_test

import (
	"errors"
	"os"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// fromElf reads an object of package elf's tests.
func fromElf(t *testing.T, name string) *elf.Object {
	t.Helper()
	obj, err := elf.Load("../../ir/elf/testdata/" + name)
	require.NoError(t, err)
	return obj
}

// Maps that hold maps and programs from the start do so in the kernel.
func TestReferencesInMaps(t *testing.T) {
	need(t)
	obj := fromElf(t, "values.o")
	before := descriptors(t)
	finish, err := kernel.Load(obj.Program("finish"), kernel.Options{})
	require.NoError(t, err)
	start, err := kernel.Load(obj.Program("start"), kernel.Options{})
	require.NoError(t, err)
	packet := make([]byte, 64)
	out, err := start.Packet(packet)
	require.NoError(t, err)
	require.Equal(t, uint32(abi.XDPPass), out.Ret, "the array of programs is filled before there are programs")

	second, jumps := start.Maps()[1], start.Maps()[3]
	require.Equal(t, "second", second.Spec().Name)
	require.Error(t, jumps.Fill(nil))
	require.NoError(t, jumps.Fill(map[string]*kernel.Program{"finish": finish}))
	out, err = start.Packet(packet)
	require.NoError(t, err)
	require.NotEqual(t, uint32(abi.XDPPass), out.Ret, "the tail call did not happen")
	count, err := second.Lookup([]byte{0, 0, 0, 0})
	require.NoError(t, err)
	require.Equal(t, []byte{2, 0, 0, 0, 0, 0, 0, 0}, count, "the inner map counts runs")
	alone, err := kernel.NewMap(start.Maps()[2].Spec())
	require.NoError(t, err)
	require.NoError(t, alone.Close(), "a map of maps by itself holds maps of its own")
	require.NoError(t, start.Close())
	require.NoError(t, finish.Close())
	require.Equal(t, before, descriptors(t))
}

// Kernel functions are called by the ids that the object's names resolve to.
func TestKernelFunctions(t *testing.T) {
	need(t)
	if _, err := btf.LoadKernelSpec(); err != nil {
		require.True(t, errors.Is(err, btf.ErrNotFound) || errors.Is(err, btf.ErrNotSupported) || errors.Is(err, os.ErrNotExist), err)
		t.Skip("the running kernel has no BTF")
	}
	p := fromElf(t, "kfuncs.o").Programs[0]
	require.Len(t, p.Externs, 2)
	r, err := kernel.Verify(p, kernel.Options{Log: kernel.LogPaths})
	require.NoError(t, err)
	require.Equal(t, kernel.Accept, r.Verdict, "%s", r.Log)
	l, err := r.ParseLog()
	require.NoError(t, err)
	require.NotEmpty(t, l.Steps)
}

// Globals in suffixed sections, legacy maps and callbacks load as well.
func TestObjectsLoad(t *testing.T) {
	need(t)
	for _, name := range []string{"globals.o", "legacy.o", "funcs.o"} {
		for _, p := range fromElf(t, name).Programs {
			k, err := kernel.Load(p, kernel.Options{Log: kernel.LogPaths})
			require.NoError(t, err, name)
			require.Equal(t, ir.XDP, p.Type)
			if name == "funcs.o" {
				res, err := k.Packet(make([]byte, 64)) // rx_queue_index 0: 0 ^ 0 + (0 + 1 + 2)
				require.NoError(t, err)
				require.Equal(t, uint32(3), res.Ret, "three calls of a callback")
			}
			_, err = k.Report().ParseLog()
			require.NoError(t, err, name)
			require.NoError(t, k.Close())
		}
	}
}
