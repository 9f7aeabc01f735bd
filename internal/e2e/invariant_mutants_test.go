package e2e

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/internal/progen"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/vm/reference"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/invariant"
	"github.com/bpfproof/bpfproof/verifier/recheck"
)

type (
	invReg   = invariant.Reg[reduced.T]
	invSlot  = invariant.Slot[reduced.T]
	invState = invariant.State[reduced.T]
)

// corrupted is a set with one claim changed, and the set it was made of.
type corrupted struct {
	kind   string // of the change
	where  string
	record int
	set    *invariants
}

// with returns the set with another state in record i.
func with(set *invariants, i int, change func(*invState)) *invariants {
	out := *set
	out.Records = slices.Clone(set.Records)
	s := &out.Records[i].State
	s.Frames = slices.Clone(s.Frames)
	for k, f := range s.Frames {
		g := *f
		g.Stack = slices.Clone(f.Stack)
		s.Frames[k] = &g
	}
	s.Refs = slices.Clone(s.Refs)
	change(s)
	return &out
}

// without returns the set without record i.
func without(set *invariants, i int) *invariants {
	out := *set
	out.Records = nil
	for k, r := range set.Records {
		if k == i {
			continue
		}
		var next []int32
		for _, n := range r.Next {
			switch {
			case int(n) < i:
				next = append(next, n)
			case int(n) > i:
				next = append(next, n-1)
			}
		}
		r.Next = next
		out.Records = append(out.Records, r)
	}
	return &out
}

// changedRegs lists small corruptions of what a register or a spill claims.
func changedRegs(d *reduced.Domain, p *ir.Program, r *invReg) map[string]invReg {
	out := map[string]invReg{}
	add := func(kind string, change func(*invReg)) {
		q := *r
		change(&q)
		if q != *r && q.Val != d.Bottom() {
			out[kind] = q
		}
	}
	if r.Kind == invariant.None {
		add("unset register readable", func(q *invReg) { q.Kind, q.Val = invariant.Scalar, d.Top(ir.W64) })
		return out
	}
	b := d.Bounds(ir.W64, r.Val)
	if b.UMin != b.UMax {
		add("greatest cut off", func(q *invReg) { q.Val, _ = d.Refine(sem.ULT, ir.W64, r.Val, d.Const(ir.W64, b.UMax)) })
		add("least cut off", func(q *invReg) { q.Val, _ = d.Refine(sem.UGT, ir.W64, r.Val, d.Const(ir.W64, b.UMin)) })
		add("one value", func(q *invReg) { q.Val = d.Const(ir.W64, b.UMin) })
		unknown := r.Val.A.Mask
		low := unknown & -unknown
		for _, value := range []uint64{0, low} {
			known := reduced.T{A: tnum.T{Value: r.Val.A.Value | value, Mask: unknown &^ low}, B: interval.Top(ir.W64)}
			add(fmt.Sprintf("bit known %d", min(1, value)), func(q *invReg) { q.Val = d.Meet(ir.W64, r.Val, known) })
		}
	} else {
		add("other constant", func(q *invReg) { q.Val = d.Const(ir.W64, b.UMin+1) })
	}
	if r.Kind == invariant.Scalar {
		if r.ID != 0 {
			add("link moved", func(q *invReg) { q.Off++ })
		}
		add("number is the context", func(q *invReg) { *q = invReg{Kind: invariant.Ctx, Val: d.Const(ir.W64, 0)} })
		return out
	}
	add("offset plus 1", func(q *invReg) { q.Off++ })
	add("offset minus 8", func(q *invReg) { q.Off -= 8 })
	add("null-ness", func(q *invReg) { q.Null = !q.Null })
	add("range", func(q *invReg) {
		if q.InPacket() {
			q.Range = max(q.Range, 0) + 1
		}
	})
	add("range 14 more", func(q *invReg) {
		if q.InPacket() {
			q.Range = max(q.Range, 0) + 14
		}
	})
	add("reference lost", func(q *invReg) { q.Ref = 0 })
	add("id lost", func(q *invReg) { q.ID = 0 })
	add("index", func(q *invReg) {
		switch q.Kind {
		case invariant.Map, invariant.MapValue:
			q.Index = (q.Index + 1) % int32(len(p.Maps))
		case invariant.RingRecord, invariant.Memory:
			q.Index++
		}
	})
	add("pointer is a number", func(q *invReg) { *q = invReg{Kind: invariant.Scalar, Val: d.Top(ir.W64)} })
	return out
}

