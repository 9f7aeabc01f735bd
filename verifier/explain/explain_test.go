package explain_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/internal/golden"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/internal/progen"
	"github.com/bpfproof/bpfproof/internal/vectors"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/vm"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/solvers"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/explain"
)

func program(t testing.TB, e *corpus.Entry) *ir.Program {
	data, err := corpus.FS.ReadFile(e.Path)
	require.NoError(t, err)
	if path.Ext(e.Path) == ".s" {
		p, err := asm.Parse(e.Path, string(data))
		require.NoError(t, err)
		return p
	}
	obj, err := elf.ReadBytes(e.Path, data)
	require.NoError(t, err)
	return obj.Program(e.Program)
}

func explained(t testing.TB, p *ir.Program, o explain.Options) *explain.Explanation {
	v, err := verifier.New(verifier.Policy{})
	require.NoError(t, err)
	e, err := explain.Explain(t.Context(), v, p, o)
	require.NoError(t, err)
	requireReal(t, p, e)
	return e
}

// standing is a clock that stands still, at a time that the search does not use.
type standing struct{}

func (standing) Monotonic() uint64 { return 42_000_000_001 }
func (standing) Boot() uint64      { return 42_000_000_001 }

// requireReal runs the input of a bug once more, with nobody watching: a fault
// has to occur again, a wrong result has to be returned again.
func requireReal(t testing.TB, p *ir.Program, e *explain.Explanation) {
	b := e.Search.Bug
	if b == nil || b.Kind == explain.Deadlock { // that would wait for ever
		return
	}
	loader := vm.Loader(vm.Options{Seed: b.Input.Seed, Clock: standing{}})
	obj, err := runtime.Load(context.Background(), []*ir.Program{b.Input.Program(p)}, runtime.Options{Loader: loader, Unverified: true})
	require.NoError(t, err)
	defer obj.Close()
	_, err = obj.Programs()[0].Run(context.Background(), runtime.Input{Data: b.Input.Data, Ctx: b.Input.Ctx, Fuel: 1 << 20})
	var fault *vm.Fault
	switch b.Kind {
	case explain.Fault:
		require.ErrorAs(t, err, &fault, "%s: %v", p.Name, b)
		require.Equal(t, b.PC, fault.PC, "%s: %v", p.Name, b)
	case explain.Endless:
		require.ErrorAs(t, err, &fault, "%s: %v", p.Name, b)
		require.Equal(t, vm.FaultFuel, fault.Kind, "%s: %v", p.Name, b)
	case explain.Result:
		require.NoError(t, err, "%s: %v", p.Name, b)
	}
}

// TestCorpus explains every rejected program of the corpus: the table says for
// which of them an input was found that really fails, the other files hold some
// explanations in full.
func TestCorpus(t *testing.T) {
	entries, err := corpus.Entries()
	require.NoError(t, err)
	whole := []string{"examples/xdp_planted_bug:xdp_planted_bug", "reject/infinite_loop", "reject/map_value_index", "reject/map_value_beyond", "reject/null_wrong_branch",
		"reject/packet_after_adjust", "reject/packet_off_by_one", "reject/packet_var_unchecked", "reject/pointers_added", "reject/uninit_on_one_path", "reject/call_too_deep"}
	var table strings.Builder
	found, rejected := 0, 0
	for _, entry := range entries {
		if entry.Accept {
			continue
		}
		p := program(t, &entry)
		e := explained(t, p, explain.Options{})
		require.Equal(t, verifier.Reject, e.Verdict)
		require.Equal(t, entry.Finding, string(e.Finding.Code))
		rejected++
		if e.Search.Bug != nil {
			found++
		}
		fmt.Fprintf(&table, "%s\t%s\t%s\n", entry.Name(), e.Finding.Code, outcome(e))
		if slices.Contains(whole, entry.Name()) {
			golden.EqualString(t, path.Base(entry.Path)+".golden", e.String())
		}
	}
	fmt.Fprintf(&table, "failing inputs for %d of %d\n", found, rejected)
	golden.EqualString(t, "corpus.golden", table.String())
}

