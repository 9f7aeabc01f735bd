package corpus

import (
	"encoding/base64"
	"encoding/binary"
	"path"
	"slices"
)

// Benchmark is a program of bench/ to measure engines with. Its source is
// written so that it also compiles for the machine (include/bench_main.h), as
// the floor that engines are compared with, unless it uses maps.
type Benchmark struct {
	Name   string // of the program and of its files
	Maps   bool   // it uses maps
	Source string // in FS
	Object string // in FS
}

// benchResults gives each benchmark program's result on BenchPacket. The live
// kernel and the machine's C compiler agree on them.
var benchResults = []struct {
	name string
	ret  uint32
	maps bool
}{
	{"alu32", 0xac3fcf49, false}, {"alu64", 0x4b80fda5, false}, {"array", 0x81a63bf8, true}, {"atomics", 0x5feab603, false},
	{"automaton", 0x1707003, false}, {"base64", 0x388174f6, false}, {"bloom", 0x24770c04, false}, {"calls", 0x6d96ade9, false},
	{"checksum", 0x8802, false}, {"crc32", 0x9f001bf6, false}, {"decimal", 0xead738b8, false}, {"divmod", 0x72c6e038, false},
	{"flow", 0xba15fc84, false}, {"hash", 0xc0f0c074, true}, {"helpers", 64, true}, {"insert", 32, true}, {"l4", 20, true},
	{"lpm", 0x5642e1c1, false}, {"memcopy", 0x35f60011, false}, {"murmur", 0xeaa35722, false}, {"parse", 0x660646, false},
	{"percpu", 0xf8b8fa5b, true}, {"primes", 0x904565, false}, {"siphash", 0x32a318f, false}, {"sort", 0xa1c93a89, false},
	{"stack", 0x4e675655, false}, {"strscan", 0x1fe, false}, {"update", 64, true},
}

// Benchmarks returns the programs of bench/ in order of name.
func Benchmarks() []Benchmark {
	var list []Benchmark
	for _, r := range benchResults {
		file := path.Join("bench", r.name)
		list = append(list, Benchmark{Name: r.name, Maps: r.maps, Source: file + ".c", Object: file + ".o"})
	}
	return list
}

// benchText is where the packet's text starts, and how long it is, in bytes.
const benchText, benchTextLen = 512, 512

// BenchPacket returns the packet of all benchmark programs: 1514 bytes with
// the headers of IPv4 and UDP, a text in the middle, and random bytes around,
// always the same.
func BenchPacket() []byte {
	const letters = "the 42 quick~brown 7 \"foxes\" jump \\ over 1234567890 lazy; dogs\n"
	p := make([]byte, 1514)
	state := uint64(0)
	for i := range p {
		state = state*6364136223846793005 + 1442695040888963407 // Knuth's generator
		p[i] = byte(state >> 56)
	}
	for i := range benchTextLen {
		p[benchText+i] = letters[int(p[benchText+i])%len(letters)]
	}
	copy(p, join([]byte{2, 0, 0, 0, 0, 2}, []byte("#~"), []byte{0, 0, 0, 10}, be16(0x0800), ipv4(17, 0, 0), udp(53)))
	for i := range benchTextLen - 2 { // strscan looks for "#~": only at the end
		if p[benchText+i] == '#' {
			p[benchText+i] = '+'
		}
	}
	copy(p[benchText+benchTextLen-2:], "#~")
	return p
}

// benchEntries returns the benchmark programs as entries: their results, and
// the packets that they leave, told by Go's own library where they write any.
func benchEntries() []Entry {
	var list []Entry
	for i, b := range Benchmarks() {
		run := Run{Packet: BenchPacket(), Data: BenchPacket(), Ret: benchResults[i].ret}
		switch b.Name {
		case "base64":
			base64.StdEncoding.Encode(run.Data[256:512], run.Packet[:192])
		case "memcopy":
			copy(run.Data[128:1152], slices.Repeat(run.Packet[:128], 8))
		case "sort":
			sortWords(run.Data[1152:1280])
		}
		list = append(list, Entry{Path: b.Object, Program: b.Name, Accept: true, Runs: []Run{run}, Maps: benchMaps(b.Name, run.Packet)})
	}
	return list
}

// sortWords sorts 32-bit words.
func sortWords(b []byte) {
	var words []uint32
	for i := 0; i < len(b); i += 4 {
		words = append(words, binary.LittleEndian.Uint32(b[i:]))
	}
	slices.Sort(words)
	for i, w := range words {
		binary.LittleEndian.PutUint32(b[4*i:], w)
	}
}

// benchMaps returns what the maps of a benchmark program hold after one run.
func benchMaps(name string, p []byte) (elems []Elem) {
	add := func(m string, key uint32, value uint64) {
		elems = append(elems, Elem{Map: m, Key: binary.LittleEndian.AppendUint32(nil, key), Value: binary.LittleEndian.AppendUint64(nil, value)})
	}
	switch name {
	case "array":
		for key := range uint32(64) {
			if slices.ContainsFunc(p[256:512], func(b byte) bool { return uint32(b)&63 == key }) {
				add("numbers", key, uint64(key)*3+1)
			}
		}
	case "hash":
		for key := range uint32(16) {
			add("table", key, 7)
		}
	case "l4":
		add("sources", binary.LittleEndian.Uint32(p[26:]), 0)
	case "update":
		for key := range uint32(16) {
			add("latest", key, uint64(p[64+key]))
		}
	}
	return elems
}
