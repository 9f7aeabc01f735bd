package helpers_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// chain writes programs that call helpers one after the other: r6 is the
// context, r7 takes up all results, 32 bytes at r10-64 and a word at r10-32 are
// for helpers to read and write.
type chain struct {
	rng  *rand.Rand
	text strings.Builder
	room int // bytes that may still be put before the packet
}

func (c *chain) line(format string, args ...any) { fmt.Fprintf(&c.text, "\t"+format+"\n", args...) }

func (c *chain) pick(xs ...uint64) uint64 { return xs[c.rng.IntN(len(xs))] }

// rare gives an odd number now and then.
func (c *chain) rare(usual uint64) uint64 {
	if c.rng.IntN(12) == 0 {
		return c.pick(0, 1, 2, 3, 0xff, 1<<16-1, 1<<16, 1<<31-1, 1<<31, 1<<32-1, 1<<32, 1<<63)
	}
	return usual
}

func (c *chain) open(kind, maps string) {
	c.text.Reset()
	c.room = 60
	fmt.Fprintf(&c.text, ".type %s\n.license GPL\n%s", kind, maps)
	c.line("r6 = r1")
	c.line("r7 = 0")
	for i := range 4 {
		c.line("r1 = %#x ll", c.rng.Uint64())
		c.line("*(u64 *)(r10 - %d) = r1", 64-8*i)
	}
	c.line("*(u64 *)(r10 - 32) = 0")
}

// args sets the arguments from r2 on; "mem" is the buffer.
func (c *chain) args(first int, args ...any) {
	for i, a := range args {
		r := first + i
		switch a := a.(type) {
		case uint64:
			c.line("r%d = %#x ll", r, a)
		case string:
			switch a {
			case "ctx":
				c.line("r%d = r6", r)
			case "mem":
				c.line("r%d = r10", r)
				c.line("r%d += -64", r)
			case "word":
				c.line("r%d = r10", r)
				c.line("r%d += -32", r)
			default:
				c.line("r%d = %s", r, a)
			}
		}
	}
}

// call calls a helper and takes up what it returns.
func (c *chain) call(name string, args ...any) {
	c.args(1, args...)
	c.line("call %s", name)
	c.take()
}

// take mixes r0 into the result.
func (c *chain) take() {
	c.line("r7 *= 31")
	c.line("r7 += r0")
}

// buffer mixes the memory into the result.
func (c *chain) buffer() {
	for i := range 5 {
		c.line("r0 = *(u64 *)(r10 - %d)", 64-8*i)
		c.take()
	}
}

func (c *chain) close(offsets ...int) string {
	c.buffer()
	for _, off := range offsets {
		c.line("r0 = *(u32 *)(r6 + %d)", off)
		c.take()
	}
	c.line("r0 = r7")
	c.line("r7 >>= 32")
	c.line("r0 ^= r7")
	c.line("r1 = 0xffffffff ll")
	c.line("r0 &= r1")
	c.line("exit")
	return c.text.String()
}

// packet draws a frame of one of the protocols that helpers know. IP packets
// have all of their header: the kernel runs no others.
func packet(rng *rand.Rand) []byte {
	b := make([]byte, 14+rng.IntN(200))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	if rng.IntN(2) == 0 {
		clear(b[:6])
	}
	type header struct {
		kind  string
		least int
	}
	h := []header{{"0800", 34}, {"0800", 34}, {"86dd", 54}, {"8100", 22}, {"8100", 22}, {"88a8", 26}, {"0806", 14}, {"0040", 14}}[rng.IntN(8)]
	for len(b) < h.least {
		b = append(b, byte(rng.Uint32()))
	}
	kind, _ := hex.DecodeString(h.kind)
	copy(b[12:], kind)
	inner, _ := hex.DecodeString([]string{"0800", "86dd", "8100", "0003"}[rng.IntN(4)])
	if h.kind == "8100" || h.kind == "88a8" {
		copy(b[16:], inner)
	}
	return b
}

