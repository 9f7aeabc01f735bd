package kernel_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// parse parses a log that must be understood.
func parse(t testing.TB, text string) *kernel.Log {
	t.Helper()
	l, err := kernel.ParseLog(text)
	require.NoError(t, err)
	return l
}

func value(t testing.TB, text string) kernel.Value {
	t.Helper()
	v, ok := parse(t, "0: R1="+text+"\n").Steps[0].State.Reg(1)
	require.True(t, ok)
	require.Equal(t, text, v.String(), "the value is not printed as it was read")
	return v
}

func TestValues(t *testing.T) {
	b := kernel.AnyBounds()
	b.SMin, b.UMin, b.UMin32 = math.MinInt64+1, 1, 1
	b.SMin32 = math.MinInt32 + 1
	b.Bits, b.Unknown = 1, math.MaxUint64-1
	narrow := kernel.AnyBounds()
	narrow.SMin, narrow.SMin32, narrow.SMax, narrow.SMax32 = -2, -2, 5, 5
	length := kernel.AnyBounds()
	length.SMin, length.SMin32 = 0, 0
	length.SMax, length.UMax, length.SMax32, length.UMax32 = 255, 255, 255, 255
	length.Bits, length.Unknown = 0, 255
	m := &kernel.MapValue{Name: "hits", KeySize: 4, ValueSize: 16}
	for text, want := range map[string]kernel.Value{
		"7":              {Type: "scalar", Frame: -1, Bounds: kernel.ConstBounds(7)},
		"-7":             {Type: "scalar", Frame: -1, Bounds: kernel.ConstBounds(math.MaxUint64 - 6)},
		"P0x12345678":    {Type: "scalar", Frame: -1, Precise: true, Bounds: kernel.ConstBounds(0x12345678)},
		"scalar()":       {Type: "scalar", Frame: -1, Bounds: kernel.AnyBounds()},
		"scalar(id=2+0)": {Type: "scalar", Frame: -1, ID: 2, Linked: true, Bounds: kernel.AnyBounds()},
		"Pscalar(id=3-8,smin=smin32=-2,smax=smax32=5)":                                                      {Type: "scalar", Frame: -1, Precise: true, ID: 3, Linked: true, IDOff: -8, Bounds: narrow},
		"scalar(smin=0x8000000000000001,umin=umin32=1,smin32=0x80000001,var_off=(0x1; 0xfffffffffffffffe))": {Type: "scalar", Frame: -1, Bounds: b},
		"fp-16":                           {Type: "fp", Frame: -1, Off: -16, Bounds: kernel.ConstBounds(0)},
		"fp[2]0":                          {Type: "fp", Frame: 2, Bounds: kernel.ConstBounds(0)},
		"ctx(off=8)":                      {Type: "ctx", Frame: -1, Off: 8, Bounds: kernel.ConstBounds(0)},
		"ctx(imm=-4)":                     {Type: "ctx", Frame: -1, Bounds: kernel.ConstBounds(math.MaxUint64 - 3)},
		"pkt(id=1,off=14,r=0x10000)":      {Type: "pkt", Frame: -1, ID: 1, Off: 14, Range: 0x10000, Bounds: kernel.ConstBounds(0)},
		"ringbuf_mem(ref_obj_id=4,sz=32)": {Type: "mem", Frame: -1, Flags: kernel.FlagRingBuf, RefObjID: 4, Size: 32, Bounds: kernel.ConstBounds(0)},
		"map_value_or_null(id=9,map=hits,ks=4,vs=16)":                                                        {Type: "map_value", Frame: -1, Flags: kernel.FlagOrNull, ID: 9, Map: m, Bounds: kernel.ConstBounds(0)},
		"map_value(map=hits,ks=4,vs=16,off=8,smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))": {Type: "map_value", Frame: -1, Map: m, Off: 8, Bounds: length},
		"map_ptr(ks=4,vs=16)":                  {Type: "map_ptr", Frame: -1, Map: &kernel.MapValue{KeySize: 4, ValueSize: 16}, Bounds: kernel.ConstBounds(0)},
		"rcu_ptr_or_null_task_struct(id=2)":    {Type: "ptr", Frame: -1, Object: "task_struct", Flags: kernel.FlagRCU | kernel.FlagOrNull, ID: 2, Bounds: kernel.ConstBounds(0)},
		"ptr_node(ref_obj_id=3,non_own_ref)":   {Type: "ptr", Frame: -1, Object: "node", Flags: kernel.FlagNonOwning, RefObjID: 3, Bounds: kernel.ConstBounds(0)},
		"rdonly_untrusted_mem(sz=0)":           {Type: "mem", Frame: -1, Flags: kernel.FlagReadOnly | kernel.FlagUntrusted, Bounds: kernel.ConstBounds(0)},
		"dynptr_ptr(type=local)":               {Type: "dynptr_ptr", Frame: -1, Dynptr: "local", Bounds: kernel.ConstBounds(0)},
		"arena":                                {Type: "arena", Frame: -1, Bounds: kernel.AnyBounds()},
		"sock_common_or_null(id=1)":            {Type: "sock_common", Frame: -1, Flags: kernel.FlagOrNull, ID: 1, Bounds: kernel.ConstBounds(0)},
		"percpu_ptr_cgroup_rstat_base(imm=16)": {Type: "ptr", Frame: -1, Object: "cgroup_rstat_base", Flags: kernel.FlagPerCPU, Bounds: kernel.ConstBounds(16)},
	} {
		require.Equal(t, want, value(t, text), text)
	}
	v := value(t, "scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))")
	require.True(t, v.Bounds.Contains(255))
	require.False(t, v.Bounds.Contains(256))
}

