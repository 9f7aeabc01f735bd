package elf

import (
	"bytes"
	"cmp"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/bpfproof/bpfproof/ir"
)

// Object is what an object file defines.
type Object struct {
	Name     string
	Programs []*ir.Program // in the order of their places in the file
	Maps     []*ir.MapSpec // in the order of their places in the file
	Types    *btf.Spec     // nil if the object has no BTF
	// Funcs holds the types of functions by name, with the names of their arguments
	// and whether they are static or global; empty if the object has no BTF.
	Funcs map[string]*btf.Func
}

// Program returns the program with the given name, or nil.
func (o *Object) Program(name string) *ir.Program {
	for _, p := range o.Programs {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Options selects what an object is read against. The zero value reads it for
// the running kernel.
type Options struct {
	// Kernel holds the types that CO-RE relocations and .ksyms are resolved against;
	// nil means those of the running kernel.
	Kernel *btf.Spec
	// Symbols are the kernel's addresses for .ksyms variables without type; nil
	// means those of the running kernel, or none if Kernel is given.
	Symbols map[string]uint64
	// Config is the path of the kernel's configuration for .kconfig, compressed or
	// not; "" means that of the running kernel.
	Config string
	// Version is the kernel's version, major<<16 | minor<<8 | patch; 0 means that of
	// the running kernel.
	Version uint32
}

// Load reads the object file at path. Errors about its contents are *Error.
func Load(path string) (*Object, error) { return load(path, path, Options{}) }

// load reads the object at path; name stands for it in errors.
func load(name, path string, opts Options) (*Object, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("elf: open object: %w", err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, &Error{File: name, Offset: -1, Reason: "not a regular file"}
	}
	return ReadWith(name, f, opts)
}

// Read reads an object from r; name stands for it in errors and reports.
func Read(name string, r io.ReaderAt) (*Object, error) {
	return ReadWith(name, r, Options{})
}

// ReadWith is Read with options.
func ReadWith(name string, r io.ReaderAt, opts Options) (obj *Object, err error) {
	// Parsers of hostile files are run under guard: a panic in them is a
	// malformed file, not the end of the process.
	defer func() {
		if p := recover(); p != nil {
			obj, err = nil, &Error{File: name, Offset: -1, Reason: fmt.Sprintf("malformed: parser panicked: %v", p)}
		}
	}()
	rd := &reader{name: name, r: r, opts: opts}
	if err := rd.checkFile(); err != nil {
		return nil, err
	}
	if err := rd.loadKsyms(); err != nil {
		return nil, err
	}
	adapted, err := rd.adapt()
	if err != nil {
		return nil, err
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(adapted)
	if err != nil {
		return nil, &Error{File: name, Offset: -1, Reason: oneLine(err), Err: err}
	}
	rd.spec = spec
	obj = &Object{Name: name, Types: spec.Types, Funcs: map[string]*btf.Func{}}
	rd.funcs = obj.Funcs
	if err := rd.maps(obj); err != nil {
		return nil, err
	}
	if err := rd.kconfig(obj); err != nil {
		return nil, err
	}
	if err := rd.programs(obj); err != nil {
		return nil, err
	}
	if err := rd.resolvePrograms(obj); err != nil {
		return nil, err
	}
	return obj, nil
}

// ReadBytes is Read for an object in memory.
func ReadBytes(name string, data []byte) (*Object, error) {
	return Read(name, bytes.NewReader(data))
}

// reader is the state of one Read.
type reader struct {
	name      string
	r         io.ReaderAt
	opts      Options
	file      *elf.File
	symbols   []elf.Symbol
	spec      *ebpf.CollectionSpec
	byName    map[string]*ir.MapSpec // under the names that instructions refer to
	refs      []elemRef              // elements that refer to maps
	order     map[*ir.MapSpec]int    // place in Object.Maps
	types     *btfIndex              // nil if the object has no BTF
	running   *btf.Spec              // of the running kernel, nil until they are needed
	ksyms     map[string]ksym        // what .ksyms declares
	functions map[string]elf.Symbol  // nil until asked for
	relocs    map[relocPlace]string  // references to undefined symbols; nil until asked for
	isWeak    map[string]bool        // undefined symbols that are weak; nil until asked for
	addrs     map[string]uint64      // addresses of the running kernel; nil until asked for
	funcs     map[string]*btf.Func   // Object.Funcs
}

// errorf returns an error at a section, "" for none.
func (rd *reader) errorf(section, symbol string, offset int64, format string, args ...any) error {
	e := &Error{File: rd.name, Section: section, Symbol: symbol, Offset: offset, Reason: fmt.Errorf(format, args...).Error()}
	for _, a := range args {
		if err, ok := a.(error); ok {
			e.Err = err
		}
	}
	return e
}

// place orders what the object defines as it lies in the file: by section, then
// by offset, then by name.
type place struct {
	section elf.SectionIndex
	offset  uint64
}

// places returns where each symbol and each section is defined.
func (rd *reader) places() map[string]place {
	at := map[string]place{}
	for _, s := range rd.symbols {
		if s.Name != "" && s.Section != elf.SHN_UNDEF {
			at[s.Name] = place{s.Section, s.Value}
		}
	}
	for i, s := range rd.file.Sections {
		name := s.Name
		if strings.HasPrefix(name, ".bss.") {
			name = renamed + name
		}
		if _, ok := at[name]; !ok {
			at[name] = place{section: elf.SectionIndex(i)}
		}
	}
	return at
}

// inOrder returns the keys of m by place and name.
func inOrder[V any](m map[string]V, at map[string]place) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(at[a].section, at[b].section), cmp.Compare(at[a].offset, at[b].offset), cmp.Compare(a, b))
	})
	return names
}