func outcome(e *explain.Explanation) string {
	switch s := &e.Search; {
	case s.Bug != nil:
		return fmt.Sprintf("%s\ttry %d", s.Bug.Kind, s.Tries)
	case s.Why != "":
		return "not run"
	default:
		return fmt.Sprintf("none\t%d tries", s.Tries)
	}
}

// TestVectors explains the programs that a live kernel rejects and we too, and
// counts by rule for how many of them 300 tries find an input that really fails.
func TestVectors(t *testing.T) {
	all, err := vectors.Read(vectors.Path("../.."))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip(vectors.Missing)
	}
	require.NoError(t, err)
	stride := long.N(23, 1)
	table := map[string][3]int{}
	for i := 0; i < len(all); i += stride {
		v := &all[i]
		p, err := v.Program()
		if err != nil || v.Expect != "reject" {
			continue
		}
		judge, err := verifier.New(verifier.Policy{})
		require.NoError(t, err)
		e, err := explain.Explain(t.Context(), judge, p, explain.Options{Tries: long.N(100, 300)})
		if err != nil || e.Verdict != verifier.Reject {
			continue
		}
		requireReal(t, p, e)
		row := table[string(e.Finding.Code)]
		row[0]++
		switch {
		case e.Search.Bug != nil:
			row[1]++
		case e.Search.Why != "":
			row[2]++
		}
		table[string(e.Finding.Code)] = row
	}
	var text strings.Builder
	var sum [3]int
	fmt.Fprintf(&text, "rule\trejected\tfailing input\tnot run\n")
	for _, code := range slices.Sorted(maps.Keys(table)) {
		row := table[code]
		fmt.Fprintf(&text, "%s\t%d\t%d\t%d\n", code, row[0], row[1], row[2])
		for i := range sum {
			sum[i] += row[i]
		}
	}
	fmt.Fprintf(&text, "(all)\t%d\t%d\t%d\n", sum[0], sum[1], sum[2])
	if long.Enabled() {
		golden.EqualString(t, "vectors.golden", text.String())
	}
	require.NotZero(t, sum[1])
}

// TestAccepted: an accepted program has nothing to explain, and is not run.
func TestAccepted(t *testing.T) {
	p, err := asm.Parse("a", ".type xdp\nr0 = 1\nexit")
	require.NoError(t, err)
	e := explained(t, p, explain.Options{})
	require.Equal(t, verifier.Accept, e.Verdict)
	require.Zero(t, e.Search.Tries)
	require.Contains(t, e.String(), "nothing to explain")
}

// TestFalseAlarm: where the program is safe, the search finds nothing and says
// so in counts.
func TestFalseAlarm(t *testing.T) {
	p, err := asm.Parse("a", `
	.type xdp
	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 3
	r3 += -3                      ; the same address, in a way the rules do not follow
	r3 *= 1
	r0 = 0
	if r3 > r2 goto out
out:
	exit`)
	require.NoError(t, err)
	e := explained(t, p, explain.Options{Tries: 50})
	require.Equal(t, verifier.PtrArith, e.Finding.Code)
	require.Nil(t, e.Search.Bug)
	require.Equal(t, 50, e.Search.Tries)
	require.Contains(t, e.String(), "not proved; no failing input found in 50 tries")
}

