package vm

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

func mov(dst ir.Reg, imm int64) ir.Insn {
	return ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Dst: dst, Imm: imm}
}
func movr(dst, src ir.Reg) ir.Insn {
	return ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.X), Dst: dst, Src: src}
}
func add(dst ir.Reg, imm int64) ir.Insn {
	return ir.Insn{Op: ir.OpALU(ir.Add, ir.W64, ir.K), Dst: dst, Imm: imm}
}
func load64(dst, src ir.Reg, off int16) ir.Insn {
	return ir.Insn{Op: ir.OpLoad(ir.W64, false), Dst: dst, Src: src, Off: off}
}
func load32(dst, src ir.Reg, off int16) ir.Insn {
	return ir.Insn{Op: ir.OpLoad(ir.W32, false), Dst: dst, Src: src, Off: off}
}
func st(w ir.Width, dst ir.Reg, off int16, imm int64) ir.Insn {
	return ir.Insn{Op: ir.OpStore(w, ir.K), Dst: dst, Off: off, Imm: imm}
}
func mapRef(dst ir.Reg, p ir.Pseudo, imm int64) []ir.Insn {
	return []ir.Insn{{Op: ir.OpLoadImm(p), Dst: dst, Imm: imm}, ir.Pad()}
}
func helper(id abi.HelperID) ir.Insn { return ir.Insn{Op: ir.OpCall(ir.CallHelper), Imm: int64(id)} }
func exit() ir.Insn                  { return ir.Insn{Op: ir.OpExit()} }
func jeq0(dst ir.Reg, off int16) ir.Insn {
	return ir.Insn{Op: ir.OpBranch(ir.JEQ, ir.W64, ir.K), Dst: dst, Off: off}
}

func join(parts ...any) []ir.Insn {
	var all []ir.Insn
	for _, p := range parts {
		switch p := p.(type) {
		case ir.Insn:
			all = append(all, p)
		case []ir.Insn:
			all = append(all, p...)
		}
	}
	return all
}

func loadWith(t testing.TB, p *ir.Program, opts Options) (*Program, []maps.Map) {
	t.Helper()
	ms, err := runtime.CreateMaps(p)
	require.NoError(t, err)
	prog, err := Load(p, ms, opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, prog.Close())
		for _, m := range ms {
			require.NoError(t, m.Close())
		}
	})
	return prog, ms
}

// countProgram adds the packet's length to the element of map 0 whose key is
// the packet's first word, inserting it where it is missing. It inserts with
// NOEXIST: a run that was slower must not put a zero over a count.
func countProgram(spec *ir.MapSpec) *ir.Program {
	lookup := join(mapRef(ir.R1, ir.PseudoMapFD, 0), movr(ir.R2, ir.FP), add(ir.R2, -4), helper(abi.MapLookupElem))
	return &ir.Program{Name: "count", Type: ir.XDP, Maps: []*ir.MapSpec{spec}, Insns: join(
		load32(ir.R7, ir.R1, 4), load32(ir.R6, ir.R1, 0),
		movr(ir.R8, ir.R7), ir.Insn{Op: ir.OpALU(ir.Sub, ir.W64, ir.X), Dst: ir.R8, Src: ir.R6},
		load32(ir.R0, ir.R6, 0), ir.Insn{Op: ir.OpStore(ir.W32, ir.X), Dst: ir.FP, Off: -4, Src: ir.R0},
		st(ir.W64, ir.FP, -16, 0),
		lookup, ir.Insn{Op: ir.OpBranch(ir.JNE, ir.W64, ir.K), Dst: ir.R0, Off: 13},
		mapRef(ir.R1, ir.PseudoMapFD, 0), movr(ir.R2, ir.FP), add(ir.R2, -4), movr(ir.R3, ir.FP), add(ir.R3, -16), mov(ir.R4, abi.UpdateNoExist), helper(abi.MapUpdateElem),
		lookup, jeq0(ir.R0, 1),
		ir.Insn{Op: ir.OpAtomic(ir.AtomicAdd, ir.W64, false), Dst: ir.R0, Src: ir.R8},
		mov(ir.R0, 2), exit())}
}

