package lint

import (
	"path"
	"slices"
	"sort"
	"strings"
)

// rule places packages in a layer. The longest matching prefix decides; a
// package may import packages of its own or a lower layer, within one layer
// only those of its own group.
type rule struct {
	prefix string
	layer  int
	group  string
}

var layers = []rule{
	{"ir", 0, "ir"},
	{"ir/sem", 1, "ir"}, {"ir/wire", 1, "ir"}, {"ir/asm", 1, "ir"}, {"ir/cfg", 1, "ir"}, {"ir/abi", 1, "ir"}, {"ir/dump", 1, "ir"}, {"ir/special", 1, "ir"}, {"ir/ktypes", 1, "ir"},
	{"ir/elf", 2, "elf"}, {"absint", 2, "absint"}, {"smt", 2, "smt"}, {"corpus", 2, "corpus"},
	{"absint/", 3, "absint"}, {"smt/", 3, "smt"},
	{"soundness", 4, "soundness"}, {"verifier", 4, "verifier"}, {"runtime", 4, "runtime"}, {"jit", 4, "jit"},
	{"jitproof", 5, "jitproof"}, {"verifier/explain", 5, "explain"}, {"runtime/native", 5, "native"}, {"runtime/kernel", 5, "kernel"},
	{"pipeline", 6, "pipeline"}, {"examples", 6, "examples"}, {"cmd", 6, "cmd"}, {"papers", 6, "papers"}, {"internal/e2e", 6, "e2e"}, {"internal/conformance", 6, "conformance"},
}

// free lists helpers of tests that stand outside of the layers: they may be
// imported from anywhere and may import only ir, its direct children and each
// other.
var free = []string{"internal/"}

func layerOf(dir string) (r rule, ok bool) {
	for _, l := range layers {
		exact := strings.TrimSuffix(l.prefix, "/")
		if (dir == exact && exact == l.prefix || strings.HasPrefix(dir, exact+"/")) && len(l.prefix) > len(r.prefix) {
			r, ok = l, true
		}
	}
	return r, ok
}

func isFree(dir string) bool {
	if _, ok := layerOf(dir); ok {
		return false
	}
	for _, f := range free {
		if strings.HasPrefix(dir, f) {
			return true
		}
	}
	return false
}

// checkLayers refuses imports that go up, or sideways between groups. Tests
// may import anything below their own layer's top, save for upward imports of
// packages that are not helpers of tests.
func checkLayers(s *source) []Problem {
	var problems []Problem
	from, known := layerOf(s.dir)
	if !known && !isFree(s.dir) && s.dir != "." {
		return []Problem{s.problem(s.file.Package, "layers", "package %s is in no layer: add it to internal/lint/layers.go", s.dir)}
	}
	if s.test() && strings.HasSuffix(s.file.Name.Name, "_test") {
		return nil // an external test may use higher layers to build its input
	}
	for _, im := range sortedImports(s) {
		dir, ours := strings.CutPrefix(im, Module+"/")
		if !ours || dir == s.dir || isFree(dir) {
			continue
		}
		to, ok := layerOf(dir)
		if isFree(s.dir) {
			if ok && to.layer > 1 {
				problems = append(problems, s.problem(s.file.Package, "layers", "helper %s imports %s above layer 1", s.dir, dir))
			}
			continue
		}
		if why := forbidden(s.dir, dir, from, to); why != "" {
			problems = append(problems, s.problem(imports(s)[im], "layers", "%s imports %s: %s", s.dir, dir, why))
		}
	}
	return problems
}

func forbidden(fromDir, toDir string, from, to rule) string {
	switch {
	case to.layer > from.layer:
		return "a higher layer"
	case to.layer == from.layer && to.group != from.group && from.layer < 6:
		return "another group of the same layer"
	case from.group == "jitproof" && strings.HasPrefix(toDir, "jit/") && !strings.HasPrefix(fromDir, "jitproof/mutants"):
		return "the validator must not know a backend"
	case from.group == "jit" && to.group == "runtime", from.group == "runtime" && to.group == "jit":
		return "jit and runtime meet in runtime/native"
	}
	return ""
}

// domains lists the packages of abstract domains, and domainTables the files
// outside of absint and soundness that may name them: tables to choose one by its
// name.
var (
	domains      = []string{"absint/tnum", "absint/interval", "absint/reduced"}
	domainTables = []string{"verifier/verifier.go", "verifier/recheck/recheck.go", "cmd/bpfproof/precision.go"}
)

// checkDomains demands that all code but tests, proofs and papers is written for
// any domain.
func checkDomains(s *source) []Problem {
	at := path.Join(s.dir, s.name)
	for _, dir := range []string{"absint/", "soundness/", "papers/"} {
		if strings.HasPrefix(at, dir) {
			return nil
		}
	}
	if s.test() || slices.Contains(domainTables, at) {
		return nil
	}
	var problems []Problem
	for _, d := range domains {
		if pos, ok := imports(s)[Module+"/"+d]; ok {
			problems = append(problems, s.problem(pos, "domains", "%s is chosen by name, in a table of domains", d))
		}
	}
	return problems
}

func sortedImports(s *source) []string {
	var list []string
	for p := range imports(s) {
		list = append(list, p)
	}
	sort.Strings(list)
	return list
}

// checkUnsafe allows unsafe only in runtime/native and in files named for it.
func checkUnsafe(s *source) []Problem {
	pos, uses := imports(s)["unsafe"]
	allowed := strings.HasPrefix(s.dir, "runtime/native") || strings.HasSuffix(strings.TrimSuffix(s.name, "_test.go"), "_unsafe") ||
		strings.HasSuffix(s.name, "_unsafe.go")
	if _, cgo := imports(s)["C"]; cgo && s.dir == "smt/z3" {
		allowed = true // cgo cannot hand over memory without it
	}
	if !uses || allowed {
		return nil
	}
	return []Problem{s.problem(pos, "unsafe", "unsafe belongs in runtime/native or a file named *_unsafe.go")}
}
