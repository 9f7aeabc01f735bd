package runtime_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/hooks"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

var background = context.Background()

func program(name string, t ir.ProgType, specs ...*ir.MapSpec) *ir.Program {
	return &ir.Program{Name: name, Type: t, Maps: specs, Insns: []ir.Insn{
		{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Imm: 2}, {Op: ir.OpExit()}}}
}

func hash(name string) *ir.MapSpec {
	return &ir.MapSpec{Name: name, Type: ir.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 4}
}

// trusting is a loader of which nobody says that it checks accesses.
func trusting() runtime.Loader {
	l := vm.Loader(vm.Options{})
	l.Name, l.Sandboxed = "trusting", false
	return l
}

func TestNothingRunsUnchecked(t *testing.T) {
	accept := func(context.Context, *ir.Program) error { return nil }
	rejects := errors.New("r1 may be anything")
	reject := func(context.Context, *ir.Program) error { return rejects }
	box := vm.Loader(vm.Options{})
	tests := []struct {
		name string
		opts runtime.Options
		want string
	}{
		{"accepted", runtime.Options{Loader: trusting(), Check: accept}, ""},
		{"rejected", runtime.Options{Loader: box, Check: reject}, `runtime: load program "p": not accepted: r1 may be anything`},
		{"no check", runtime.Options{Loader: box}, `runtime: load program "p": nothing verifies the program: Options.Check is nil`},
		{"unverified in the box", runtime.Options{Loader: box, Unverified: true}, ""},
		{"unverified outside", runtime.Options{Loader: trusting(), Unverified: true}, `runtime: load program "p": nothing verifies the program, and engine "trusting" does not check accesses itself`},
		{"both", runtime.Options{Loader: box, Check: reject, Unverified: true}, `runtime: load program "p": both a check and Unverified are given`},
		{"no loader", runtime.Options{Check: accept}, `runtime: load program "p": no loader is given`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			made := false
			if load := tt.opts.Loader.Load; load != nil {
				tt.opts.Loader.Load = func(ctx context.Context, p *ir.Program, ms []maps.Map) (runtime.Engine, error) {
					made = true
					return load(ctx, p, ms)
				}
			}
			o, err := runtime.Load(background, []*ir.Program{program("p", ir.XDP)}, tt.opts)
			if tt.want != "" {
				require.EqualError(t, err, tt.want)
				require.False(t, made, "an engine was made for a program that was refused")
				return
			}
			require.NoError(t, err)
			res, err := o.Program("p").Run(background, runtime.Input{Data: make([]byte, 20)})
			require.NoError(t, err)
			require.EqualValues(t, 2, res.Ret)
			require.NoError(t, o.Close())
			require.NoError(t, o.Close())
		})
	}
	_, err := runtime.Load(background, []*ir.Program{program("p", ir.XDP)}, runtime.Options{Loader: box, Check: reject})
	require.ErrorIs(t, err, rejects)
	_, err = runtime.Load(background, []*ir.Program{program("p", ir.XDP)}, runtime.Options{Loader: box})
	require.ErrorIs(t, err, runtime.ErrUnverified)
}

func TestObjectSharesMaps(t *testing.T) {
	shared := hash("shared")
	a := program("a", ir.XDP, shared, hash("own"), shared)
	b := program("b", ir.XDP, hash("shared"), hash(""), hash(""))
	o, err := runtime.Load(background, []*ir.Program{a, b}, runtime.Options{Loader: vm.Loader(vm.Options{}), Unverified: true})
	require.NoError(t, err)
	am, bm := o.Program("a").Maps(), o.Program("b").Maps()
	require.Same(t, am[0], am[2])
	require.Same(t, am[0], bm[0])
	require.NotSame(t, bm[1], bm[2], "maps without a name are shared by spec only")
	require.Len(t, o.Maps(), 4)
	require.Same(t, am[1], o.Map("own"))
	require.Nil(t, o.Map("none"))
	require.Nil(t, o.Program("none"))
	require.NoError(t, o.Close())
	_, err = am[0].Lookup(make([]byte, 4))
	require.ErrorIs(t, err, maps.ErrClosed)

	other := hash("shared")
	other.ValueSize = 8
	_, err = runtime.Load(background, []*ir.Program{a, program("c", ir.XDP, other)}, runtime.Options{Loader: vm.Loader(vm.Options{}), Unverified: true})
	require.EqualError(t, err, `runtime: create map 0 of program "c": map "shared": two programs describe it differently`)
	_, err = runtime.Load(background, []*ir.Program{a, a}, runtime.Options{Loader: vm.Loader(vm.Options{}), Unverified: true})
	require.EqualError(t, err, `runtime: load program "a": the object has two of that name`)
	bad := hash("bad")
	bad.KeySize = 0
	_, err = runtime.CreateMaps(program("d", ir.XDP, bad))
	require.EqualError(t, err, `runtime: create map 0 of program "d": maps: invalid argument: map "bad": key size is 0`)
}

