package helpers_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// stored returns a read-only map with text and its end.
func stored(name, text string) string {
	return fmt.Sprintf(".map %s array key 4 value %d entries 1 flags 128 frozen\n.elem %s 00000000 %s\n", name, len(text)+1, name, hex.EncodeToString(append([]byte(text), 0)))
}

// conversions are pieces of formats, right and wrong ones; "@" at the start
// marks those that take an address.
var conversions = []string{"%d", "%i", "%u", "%x", "%X", "%ld", "%lu", "%lx", "%lld", "%llu", "%llX", "%5d", "%05d", "%-5d|", "%+d", "% d", "%020llx",
	"%-8x|", "%c", "%3c", "%%", ".text", "\n", "\t", " ", "@%s", "@%9s", "@%-9s|", "@%pks", "%px", "%20px", "%-20px|", "@%pi4", "@%pI4", "@%pi6", "@%pI6", "@%20pI4",
	"%pS", "%ps", "%pB", "%+05d", "%0-5d"}

var odd = []string{"%q", "%~", "%l~", "%lls", "%pz", "%pi5", "%sx", "%pksx", "\x01", "\x80", "%.3d", "%#x", "%hd", "%llll", "%pu", "%s,", "%s "}

// format draws a format, a wrong one now and then if it may be, and stores its
// values from r10-224 on.
func (c *chain) format(wrong bool) (text string, bytes int) {
	var b strings.Builder
	n := 0
	for range c.rng.IntN(7) {
		piece := conversions[c.rng.IntN(len(conversions))]
		if wrong && c.rng.IntN(20) == 0 {
			piece = odd[c.rng.IntN(len(odd))]
		}
		address := strings.HasPrefix(piece, "@") || strings.HasPrefix(piece, "%s")
		piece = strings.TrimPrefix(piece, "@")
		b.WriteString(piece)
		if !strings.HasPrefix(piece, "%") || piece == "%%" {
			continue
		}
		at := 224 - 8*n
		n++
		if address && c.rng.IntN(8) > 0 {
			c.line("r1 = r10")
			c.line("r1 += -%d", []int{64, 61, 48}[c.rng.IntN(3)])
			c.line("*(u64 *)(r10 - %d) = r1", at)
			continue
		}
		x := c.rare(c.pick(0, 7, c.rng.Uint64(), 1<<64-5))
		if address {
			x = 0
		}
		c.line("r1 = %#x ll", x)
		c.line("*(u64 *)(r10 - %d) = r1", at)
	}
	if wrong && c.rng.IntN(20) == 0 && n > 0 {
		n--
	}
	return b.String(), 8 * n
}

// TestLiveText draws formats and strings, and compares what helpers make of them
// with what the kernel's do.
func TestLiveText(t *testing.T) {
	compare(t, 250, func(c *chain) string {
		c.open("sched_cls", "")
		for i := range 12 {
			c.line("*(u64 *)(r10 - %d) = 0", 224-8*i)
		}
		op := c.rng.IntN(4)
		format, n := c.format(op == 1) // the verifier reads those of snprintf
		// Linux 6.18 neither counts nor skips what it expanded beforehand once the
		// memory is full (bstr_printf), so formats with such values get enough.
		room, at := 280, 512
		if !strings.Contains(format, "p") {
			room, at = c.rng.IntN(41), 64
		}
		for i := range 35 {
			c.line("*(u64 *)(r10 - %d) = 0", 512-8*i)
		}
		maps := stored("f", format)
		switch op {
		case 0:
			word := []string{"", "a", "text", "text1", "tex", "\xff"}
			other := word[c.rng.IntN(len(word))]
			maps = stored("f", word[c.rng.IntN(len(word))])
			for i, b := range append([]byte(other), 0) {
				c.line("*(u8 *)(r10 - %d) = %d", 64-i, b)
			}
			c.call("strncmp", "mem", uint64(1+c.rng.IntN(8)), "map[f] + 0")
		case 1:
			c.args(3, "r10", uint64(n))
			c.line("r3 += -224")
			c.line("r1 = map[f] + 0")
			c.line("r2 = %d", max(len(format)+1-c.rng.IntN(10)/9, 1))
			if n == 0 {
				c.line("r3 = 0")
			}
			c.line("call trace_vprintk")
			c.take()
		default:
			c.args(1, "r10", uint64(room), "map[f] + 0", "r10", uint64(n))
			c.line("r1 += -%d", at)
			c.line("r4 += -224")
			if n == 0 {
				c.line("r4 = 0")
			}
			c.line("call snprintf")
			c.take()
			for i := range 35 {
				c.line("r0 = *(u64 *)(r10 - %d)", 512-8*i)
				c.take()
			}
		}
		text := c.close()
		return strings.Replace(text, ".license GPL\n", ".license GPL\n"+maps, 1)
	})
}

