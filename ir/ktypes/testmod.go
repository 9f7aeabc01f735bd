package ktypes

import "github.com/cilium/ebpf/btf"

// WithTestModule returns the types with those of bpf_testmod, the module of the
// kernel's own tests, added: programs that were written to test verifiers call
// its functions. Without it they name functions that are not there.
//
// Source: the prototypes in tools/testing/selftests/bpf/bpf_testmod of Linux 6.12
// and, where 6.1 differs, in net/bpf/test_run.c.
func (t *Types) WithTestModule() *Types {
	t.mu.Lock()
	defer t.mu.Unlock()
	mods := append(t.mods[:len(t.mods):len(t.mods)], testModule)
	return &Types{load: t.load, spec: t.spec, err: t.err, mods: mods}
}

// builder makes types of a module. A member lies behind the one before it,
// aligned to its own size or to what align says.
type builder struct {
	t     *Types
	types map[string]btf.Type
}

func integer(name string, size uint32, signed bool) *btf.Int {
	enc := btf.Unsigned
	if signed {
		enc = btf.Signed
	}
	return &btf.Int{Name: name, Size: size, Encoding: enc}
}

var (
	intType   = integer("int", 4, true)
	charType  = integer("char", 1, true)
	shortType = integer("short int", 2, true)
	longType  = integer("long int", 8, true)
	ulongType = integer("long unsigned int", 8, false)
	u32Type   = integer("unsigned int", 4, false)
	u64Type   = integer("long long unsigned int", 8, false)
	voidType  = &btf.Void{}
)

func pointer(to btf.Type) *btf.Pointer { return &btf.Pointer{Target: to} }

func array(of btf.Type, n uint32) *btf.Array {
	return &btf.Array{Index: intType, Type: of, Nelems: n}
}

func member(name string, off uint32, typ btf.Type) btf.Member {
	return btf.Member{Name: name, Type: typ, Offset: btf.Bits(8 * off)}
}

func (b *builder) structure(name string, size uint32, members ...btf.Member) *btf.Struct {
	s := &btf.Struct{Name: name, Size: size, Members: members}
	if name != "" {
		b.types[name] = s
	}
	return s
}

// kernel returns the kernel's own structure, or an empty one where it has none of
// that name.
func (b *builder) kernel(name string) *btf.Struct {
	if s, ok := lookup[*btf.Struct](b.t, name); ok {
		return s
	}
	return &btf.Struct{Name: name}
}

func (b *builder) fn(name string, ret btf.Type, args ...btf.FuncParam) {
	b.types[name] = &btf.Func{Name: name, Type: &btf.FuncProto{Return: ret, Params: args}, Linkage: btf.StaticFunc, Tags: []string{"bpf_kfunc"}}
}

func arg(name string, typ btf.Type) btf.FuncParam { return btf.FuncParam{Name: name, Type: typ} }

