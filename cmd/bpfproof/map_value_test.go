package main

import (
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// plainTypes draws types of plain bytes.
func plainTypes(depth int) *rapid.Generator[btf.Type] {
	return rapid.Custom(func(t *rapid.T) btf.Type {
		kinds := 2
		if depth > 0 {
			kinds = 4
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			size := rapid.SampledFrom([]uint32{1, 2, 4, 8}).Draw(t, "size")
			enc := rapid.SampledFrom([]btf.IntEncoding{btf.Unsigned, btf.Signed, btf.Char}).Draw(t, "encoding")
			return &btf.Int{Name: "int", Size: size, Encoding: enc}
		case 1:
			return &btf.Enum{Name: "enum", Size: 4, Values: []btf.EnumValue{{Name: "A", Value: 0}, {Name: "B", Value: 7}}}
		case 2:
			return &btf.Array{Index: &btf.Int{Size: 4}, Type: plainTypes(depth-1).Draw(t, "element"), Nelems: rapid.Uint32Range(0, 4).Draw(t, "length")}
		}
		s := &btf.Struct{Name: "struct"}
		for i := range rapid.IntRange(0, 4).Draw(t, "members") {
			m := plainTypes(depth-1).Draw(t, "member")
			size, err := btf.Sizeof(m)
			require.NoError(t, err)
			s.Members = append(s.Members, btf.Member{Name: string(rune('a' + i)), Type: m, Offset: btf.Bits(8 * s.Size)})
			s.Size += uint32(size)
		}
		return s
	})
}

// TestTypedRoundTrip: what is printed of bytes is read as the same bytes.
func TestTypedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := plainTypes(3).Draw(t, "type")
		size, err := btf.Sizeof(typ)
		require.NoError(t, err)
		b := rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "bytes")
		text, err := printTyped(typ, b)
		require.NoError(t, err)
		again, err := parseTyped("VALUE", string(text), typ, size)
		require.NoError(t, err, "%s", text)
		require.Equal(t, b, again, "%s", text)
	})
}

// FuzzTyped: any text is a value or one clear error.
func FuzzTyped(f *testing.F) {
	typ := &btf.Struct{Name: "s", Size: 12, Members: []btf.Member{{Name: "a", Type: &btf.Int{Size: 4}},
		{Name: "b", Type: &btf.Array{Index: &btf.Int{Size: 4}, Type: &btf.Int{Size: 2, Encoding: btf.Signed}, Nelems: 4}, Offset: 32}}}
	f.Add(`{"a":1,"b":[1,-2,"0x3",4]}`)
	f.Add(`{"b":[`)
	f.Add("0x10")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := parseTyped("VALUE", text, typ, 12)
		if err == nil {
			_, err = printTyped(typ, b)
			require.NoError(t, err)
		} else {
			require.Regexp(t, `^VALUE: character \d+: `, err.Error())
		}
	})
}