// changedSlots lists small corruptions of what a slot claims.
func changedSlots(d *reduced.Domain, p *ir.Program, sl *invSlot) map[string]invSlot {
	out := map[string]invSlot{}
	add := func(kind string, q invSlot) {
		if q != *sl {
			out[kind] = q
		}
	}
	if sl.N > 0 {
		for kind, r := range changedRegs(d, p, &sl.Spill) {
			q := *sl
			q.Spill = r
			add("spill: "+kind, q)
		}
		whole := invSlot{N: 8, Spill: invReg{Kind: invariant.Ctx, Val: d.Const(ir.W64, 0)}}
		for k := range whole.Bytes {
			whole.Bytes[k] = invariant.Spilled
		}
		add("spill: other type", whole)
		add("spill: zeros", invSlot{Bytes: [8]invariant.Byte{2, 2, 2, 2, 2, 2, 2, 2}})
		add("spill: nothing", invSlot{})
		return out
	}
	for k, b := range sl.Bytes {
		if q := *sl; b != invariant.Zero {
			q.Bytes[k] = invariant.Zero
			add("byte is zero", q)
			break
		}
	}
	q := invSlot{N: 8, Spill: invReg{Kind: invariant.Scalar, Val: d.Const(ir.W64, 1)}}
	for k := range q.Bytes {
		q.Bytes[k] = invariant.Spilled
	}
	add("bytes are a number", q)
	return out
}

// corruptions lists all of a set, in a fixed order.
func corruptions(p *ir.Program, set *invariants) []corrupted {
	d := reduced.New()
	var list []corrupted
	add := func(kind, where string, i int, s *invariants) { list = append(list, corrupted{kind, where, i, s}) }
	for i := range set.Records {
		s := &set.Records[i].State
		add(dropped, "", i, without(set, i))
		for k, f := range s.Frames {
			for n, r := range f.Regs {
				changes := changedRegs(d, p, r)
				for _, kind := range slices.Sorted(maps.Keys(changes)) {
					q := changes[kind]
					add(kind, fmt.Sprintf("frame %d r%d", k, n), i, with(set, i, func(s *invState) { s.Frames[k].Regs[n] = &q }))
				}
			}
			for n, sl := range f.Stack {
				changes := changedSlots(d, p, sl)
				for _, kind := range slices.Sorted(maps.Keys(changes)) {
					q := changes[kind]
					add(kind, fmt.Sprintf("frame %d slot %d", k, n), i, with(set, i, func(s *invState) { s.Frames[k].Stack[n] = &q }))
				}
			}
			if k+1 < len(s.Frames) && p.Insns[s.Frames[k+1].Site].Row().Pseudo == ir.CallHelper || p.Insns[set.Records[i].PC].Op == ir.OpCall(ir.CallHelper) && k+1 == len(s.Frames) {
				add("called back once more", fmt.Sprintf("frame %d", k), i, with(set, i, func(s *invState) { s.Frames[k].Calls++ }))
			}
			if k > 0 {
				add("call site", fmt.Sprintf("frame %d", k), i, with(set, i, func(s *invState) { s.Frames[k].Site++ }))
			}
		}
		if n := len(s.Refs); n > 0 {
			add("reference not held", "", i, with(set, i, func(s *invState) { s.Refs = s.Refs[:n-1] }))
		}
		if a, b := unlinked(s); b != nil {
			add("numbers equal", "", i, with(set, i, func(s *invState) {
				x, y := *a, *b
				x.ID, y.ID, x.Off, y.Off = 1000, 1000, 0, 0
				f := s.Frames[len(s.Frames)-1]
				f.Regs[slices.Index(f.Regs[:], a)] = &x
				f.Regs[lastIndex(f.Regs[:], b)] = &y
			}))
		}
	}
	return list
}

