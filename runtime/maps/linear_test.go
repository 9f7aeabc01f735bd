package maps

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// opKind is an operation of a history.
type opKind int

const (
	opLookup opKind = iota // by a program, without a lock
	opRead                 // by the application
	opUpdate
	opInsert // abi.UpdateNoExist
	opDelete
	opPush
	opPop
)

type opInput struct {
	kind  opKind
	key   uint32
	value uint64
}

type opOutput struct {
	err   Error // 0: none
	value uint64
}

// contents is a plain Go model of a map, printed in order: values of
// porcupine's states are compared by ==.
func contents(m map[uint32]uint64) string {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, int(k))
	}
	sort.Ints(keys)
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "%d=%d ", k, m[uint32(k)])
	}
	return b.String()
}

func parse(s string) map[uint32]uint64 {
	m := map[uint32]uint64{}
	for _, f := range strings.Fields(s) {
		var k uint32
		var v uint64
		fmt.Sscanf(f, "%d=%d", &k, &v)
		m[k] = v
	}
	return m
}

// subject is a kind under test: how an operation is done, and what a plain map
// says of it.
type subject struct {
	name string
	spec *ir.MapSpec
	keys uint32
	ops  []opKind
	// find returns the key that a lookup hits.
	find func(m map[uint32]uint64, key uint32) (uint32, bool)
	full Error
	// nearly allows a refusal for want of room beside operations under way, whose
	// room is taken before, and given back after, they are seen. The kernel's
	// tables do the same.
	nearly bool
	lru    bool
	key    func(uint32) []byte
}

func exact(m map[uint32]uint64, key uint32) (uint32, bool) {
	_, ok := m[key]
	return key, ok
}

// longestPrefix: key k of a trie is the prefix of (k & 3) * 3 bits of k >> 2.
func longestPrefix(m map[uint32]uint64, key uint32) (uint32, bool) {
	best, ok := uint32(0), false
	kl, kd := key&3*3, byte(key>>2)
	for k := range m {
		l, d := k&3*3, byte(k>>2)
		if l <= kl && (d^kd)>>(8-min(l, 8)) == 0 && (!ok || l > best&3*3) {
			best, ok = k, true
		}
	}
	return best, ok
}

// prefixKey is the key of a trie; the bits behind a prefix are zero.
func prefixKey(k uint32) []byte {
	l, d := k&3*3, byte(k>>2)
	if l > 8 {
		l = 8
	}
	d &= ^byte(0xff >> l)
	return append(u32(l), d)
}

var subjects = []subject{
	{name: "array", spec: arraySpec(4, 8), keys: 4, ops: []opKind{opLookup, opRead, opUpdate}, find: exact},
	{name: "hash", spec: hashSpec(8, 4, 8), keys: 4, ops: []opKind{opLookup, opLookup, opRead, opUpdate, opInsert, opDelete}, find: exact, full: ErrNoSpace},
	{name: "full hash", spec: hashSpec(2, 4, 8), keys: 4, ops: []opKind{opLookup, opUpdate, opInsert, opDelete}, find: exact, full: ErrNoSpace, nearly: true},
	{name: "lru hash", spec: &ir.MapSpec{Type: ir.LRUHash, KeySize: 4, ValueSize: 8, MaxEntries: 3}, keys: 6,
		ops: []opKind{opLookup, opRead, opUpdate, opDelete}, find: exact, lru: true},
	{name: "lpm trie", spec: &ir.MapSpec{Type: ir.LPMTrie, KeySize: 5, ValueSize: 8, MaxEntries: 6, Flags: FlagNoPrealloc}, keys: 2,
		ops: []opKind{opLookup, opLookup, opRead, opUpdate, opInsert, opDelete}, find: longestPrefix, full: ErrNoRoom, key: prefixKey},
	{name: "queue", spec: &ir.MapSpec{Type: ir.Queue, ValueSize: 8, MaxEntries: 3}, ops: []opKind{opPush, opPop}},
	{name: "stack", spec: &ir.MapSpec{Type: ir.Stack, ValueSize: 8, MaxEntries: 3}, ops: []opKind{opPush, opPop}},
}

