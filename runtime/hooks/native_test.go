package hooks_test

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/hooks"
)

// both loads a verified program in both engines and runs f with each.
func both(t *testing.T, text string, f func(t *testing.T, o *runtime.Object)) {
	for _, interpret := range []bool{false, true} {
		p, err := asm.Parse("p", text)
		require.NoError(t, err)
		o, err := pipeline.Load(context.Background(), []*ir.Program{p}, pipeline.Options{Interpret: interpret})
		require.NoError(t, err)
		f(t, o)
		require.NoError(t, o.Close())
	}
}

func number(x uint32) []byte { return binary.NativeEndian.AppendUint32(nil, x) }

// TestEngines: hooks have one outcome with native code and the interpreter.
func TestEngines(t *testing.T) {
	ctx := context.Background()
	both(t, ".type tracepoint\n r0 = *(u32 *)(r1 + 8)\n r2 = *(u64 *)(r1 + 16)\n r0 += r2\n exit", func(t *testing.T, o *runtime.Object) {
		e, err := hooks.NewEvent(hooks.Layout{Name: "e", Size: 24}, hooks.EventOptions{})
		require.NoError(t, err)
		_, err = o.Programs()[0].Attach(e)
		require.NoError(t, err)
		record := make([]byte, 24)
		record[8], record[16] = 40, 2
		rets, err := e.Fire(ctx, record)
		require.NoError(t, err)
		require.Equal(t, []uint64{42}, rets)
		clear(record[16:])
		rets, err = e.Fire(ctx, record)
		require.NoError(t, err)
		require.Equal(t, []uint64{40}, rets, "nothing stays of the record before")
	})
	both(t, ".type kprobe\n r0 = *(u64 *)(r1 + 104)\n exit", func(t *testing.T, o *runtime.Object) {
		p, err := hooks.NewProbe("f", func() {})
		require.NoError(t, err)
		_, err = o.Programs()[0].Attach(p)
		require.NoError(t, err)
		rets, err := p.Enter(ctx, 1, 77)
		require.NoError(t, err)
		require.Equal(t, []uint64{77}, rets)
	})
	both(t, ".type sched_cls\n r2 = 2\n r3 = 0\n call clone_redirect\n r1 = 2\n r2 = 1\n call redirect\n exit", func(t *testing.T, o *runtime.Object) {
		n := hooks.NewNetwork(0)
		a, b := n.AddDevice("a"), n.AddDevice("b")
		_, err := o.Programs()[0].Attach(a.Ingress())
		require.NoError(t, err)
		require.NoError(t, a.Receive(ctx, make([]byte, 60)))
		require.Equal(t, []int{0, 1, 1}, []int{a.Up().Len(), b.Up().Len(), b.Wire().Len()})
	})
	both(t, ".type xdp\n.map to devmap key 4 value 4 entries 4\n r1 = map[to]\n r2 = 0\n r3 = 0\n call redirect_map\n exit", func(t *testing.T, o *runtime.Object) {
		n := hooks.NewNetwork(0)
		a, b := n.AddDevice("a"), n.AddDevice("b")
		require.NoError(t, o.Map("to").Update(number(0), number(b.Index()), 0))
		_, err := o.Programs()[0].Attach(a.XDP())
		require.NoError(t, err)
		require.NoError(t, a.Receive(ctx, make([]byte, 60)))
		require.Equal(t, 1, b.Wire().Len())
	})
}

func BenchmarkHooks(b *testing.B) {
	ctx := context.Background()
	load := func(b *testing.B, text string) *runtime.Program {
		p, err := asm.Parse("p", text)
		require.NoError(b, err)
		o, err := pipeline.Load(ctx, []*ir.Program{p}, pipeline.Options{})
		require.NoError(b, err)
		b.Cleanup(func() { o.Close() })
		return o.Programs()[0]
	}
	b.Run("hook=event", func(b *testing.B) {
		e, err := hooks.NewEvent(hooks.Layout{Name: "e", Size: 64}, hooks.EventOptions{})
		require.NoError(b, err)
		_, err = load(b, ".type tracepoint\n r0 = 0\n exit").Attach(e)
		require.NoError(b, err)
		record := make([]byte, 64)
		for b.Loop() {
			if _, err := e.Fire(ctx, record); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("hook=xdp", func(b *testing.B) {
		d := hooks.NewNetwork(0).AddDevice("eth0")
		_, err := load(b, ".type xdp\n r0 = 1\n exit").Attach(d.XDP())
		require.NoError(b, err)
		packet := make([]byte, 64)
		for b.Loop() {
			if err := d.Receive(ctx, packet); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("hook=tc", func(b *testing.B) {
		d := hooks.NewNetwork(0).AddDevice("eth0")
		_, err := load(b, ".type sched_cls\n r0 = 2\n exit").Attach(d.Ingress())
		require.NoError(b, err)
		packet := make([]byte, 64)
		for b.Loop() {
			if err := d.Receive(ctx, packet); err != nil {
				b.Fatal(err)
			}
		}
	})
}