// unlinked returns two different registers of the innermost frame with numbers that are
// not known to be equal.
func unlinked(s *invState) (a, b *invReg) {
	f := s.Frames[len(s.Frames)-1]
	for n, r := range f.Regs {
		if r.Kind != invariant.Scalar || r.ID != 0 {
			continue
		}
		if a != nil && lastIndex(f.Regs[:], r) == n {
			return a, r
		}
		if a == nil {
			a = r
		}
	}
	return a, nil
}

func lastIndex(regs []*invReg, r *invReg) int {
	for n := len(regs) - 1; n >= 0; n-- {
		if regs[n] == r {
			return n
		}
	}
	return -1
}

// mutantPrograms are the programs whose invariants are corrupted.
var mutantPrograms = map[string]string{
	"arithmetic": "call get_prandom_u32\nr6 = r0\nr6 &= 7\nr7 = r6\nr7 <<= 2\nr7 += 3\nif r6 > 5 goto out\nr7 -= r6\nout: r0 = r7\nexit",
	"packet":     parsed14 + "r0 = *(u8 *)(r2 + 13)\nr0 &= 3\nr5 = *(u8 *)(r2 + 12)\nr5 &= 15\nr4 = r2\nr4 += r5\nr6 = r4\nr6 += 2\nif r6 > r3 goto out\nr0 = *(u16 *)(r4 + 0)\nout: exit",
	"stack":      "call get_prandom_u32\n*(u64 *)(r10 - 8) = r0\n*(u32 *)(r10 - 16) = 0\n*(u64 *)(r10 - 24) = r10\nr1 = *(u64 *)(r10 - 8)\nif r1 > 100 goto out\nr2 = *(u64 *)(r10 - 24)\n*(u8 *)(r2 - 32) = r1\nr0 = *(u64 *)(r10 - 8)\nr0 += 1\nout: exit",
	"lookup":     ".map m hash key 4 value 16 entries 4\n*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = map[m]\ncall map_lookup_elem\nr6 = r0\n*(u64 *)(r10 - 16) = r0\nif r0 == 0 goto out\nr1 = *(u32 *)(r6 + 4)\nr1 &= 7\nr6 += r1\nr0 = *(u64 *)(r6 + 1)\nr7 = *(u64 *)(r10 - 16)\n*(u32 *)(r7 + 12) = 5\nout: r0 = 0\nexit",
	"loop":       "r6 = 0\nr7 = 0\nagain: r7 += r6\nr6 += 1\nif r6 < 4 goto again\nr0 = r7\nexit",
	"functions":  "r1 = r10\nr1 += -8\n*(u64 *)(r10 - 8) = 3\nr2 = 5\ncall f\nr6 = r0\nr1 = r10\nr1 += -8\nr2 = 7\ncall f\nr0 += r6\nexit\n.func f\nr3 = *(u64 *)(r1 + 0)\nr3 += r2\nr0 = r3\nif r0 > 9 goto o\nr0 = 1\no: exit",
	"atomics":    "call get_prandom_u32\nr1 = r0\nr1 &= 15\n*(u64 *)(r10 - 8) = 7\nr2 = 2\nr2 = atomic_fetch_add((u64 *)(r10 - 8), r2)\nlock *(u64 *)(r10 - 8) |= r1\nr0 = *(u64 *)(r10 - 8)\nexit",
	"record":     ".map r ringbuf entries 4096\nr1 = map[r]\nr2 = 16\nr3 = 0\ncall ringbuf_reserve\nif r0 == 0 goto out\n*(u64 *)(r0 + 8) = 1\nr1 = r0\nr2 = 0\ncall ringbuf_submit\nout: r0 = 0\nexit",
	"callback":   "*(u64 *)(r10 - 8) = 0\nr1 = 5\nr2 = func[body]\nr3 = r10\nr3 += -8\nr4 = 0\ncall loop\nr0 = *(u64 *)(r10 - 8)\nexit\n.func body\nr3 = *(u64 *)(r2 + 0)\nr3 += r1\n*(u64 *)(r2 + 0) = r3\nr0 = 0\nexit",
	"counted":    ".map m array key 4 value 16 entries 1\n*(u64 *)(r10 - 8) = 0\nr1 = 3\nr2 = func[body]\nr3 = r10\nr3 += -8\nr4 = 0\ncall loop\nr1 = *(u64 *)(r10 - 8)\nr2 = map[m] + 0\nr2 += r1\nr0 = *(u8 *)(r2 + 0)\nexit\n.func body\nr3 = *(u64 *)(r2 + 0)\nr3 += 5\n*(u64 *)(r2 + 0) = r3\nr0 = 0\nexit",
	"global":     "call get_prandom_u32\nr6 = r0\n*(u64 *)(r10 - 8) = 3\nr1 = r6\nr2 = r10\nr2 += -8\ncall f\nr6 = r0\nr1 = 4\nr2 = 0\ncall f\nr0 += r6\nexit\n.func f global number mem 8 null\nr6 = r1\nr0 = 0\nif r2 == 0 goto o\n*(u64 *)(r2 + 0) = r6\nr6 &= 7\nr1 = r6\ncall g\no: r0 += r6\nexit\n.func g\nr0 = r1\nr0 += 1\nexit",
	"may_goto":   "r0 = 0\nr6 = 7\nagain: may_goto out\nr0 += 1\nif r0 > 5 goto out\ngoto again\nout: exit",
}