// TestLoss: each way to lose a fact is told apart, at the right instruction.
func TestLoss(t *testing.T) {
	lookup := `
	.type sched_cls
	.license GPL
	.map m hash key 4 value 16 entries 4
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map[m]
	call map_lookup_elem
	if r0 == 0 goto out
	r6 = r0
`
	end := `
out:
	r0 = 0
	exit`
	tests := []struct {
		name, text string
		pc         ir.PC
		how        explain.How
		want       string
	}{
		{"operator", "r1 = *(u8 *)(r6 + 0)\nr1 &= 15\nr1 *= 3\nr6 += r1\nr0 = *(u8 *)(r6 + 0)", 10, explain.Operator, "makes [0, 45] of R1=[0, 15]"},
		{"through a constant", "r1 = *(u8 *)(r6 + 0)\nr1 &= 15\nr1 += 1\nr6 += r1\nr0 = *(u8 *)(r6 + 0)", 9, explain.Never, "makes [0, 15] of R1=[0, 255]; needed is [-1, 14]"},
		{"through a spill", "r1 = *(u8 *)(r6 + 0)\n*(u64 *)(r10 - 16) = r1\nr2 = *(u64 *)(r10 - 16)\nr6 += r2\nr0 = *(u8 *)(r6 + 0)", 8, explain.Never, `reads it from map "m", which may hold [0, 255]`},
		{"call", "call get_prandom_u32\nr6 += r0\nr0 = *(u8 *)(r6 + 0)", 8, explain.Call, "call get_prandom_u32 at insn 8"},
		{"never", "r6 += r9\nr0 = *(u8 *)(r6 + 0)", 0, explain.Never, "R9 is as the program found it, unreadable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := asm.Parse("a", lookup+tt.text+end)
			require.NoError(t, err)
			e := explained(t, p, explain.Options{Tries: -1})
			require.Equal(t, "no tries are allowed", e.Search.Why)
			require.NotNil(t, e.Loss, "%v", e.Finding)
			require.Equal(t, tt.how, e.Loss.How, "%v\n%v", e.Finding, e.Loss)
			require.Equal(t, tt.pc, e.Loss.PC, "%v", e.Loss)
			require.Contains(t, e.Loss.Text, tt.want)
		})
	}
}

// TestJoin: what is lost where paths meet is shown there: a loop in a helper adds
// to a number on the stack, so its states are widened at the call.
func TestJoin(t *testing.T) {
	p, err := asm.Parse("a", `
	.type xdp
	.license GPL
	.map m array key 4 value 16 entries 1
	*(u64 *)(r10 - 8) = 0
	r1 = 5000
	r2 = func[count]
	r3 = r10
	r3 += -8
	r4 = 0
	call loop
	r1 = *(u64 *)(r10 - 8)
	r2 = map[m] + 0
	r2 += r1
	r0 = *(u8 *)(r2 + 0)
	r0 = 1
	exit
	.func count
	r1 = *(u64 *)(r2 + 0)
	r1 += 1
	*(u64 *)(r2 + 0) = r1
	r0 = 0
	exit`)
	require.NoError(t, err)
	e := explained(t, p, explain.Options{})
	require.Equal(t, verifier.MapValueBounds, e.Finding.Code)
	met := false
	for _, s := range e.Slice {
		met = met || s.PC == 7 && s.Insn == "(paths meet)" && s.Place == "fp-8"
	}
	require.True(t, met, "%v", e.Slice)
	require.NotNil(t, e.Search.Bug, "the laps are enough to leave the value")
}

// TestSolver: a branch on what is computed from the packet is reached by asking
// the solver, and the access leaves the value for one index only.
func TestSolver(t *testing.T) {
	p, err := asm.Parse("a", `
	.type xdp
	.license GPL
	.map m array key 4 value 16 entries 1
	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 16
	r0 = 1
	if r3 > r2 goto out
	r4 = *(u32 *)(r1 + 0)
	r4 = be32 r4
	w4 *= 77
	w4 ^= 0x1234567
	if w4 != 0x55aa1234 goto out
	*(u64 *)(r10 - 8) = r4
	r5 = *(u16 *)(r1 + 6)
	r5 *= 3
	r5 += 1
	r5 &= 0xffff
	if r5 > 16 goto out           ; 16 is one too many
	if r5 < 16 goto out
	r2 = map[m] + 0
	r2 += r5
	r0 = *(u8 *)(r2 + 0)
out:
	exit`)
	require.NoError(t, err)
	solver, err := solvers.New("", smt.Limits{Steps: 2_000_000})
	require.NoError(t, err)
	e := explained(t, p, explain.Options{Solver: solver})
	require.Equal(t, verifier.MapValueBounds, e.Finding.Code)
	require.NotNil(t, e.Search.Bug)
	require.Equal(t, explain.Fault, e.Search.Bug.Kind)
	require.Less(t, e.Search.Tries, 200)
	require.Nil(t, explained(t, p, explain.Options{}).Search.Bug, "guessing does not get there")
}