func TestMapsAndHelpers(t *testing.T) {
	for _, kind := range []ir.MapType{ir.Hash, ir.Array} {
		p := countProgram(&ir.MapSpec{Name: "m", Type: kind, KeySize: 4, ValueSize: 8, MaxEntries: 300})
		prog, ms := loadWith(t, p, Options{})
		var wg sync.WaitGroup
		for range 3 { // concurrent runs through one engine
			wg.Go(func() {
				for i := range 600 {
					data := make([]byte, 14+i%50)
					binary.NativeEndian.PutUint32(data, uint32(i%200))
					res, err := prog.Run(context.Background(), runtime.Input{Data: data})
					if err != nil || res.Ret != 2 {
						t.Errorf("run %d: %v %v", i, res.Ret, err)
						return
					}
				}
			})
		}
		wg.Wait()
		want := map[uint32]uint64{}
		for i := range 600 {
			want[uint32(i%200)] += 3 * uint64(14+i%50)
		}
		got := map[uint32]uint64{}
		for k, v := range maps.All(ms[0]) {
			if n := binary.NativeEndian.Uint64(v); n != 0 {
				got[binary.NativeEndian.Uint32(k)] = n
			}
		}
		require.Equal(t, want, got, "%v", kind)
	}
}

func TestMapValueAddress(t *testing.T) {
	data := &ir.MapSpec{Name: ".data", Type: ir.Array, KeySize: 4, ValueSize: 16, MaxEntries: 1,
		Contents: []ir.MapElem{{Key: make([]byte, 4), Value: []byte{1, 0, 0, 0, 0, 0, 0, 0, 41, 0, 0, 0, 0, 0, 0, 0}}}}
	p := &ir.Program{Name: "data", Maps: []*ir.MapSpec{data}, Insns: join(mapRef(ir.R1, ir.PseudoMapValue, 8<<32),
		load64(ir.R0, ir.R1, 0), add(ir.R0, 1), ir.Insn{Op: ir.OpStore(ir.W64, ir.X), Dst: ir.R1, Src: ir.R0}, exit())}
	prog, ms := loadWith(t, p, Options{})
	res, err := prog.Run(context.Background(), runtime.Input{Repeat: 3})
	require.NoError(t, err)
	require.EqualValues(t, 44, res.Ret)
	v, err := ms[0].Lookup(make([]byte, 4))
	require.NoError(t, err)
	require.EqualValues(t, 44, v[8])

	frozen := *data
	frozen.Frozen = true
	p.Maps = []*ir.MapSpec{&frozen}
	prog, _ = loadWith(t, p, Options{})
	_, err = prog.Run(context.Background(), runtime.Input{})
	require.ErrorContains(t, err, "vm: insn 4: store of 8 bytes at ")
}

func TestMemoryIsReturned(t *testing.T) {
	p := &ir.Program{Name: "mem", Insns: join(st(ir.W16, ir.R1, 1, 0x2211), movr(ir.R0, ir.R2), exit())}
	prog, _ := loadWith(t, p, Options{})
	res, err := prog.Run(context.Background(), runtime.Input{Data: make([]byte, 4)})
	require.NoError(t, err)
	require.Equal(t, []byte{0, 0x11, 0x22, 0}, res.Data)
	require.EqualValues(t, 4, res.Ret)
}

