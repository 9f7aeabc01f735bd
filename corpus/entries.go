package corpus

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Entry is one program and what is expected of it.
type Entry struct {
	Path    string // in FS: assembly text (.s) or an object (.o)
	Program string // which program of an object; "" for text, which holds one
	Origin  string // who wrote it
	License string // SPDX identifier
	Accept  bool
	// Finding is the stable code that a verifier reports for a rejected program,
	// Kernel a part of the line that the live kernel ends with.
	Finding, Kernel string
	// Engines names the engines that run the program, nil for all; the others
	// refuse it, for the reason that the text states behind the names.
	Engines []string
	// Unknown is a part of why our verifier does not decide a program that is
	// safe; "" where it accepts it.
	Unknown string
	Runs    []Run  // one after the other, on the same maps
	Maps    []Elem // what the maps hold after the runs; elements not listed are free
}

// Name returns a short unique name, such as "accept/alu64".
func (e *Entry) Name() string {
	name := strings.TrimSuffix(e.Path, path.Ext(e.Path))
	if e.Program != "" {
		name += ":" + e.Program
	}
	return name
}

// RunsIn reports whether the engine of that name runs the program.
func (e *Entry) RunsIn(engine string) bool {
	return e.Engines == nil || slices.Contains(e.Engines, engine)
}

// Run is one run: an input and what comes of it.
type Run struct {
	Packet []byte
	Ret    uint32
	Data   []byte // the packet after the run; as Packet where the text does not say
}

// Elem is an element that a map holds, or with a nil Key the statement that
// the map holds none.
type Elem struct {
	Map        string
	Key, Value []byte
}

// DefaultPacket is the packet of runs that name none: 64 zero bytes.
func DefaultPacket() []byte { return make([]byte, 64) }

// objects lists the programs in C; those in assembly text state the same in
// their first comments.
var objects = []Entry{
	{Path: "examples/xdp_classifier.o", Program: "xdp_classifier", Accept: true, Runs: classifierRuns(), Maps: classifierMaps()},
	{Path: "examples/xdp_globals.o", Program: "xdp_globals", Accept: true,
		Runs: []Run{{Packet: make([]byte, 32), Ret: 2, Data: make([]byte, 32)}, {Packet: make([]byte, 64), Ret: 1, Data: make([]byte, 64)}},
		Maps: []Elem{{Map: ".bss", Key: make([]byte, 4), Value: unhex("020000000000000001000000010000000000000000000000")}}},
	{Path: "examples/xdp_globals.o", Program: "xdp_count", Accept: true, Runs: []Run{{Packet: make([]byte, 64), Ret: 3, Data: make([]byte, 64)}},
		Maps: []Elem{{Map: "by_size", Key: unhex("40000000"), Value: unhex("0100000000000000")}}},
	{Path: "examples/xdp_planted_bug.o", Program: "xdp_planted_bug", Finding: "packet-bounds", Kernel: "R1 offset is outside of the packet"},
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err) // a constant of the table above
	}
	return b
}

// Entries returns the whole corpus, in order of name.
func Entries() ([]Entry, error) {
	var list []Entry
	for _, dir := range []string{"accept", "bench", "bugs", "examples", "reject"} {
		files, err := fs.ReadDir(FS, dir)
		if err != nil {
			continue // a directory without programs is not embedded
		}
		for _, f := range files {
			if path.Ext(f.Name()) != ".s" {
				continue
			}
			e, err := read(path.Join(dir, f.Name()))
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		}
		for _, e := range append(benchEntries(), objects...) {
			if path.Dir(e.Path) == dir {
				e.Origin, e.License = "bpfproof", "Apache-2.0"
				list = append(list, e)
			}
		}
	}
	return list, nil
}