// TestLiveProbe compares copies from addresses that need not be good.
func TestLiveProbe(t *testing.T) {
	compare(t, 60, func(c *chain) string {
		c.open("sched_cls", "")
		for i := range 5 {
			c.line("*(u64 *)(r10 - %d) = -1", 128-8*i)
		}
		for range 1 + c.rng.IntN(3) {
			helper := []string{"probe_read_kernel", "probe_read_kernel_str"}[c.rng.IntN(2)]
			c.line("*(u8 *)(r10 - %d) = 0", 40+c.rng.IntN(16))
			from := 32 + c.rng.IntN(32)
			c.args(1, "r10", uint64(1+c.rng.IntN(from-25)), "r10")
			c.line("r1 += -128")
			c.line("r3 += -%d", from)
			if c.rng.IntN(4) == 0 {
				c.line("r3 = %#x ll", c.pick(0, 1, 4096, 1<<63, 1<<64-1))
			}
			c.line("call %s", helper)
			c.take()
		}
		for i := range 5 {
			c.line("r0 = *(u64 *)(r10 - %d)", 128-8*i)
			c.take()
		}
		return c.close()
	})
}

// TestLiveDynptr compares dynptrs of a map's value and of ring buffer records.
func TestLiveDynptr(t *testing.T) {
	compare(t, 100, func(c *chain) string {
		c.open("sched_cls", ".map m array key 4 value 64 entries 1\n.map r ringbuf key 0 value 0 entries 4096\n")
		c.line("*(u32 *)(r10 - 68) = 0")
		c.line("r1 = map[m]")
		c.line("r2 = r10")
		c.line("r2 += -68")
		c.line("call map_lookup_elem")
		c.line("if r0 == 0 goto +1")
		c.line("goto +2")
		c.line("r0 = 0")
		c.line("exit")
		c.line("r8 = r0")
		ring := c.rng.IntN(2) == 0
		if ring {
			c.args(1, "map[r]", c.rare(uint64(c.rng.IntN(80))), c.rare(0)&0xffffffff, "r10")
			c.line("r4 += -88")
			c.line("call ringbuf_reserve_dynptr")
		} else {
			c.args(1, "r8", uint64(c.rng.IntN(65)), c.rare(0), "r10")
			c.line("r4 += -88")
			c.line("call dynptr_from_mem")
		}
		c.take()
		for range 1 + c.rng.IntN(4) {
			off, n := c.rare(uint64(c.rng.IntN(70))), uint64(1+c.rng.IntN(32))
			switch c.rng.IntN(3) {
			case 0:
				c.args(1, "mem", n, "r10", off, c.rare(0))
				c.line("r3 += -88")
				c.line("call dynptr_read")
			case 1:
				c.args(1, "r10", off, "mem", n, c.rare(0))
				c.line("r1 += -88")
				c.line("call dynptr_write")
			case 2:
				c.args(1, "r10", off, uint64(8))
				c.line("r1 += -88")
				c.line("call dynptr_data")
				c.line("if r0 == 0 goto +1")
				c.line("r0 = *(u64 *)(r0 + 0)")
			}
			c.take()
		}
		if ring {
			c.line("r1 = r10")
			c.line("r1 += -88")
			c.line("r2 = 0")
			c.line("call ringbuf_%s_dynptr", []string{"submit", "discard"}[c.rng.IntN(2)])
		}
		for i := range 8 {
			c.line("r0 = *(u64 *)(r8 + %d)", 8*i)
			c.take()
		}
		return c.close()
	})
}

// TestLiveRedirect compares what the redirecting helpers return.
func TestLiveRedirect(t *testing.T) {
	for _, kind := range []string{"sched_cls", "xdp"} {
		compare(t, 40, func(c *chain) string {
			c.open(kind, "")
			index, flags := c.rare(1), c.rare(c.pick(0, 0, 1))
			switch n := c.rng.IntN(3); {
			case n == 1 && kind == "sched_cls":
				c.call("redirect_peer", index, c.rare(0))
			case n == 2 && kind == "sched_cls":
				c.call("redirect_neigh", index, "mem", c.pick(20, 19, 32, 1), c.rare(0))
			default:
				c.call("redirect", index, flags)
			}
			return c.close()
		})
	}
}
