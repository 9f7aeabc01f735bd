package kernel

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
)

// cursor reads a line from left to right. After the first failure it reads
// nothing more, and values are zero.
type cursor struct {
	s      string
	i      int
	reason string
	parent *cursor // fails as well
}

func (c *cursor) fail(format string, args ...any) {
	if c.reason == "" {
		c.reason = fmt.Sprintf(format, args...) + fmt.Sprintf(" at column %d", c.i+1)
	}
	if c.parent != nil && c.parent.reason == "" {
		c.parent.reason = c.reason
	}
	c.i = len(c.s)
}

// why returns what failed, "" for nothing.
func (c *cursor) why() string { return c.reason }

// whyAtEnd is why, with a failure if something is left.
func (c *cursor) whyAtEnd() string {
	if c.i < len(c.s) {
		c.fail("unknown rest")
	}
	return c.reason
}

// done reports whether nothing is left and nothing failed.
func (c *cursor) done() bool { return c.reason == "" && c.i == len(c.s) }

// left returns what is not read yet.
func (c *cursor) left() string { return c.s[c.i:] }

// rest takes all that is left.
func (c *cursor) rest() string {
	r := c.left()
	c.i = len(c.s)
	return r
}

// lit takes text if it is next.
func (c *cursor) lit(text string) bool {
	if !strings.HasPrefix(c.left(), text) {
		return false
	}
	c.i += len(text)
	return true
}

func (c *cursor) want(text string) {
	if !c.lit(text) {
		c.fail("no %q", text)
	}
}

// next returns the next byte, 0 at the end.
func (c *cursor) next() byte {
	if c.i == len(c.s) {
		return 0
	}
	return c.s[c.i]
}

// word takes letters, digits and "_".
func (c *cursor) word() string {
	n := 0
	left := c.left()
	for n < len(left) && (left[n] == '_' || left[n] >= 'a' && left[n] <= 'z' || left[n] >= 'A' && left[n] <= 'Z' || left[n] >= '0' && left[n] <= '9') {
		n++
	}
	c.i += n
	return left[:n]
}

// until takes what comes before the first of the given bytes, which must come.
func (c *cursor) until(stop string) string {
	n := strings.IndexAny(c.left(), stop)
	if n < 0 {
		c.fail("none of %q", stop)
		return ""
	}
	c.i += n
	return c.s[c.i-n : c.i]
}

// num takes a number as the log writes it: decimal with a sign, or hexadecimal
// after 0x without one. It returns 64 bits, the sign extended.
func (c *cursor) num() (x uint64, hex bool) {
	left := c.left()
	n := 0
	if strings.HasPrefix(left, "0x") {
		for n = 2; n < len(left) && strings.IndexByte("0123456789abcdef", left[n]) >= 0; n++ {
		}
		x, err := strconv.ParseUint(left[2:n], 16, 64)
		if err != nil {
			c.fail("no number")
			return 0, true
		}
		c.i += n
		return x, true
	}
	if n < len(left) && left[n] == '-' {
		n++
	}
	for n < len(left) && left[n] >= '0' && left[n] <= '9' {
		n++
	}
	signed, err := strconv.ParseInt(left[:n], 10, 64)
	x = uint64(signed)
	if err != nil {
		if x, err = strconv.ParseUint(left[:n], 10, 64); err != nil {
			c.fail("no number")
			return 0, false
		}
	}
	c.i += n
	return x, false
}

// int takes a decimal number.
func (c *cursor) int() int64 {
	x, hex := c.num()
	if hex {
		c.fail("no decimal number")
	}
	return int64(x)
}

// id takes a small decimal number that is not negative.
func (c *cursor) id() int {
	x := c.int()
	if x < 0 || x > math.MaxInt32 {
		c.fail("%d is no number of this kind", x)
		return 0
	}
	return int(x)
}

// pc takes the number of a slot, or -1.
func (c *cursor) pc() ir.PC {
	x := c.int()
	if x < -1 || x > ir.MaxSlots {
		c.fail("%d is no slot", x)
		return 0
	}
	return ir.PC(x)
}

// hexByte takes two hexadecimal digits.
func (c *cursor) hexByte() byte {
	left := c.left()
	if len(left) >= 2 {
		if x, err := strconv.ParseUint(left[:2], 16, 8); err == nil {
			c.i += 2
			return byte(x)
		}
	}
	c.fail("no byte")
	return 0
}

// reg takes the number of a register.
func (c *cursor) reg() int {
	r := c.id()
	if r > 10 {
		c.fail("register %d does not exist", r)
	}
	return r
}

// slot takes the offset of 8 bytes of stack.
func (c *cursor) slot() int32 {
	off := c.int()
	if off >= 0 || off%8 != 0 || off < math.MinInt32 {
		c.fail("%d is no stack slot", off)
		return 0
	}
	return int32(off)
}

// places takes "r1,r2" or "fp-8,fp-16" and appends them.
func (c *cursor) places(list []Place) []Place {
	for {
		switch {
		case c.lit("r"):
			list = append(list, Place{Reg: c.reg()})
		case c.lit("fp"):
			list = append(list, Place{Stack: true, Off: c.slot()})
		default:
			c.fail("neither register nor stack slot")
		}
		if !c.lit(",") {
			return list
		}
	}
}

// offsets takes "-8,-16" and appends the slots.
func (c *cursor) offsets(list []Place) []Place {
	for {
		list = append(list, Place{Stack: true, Off: c.slot()})
		if !c.lit(",") {
			return list
		}
	}
}

// marks takes what follows "regs=": "r1,r2 stack=-8,-16", either of them
// possibly empty.
func (c *cursor) marks() []Place {
	var list []Place
	if c.next() == 'r' {
		list = c.places(list)
	}
	c.want(" stack=")
	if c.next() == '-' {
		list = c.offsets(list)
	}
	return list
}

// calls takes "(4,7)".
func (c *cursor) calls() []int {
	c.want("(")
	list := []int{c.id()}
	for c.lit(",") {
		list = append(list, c.id())
	}
	c.want(")")
	return list
}