func TestFaults(t *testing.T) {
	hashMap := &ir.MapSpec{Name: "h", Type: ir.Hash, KeySize: 4, ValueSize: 6, MaxEntries: 4}
	tests := []struct {
		name  string
		insns []ir.Insn
		kind  FaultKind
		want  string
	}{
		{"below the stack", join(load64(ir.R0, ir.FP, -513), exit()), FaultMemory, "vm: insn 0: load of 8 bytes at "},
		{"above the stack", join(st(ir.W8, ir.FP, 0, 1), exit()), FaultMemory, "vm: insn 0: store of 1 bytes at "},
		{"null", join(mov(ir.R1, 0), load64(ir.R0, ir.R1, 0), exit()), FaultMemory, "vm: insn 1: load of 8 bytes at 0x0: outside the program's memory"},
		{"last address", join(mov(ir.R1, -4), load64(ir.R0, ir.R1, 0), exit()), FaultMemory, "vm: insn 1: load of 8 bytes at 0xfffffffffffffffc: outside"},
		{"behind the packet", join(load32(ir.R2, ir.R1, 4), load64(ir.R0, ir.R2, -7), exit()), FaultMemory, "vm: insn 1: load of 8 bytes at "},
		{"before the packet", join(load32(ir.R2, ir.R1, 0), load64(ir.R0, ir.R2, -1), exit()), FaultMemory, "vm: insn 1: load of 8 bytes at "},
		{"behind the context", join(load64(ir.R0, ir.R1, 20), exit()), FaultMemory, "vm: insn 0: load of 8 bytes at "},
		{"write to the context", join(st(ir.W32, ir.R1, 12, 1), exit()), FaultMemory, "vm: insn 0: store of 4 bytes at "},
		{"handle is no pointer", join(mapRef(ir.R1, ir.PseudoMapFD, 0), load64(ir.R0, ir.R1, 0), exit()), FaultMemory, "vm: insn 2: load of 8 bytes at "},
		{"behind a value", join(st(ir.W64, ir.FP, -8, 0), mapRef(ir.R1, ir.PseudoMapFD, 0), movr(ir.R2, ir.FP), add(ir.R2, -8), movr(ir.R3, ir.R2), add(ir.R3, -8), mov(ir.R4, 0), helper(abi.MapUpdateElem),
			mapRef(ir.R1, ir.PseudoMapFD, 0), movr(ir.R2, ir.FP), add(ir.R2, -8), helper(abi.MapLookupElem), load32(ir.R3, ir.R0, 2), load32(ir.R3, ir.R0, 3), exit()), FaultMemory, "vm: insn 15: load of 4 bytes at "},
		{"misaligned atomic", join(mov(ir.R0, 1), ir.Insn{Op: ir.OpAtomic(ir.AtomicAdd, ir.W64, false), Dst: ir.FP, Off: -12}, exit()), FaultMisaligned, "vm: insn 1: atomic access of 8 bytes at "},
		{"key of a helper", join(mapRef(ir.R1, ir.PseudoMapFD, 0), mov(ir.R2, 64), helper(abi.MapLookupElem), exit()), FaultMemory, "vm: insn 3: load of 4 bytes at 0x40: outside"},
		{"map of a helper", join(mov(ir.R1, 5), movr(ir.R2, ir.FP), helper(abi.MapLookupElem), exit()), FaultHelper, "vm: insn 2: helpers: find map: 0x5 is no map of the program"},
		{"endless", join(ir.Insn{Op: ir.OpJump(false), Off: -1}, exit()), FaultFuel, "vm: insn 0: fuel is used up"},
		{"recursion", join(ir.Insn{Op: ir.OpCall(ir.CallLocal), Imm: -1}, exit()), FaultDepth, "vm: insn 0: call: more than 8 nested frames"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &ir.Program{Name: "p", Type: ir.XDP, Insns: tt.insns, Maps: []*ir.MapSpec{hashMap}}
			prog, _ := loadWith(t, p, Options{})
			_, err := prog.Run(context.Background(), runtime.Input{Data: make([]byte, 64), Fuel: 1000})
			var f *Fault
			require.ErrorAs(t, err, &f)
			require.Equal(t, tt.kind, f.Kind, "%v", err)
			require.ErrorContains(t, err, tt.want)
			_, err = prog.Run(context.Background(), runtime.Input{Data: make([]byte, 64), Fuel: 1000})
			require.ErrorAs(t, err, &f, "a fault leaves the engine usable")
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	array := &ir.MapSpec{Name: "a", Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 2}
	one := &ir.MapSpec{Name: "one", Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1}
	tests := []struct {
		name  string
		t     ir.ProgType
		insns []ir.Insn
		want  string
	}{
		{"malformed", ir.Unspec, []ir.Insn{mov(ir.R0, 1)}, `vm: load program "p": ir: insn 0: mov64_k: execution runs off the end of the function`},
		{"cast", ir.Unspec, join(mov(ir.R0, 1), ir.Insn{Op: ir.OpCast(false), Dst: 1, Src: 2}, exit()), "vm: insn 1: addr_space_cast_kern: there are no arenas, whose pointers it converts"},
		{"packet load", ir.XDP, join(ir.Insn{Op: ir.OpLoadPacket(ir.W8, false)}, exit()), "vm: insn 0: ldabs8: programs of this type have no socket buffer"},
		{"callx", ir.Unspec, join(ir.Insn{Op: ir.OpCall(ir.CallX), Dst: 2}, exit()), "vm: insn 0: callx: not executed by the interpreter"},
		{"kfunc", ir.Unspec, join(ir.Insn{Op: ir.OpCall(ir.CallKfunc), Imm: 2}, exit()), "vm: insn 0: call_kfunc: not executed by the interpreter"},
		{"btf", ir.Unspec, join(mapRef(ir.R1, ir.PseudoBTFVar, 2), exit()), "vm: insn 0: ld_btf_var: not executed by the interpreter"},
		{"helper", ir.XDP, join(helper(250), exit()), "helpers: insn 0: helper 250 (unknown) has no implementation"},
		{"value of many", ir.Unspec, join(mapRef(ir.R1, ir.PseudoMapValue, 0), exit()), "vm: insn 0: ld_map_value: only arrays of one element have addresses"},
		{"outside a value", ir.Unspec, join(mapRef(ir.R1, ir.PseudoMapValue, 8<<32|1), exit()), "vm: insn 0: ld_map_value: offset is outside the value"},
		{"program type", ir.Netfilter, join(exit()), `vm: load program "p": runtime: make frame: programs of type netfilter have no context here`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &ir.Program{Name: "p", Type: tt.t, Insns: tt.insns, Maps: []*ir.MapSpec{array, one}}
			ms, err := runtime.CreateMaps(p)
			require.NoError(t, err)
			_, err = Load(p, ms, Options{})
			require.EqualError(t, err, tt.want)
			for _, m := range ms {
				require.NoError(t, m.Close())
			}
		})
	}
	_, err := Load(&ir.Program{Name: "p", Insns: []ir.Insn{exit()}, Maps: []*ir.MapSpec{array}}, nil, Options{})
	require.EqualError(t, err, `vm: load program "p": it has 1 maps, got 0`)
}

// TestFrameWrite: a program may hold a write to r10 where no run comes to; a run
// that does come there ends.
func TestFrameWrite(t *testing.T) {
	for _, write := range []ir.Insn{add(ir.FP, 1), mov(ir.FP, 1), {Op: ir.OpALU(ir.Mov, ir.W64, ir.X), Dst: ir.FP, Src: ir.R1},
		{Op: ir.OpLoad(ir.W64, false), Dst: ir.FP, Src: ir.FP, Off: -8}, {Op: ir.OpAtomic(ir.AtomicXchg, ir.W64, true), Dst: ir.FP, Src: ir.FP, Off: -8}} {
		skip := ir.Insn{Op: ir.OpJump(false), Off: 2}
		prog, _ := loadWith(t, &ir.Program{Name: "dead", Insns: join(mov(ir.R0, 7), skip, write, write, exit())}, Options{})
		res, err := prog.Run(t.Context(), runtime.Input{})
		require.NoError(t, err, "%v", write.Op)
		require.EqualValues(t, 7, res.Ret)
		prog, _ = loadWith(t, &ir.Program{Name: "live", Insns: join(mov(ir.R0, 7), write, write, exit())}, Options{})
		_, err = prog.Run(t.Context(), runtime.Input{})
		require.EqualError(t, err, "vm: insn 1: write to r10, which is read-only")
		var fault *Fault
		require.ErrorAs(t, err, &fault)
		require.Equal(t, FaultForbidden, fault.Kind)
	}
}

func TestCancel(t *testing.T) {
	p := &ir.Program{Name: "endless", Insns: join(ir.Insn{Op: ir.OpJump(false), Off: -1}, exit())}
	prog, _ := loadWith(t, p, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := prog.Run(ctx, runtime.Input{})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, prog.Close())
	_, err = prog.Run(context.Background(), runtime.Input{})
	require.EqualError(t, err, `vm: run program "endless": it is closed`)
}

func TestAdjustHeadMovesThePacket(t *testing.T) {
	p := &ir.Program{Name: "adjust", Type: ir.XDP, Insns: join(movr(ir.R6, ir.R1), mov(ir.R2, -4), helper(abi.XDPAdjustHead),
		load32(ir.R1, ir.R6, 0), st(ir.W32, ir.R1, 0, 0x04030201), mov(ir.R0, 2), exit())}
	prog, _ := loadWith(t, p, Options{})
	res, err := prog.Run(context.Background(), runtime.Input{Data: bytes.Repeat([]byte{9}, 20)})
	require.NoError(t, err)
	require.Equal(t, append([]byte{1, 2, 3, 4}, bytes.Repeat([]byte{9}, 20)...), res.Data)
	require.EqualValues(t, 24, binary.NativeEndian.Uint32(res.Ctx[4:]))
}

func TestOptions(t *testing.T) {
	var out bytes.Buffer
	p := &ir.Program{Name: "p", Insns: join(helper(5), exit())}
	prog, _ := loadWith(t, p, Options{Output: &out, Helper: func(id abi.HelperID) (helpers.Func, bool) {
		return func(_ *helpers.Env, args [5]uint64) (uint64, error) { return args[0] + 1, nil }, id == 5
	}})
	res, err := prog.Run(context.Background(), runtime.Input{Data: []byte{1}})
	require.NoError(t, err)
	require.NotZero(t, res.Ret)
	p = &ir.Program{Name: "p", Insns: join(st(ir.W64, ir.FP, -8, 'h'|'i'<<8), movr(ir.R1, ir.FP), add(ir.R1, -8), mov(ir.R2, 8), helper(abi.TracePrintk),
		helper(abi.GetSMPProcessorID), exit())}
	prog, _ = loadWith(t, p, Options{Output: &out, CPU: 6})
	res, err = prog.Run(context.Background(), runtime.Input{})
	require.NoError(t, err)
	require.EqualValues(t, 6, res.Ret)
	require.Equal(t, "hi", out.String())
}

// TestNoAllocation: a run in a session costs no garbage.
func TestNoAllocation(t *testing.T) {
	p := countProgram(&ir.MapSpec{Name: "m", Type: ir.Array, KeySize: 4, ValueSize: 8, MaxEntries: 300})
	prog, _ := loadWith(t, p, Options{})
	s, err := prog.Open()
	require.NoError(t, err)
	defer s.Close()
	data := make([]byte, 64)
	require.NoError(t, s.Frame().Set(runtime.Input{Data: data}))
	allocs := testing.AllocsPerRun(200, func() {
		if err := s.Frame().SetData(data); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Run(context.Background(), 1000); err != nil {
			t.Fatal(err)
		}
	})
	require.Zero(t, allocs)
}