const parsed14 = "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr0 = 0\nr4 = r2\nr4 += 14\nif r4 > r3 goto out\n"

// tally counts what became of corruptions of one kind: refused, and shown to be
// false by a run; confirmed, as the record can be spared anyway, or as the claim
// follows from what leads there.
type tally struct{ made, refused, shown, spare, implied int }

const tallyLine = "%-32s %6d made, %6d refused (%6d of them false in a run), %5d in a record to spare, %5d implied"

// TestCorruptedInvariants changes every claim of many sets a little. The checker
// refuses the result, or it is as inductive as before: what a claim says more was
// true, and no run leaves the set. A false claim that is confirmed fails the test.
func TestCorruptedInvariants(t *testing.T) {
	v, err := verifier.New(verifier.Policy{Domain: Domain})
	require.NoError(t, err)
	counts := map[string]*tally{}
	for _, name := range slices.Sorted(maps.Keys(mutantPrograms)) {
		p, err := asm.Parse(name, ".type xdp\n.license GPL\n"+mutantPrograms[name])
		require.NoError(t, err, name)
		var in []runtime.Input
		c := progen.Seed(1)
		for range 60 {
			in = append(in, runtime.Input{Data: progen.Input(c, progen.Options{Type: ir.XDP})})
		}
		corrupt(t, v, p, in, counts, long.N(150, 30_000))
	}
	for seed := range long.N(6, 200) {
		o := progen.Options{Type: ir.XDP, Size: 4 + seed%8}
		c := progen.Seed(uint64(seed))
		p := progen.New(c, o)
		var in []runtime.Input
		for range 4 {
			in = append(in, inputs(c, o)...)
		}
		corrupt(t, v, p, in, counts, long.N(80, 2000))
	}
	var sum tally
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		n := counts[kind]
		t.Logf(tallyLine, kind, n.made, n.refused, n.shown, n.spare, n.implied)
		sum = tally{sum.made + n.made, sum.refused + n.refused, sum.shown + n.shown, sum.spare + n.spare, sum.implied + n.implied}
		require.Positive(t, n.refused, "no corruption of this kind was noticed: %s", kind)
	}
	t.Logf(tallyLine, "all", sum.made, sum.refused, sum.shown, sum.spare, sum.implied)
	require.Equal(t, sum.made, sum.refused+sum.spare+sum.implied)
	require.Greater(t, 10*sum.refused, 8*sum.made)
}