// TestHeld: a program that ends with a record of a ring buffer is seen to.
func TestHeld(t *testing.T) {
	p, err := asm.Parse("a", `
	.type xdp
	.license GPL
	.map r ringbuf entries 4096
	r1 = map[r]
	r2 = 8
	r3 = 0
	call ringbuf_reserve
	r6 = r0
	r0 = 1
	if r6 == 0 goto out
	r1 = *(u8 *)(r6 + 0)
	if r1 == 0 goto out           ; forgets the record
	r1 = r6
	r2 = 0
	call ringbuf_submit
	r0 = 1
out:
	exit`)
	require.NoError(t, err)
	e := explained(t, p, explain.Options{})
	require.Equal(t, verifier.RefLeak, e.Finding.Code)
	require.NotNil(t, e.Search.Bug, "%v", e.Search)
	require.Equal(t, explain.Held, e.Search.Bug.Kind)
	require.Contains(t, e.Search.Bug.Detail, "holds a ring buffer record")
}

// TestDeadlock: taking a lock twice ends the search, not the patience.
func TestDeadlock(t *testing.T) {
	p, err := asm.Parse("a", `
	.type sched_cls
	.license GPL
	.map m array key 4 value 8 entries 1 field bpf_spin_lock 0 4
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map[m]
	call map_lookup_elem
	if r0 == 0 goto out
	r6 = r0
	r1 = r6
	call spin_lock
	r1 = r6
	call spin_lock
	r1 = r6
	call spin_unlock
out:
	r0 = 0
	exit`)
	require.NoError(t, err)
	e := explained(t, p, explain.Options{})
	require.Equal(t, verifier.LockHeld, e.Finding.Code)
	require.NotNil(t, e.Search.Bug)
	require.Equal(t, explain.Deadlock, e.Search.Bug.Kind)
}

// TestSlice: what the refused access does not depend on is left out.
func TestSlice(t *testing.T) {
	p, err := asm.Parse("a", `
	.type xdp
	r7 = 5
	r2 = *(u32 *)(r1 + 4)
	r7 *= 3
	r1 = *(u32 *)(r1 + 0)
	r8 = r7
	call f
	r0 = 0
	exit
	.func f
	r4 = r1
	r5 = 1
	r0 = *(u8 *)(r4 + 0)
	exit`)
	require.NoError(t, err)
	e := explained(t, p, explain.Options{})
	var pcs []ir.PC
	for _, s := range e.Slice {
		pcs = append(pcs, s.PC)
	}
	require.Equal(t, []ir.PC{3, 5, 8}, pcs, "%v", e.Slice)
	require.Equal(t, explain.Fault, e.Search.Bug.Kind)
}

// TestMutants explains what is refused of programs with random changes: every
// input that is reported fails again, nothing panics, and some are found.
func TestMutants(t *testing.T) {
	v, err := verifier.New(verifier.Policy{Budget: verifier.Budget{Visits: 20_000}})
	require.NoError(t, err)
	refused, found := 0, 0
	for seed := range long.N(150, 20_000) {
		c := progen.Seed(uint64(seed))
		p := progen.Mutate(c, progen.New(c, progen.Options{Type: ir.XDP}))
		e, err := explain.Explain(t.Context(), v, p, explain.Options{Tries: 20, Seed: uint64(seed)})
		if err != nil {
			continue // no program any more
		}
		requireReal(t, p, e)
		require.NotEmpty(t, e.String())
		if e.Verdict == verifier.Reject {
			refused++
		}
		if e.Search.Bug != nil {
			found++
		}
	}
	t.Logf("%d refused, %d of them fail", refused, found)
	require.NotZero(t, found)
}

// TestDeterministic: explaining twice gives the same, to the last byte.
func TestDeterministic(t *testing.T) {
	entries, err := corpus.Entries()
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.Name() != "reject/packet_wrong_side" && entry.Name() != "reject/stack_variable" {
			continue
		}
		p := program(t, &entry)
		require.Equal(t, explained(t, p, explain.Options{}).String(), explained(t, p, explain.Options{}).String())
	}
}
