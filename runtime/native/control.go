package native

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// ours are the helpers that have to do with the run itself: where it goes on,
// and which functions of the program it calls.
var ours = [...]abi.HelperID{abi.TailCall, abi.Loop, abi.ForEachMapElem, abi.UserRingbufDrain}

// bind puts the run's own helpers into its table, which it then has alone.
func (r *Run) bind() {
	cloned := false
	for i, f := range [len(ours)]func([5]uint64) (uint64, error){r.tailCall, r.loop, r.forEach, r.drain} {
		id := int(ours[i])
		if id >= len(r.helpers) || r.helpers[id] == nil {
			continue
		}
		if !cloned {
			r.helpers, cloned = slices.Clone(r.helpers), true
		}
		r.helpers[id] = func(_ *helpers.Env, args [5]uint64) (uint64, error) { return f(args) }
	}
}

// errEnded says that the run is over already, for the reason in Run.err or
// by a fault.
var errEnded = errors.New("native: the run has ended")

// ended reports whether a function that was called back has ended the run.
func (r *Run) ended() bool { return r.err != nil || r.m.faultSignal != 0 }

// tailCall is bpf_tail_call: it returns where to go on, or 0 where execution
// falls through: there is no program at the index, or too many tail calls were
// made. Only calls of a program count, as in the kernel's JIT for x86-64.
func (r *Run) tailCall(args [5]uint64) (uint64, error) {
	m, err := r.env.Map(args[1])
	if err != nil {
		return 0, err
	}
	array, ok := m.(*maps.ProgArray)
	if !ok {
		return 0, fmt.Errorf("helpers: tail_call: map %q is a %v, not a prog_array", m.Spec().Name, m.Spec().Type)
	}
	if r.tails >= abi.TailCallLimit {
		return 0, nil
	}
	target, _ := array.Target(uint32(args[2])).(*Program)
	if target == nil || !r.use(target) {
		return 0, nil
	}
	r.tails++
	return uint64(target.entry), nil
}

// use makes sure that the run can go on in program p: its image stays, and its
// helpers and maps are within reach. It reports false for a closed program.
// Programs that call each other are expected to be loaded with the same
// options.
func (r *Run) use(p *Program) bool {
	if p == r.prog || slices.Contains(r.joined, p) {
		return true
	}
	p.mu.Lock()
	open := !p.closed
	if open {
		p.live++
	}
	p.mu.Unlock()
	if !open {
		return false
	}
	if p.helperExit == r.m.slow {
		r.m.helper = r.m.slow
	}
	r.joined = append(r.joined, p)
	table := make([]helpers.Func, max(len(r.helpers), len(p.helpers)))
	copy(table, p.helpers)
	for id, f := range r.helpers {
		if f != nil {
			table[id] = f
		}
	}
	r.helpers = table
	r.bind()
	r.widen(p.maps)
	return true
}

// widen adds maps to the run's environment. The old one stays entered to the
// end of this run: values that were looked up in it stay in place.
func (r *Run) widen(ms []maps.Map) {
	old := r.env
	r.maps = append(slices.Clone(r.maps), ms...)
	r.env = helpers.NewEnv(r.maps)
	r.env.Memory, r.env.Proved, r.env.Packet, r.env.Clock = old.Memory, old.Proved, old.Packet, old.Clock
	r.env.Trace, r.env.CPU, r.env.Random = old.Trace, old.CPU, old.Random
	r.env.Later, r.env.Own = old.Later, old.Own
	r.env.Enter()
	r.watch()
	r.env.Surroundings = old.Surroundings
	r.left = append(r.left, old)
}

// leave ends a run in its environments.
func (r *Run) leave() {
	r.m.letGo()
	r.m.abandon()
	r.env.Exit()
	r.leaveOld()
}

func (r *Run) leaveOld() {
	for _, old := range r.left {
		old.Exit()
		old.Close()
	}
	r.left = r.left[:0]
}

// at returns the program whose image has the address, and where in its text;
// nil if there is none.
func (r *Run) at(addr uint64) (*Program, int32) {
	if off, ok := r.prog.inside(addr); ok {
		return r.prog, off
	}
	for _, p := range r.joined {
		if off, ok := p.inside(addr); ok {
			return p, off
		}
	}
	return nil, 0
}

// inside returns where in the text an address lies, if it does.
func (p *Program) inside(addr uint64) (off int32, ok bool) {
	d := addr - uint64(p.image.addr(0))
	return int32(d), d < uint64(len(p.code.Text))
}

// function checks that a register refers to a function.
func (r *Run) function(ref uint64) error {
	p, off := r.at(ref)
	if p == nil || !slices.ContainsFunc(p.code.Funcs, func(f jit.Func) bool { return f.Entry == off }) {
		return fmt.Errorf("helpers: %#x is no function of the program", ref)
	}
	return nil
}