// step is what a plain map does, and whether the result is allowed.
func (s *subject) step(state, input, output any) (bool, any) {
	in, out := input.(opInput), output.(opOutput)
	m := parse(state.(string))
	k, has := in.key, false
	if s.find != nil {
		k, has = s.find(m, in.key)
	}
	want := opOutput{}
	_, same := m[in.key]
	switch in.kind {
	case opLookup, opRead:
		want = opOutput{value: m[k]}
		if !has {
			want = opOutput{err: ErrKeyNotExist}
		}
	case opUpdate, opInsert:
		switch {
		case same && in.kind == opInsert:
			want.err = ErrKeyExist
		case !same && s.full != 0 && len(m) == int(s.spec.MaxEntries):
			want.err = s.full
		default:
			m[in.key] = in.value
		}
	case opDelete:
		if !same {
			want.err = ErrKeyNotExist
		}
		delete(m, in.key)
	}
	if s.lru && out.err == ErrKeyNotExist { // it may have gone at any time
		delete(m, in.key)
		return true, contents(m)
	}
	if s.nearly && out.err == s.full {
		return in.kind == opUpdate && !same || in.kind == opInsert && !same, state
	}
	return out == want, contents(m)
}

// line is the model of queues and stacks: values one behind the other.
func (s *subject) line(state, input, output any) (bool, any) {
	in, out := input.(opInput), output.(opOutput)
	q := strings.Fields(state.(string))
	if in.kind == opPush {
		if len(q) == int(s.spec.MaxEntries) {
			return out == opOutput{err: ErrNoSpace}, state
		}
		return out == opOutput{}, strings.Join(append(q, fmt.Sprint(in.value)), " ")
	}
	if len(q) == 0 {
		return out == opOutput{err: ErrKeyNotExist}, state
	}
	at := 0
	if s.spec.Type == ir.Stack {
		at = len(q) - 1
	}
	ok := out.err == 0 && fmt.Sprint(out.value) == q[at]
	return ok, strings.Join(append(append([]string{}, q[:at]...), q[at+1:]...), " ")
}

func (s *subject) model() porcupine.Model {
	m := porcupine.Model{Step: s.step, DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v -> %+v", in, out) }}
	start := map[uint32]uint64{}
	switch {
	case s.spec.Type == ir.Array:
		for k := range s.keys {
			start[k] = 0
		}
	case s.find == nil:
		m.Step = s.line
	}
	m.Init = func() any { return contents(start) }
	return m
}

// do carries an operation out.
func (s *subject) do(m Map, r *Reader, in opInput) (out opOutput) {
	key := u32(in.key)
	if s.key != nil {
		key = s.key(in.key)
	}
	var err error
	value := make([]byte, 8)
	switch in.kind {
	case opLookup:
		r.Enter()
		if addr := m.LookupAddr(key); addr != 0 {
			out.value = atomic.LoadUint64(mem.Ptr64(addr))
		} else {
			err = ErrKeyNotExist
		}
		r.Exit()
	case opRead:
		if value, err = m.Lookup(key); err == nil {
			out.value = binary.NativeEndian.Uint64(value)
		}
	case opUpdate:
		err = m.Put(key, u64(in.value), 0)
	case opInsert:
		err = m.Put(key, u64(in.value), abi.UpdateNoExist)
	case opDelete:
		err = m.Remove(key)
	case opPush:
		err = m.(Buffer).Push(u64(in.value), 0)
	case opPop:
		if err = m.(Buffer).Pop(value); err == nil {
			out.value = binary.NativeEndian.Uint64(value)
		}
	}
	if err != nil && !errors.As(err, &out.err) {
		panic(err)
	}
	return out
}

// history lets clients work on a fresh map at the same time.
func (s *subject) history(t *testing.T, seed uint64, clients, each int) []porcupine.Operation {
	epochs := NewEpochs()
	m, err := New(s.spec, In(epochs))
	require.NoError(t, err)
	defer m.Close()
	interrupt(m, seed)
	all := make([][]porcupine.Operation, clients)
	var clock atomic.Int64
	var done sync.WaitGroup
	for c := range clients {
		done.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(c)))
			r := epochs.Join()
			defer r.Leave()
			for i := range each {
				in := opInput{kind: s.ops[rng.IntN(len(s.ops))], value: uint64(c*each+i) + 1}
				if s.keys > 0 {
					in.key = s.pick(rng)
				}
				op := porcupine.Operation{ClientId: c, Input: in, Call: clock.Add(1)}
				if rng.IntN(2) == 0 {
					goruntime.Gosched()
				}
				op.Output = s.do(m, r, in)
				op.Return = clock.Add(1)
				all[c] = append(all[c], op)
			}
		})
	}
	done.Wait()
	var ops []porcupine.Operation
	for _, o := range all {
		ops = append(ops, o...)
	}
	return ops
}

