package filetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
)

const example = `test verify domain=tnum+interval
test run    mem=0102030405060708 fast
test prove  amd64

	r2 = *(u8 *)(r1 + 0)
	r3 = 5 ll                       ; a plain comment: not an expectation
	r2 &= 7                         ; state: r2=[0,7]
	if r2 > 7 goto out              ; dead: taken
	r2 += 1
out:
	r0 = r2
	exit                            // error: r0-uninit R0 is not readable
; run: r0 = 0x2
`

func TestParse(t *testing.T) {
	f, err := Parse("a.test", example)
	require.NoError(t, err)
	require.Equal(t, []Step{
		{Line: 1, Verb: "verify", Params: map[string]string{"domain": "tnum+interval"}},
		{Line: 2, Verb: "run", Args: []string{"fast"}, Params: map[string]string{"mem": "0102030405060708"}},
		{Line: 3, Verb: "prove", Args: []string{"amd64"}, Params: map[string]string{}},
	}, f.Steps)
	require.Equal(t, []Expect{
		{Line: 7, PC: 3, Word: "state", Text: "r2=[0,7]"},
		{Line: 8, PC: 4, Word: "dead", Text: "taken"},
		{Line: 12, PC: 7, Word: "error", Text: "r0-uninit R0 is not readable"},
		{Line: 13, PC: -1, Word: "run", Text: "r0 = 0x2"},
	}, f.Expects)
	require.Equal(t, "a", f.Program.Name)
	require.Equal(t, 5, f.Program.Lines[0].Line, "lines are those of the file")
	require.Equal(t, f.Expects[:1], f.On("state"))
	require.Equal(t, f.Steps[1:2], f.Step("run"))
	require.Equal(t, "tnum+interval", f.Steps[0].Param("domain", "tnum"))
	require.Equal(t, "tnum", f.Steps[1].Param("domain", "tnum"))
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"exit", `x:1: expected a line "test verb ...", found none`},
		{"test \nexit", `x:1: expected a line "test verb ...", found none`},
		{"test run a=1 a=2\nexit", `x:1: parameter "a=2" has no name or is given twice`},
		{"test run =2\nexit", `x:1: parameter "=2" has no name or is given twice`},
		{"test run\nexit ; stat: r0=1", `x:2: unknown expectation "stat"; did you mean "state"?`},
		{"test run\nexit ; errror: x", `x:2: unknown expectation "errror"; did you mean "error"?`},
		{"test run\nexit\n; dead: taken", `x:3: "dead" stands on a line without an instruction`},
		{"test run\nexti", `x:2:1: expected an instruction, a label or a directive, found "exti"`},
	}
	for _, tt := range tests {
		_, err := Parse("x", tt.text)
		require.EqualError(t, err, tt.want)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"run", "run", 0}, {"", "run", 3}, {"state", "sate", 1}, {"dead", "deda", 2}, {"kitten", "sitting", 3}} {
		require.Equal(t, tt.want, distance(tt.a, tt.b), "%q %q", tt.a, tt.b)
	}
}

func TestParseConformance(t *testing.T) {
	c, err := ParseConformance("x.data", "# head -- not a section\n-- asm\nmov %r0, 1 # one\n\nexit\n-- raw\n0x0000000000000095\n95 00 00 00 00 00 00 00\n-- mem\naa bb # two\ncc\n-- result\n0xffffffffffffffff\n-- no register offset\ncall\n")
	require.NoError(t, err)
	require.Equal(t, &Conformance{Name: "x.data", Asm: "\n\nmov %r0, 1\n\nexit", Raw: []byte{0x95, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0},
		Mem: []byte{0xaa, 0xbb, 0xcc}, Result: 1<<64 - 1, HasValue: true}, c)
	c, err = ParseConformance("x.data", "-- asm\nexit\n-- error\nfailed\n")
	require.NoError(t, err)
	require.True(t, c.HasError)
	require.Equal(t, "failed", c.Error)
	_, err = ParseConformance("x.data", "-- asm\nexit\n-- odd\nline\n")
	require.EqualError(t, err, `x.data:4: unknown section "odd"`)
	_, err = ParseConformance("x.data", "-- mem\nzz\n")
	require.ErrorContains(t, err, "x.data:2: ")
}

// TestConformanceFiles: every test of the suite has a program and an outcome.
func TestConformanceFiles(t *testing.T) {
	for _, c := range ConformanceFiles(t, "*.data") {
		require.NotEmpty(t, c.Asm, c.Name)
		require.True(t, c.HasValue || c.HasError, c.Name)
	}
}

// FuzzParse: no text makes Parse panic, and expectations stay in order.
func FuzzParse(f *testing.F) {
	f.Add(example)
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("x", text)
		if err != nil {
			switch err.(type) {
			case *Error, *asm.Error:
			default:
				t.Fatalf("error of type %T", err)
			}
			return
		}
		for i, e := range file.Expects {
			require.True(t, e.PC >= -1 && e.PC < file.Program.Slots() && (i == 0 || e.Line > file.Expects[i-1].Line))
			require.NotEqual(t, ir.Pad(), file.Program.Insns[max(e.PC, 0)])
		}
	})
}