// grow draws how many bytes to put before the packet: no more than its headroom
// in a test run. Linux 6.18 takes an unknown transport header for a known one when
// it had to make more (skb_headers_offset_update adds to the mark of the unknown).
func (c *chain) grow(most int) uint64 {
	n := min(c.rng.IntN(most), c.room)
	c.room -= n
	if c.rng.IntN(12) == 0 {
		return c.pick(0, 1<<16-1, 1<<31-1, 1<<31, 1<<32-1, 1<<32)
	}
	return uint64(n)
}

// skbStep writes one call of a helper of socket buffers.
func (c *chain) skbStep() {
	off, n := c.rare(uint64(c.rng.IntN(80))), uint64(1+c.rng.IntN(32))
	switch c.rng.IntN(21) {
	case 0:
		c.call("skb_load_bytes", "ctx", off, "mem", n)
	case 1:
		c.call("skb_load_bytes_relative", "ctx", off, "mem", n, c.rare(c.pick(0, 1)))
	case 2:
		c.call("skb_store_bytes", "ctx", off, "mem", n, c.rare(c.pick(0, 1, 2, 3)))
	case 3:
		c.call("skb_pull_data", "ctx", c.rare(uint64(c.rng.IntN(200))))
	case 4:
		c.call("l3_csum_replace", "ctx", off&^1, c.rare(c.pick(0, c.rng.Uint64())), c.rng.Uint64(), c.rare(c.pick(0, 2, 4)))
	case 5:
		c.call("l4_csum_replace", "ctx", off&^1, c.rare(c.pick(0, c.rng.Uint64())), c.rng.Uint64(), c.rare(c.pick(0, 2, 4)|c.pick(0, 0x10, 0x20, 0x60, 0x80)))
	case 6:
		c.call("csum_update", "ctx", c.rng.Uint64())
	case 7:
		c.call("csum_level", "ctx", c.rare(c.pick(0, 1, 2, 3)))
	case 8, 9:
		if c.room -= 4; c.room < 0 {
			return
		}
		c.call("skb_vlan_push", "ctx", c.rare(c.pick(0x0081, 0xa888)), c.rare(c.rng.Uint64()))
	case 10, 11:
		c.call("skb_vlan_pop", "ctx")
	case 12:
		if c.room -= 20; c.room < 0 {
			return
		}
		c.call("skb_change_proto", "ctx", c.rare(c.pick(0x0008, 0xdd86)), c.rare(0))
	case 13:
		c.call("skb_change_type", "ctx", c.rare(uint64(c.rng.IntN(4))))
	case 14:
		// Long enough for all headers: skb_adjust_room would show what is behind.
		c.call("skb_change_tail", "ctx", c.rare(uint64(160+c.rng.IntN(300))), c.rare(0))
	case 15:
		c.call("skb_change_head", "ctx", c.grow(40), c.rare(0))
	case 16, 17:
		delta := c.grow(50)
		if c.rng.IntN(2) == 0 {
			delta = -uint64(c.rng.IntN(50))
		}
		c.call("skb_adjust_room", "ctx", delta, c.rare(c.pick(0, 1)), c.rare(c.pick(0, 1, 2, 4, 2|8, 4|0x10, 0x20, 2|0x40|14<<56, 0x80, 0x100, 6)))
	case 18:
		c.call("set_hash", "ctx", c.rng.Uint64())
	case 19:
		c.call("set_hash_invalid", "ctx")
	case 20:
		c.call("skb_ecn_set_ce", "ctx")
	}
}

// Fields of __sk_buff that helpers change or a packet determines: len,
// pkt_type, mark, protocol, the tag's three, ifindex and hash.
var skbShown = []int{0, 4, 8, 16, 20, 24, 28, 40, 68}

// TestLiveSocketBuffer draws programs that call helpers of socket buffers, and
// compares results and packets with the kernel's.
func TestLiveSocketBuffer(t *testing.T) {
	compare(t, 200, func(c *chain) string {
		c.open("sched_cls", "")
		for range 1 + c.rng.IntN(6) {
			c.skbStep()
		}
		return c.close(skbShown...)
	})
}