// interrupt lets others run in the middle of operations: those are shorter than
// a time slice, and would hardly ever overlap.
func interrupt(m Map, seed uint64) {
	var n atomic.Uint64
	pause := func() {
		x := fold(n.Add(1)^mix0, seed*mix1|1)
		for range x % 4 * (x >> 8 % 4) * (x >> 16 % 4) { // mostly a few times, now and then long enough for others to finish
			goruntime.Gosched()
		}
	}
	switch m := m.(type) {
	case *hash:
		m.pause = pause
	case *lpm:
		m.pause = pause
	case *queue:
		m.pause = pause
	}
}

func (s *subject) pick(rng *rand.Rand) uint32 {
	if s.key == nil {
		return uint32(rng.IntN(int(s.keys)))
	}
	l := uint32(rng.IntN(3)) // prefixes of 0 and 3 bits, which are short, and of 6
	d := uint32(rng.IntN(int(s.keys))) << 4 & 0xff
	return uint32(prefixKey(d<<2 | l)[4])<<2 | l
}

// check says whether the results of a history can be those of a plain map to
// which the operations were done one by one, each between its call and return.
func (s *subject) check(ops []porcupine.Operation) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(s.model(), ops, time.Minute)
}

// clients is how many goroutines work at the same time.
const clients = 4

// TestLinearizable drives maps of many kinds from several goroutines. With -long
// it goes on for ten minutes.
func TestLinearizable(t *testing.T) {
	end := time.Now()
	if long.Enabled() {
		end = end.Add(10 * time.Minute)
	}
	for seed := uint64(0); seed < 40 || time.Now().Before(end); seed++ {
		for i := range subjects {
			s := &subjects[i]
			ops := s.history(t, seed, clients, 30)
			if got := s.check(ops); got != porcupine.Ok {
				t.Fatalf("%s, seed %d: history is %v as one of a plain map: %s", s.name, seed, got, describe(ops))
			}
		}
	}
}

func describe(ops []porcupine.Operation) string {
	var b strings.Builder
	for _, o := range ops {
		fmt.Fprintf(&b, "\n%d..%d client %d: %+v -> %+v", o.Call, o.Return, o.ClientId, o.Input, o.Output)
	}
	return b.String()
}

// TestLinearizableNotices: a lost update, a value that was never set and a map
// that holds too much are seen.
func TestLinearizableNotices(t *testing.T) {
	s := &subjects[1]
	at := func(call int64, in opInput, out opOutput) porcupine.Operation {
		return porcupine.Operation{Input: in, Output: out, Call: call, Return: call + 1}
	}
	update := at(1, opInput{opUpdate, 1, 5}, opOutput{})
	for _, bad := range []porcupine.Operation{
		at(3, opInput{opLookup, 1, 0}, opOutput{err: ErrKeyNotExist}),
		at(3, opInput{opLookup, 1, 0}, opOutput{value: 6}),
		at(3, opInput{opInsert, 1, 7}, opOutput{}),
		at(3, opInput{opInsert, 2, 7}, opOutput{err: ErrNoSpace}),
	} {
		require.Equal(t, porcupine.Illegal, s.check([]porcupine.Operation{update, bad}))
	}
	require.Equal(t, porcupine.Ok, s.check([]porcupine.Operation{update, at(3, opInput{opLookup, 1, 0}, opOutput{value: 5})}))
}