// testModule returns the module's types by name. The lock of t is held.
func testModule(t *Types) map[string]btf.Type {
	b := &builder{t, map[string]btf.Type{}}
	inner1 := b.structure("prog_test_member1", 4, member("a", 0, intType))
	inner := b.structure("prog_test_member", 8, member("m", 0, inner1), member("c", 4, intType))
	obj := &btf.Struct{Name: "prog_test_ref_kfunc", Size: 32}
	refcount := b.kernel("refcount_struct")
	obj.Members = []btf.Member{member("a", 0, intType), member("b", 4, intType), member("memb", 8, inner), member("next", 16, pointer(obj)), member("cnt", 24, refcount)}
	b.types[obj.Name] = obj
	x3 := b.structure("", 4, member("x3", 0, intType))
	x2 := b.structure("", 8, member("x2", 0, intType), member("", 4, x3))
	x1 := b.structure("", 12, member("x1", 0, intType), member("", 4, x2))
	pass1 := b.structure("prog_test_pass1", 16, member("x0", 0, intType), member("", 4, x1))
	pass2 := b.structure("prog_test_pass2", 88, member("len", 0, intType), member("arr1", 4, array(shortType, 4)),
		member("x", 16, b.structure("", 72, member("arr2", 0, array(charType, 4)), member("arr3", 8, array(ulongType, 8)))))
	fail1 := b.structure("prog_test_fail1", 16, member("p", 0, pointer(voidType)), member("x", 8, intType))
	fail2 := b.structure("prog_test_fail2", 20, member("x8", 0, intType), member("x", 4, pass1))
	fail3 := b.structure("prog_test_fail3", 8, member("len", 0, intType), member("arr1", 4, array(charType, 2)), member("arr2", 6, array(charType, 0)))
	sock, ctx, object := pointer(b.kernel("sock")), pointer(b.kernel("__sk_buff")), pointer(obj)

	b.fn("bpf_kfunc_call_test_acquire", object, arg("scalar_ptr", pointer(ulongType)))
	b.fn("bpf_kfunc_call_test_release", voidType, arg("p", object))
	b.fn("bpf_kfunc_call_test_ref", voidType, arg("p", object))
	b.fn("bpf_kfunc_call_test_offset", voidType, arg("p", object))
	b.fn("bpf_kfunc_call_test_kptr_get", object, arg("pp", pointer(object)), arg("a", intType), arg("b", intType))
	b.fn("bpf_kfunc_call_memb_acquire", pointer(inner))
	b.fn("bpf_kfunc_call_memb_release", voidType, arg("p", pointer(inner)))
	b.fn("bpf_kfunc_call_memb1_release", voidType, arg("p", pointer(inner1)))
	b.fn("bpf_kfunc_call_test_get_rdwr_mem", pointer(intType), arg("p", object), arg("rdwr_buf_size", intType))
	b.fn("bpf_kfunc_call_test_get_rdonly_mem", pointer(intType), arg("p", object), arg("rdonly_buf_size", intType))
	b.fn("bpf_kfunc_call_test_acq_rdonly_mem", pointer(intType), arg("p", object), arg("rdonly_buf_size", intType))
	b.fn("bpf_kfunc_call_int_mem_release", voidType, arg("p", pointer(intType)))
	b.fn("bpf_kfunc_call_test1", u64Type, arg("sk", sock), arg("a", u32Type), arg("b", u64Type), arg("c", u32Type), arg("d", u64Type))
	b.fn("bpf_kfunc_call_test2", intType, arg("sk", sock), arg("a", u32Type), arg("b", u32Type))
	b.fn("bpf_kfunc_call_test3", sock, arg("sk", sock))
	b.fn("bpf_kfunc_call_test4", longType, arg("a", charType), arg("b", shortType), arg("c", intType), arg("d", longType))
	b.fn("bpf_kfunc_call_test_pass_ctx", voidType, arg("skb", ctx))
	b.fn("bpf_kfunc_call_test_pass1", voidType, arg("p", pointer(pass1)))
	b.fn("bpf_kfunc_call_test_pass2", voidType, arg("p", pointer(pass2)))
	b.fn("bpf_kfunc_call_test_fail1", voidType, arg("p", pointer(fail1)))
	b.fn("bpf_kfunc_call_test_fail2", voidType, arg("p", pointer(fail2)))
	b.fn("bpf_kfunc_call_test_fail3", voidType, arg("p", pointer(fail3)))
	b.fn("bpf_kfunc_call_test_mem_len_pass1", voidType, arg("mem", pointer(voidType)), arg("mem__sz", intType))
	b.fn("bpf_kfunc_call_test_mem_len_fail1", voidType, arg("mem", pointer(voidType)), arg("len", intType))
	b.fn("bpf_kfunc_call_test_mem_len_fail2", voidType, arg("mem", pointer(u64Type)), arg("len", intType))
	b.fn("bpf_kfunc_call_test_destructive", voidType)
	b.fn("bpf_kfunc_call_test_sleepable", voidType)
	b.fn("bpf_kfunc_call_test_static_unused_arg", u32Type, arg("arg", u32Type), arg("unused", u32Type))
	b.fn("bpf_testmod_test_mod_kfunc", voidType, arg("i", intType))
	return b.types
}