func TestLinksEndWithTheObject(t *testing.T) {
	o, err := runtime.Load(background, []*ir.Program{program("p", ir.XDP)}, runtime.Options{Loader: vm.Loader(vm.Options{}), Unverified: true})
	require.NoError(t, err)
	p := o.Program("p")
	l, err := p.Attach(hooks.Direct{})
	require.NoError(t, err)
	require.NoError(t, o.Close())
	_, err = l.(*hooks.DirectLink).Fire(background, runtime.Input{})
	require.ErrorContains(t, err, "the link is closed")
	_, err = p.Attach(hooks.Direct{})
	require.EqualError(t, err, `runtime: attach program "p": it is closed`)
}

func frame(t *testing.T, pt ir.ProgType, in runtime.Input) *runtime.Frame {
	t.Helper()
	f, err := runtime.NewFrame(pt)
	require.NoError(t, err)
	t.Cleanup(f.Free)
	require.NoError(t, f.Set(in))
	return f
}

func field(f *runtime.Frame, off uint64) uint64 {
	addr, _ := f.Context()
	return mem.Load32(addr + off)
}

func TestXDPFrame(t *testing.T) {
	data := make([]byte, 100)
	for i := range data {
		data[i] = byte(i + 1)
	}
	f := frame(t, ir.XDP, runtime.Input{Data: data})
	start, end := f.Bounds()
	ctx, layout := f.Context()
	r1, _ := f.Args()
	require.Equal(t, ctx, r1)
	require.Equal(t, "xdp_md", layout.Name)
	require.Less(t, end, uint64(1<<32))
	require.Equal(t, []uint64{start, end, start, 1}, []uint64{field(f, 0), field(f, 4), field(f, 8), field(f, 12)})
	require.Equal(t, data, f.Data())

	const einval = -22
	require.EqualValues(t, einval, f.AdjustHead(-(runtime.Headroom-40)-1), "headroom of the system")
	require.EqualValues(t, einval, f.AdjustHead(87), "less than an Ethernet header left")
	require.EqualValues(t, 0, f.AdjustHead(86))
	require.Equal(t, data[86:], f.Data())
	require.EqualValues(t, 0, f.AdjustHead(-86-(runtime.Headroom-40)))
	require.EqualValues(t, einval, f.AdjustHead(-1))
	require.Equal(t, []uint64{start - 216, end, start - 216}, []uint64{field(f, 0), field(f, 4), field(f, 8)})
	require.EqualValues(t, einval, f.AdjustTail(-1<<31))
	require.EqualValues(t, einval, f.AdjustHead(1<<31-1))
	require.EqualValues(t, 0, f.AdjustTail(-302))
	require.Len(t, f.Data(), 14)
	require.EqualValues(t, einval, f.AdjustTail(-1))
	require.EqualValues(t, 0, f.AdjustTail(50))
	require.Equal(t, make([]byte, 50), f.Data()[14:], "added bytes are zero")
	require.EqualValues(t, einval, f.AdjustTail(4096-320))
	out := f.Ctx()
	require.Equal(t, []uint32{0, 64, 0, 1}, []uint32{binary.NativeEndian.Uint32(out), binary.NativeEndian.Uint32(out[4:]), binary.NativeEndian.Uint32(out[8:]), binary.NativeEndian.Uint32(out[12:])})

	require.NoError(t, f.SetData(data[:20]))
	require.Equal(t, data[:20], f.Data(), "a new packet starts where the first did")
	require.NoError(t, f.SetData(make([]byte, 9000)))
	require.Len(t, f.Data(), 9000)
	require.EqualValues(t, einval, f.AdjustTail(1), "no tailroom behind a large packet")
}

func TestFrameRefuses(t *testing.T) {
	f := frame(t, ir.XDP, runtime.Input{})
	require.EqualError(t, f.SetData(make([]byte, runtime.MaxData+1)), "runtime: set data: 16777217 bytes are more than 16777216")
	require.EqualError(t, f.Set(runtime.Input{Ctx: make([]byte, 25)}), "runtime: set context: xdp_md has 24 bytes, got 25")
	md := make([]byte, 24)
	binary.NativeEndian.PutUint32(md[12:], 7)
	binary.NativeEndian.PutUint32(md[4:], 30)
	require.NoError(t, f.Set(runtime.Input{Ctx: md, Data: make([]byte, 30)}))
	require.EqualValues(t, 7, field(f, 12))
	require.EqualError(t, f.Set(runtime.Input{Ctx: md, Data: make([]byte, 31)}), "runtime: set context: xdp_md: data_end=30, but the packet has 31 bytes")
	md[0] = 8
	require.ErrorContains(t, f.Set(runtime.Input{Ctx: md, Data: make([]byte, 30)}), "metadata before the packet is not supported: data=8 data_meta=0")
	raw := frame(t, ir.Unspec, runtime.Input{Data: []byte{1, 2, 3}})
	require.ErrorContains(t, raw.Set(runtime.Input{Ctx: md}), "programs without a context take none, got 24 bytes")
	r1, r2 := raw.Args()
	require.EqualValues(t, 3, r2)
	require.Equal(t, []byte{1, 2, 3}, mem.View(r1, 3))
	require.Nil(t, raw.Ctx())
	require.EqualValues(t, -22, raw.AdjustHead(0))
	_, err := runtime.NewFrame(ir.Netfilter)
	require.EqualError(t, err, "runtime: make frame: programs of type netfilter have no context here")
}