func TestStates(t *testing.T) {
	const text = "frame1: R1=fp[0]-8 R10=fp0 fp-8=mmmmmm0xcafe fp-16=???????1 fp-24=00000 fp-32=00000000 fp-40=mmmm???? " +
		"fp-48=dynptr_ringbuf(id=1,ref_id=2,dynptr_id=3) fp-64=iter_num(ref_id=4,state=active,depth=2) fp-72=ringbuf_mem(ref_obj_id=2,sz=8) refs=2,4 cb async_cb"
	s := parse(t, "3: "+text).Steps[0]
	require.Equal(t, ir.PC(3), s.PC)
	require.Equal(t, kernel.StepState, s.Kind)
	require.Equal(t, text, s.State.String())
	require.Equal(t, 1, s.State.Frame)
	require.Equal(t, []int{2, 4}, s.State.Refs)
	require.True(t, s.State.Callback && s.State.Async)
	for off, want := range map[int32]string{-8: "mmmmmmrr", -16: "???????r", -24: "0000rrrr", -32: "00000000", -40: "mmmm????", -48: "dddddddd", -64: "iiiiiiii", -72: "rrrrrrrr"} {
		slot, ok := s.State.Slot(off)
		require.True(t, ok, off)
		require.Equal(t, want, slot.Types, off)
	}
	low, _ := s.State.Slot(-8)
	require.Equal(t, kernel.ConstBounds(0xcafe), low.Value.Bounds)
	dynptr, _ := s.State.Slot(-48)
	require.Equal(t, &kernel.StackObject{Type: "ringbuf", ID: 1, RefID: 2, DynptrID: 3}, dynptr.Object)
	iter, _ := s.State.Slot(-64)
	require.Equal(t, &kernel.StackObject{Iterator: true, Type: "num", RefID: 4, State: "active", Depth: 2}, iter.Object)
	require.Equal(t, "R1_rwD=7 fp-8_w=0", parse(t, "3: R1_rwD=7 fp-8_w=0").Steps[0].State.String(), "an older kernel's marks")
}

