// Package mutants holds backends that are wrong on purpose, one bug each, for
// the test that matters most: the validator must refute every one of them,
// with a concrete state or for a structural reason, and prove none.
//
// A [Mutant] is a change of compiled bytes or tables that stands for a bug
// that compilers have had, and a small program in which it shows. [Mutant.Wrap]
// makes a wrong backend out of a right one; the change is made wherever the
// bug would show, so it can be tried on any program.
//
// The package knows machine code and what the baseline for amd64 emits. It
// must not know the validator.
//
//	for _, m := range mutants.All() {
//		wrong := m.Wrap(amd64.New(target))
//		code, err := jit.Compile(wrong, p)
//	}
//
// Sources: the bug classes are those of Jitterbug (OSDI 2020, section 6) and of
// fixes in arch/x86/net/bpf_jit_comp.c of Linux.
package mutants
