package corpus

import (
	"encoding/base64"
	"path"
	"slices"
)

// Benchmark is a program of bench/ to measure engines with. Its source is
// written so that it also compiles for the machine (include/bench_main.h), as
// the floor that engines are compared with.
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
}{
	{"alu32", 0xac3fcf49}, {"alu64", 0x4b80fda5}, {"atomics", 0x5feab603}, {"automaton", 0x1707003}, {"base64", 0x388174f6}, {"calls", 0x6d96ade9}, {"checksum", 0x8802}, {"divmod", 0x72c6e038},
	{"memcopy", 0x35f60011}, {"murmur", 0xeaa35722}, {"parse", 0x660646}, {"primes", 0x904565}, {"siphash", 0x32a318f}, {"stack", 0x4e675655}, {"strscan", 0x1fe},
}

// Benchmarks returns the programs of bench/ in order of name.
func Benchmarks() []Benchmark {
	var list []Benchmark
	for _, r := range benchResults {
		file := path.Join("bench", r.name)
		list = append(list, Benchmark{Name: r.name, Source: file + ".c", Object: file + ".o"})
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
		}
		list = append(list, Entry{Path: b.Object, Program: b.Name, Accept: true, Runs: []Run{run}})
	}
	return list
}