func TestLines(t *testing.T) {
	l := parse(t, `func#0 @0
func#1 @5
Live regs before insn:
      0: .1........ (bf) r6 = r1
  2   5: .1...5...9 (05) goto pc-1
0: R1=ctx() R10=fp0
; x = y; @ a.c:7
0: (bf) r6 = r1                       ; R1=ctx() R6=ctx()
1: (2d) if r2 > r1 goto pc+1 3: R0=1 R10=fp0
2: (55) if r1 != 0x1 goto pc+2 7: safe
caller:
 R10=fp0
callee:
 frame1: R1=5 R10=fp0
returning from callee:
 frame1: R0=0 R10=fp0
to caller at 4:
 R0=0 R10=fp0

from 3 to 4 (speculative execution): R0=0 R10=fp0
mark_precise: frame0: last_idx 4 first_idx 1 subseq_idx -1 
mark_precise: frame0: regs=r1,r2 stack=-8 before 3: (07) r1 += 1
mark_precise: frame0: parent state regs= stack=:  R1=P1 R10=fp0
frame 0: propagating r1,fp-8
(4,7) frame 1 insn 6 +written -8,-16 -written -24
(0) live stack update done in 2 iterations
SCC enter (2,1)
19:
7: safe

from 3 to 4: safe
Validating f() func#1...
Func#1 ('f') is safe for any args that match its prototype
infinite loop detected at insn 4
cur state: R0=0 R10=fp0
old state: R0=P0 R10=fp0
verification time 153 usec
stack depth 8+0
processed 14 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 2 mark_read 3
`)
	require.Equal(t, []ir.PC{0, 5}, l.Funcs)
	require.Equal(t, []kernel.Live{
		{Line: 4, Regs: []int{1}, Opcode: 0xbf, Text: "r6 = r1"},
		{Line: 5, PC: 5, SCC: 2, Regs: []int{1, 5, 9}, Opcode: 5, Text: "goto pc-1"},
	}, l.Live)
	require.Equal(t, []kernel.Message{{Line: 34, Text: "infinite loop detected at insn 4"}}, l.Messages)
	require.Equal(t, kernel.Stats{Processed: 14, TotalStates: 1, PeakStates: 2, MarkRead: 3, Micros: 153, StackDepths: []int{8, 0}}, l.Stats)
	require.Equal(t, 39, l.Lines)
	var kinds []string
	for _, s := range l.Steps {
		kinds = append(kinds, s.Kind.String())
	}
	require.Equal(t, "state source insn insn state insn safe caller callee returning returned from precise-from precise precise-in propagate "+
		"live-stack live-done scc-enter state safe safe func func current old", strings.Join(kinds, " "))
	step := func(i int) kernel.Step { return l.Steps[i] }
	require.Equal(t, "x = y; a.c 7", fmt.Sprintf("%s %s %d", step(1).Text, step(1).File, step(1).FileLine))
	require.Equal(t, "if r2 > r1 goto pc+1", step(3).Text)
	require.Nil(t, step(3).State)
	require.Equal(t, ir.PC(3), step(4).PC)
	require.Equal(t, ir.PC(4), step(10).PC)
	require.True(t, step(11).Speculative)
	require.Equal(t, ir.PC(3), step(11).From)
	require.Equal(t, "[r1 r2 fp-8]", fmt.Sprint(step(13).Marks))
	require.Equal(t, "[fp-8 fp-16] [fp-24] true [4 7] 1", fmt.Sprint(step(16).Marks, step(16).Removed, step(16).Written, step(16).Calls, step(16).Frame))
	states := 0
	for range l.States {
		states++
	}
	require.Equal(t, 6, states)
}

