package explain

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/verifier"
)

// interesting lists numbers at which programs behave differently: the ends of
// the ranges of every width, the constants of the program and their neighbours,
// and the bounds of the registers at the end of the path.
func interesting(p *ir.Program, path *verifier.Path) []uint64 {
	words := []uint64{0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1}
	for _, in := range p.All() {
		row := in.Row()
		if row.Src == ir.K && (row.Kind == ir.KindALU || row.Kind == ir.KindBranch || row.Kind == ir.KindLoadImm) {
			words = append(words, uint64(in.Imm)-1, uint64(in.Imm), uint64(in.Imm)+1)
		}
	}
	for _, m := range p.Maps {
		words = append(words, uint64(m.ValueSize)-1, uint64(m.ValueSize), uint64(m.ValueSize)+1, uint64(m.MaxEntries))
	}
	if path != nil && len(path.Steps) > 0 { // what the refused instruction finds, by the verifier
		last := len(path.Steps) - 1
		for r := ir.R0; r <= ir.R9; r++ {
			if v := path.At(last, reg(path.Steps[last].Frame, r)); v.Kind != "" {
				words = append(words, v.Bounds.UMin, v.Bounds.UMax, uint64(v.Bounds.SMin), uint64(v.Bounds.SMax))
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// sizes are the lengths of data that are tried first: those of usual headers,
// then the shorter ones that no network would carry.
var sizes = []int{64, 14, 15, 18, 20, 34, 38, 42, 54, 58, 74, 128, 1500, 8, 4, 2, 1, 0}

// most bounds the data of an input in bytes.
const most = 4096

// begin queues the fixed inputs.
func (s *searcher) begin() {
	for _, n := range sizes {
		s.push(Input{Data: make([]byte, n)})
	}
	for i, m := range s.p.Maps {
		if m.Type == ir.Array && m.MaxEntries == 1 && !m.Frozen && m.KeySize == 4 {
			value := make([]byte, m.ValueSize)
			if len(m.Contents) == 1 {
				copy(value, m.Contents[0].Value)
			}
			s.push(Input{Data: make([]byte, sizes[0]), Elems: []Elem{{Map: i, Key: make([]byte, 4), Value: value}}})
		}
	}
	s.queue, s.fresh = s.fresh, nil
}

// spread queues variations of an input that came further than all before: each
// of its parts filled, a context where it has none, and each piece that the
// program read set to every interesting number.
func (s *searcher) spread(in *Input, w *watch) {
	if s.layout != nil && in.Ctx == nil {
		for _, fill := range []byte{0, 0xff} {
			next := in.clone()
			next.Ctx = s.context(fill)
			s.push(next)
		}
	}
	for i, b := range in.parts() {
		if len(b) > 0 && (i == 0 || i != w.ctxPart) {
			next := in.clone()
			copy(next.parts()[i], slices.Repeat([]byte{0xff}, len(b)))
			s.push(next)
		}
	}
	if w.path == nil || s.best < len(w.path.Steps) {
		return
	}
	s.shorten(in, w)
	for _, x := range s.words {
		if w.random && x <= math.MaxUint32 {
			s.seed(in, uint32(x))
		}
	}
	for i := len(w.reads) - 1; i >= max(0, len(w.reads)-8); i-- {
		r := w.reads[i]
		for _, x := range s.words {
			next := in.clone()
			put(next.parts()[r.part][r.off:r.off+r.size], x, false)
			s.push(next)
		}
	}
}

// seed queues the input with another first random number.
func (s *searcher) seed(in *Input, x uint32) {
	next := in.clone()
	next.Seed = seedFor(x)
	s.push(next)
}

// shorten queues the input with less data: the lengths around the last byte that
// the program read, and those just behind.
func (s *searcher) shorten(in *Input, w *watch) {
	end := 0
	for _, r := range w.reads {
		if r.part == 0 {
			end = max(end, r.off+r.size)
		}
	}
	for n := max(0, end-2); n < end+32; n++ {
		next := in.clone()
		next.Data = resized(in.Data, n)
		s.push(next)
	}
}

// context returns a context with every byte set, but for the packet's pointers.
func (s *searcher) context(fill byte) []byte {
	ctx := slices.Repeat([]byte{fill}, s.layout.Size)
	for _, f := range s.layout.Fields {
		switch f.Kind {
		case abi.PacketPtr, abi.PacketEnd, abi.PacketMeta:
			clear(ctx[f.Off : f.Off+f.Size])
		}
	}
	return ctx
}

// push queues an input that was not tried yet.
func (s *searcher) push(in Input) {
	if k := in.key(); !s.seen[k] && len(in.Data) <= most {
		s.seen[k] = true
		s.fresh = append(s.fresh, in)
	}
}

// next returns the next input to try.
func (s *searcher) next() Input {
	if len(s.queue) > 0 && (s.tries < len(sizes) || s.tries%3 != 0) {
		in := s.queue[0]
		s.queue = s.queue[1:]
		return in
	}
	in, reads := Input{}, []site(nil)
	if len(s.pool) > 0 {
		g := &s.pool[s.rng.IntN(len(s.pool))]
		in, reads = g.in.clone(), g.reads
	}
	for range 1 + s.rng.IntN(4) {
		s.vary(&in, reads)
	}
	return in
}

// vary changes one thing.
func (s *searcher) vary(in *Input, reads []site) {
	switch s.rng.IntN(12) {
	case 0:
		n := sizes[s.rng.IntN(len(sizes))]
		if s.rng.IntN(2) == 0 {
			n = max(0, len(in.Data)+s.rng.IntN(9)-4)
		}
		in.Data = resized(in.Data, min(n, most))
	case 1:
		in.Seed = seedFor(uint32(s.word()))
	case 2:
		if s.layout != nil && in.Ctx == nil {
			in.Ctx = make([]byte, s.layout.Size)
		}
	case 3, 4, 5, 6:
		if len(reads) > 0 {
			r, parts := reads[s.rng.IntN(len(reads))], in.parts()
			if r.part < len(parts) && r.off+r.size <= len(parts[r.part]) {
				put(parts[r.part][r.off:r.off+r.size], s.word(), s.rng.IntN(4) == 0)
			}
		}
	default:
		parts := in.parts()
		b := parts[s.rng.IntN(len(parts))]
		if len(b) > 0 {
			s.write(b)
		}
	}
}

// write puts a number somewhere into the bytes, small offsets more often.
func (s *searcher) write(b []byte) {
	size := 1 << s.rng.IntN(4)
	if size > len(b) {
		size = 1
	}
	n := len(b) - size + 1
	at := s.rng.IntN(n)
	if s.rng.IntN(2) == 0 {
		at = s.rng.IntN(min(n, 32))
	}
	if s.rng.IntN(2) == 0 {
		at &^= size - 1
	}
	put(b[at:at+size], s.word(), s.rng.IntN(4) == 0)
}

// word returns a number to try: interesting, random or small.
func (s *searcher) word() uint64 {
	switch s.rng.IntN(4) {
	case 0:
		return s.rng.Uint64() >> s.rng.IntN(64)
	case 1:
		return uint64(s.rng.IntN(256))
	}
	return s.words[s.rng.IntN(len(s.words))]
}

// put writes the low bytes of x, little endian or big.
func put(b []byte, x uint64, big bool) {
	var w [8]byte
	if big {
		binary.BigEndian.PutUint64(w[:], x<<(64-8*len(b)))
	} else {
		binary.LittleEndian.PutUint64(w[:], x)
	}
	copy(b, w[:len(b)])
}

func resized(b []byte, n int) []byte {
	out := make([]byte, n)
	copy(out, b)
	return out
}

// adopt queues the input with an element that the program looked for.
func (s *searcher) adopt(in *Input, l lookup) {
	size := int(s.p.Maps[l.m].ValueSize)
	for _, fill := range []byte{0, 0xff} {
		next := in.clone()
		next.Elems = append(next.Elems, Elem{Map: l.m, Key: []byte(l.key), Value: slices.Repeat([]byte{fill}, size)})
		s.push(next)
	}
}

// answer queues inputs in which what a branch compared is changed to what the
// path needs: each piece of the input that was read and holds one operand takes
// the other one's value, or a neighbour of that; the others follow, since the
// program may have computed with them.
func (s *searcher) answer(in *Input, w *watch) {
	d := w.missed
	if n := int64(d.y - d.x); n > -most && n < most {
		for _, k := range []int64{n, n + 1, n - 1, -n, 1 - n, -1 - n} {
			if size := int64(len(in.Data)) + k; k != 0 && size >= 0 && size <= most {
				next := in.clone()
				next.Data = resized(in.Data, int(size))
				s.push(next)
			}
		}
	}
	if w.random {
		for _, x := range []uint64{d.y, d.y + 1, d.y - 1, d.x, d.x + 1, d.x - 1} {
			s.seed(in, uint32(x))
		}
	}
	parts := in.parts()
	for _, holds := range []bool{true, false} {
		for i := len(w.reads) - 1; i >= 0; i-- {
			r := w.reads[i]
			b := parts[r.part][r.off : r.off+r.size]
			for _, big := range []bool{false, true} {
				if x := read(b, big); (x == d.x || x == d.y) == holds {
					s.replace(in, r, d, big)
				}
			}
		}
	}
}

// replace queues inputs in which a piece reads as one of the operands, or as a
// neighbour of one.
func (s *searcher) replace(in *Input, r site, d *divergence, big bool) {
	for _, x := range []uint64{d.y, d.y + 1, d.y - 1, d.x, d.x + 1, d.x - 1} {
		next := in.clone()
		put(next.parts()[r.part][r.off:r.off+r.size], x, big)
		s.push(next)
	}
}

func read(b []byte, big bool) uint64 {
	var w [8]byte
	if big {
		copy(w[8-len(b):], b)
		return binary.BigEndian.Uint64(w[:])
	}
	copy(w[:], b)
	return binary.LittleEndian.Uint64(w[:])
}