// stackReserve is the machine stack that must be left where a helper calls the
// program back: entering must not fault outside of an image.
const stackReserve = 4 << 10

// callback calls a function of the program from inside a helper, on the stack
// below the one that called the helper. It counts as a backward jump.
func (r *Run) callback(fn uint64, args [5]uint64) (uint64, error) {
	if r.m.rsp-r.stack.Addr() < stackReserve {
		return 0, errors.New("helpers: functions called back are nested too deep")
	}
	if r.m.r9 == 0 {
		if onPoll(r) {
			return 0, errEnded
		}
	} else {
		r.m.r9--
	}
	m := &r.m
	rsp, rbp, rbx, r13, r14, r15, id, entry := m.rsp, m.rbp, m.rbx, m.r13, m.r14, m.r15, m.rax, m.entry
	m.entry = uintptr(fn)
	m.rdi, m.rsi, m.rdx, m.rcx, m.r8 = args[0], args[1], args[2], args[3], args[4]
	reenter(r)
	m.entry = entry
	if r.ended() {
		return 0, errEnded
	}
	ret := m.rax
	m.rsp, m.rbp, m.rbx, m.r13, m.r14, m.r15, m.rax = rsp, rbp, rbx, r13, r14, r15, id
	return ret, nil
}

func errno(n unix.Errno) uint64 { return -uint64(n) }

// maxLoops bounds the calls of bpf_loop (BPF_MAX_LOOPS).
const maxLoops = 8 << 20

// loop is bpf_loop (kernel/bpf/bpf_iter.c of Linux 6.18): it calls the function
// with 0, 1, 2, ... until that returns something else than 0, and returns the
// number of calls.
func (r *Run) loop(args [5]uint64) (uint64, error) {
	n, fn, ctx, flags := uint64(uint32(args[0])), args[1], args[2], args[3]
	if err := r.function(fn); err != nil {
		return 0, err
	}
	switch {
	case flags != 0:
		return errno(unix.EINVAL), nil
	case n > maxLoops:
		return errno(unix.E2BIG), nil
	}
	for i := range n {
		ret, err := r.callback(fn, [5]uint64{i, ctx})
		if err != nil {
			return 0, err
		}
		if ret != 0 {
			return i + 1, nil
		}
	}
	return n, nil
}

// drain is bpf_user_ringbuf_drain: it calls the function with each record until
// that returns something else than 0, and returns the number of records.
func (r *Run) drain(args [5]uint64) (uint64, error) {
	handle, fn, ctx, flags := args[0], args[1], args[2], args[3]
	if err := r.function(fn); err != nil {
		return 0, err
	}
	d, ret, err := r.env.Drain(handle, flags)
	if d == nil {
		return ret, err
	}
	for at, ok := d.Next(); ok; at, ok = d.Next() {
		ret, err := r.callback(fn, [5]uint64{at, ctx})
		if err != nil {
			return 0, err
		}
		d.Took()
		if ret != 0 {
			break
		}
	}
	return d.End(), nil
}

// batch is how many elements for_each_map_elem reads ahead.
const batch = 64

// forEach is bpf_for_each_map_elem: it calls the
// function with map, key, value and ctx until that returns something else than
// 0, and returns the number of calls. Elements that are deleted before their
// turn are left out.
func (r *Run) forEach(args [5]uint64) (uint64, error) {
	handle, fn, ctx, flags := args[0], args[1], args[2], args[3]
	if err := r.function(fn); err != nil {
		return 0, err
	}
	m, err := r.env.Map(handle)
	switch {
	case err != nil:
		return 0, err
	case !helpers.Walkable(m):
		return 0, fmt.Errorf("helpers: for_each_map_elem: map %q is a %v", m.Spec().Name, m.Spec().Type)
	case flags != 0:
		return errno(unix.EINVAL), nil
	}
	key, err := mem.Alloc(maps.MaxKeySize)
	if err != nil {
		return 0, err
	}
	defer key.Free()
	calls := uint64(0)
	for cursor := uint64(0); ; {
		elems, next, err := m.Batch(cursor, batch)
		if err != nil {
			return 0, err
		}
		for _, e := range elems {
			value := r.env.Value(m, e.Key)
			if value == 0 {
				continue
			}
			copy(key.Bytes(), e.Key)
			calls++
			ret, err := r.callback(fn, [5]uint64{handle, key.Addr(), value, ctx})
			if err != nil || ret != 0 {
				return calls, err
			}
		}
		if next == 0 {
			return calls, nil
		}
		cursor = next
	}
}