// read reads the statements in the first comments of an assembly text:
//
//	; origin: bpfproof
//	; license: Apache-2.0
//	; expect: accept            or: reject packet-bounds
//	; kernel: part of the kernel's reason
//	; verifier: part of the reason why ours says unknown of a safe program
//	; engines: vm kernel: why the others refuse it
//	; run: r0 = 0x2 packet=0102 data=0102
//	; map: hits 00000000 0100   an element after the runs; "map: hits none" for an empty map
func read(name string) (Entry, error) {
	e := Entry{Path: name}
	text, err := FS.ReadFile(name)
	if err != nil {
		return e, fmt.Errorf("corpus: read %s: %w", name, err)
	}
	n, expected := 0, false
	for line := range bytes.Lines(text) {
		n++
		comment, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "; ")
		key, value, stated := strings.Cut(comment, ": ")
		if !ok || !stated {
			continue
		}
		expected = expected || key == "expect"
		if err := e.state(key, strings.TrimSpace(value)); err != nil {
			return e, fmt.Errorf("corpus: read %s:%d: %w", name, n, err)
		}
	}
	if !expected || e.Origin == "" || e.License == "" {
		return e, fmt.Errorf("corpus: read %s: origin, license and expect must be stated", name)
	}
	return e, nil
}

func (e *Entry) state(key, value string) (err error) {
	switch key {
	case "origin":
		e.Origin = value
	case "license":
		e.License = value
	case "kernel":
		e.Kernel = value
	case "verifier":
		e.Unknown = value
	case "engines":
		names, reason, _ := strings.Cut(value, ": ")
		if e.Engines = strings.Fields(names); reason == "" || len(e.Engines) == 0 {
			err = fmt.Errorf("engines %q: want their names, and why the others refuse the program", value)
		}
	case "expect":
		verdict, code, _ := strings.Cut(value, " ")
		e.Accept, e.Finding = verdict == "accept", code
		if verdict != "accept" && verdict != "reject" || e.Accept != (code == "") {
			err = fmt.Errorf("expectation %q: want \"accept\" or \"reject CODE\"", value)
		}
	case "run":
		var r Run
		if r, err = parseRun(value); err == nil {
			e.Runs = append(e.Runs, r)
		}
	case "map":
		var m Elem
		if m, err = parseElem(value); err == nil {
			e.Maps = append(e.Maps, m)
		}
	}
	return err
}

func parseRun(text string) (Run, error) {
	r := Run{}
	words := strings.Fields(text)
	if len(words) < 3 || words[0] != "r0" || words[1] != "=" {
		return r, fmt.Errorf("run %q: want \"r0 = NUMBER\"", text)
	}
	ret, err := strconv.ParseUint(words[2], 0, 32)
	if err != nil {
		return r, fmt.Errorf("run %q: %w", text, err)
	}
	r.Ret = uint32(ret)
	for _, w := range words[3:] {
		key, digits, _ := strings.Cut(w, "=")
		data, err := hex.DecodeString(digits)
		switch {
		case err != nil:
			return r, fmt.Errorf("run %q: %s: %w", text, key, err)
		case key == "packet":
			r.Packet = data
		case key == "data":
			r.Data = data
		default:
			return r, fmt.Errorf("run %q: unknown %q", text, key)
		}
	}
	if r.Packet == nil {
		r.Packet = DefaultPacket()
	}
	if r.Data == nil {
		r.Data = r.Packet
	}
	return r, nil
}

func parseElem(text string) (Elem, error) {
	words := strings.Fields(text)
	if len(words) == 2 && words[1] == "none" {
		return Elem{Map: words[0]}, nil
	}
	if len(words) != 3 {
		return Elem{}, fmt.Errorf("map %q: want a map, a key and a value", text)
	}
	key, err := hex.DecodeString(words[1])
	if err != nil {
		return Elem{}, fmt.Errorf("map %q: %w", text, err)
	}
	value, err := hex.DecodeString(words[2])
	return Elem{Map: words[0], Key: key, Value: value}, err
}