// TestLiveTunnel compares what helpers say of tunnels that the program set.
func TestLiveTunnel(t *testing.T) {
	compare(t, 150, func(c *chain) string {
		c.open("sched_cls", "")
		for i := range 3 {
			c.line("*(u64 *)(r10 - %d) = 0", 24-8*i)
		}
		sizes := []uint64{8, 22, 24, 28, 44, 44, 44, 20, 40}
		for range 2 + c.rng.IntN(5) {
			if c.rng.IntN(2) == 0 {
				c.line("*(u32 *)(r10 - 40) = 0") // flags and label
				c.line("*(u16 *)(r10 - 42) = 0")
			}
			size := c.pick(sizes...)
			switch c.rng.IntN(5) {
			case 0, 1:
				c.call("skb_set_tunnel_key", "ctx", "mem", size, c.rare(c.pick(0, 1, 2, 4, 8, 16, 31)))
			case 2:
				c.call("skb_get_tunnel_key", "ctx", "mem", size, c.rare(c.pick(0, 1, 16, 17)))
			case 3:
				c.call("skb_set_tunnel_opt", "ctx", "mem", c.pick(4, 8, 40, 6))
			case 4:
				c.call("skb_get_tunnel_opt", "ctx", "mem", c.pick(4, 8, 40))
			}
			c.buffer()
			c.line("r0 = *(u64 *)(r10 - 24)")
			c.take()
		}
		return c.close()
	})
}

// TestLiveXDP does the same for XDP programs.
func TestLiveXDP(t *testing.T) {
	compare(t, 150, func(c *chain) string {
		c.open("xdp", "")
		for range 1 + c.rng.IntN(6) {
			off, n := c.rare(uint64(c.rng.IntN(80))), uint64(1+c.rng.IntN(32))
			switch c.rng.IntN(8) {
			case 0:
				c.call("xdp_adjust_head", "ctx", c.rare(uint64(int64(c.rng.IntN(80)-40))))
			case 1:
				c.call("xdp_adjust_tail", "ctx", c.rare(uint64(int64(c.rng.IntN(80)-40))))
			case 2, 3:
				c.call("xdp_adjust_meta", "ctx", c.rare(uint64(int64(4*c.rng.IntN(30)-80))))
			case 4:
				c.call("xdp_get_buff_len", "ctx")
			case 5:
				c.call("xdp_load_bytes", "ctx", off, "mem", n)
			case 6:
				c.call("xdp_store_bytes", "ctx", off, "mem", n)
			case 7:
				c.call("check_mtu", "ctx", c.pick(0, 1, 1, 1<<31-1), "word", c.rare(c.pick(0, 1<<17)), c.rare(0))
			}
		}
		return c.close()
	})
}

// compare draws programs and packets and runs them in the kernel and in the
// engines, which must return the same and leave the same packet.
func compare(t *testing.T, n int, draw func(c *chain) string) {
	if err := kernel.Available(); errors.Is(err, unix.EPERM) {
		t.Skipf("the live kernel is not asked: %v", err)
	}
	seen := map[uint32]bool{}
	for i := range long.N(n, 50*n) {
		if !t.Run(fmt.Sprint(i), func(t *testing.T) { compareOne(t, uint64(i), draw, seen) }) {
			return
		}
	}
	require.Greater(t, len(seen), 1, "all results were the same")
}

func compareOne(t *testing.T, seed uint64, draw func(c *chain) string, seen map[uint32]bool) {
	c := &chain{rng: rand.New(rand.NewPCG(seed, 7))}
	text := draw(c)
	p, err := asm.Parse("p", text)
	require.NoError(t, err, "%s", text)
	p.FindFuncs()
	k, err := kernel.Load(p, kernel.Options{})
	require.NoError(t, err, "%s", text)
	defer k.Close()
	ours := engines(t, p)
	for range 4 {
		in := packet(c.rng)
		want, err := k.TestRun(in, nil, 1)
		require.NoError(t, err)
		seen[want.Ret] = true
		for name, e := range ours {
			got, err := e.Run(t.Context(), runtime.Input{Data: in})
			require.NoError(t, err, "%s: %s", name, text)
			if uint32(got.Ret) != want.Ret || string(got.Data) != string(want.Data) {
				t.Fatalf("%s: packet %x\ngot  %#x %x\nwant %#x %x\n%s", name, in, uint32(got.Ret), got.Data, want.Ret, want.Data, text)
			}
		}
	}
}