// moments are states of runs that a set includes, each with the only record that
// does, or -1 if there are several.
type moments struct {
	d    *reduced.Domain
	list []moment
	only []int32
}

// momentsOf keeps the different states of the program's runs on the inputs.
func momentsOf(t *testing.T, p *ir.Program, set *invariants, in []runtime.Input) *moments {
	t.Helper()
	ms := &moments{d: reduced.New()}
	at := set.ByPC()
	if slices.ContainsFunc(p.Maps, func(m *ir.MapSpec) bool { return m.Type != ir.Array && m.Type != ir.Hash }) {
		return ms // the reference does not see the memory of other kinds
	}
	for _, fill := range []byte{0, 0xa5} {
		err := trace(p, in, fill, func(m moment) error {
			m.machine.Frames = slices.Clone(m.machine.Frames)
			for i := range m.machine.Frames {
				m.machine.Frames[i].Stack = slices.Clone(m.machine.Frames[i].Stack)
			}
			if len(ms.list) == maxMoments {
				return errEnough
			}
			only, n := int32(-1), 0
			for _, i := range at[m.pc] {
				if set.Records[i].State.Contains(ms.d, &m.machine) {
					only = i
					n++
				}
			}
			require.Positive(t, n, "%s, pc %d", p.Name, m.pc)
			if n > 1 {
				only = -1
			}
			ms.list, ms.only = append(ms.list, m), append(ms.only, only)
			return nil
		})
		if errors.Is(err, reference.ErrUnsupported) {
			return ms // as far as it came
		}
		if !errors.Is(err, errEnough) {
			require.NoError(t, err, p.Name)
		}
	}
	return ms
}

// maxMoments bounds the states that are kept of a program's runs.
const maxMoments = 4000

var errEnough = errors.New("enough states")

// outside returns a state that is no longer in the set, in which the record is
// another one, or gone if s is nil.
func (ms *moments) outside(record int, s *invState) *moment {
	for i := range ms.list {
		if ms.only[i] == int32(record) && (s == nil || !s.Contains(ms.d, &ms.list[i].machine)) {
			return &ms.list[i]
		}
	}
	return nil
}

// corrupt judges the corruptions of the program's invariants, about as many as most
// of them, spread evenly.
func corrupt(t *testing.T, v *verifier.Verifier, p *ir.Program, in []runtime.Input, counts map[string]*tally, most int) {
	set := invariantsOf(t, v, p)
	require.NotNil(t, set, p.Name)
	require.Equal(t, recheck.Confirmed, recheck.Program(p, set).Verdict, p.Name)
	ms := momentsOf(t, p, set, in)
	list := corruptions(p, set)
	for i := 0; i < len(list); i += len(list)/most + 1 {
		m := &list[i]
		n := counts[m.kind]
		if n == nil {
			n = &tally{}
			counts[m.kind] = n
		}
		n.made++
		var state *invState
		if m.kind != dropped {
			state = &m.set.Records[m.record].State
		}
		outside := ms.outside(m.record, state)
		if r := recheck.Program(p, m.set); r.Verdict != recheck.Confirmed {
			n.refused++
			if outside != nil {
				n.shown++
			}
			continue
		}
		if m.kind == dropped || recheck.Program(p, without(set, m.record)).Verdict == recheck.Confirmed {
			n.spare++
		} else {
			n.implied++
			t.Logf("implied: %s record %d %s, %s: %v", p.Name, m.record, m.where, m.kind, set.Records[m.record].State)
		}
		require.Nil(t, outside, "%s: confirmed though false: %s of record %d, %s\n%s", p.Name, m.kind, m.record, m.where, text(p))
	}
}

// dropped is the kind of corruption that leaves a record out.
const dropped = "state dropped"