func TestLinesNotUnderstood(t *testing.T) {
	for text, want := range map[string]string{
		"7: R1=magic()":                       `line 1: unknown type "magic"`,
		"7: R1=scalar(umix=3)":                `unknown attribute "umix"`,
		"7: R1=scalar(umin32=0x100000000)":    `more than 32 bits`,
		"7: R1=Pctx()":                        `a pointer is marked as precise`,
		"7: R1=7 R1=7":                        `registers are out of order`,
		"7: R11=7":                            `register 11 does not exist`,
		"7: fp-7=7":                           `-7 is no stack slot`,
		"7: fp-8=mmmmm":                       `unknown`,
		"7: R1=7 what":                        `unknown part of a state`,
		"7: R1=7,":                            `no blank`,
		"7: (zz) r0 = 1":                      `no byte`,
		"from 3 to x: safe":                   `no number`,
		"mark_precise: frame0: magic":         `no "regs="`,
		"SCC enter (x)":                       `no number`,
		"caller:\n":                           `heading without a state`,
		"caller:\nfine\n7: safe":              `heading without a state`,
		"words\n7: safe":                      `line 1: words in the middle of the log`,
		"func#1 @3":                           `functions are not numbered in order`,
		"(0) frame 0 insn 3 ":                 `no change of stack slots`,
		"processed 3 insns and then some":     `unknown form`,
		"stack depth 8+0 and more":            `unknown form`,
		"7: R1=ptr_x":                         `none of`,
		"7: R1=scalar(umin=umin=umin=umin=u)": `no "="`,
	} {
		l, err := kernel.ParseLog(text)
		var bad *kernel.LogError
		require.ErrorAs(t, err, &bad, text)
		require.Contains(t, err.Error(), want, text)
		require.Equal(t, len(bad.Lines), bad.Count, text)
		require.NotNil(t, l)
	}
	_, err := kernel.ParseLog(strings.Repeat("7: R1=magic()\n", 1000))
	var bad *kernel.LogError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, 1000, bad.Count)
	require.Len(t, bad.Lines, 20)
}

// hostile are lines that a careless parser takes quadratic time for.
var hostile = []string{"0: R1=" + strings.Repeat("rdonly_", 8), "0: " + strings.Repeat("R1=7 ", 8), "0: R1=scalar(" + strings.Repeat("umin=", 8), "0: R1=ptr_xxxxxxxx",
	"(" + strings.Repeat("1,", 8), "frame 0: propagating " + strings.Repeat("r1,", 8), "0: fp-8=" + strings.Repeat("m", 8), "; " + strings.Repeat(" @ :1", 8),
	"0: (bf) " + strings.Repeat("1:", 8), strings.Repeat("words\n", 8), "words\n7: safe\n", "caller:\n"}

func TestParseIsLinear(t *testing.T) {
	for _, part := range hostile {
		elapsed := func(n int) time.Duration {
			text := part[:len(part)/2] + strings.Repeat(part[len(part)/2:], n)
			start := time.Now()
			_, _ = kernel.ParseLog(text)
			return time.Since(start)
		}
		small, large := elapsed(250), elapsed(8_000)
		// 32 times the text: linear is 32, quadratic 1024; the rest is for a busy machine.
		require.Less(t, large, 300*small+200*time.Millisecond, "%q: %v for 250 parts, %v for 8000", part, small, large)
	}
}

func FuzzLog(f *testing.F) {
	f.Add("7: R1=scalar(smin=0x8000000000000001,umin=umin32=1,var_off=(0x1; 0xfffffffffffffffe)) R10=fp0 fp-8=mmmm7 refs=1,2\n")
	f.Add("func#0 @0\nLive regs before insn:\n  2   5: .1...5...9 (05) goto pc-1\n0: (bf) r6 = r1   ; R1=ctx() R6=map_value(map=x,ks=4,vs=8,off=3)\n")
	f.Add("caller:\n R10=fp0\ncallee:\n frame1: R1=fp[0]-8\nmark_precise: frame0: parent state regs=r1 stack=-8:  R1=P1\n(0) frame 0 insn 1 +live -8 \nprocessed 1 insns\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := kernel.ParseLog(text)
		if err != nil {
			bad := err.(*kernel.LogError)
			require.LessOrEqual(t, bad.Count, 2*l.Lines+1)
			require.NotEmpty(t, err.Error())
		}
		for _, s := range l.Steps {
			require.LessOrEqual(t, s.Line, l.Lines)
			if s.State == nil {
				continue
			}
			again, err := kernel.ParseLog("0: " + s.State.String())
			require.NoError(t, err, "a state that was read is printed as %q", s.State)
			require.Equal(t, s.State.String(), again.Steps[0].State.String())
		}
	})
}
