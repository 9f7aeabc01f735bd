package conformance

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
)

// available returns the engines that are there.
func available(t *testing.T) []string {
	if err := kernel.Available(); err != nil {
		t.Logf("the live kernel is left out: %v", err)
		return []string{"vm", "native"}
	}
	return Engines()
}

func parse(t *testing.T, text string) *ir.Program {
	t.Helper()
	p, err := asm.Parse("test", text)
	require.NoError(t, err)
	p, err = Prepare(p)
	require.NoError(t, err)
	return p
}

// TestEntryState holds every engine to the suite's conventions.
func TestEntryState(t *testing.T) {
	for _, test := range []struct {
		name, text string
		memory     []byte
		want       uint64
	}{
		{"length", "r0 = r2\nexit", make([]byte, 37), 37},
		{"no memory", "r0 = r2\nexit", nil, 0},
		{"all 64 bits", "r0 = *(u64 *)(r1 + 1)\nexit", []byte{0, 1, 2, 3, 4, 5, 6, 7, 0xf8}, 0xf807060504030201},
		{"writable", "*(u8 *)(r1 + 2) = 7\nr0 = *(u32 *)(r1 + 0)\nexit", []byte{1, 2, 3, 4}, 0x04070201},
		{"whole stack", "*(u64 *)(r10 - 512) = 5\nr0 = *(u64 *)(r10 - 512)\nexit", nil, 5},
		{"six frames", "call a\nexit\na:\ncall b\nexit\nb:\ncall c\nexit\nc:\ncall d\nexit\nd:\ncall e\nexit\ne:\nr0 = 6\nexit", nil, 6},
	} {
		p := parse(t, test.text)
		for _, engine := range available(t) {
			memory := append([]byte{}, test.memory...)
			got, err := Run(t.Context(), engine, p, memory)
			require.NoError(t, err, "%s: %s", test.name, engine)
			require.Equal(t, test.want, got, "%s: %s", test.name, engine)
			require.Equal(t, test.memory, append([]byte(nil), memory...), "%s: %s: the caller's memory", test.name, engine)
		}
	}
}

func TestUnwind(t *testing.T) {
	for text, want := range map[string]uint64{
		"r1 = -1\ncall 5\nr0 += 8\nexit":                  7,
		"r1 = 0\ncall 5\nr0 = 9\nexit":                    0,
		"call f\nr0 = 3\nexit\nf:\nr1 = 0\ncall 5\nexit":  0,
		"call f\nr0 += 3\nexit\nf:\nr1 = 4\ncall 5\nexit": 7,
		"r1 = 0x100000000 ll\ncall 5\nexit":               1 << 32,
		"call 7\nr0 >>= 32\nexit":                         0, // the product's helpers are there
		"r6 = 11\nr1 = 1\ncall 5\nr0 = r6\nexit":          11,
		"r1 = 1\nr2 = 5\nr3 = 6\ncall 5\nr0 += -1\nexit":  0,
		"r1 = 2\ncall 5\nr1 = r0\ncall 5\nr0 *= r0\nexit": 4,
	} {
		for _, engine := range []string{"vm", "native"} {
			got, err := Run(t.Context(), engine, parse(t, text), nil)
			require.NoError(t, err, "%s: %s", engine, text)
			require.Equal(t, want, got, "%s: %s", engine, text)
		}
	}
}

// TestErrors tells whose fault it is that there is no result.
func TestErrors(t *testing.T) {
	for _, test := range []struct {
		engine, text, want string
		kind               Kind
	}{
		{"vm", "callx r2\nexit", "callx", Unsupported},
		{"native", "callx r2\nexit", "callx", Unsupported},
		{"vm", "call 4095\nexit", "helper 4095", Unsupported},
		{"native", "call 4095\nexit", "helper 4095", Unsupported},
		{"vm", "r0 = *(u8 *)(r1 + 0)\nexit", "outside the program's memory", Failed},
		{"native", "r1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit", "segmentation", Failed},
		{"vm", "l: goto l\nexit", "fuel", Failed},
		{"native", "l: goto l\nexit", "budget", Failed},
		{"kernel", "r0 = *(u8 *)(r1 + 0)\nexit", "R1 invalid mem access 'scalar'", Rejected},
		{"kernel", "l: goto l\nexit", "unreachable insn", Rejected},
		{"kernel", "r0 = r6\nexit", "R6 !read_ok", Rejected},
	} {
		if test.engine == "kernel" && kernel.Available() != nil {
			continue
		}
		_, err := Run(t.Context(), test.engine, parse(t, test.text), nil)
		var bad *Error
		require.ErrorAs(t, err, &bad, "%s: %s", test.engine, test.text)
		require.Equal(t, test.kind, bad.Kind, "%s: %s: %v", test.engine, test.text, err)
		require.ErrorContains(t, err, test.want)
	}
	_, err := Run(t.Context(), "jvm", parse(t, "r0 = 0\nexit"), nil)
	require.ErrorContains(t, err, `unknown engine "jvm": want vm, native, kernel`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, engine := range available(t) {
		_, err := Run(ctx, engine, parse(t, "l: if r0 == 0 goto l\nexit"), nil)
		require.True(t, errors.Is(err, context.Canceled), "%s: %v", engine, err)
	}
	_, err = Run(t.Context(), "vm", parse(t, "r0 = 0\nexit"), make([]byte, runtime.MaxData+1))
	require.ErrorContains(t, err, "bytes are more than")
}

func TestParseHex(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "  \n\t": "", "01": "\x01", "0aFf": "\x0a\xff", " 00  11\r\n22 ": "\x00\x11\x22",
	} {
		got, err := ParseHex(text)
		require.NoError(t, err, "%q", text)
		require.Equal(t, want, string(got), "%q", text)
	}
	for text, want := range map[string]string{
		"1": `byte 0: "1": odd number of digits`, "00 123": `byte 1: "123": odd`, "00 0g": `byte 1: "0g": not hexadecimal`,
		"0x01": `"0x01": not hexadecimal`, "01,02": `"01,02": odd`, "0011zz": `byte 2: "0011zz": not hexadecimal`, "\x80\x81": `"??"`,
		strings.Repeat("x", 1000): `"xxxxxxxxxxxxxxxxxxxx...": not`,
	} {
		_, err := ParseHex(text)
		require.ErrorContains(t, err, want, "%q", text)
	}
}
