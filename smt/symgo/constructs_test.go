package symgo_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
	c "github.com/bpfproof/bpfproof/smt/symgo/testdata/constructs"
)

const constructs = "github.com/bpfproof/bpfproof/smt/symgo/testdata/constructs"

func loadConstructs(t *testing.T) *symgo.Program {
	t.Helper()
	prog, err := symgo.Load(symgo.Source{Path: constructs, Files: c.GoSource})
	require.NoError(t, err)
	return prog
}

// TestConstructs compares compiled and translated functions on 300 arguments
// each.
func TestConstructs(t *testing.T) {
	prog := loadConstructs(t)
	for _, f := range []struct {
		name string
		fn   any
	}{
		{"Arith8", c.Arith8}, {"ArithU16", c.ArithU16}, {"Logic32", c.Logic32}, {"DivS8", c.DivS8}, {"DivU8", c.DivU8},
		{"DivS64", c.DivS64}, {"DivU64", c.DivU64}, {"Shifts8", c.Shifts8}, {"ShiftsWide", c.ShiftsWide},
		{"ShiftsNarrow", c.ShiftsNarrow}, {"ShiftsSigned", c.ShiftsSigned}, {"ShiftsSigned8", c.ShiftsSigned8},
		{"Convert", c.Convert}, {"Widen", c.Widen}, {"Compare", c.Compare}, {"Equal", c.Equal}, {"MinMax", c.MinMax},
		{"Bools", c.Bools}, {"Leading", c.Leading}, {"Trailing", c.Trailing}, {"Lens", c.Lens}, {"Ones", c.Ones},
		{"Reverse", c.Reverse}, {"ReverseBytes", c.ReverseBytes}, {"Rotate", c.Rotate}, {"Add", c.Add}, {"Sub", c.Sub},
		{"Mul", c.Mul}, {"If", c.If}, {"ShortCircuit", c.ShortCircuit}, {"Switch", c.Switch}, {"Popcount", c.Popcount},
		{"FirstMultiple", c.FirstMultiple}, {"Nested", c.Nested}, {"Goto", c.Goto}, {"Exits", c.Exits}, {"Fib", c.Fib},
		{"Factorial", c.Factorial}, {"ExplicitPanic", c.ExplicitPanic}, {"Closures", c.Closures}, {"OnlyPanics", c.OnlyPanics},
		{"LoopVariables", c.LoopVariables}, {"DeepLoops", c.DeepLoops},
		{"Structs", c.Structs}, {"Pointers", c.Pointers}, {"Arrays", c.Arrays}, {"ArrayParam", c.ArrayParam},
		{"Slices", c.Slices}, {"NilPointer", c.NilPointer}, {"Interfaces", c.Interfaces}, {"SwitchType", c.SwitchType},
		{"Generics", c.Generics}, {"Embedded", c.Embedded}, {"Tables", c.Tables}, {"Strings", c.Strings},
		{"Range.Width", c.Range.Width},
	} {
		t.Run(f.name, func(t *testing.T) { agree(t, prog, constructs+"."+f.name, f.fn, 300, nil) })
	}
}

// TestWidths does so for integers of every type: all operators, shifts by
// amounts of every other type, and conversions to every other.
func TestWidths(t *testing.T) {
	prog := loadConstructs(t)
	for _, f := range []struct {
		name string
		fn   any
	}{
		{"WholeInt8", c.WholeInt8}, {"DivideInt8", c.DivideInt8}, {"ShiftsInt8", c.ShiftsInt8}, {"ConvertInt8", c.ConvertInt8},
		{"WholeInt16", c.WholeInt16}, {"DivideInt16", c.DivideInt16}, {"ShiftsInt16", c.ShiftsInt16}, {"ConvertInt16", c.ConvertInt16},
		{"WholeInt32", c.WholeInt32}, {"DivideInt32", c.DivideInt32}, {"ShiftsInt32", c.ShiftsInt32}, {"ConvertInt32", c.ConvertInt32},
		{"WholeInt64", c.WholeInt64}, {"DivideInt64", c.DivideInt64}, {"ShiftsInt64", c.ShiftsInt64}, {"ConvertInt64", c.ConvertInt64},
		{"WholeInt", c.WholeInt}, {"DivideInt", c.DivideInt}, {"ShiftsInt", c.ShiftsInt}, {"ConvertInt", c.ConvertInt},
		{"WholeUint8", c.WholeUint8}, {"DivideUint8", c.DivideUint8}, {"ShiftsUint8", c.ShiftsUint8}, {"ConvertUint8", c.ConvertUint8},
		{"WholeUint16", c.WholeUint16}, {"DivideUint16", c.DivideUint16}, {"ShiftsUint16", c.ShiftsUint16}, {"ConvertUint16", c.ConvertUint16},
		{"WholeUint32", c.WholeUint32}, {"DivideUint32", c.DivideUint32}, {"ShiftsUint32", c.ShiftsUint32}, {"ConvertUint32", c.ConvertUint32},
		{"WholeUint64", c.WholeUint64}, {"DivideUint64", c.DivideUint64}, {"ShiftsUint64", c.ShiftsUint64}, {"ConvertUint64", c.ConvertUint64},
		{"WholeUint", c.WholeUint}, {"DivideUint", c.DivideUint}, {"ShiftsUint", c.ShiftsUint}, {"ConvertUint", c.ConvertUint},
		{"WholeUintptr", c.WholeUintptr}, {"DivideUintptr", c.DivideUintptr}, {"ShiftsUintptr", c.ShiftsUintptr}, {"ConvertUintptr", c.ConvertUintptr},
	} {
		t.Run(f.name, func(t *testing.T) { agree(t, prog, constructs+"."+f.name, f.fn, 200, nil) })
	}
}

// TestOutside: what is outside of the subset is an error that names file, line
// and construct.
func TestOutside(t *testing.T) {
	prog := loadConstructs(t)
	for _, f := range []struct{ name, construct, reason string }{
		{"GoStatement", "make of a channel", "outside the subset"},
		{"DeferStatement", "defer", "outside the subset"},
		{"MapOfVariables", "make of a map", "outside the subset"},
		{"Append", "builtin append", "outside the subset"},
		{"SelectStatement", "select statement", "outside the subset"},
		{"MakeSlice", "make of a slice", "outside the subset"},
		{"Floats", "conversion", "from uint8 to float64"},
		{"CallsPrints", "call of " + constructs + ".Prints", "use of fmt.Sprint"},
		{"Unbounded", "loop", "paths stay in it after 30 iterations"},
		{"Recursive", "call", "more than 20 calls deep"},
		{"ChoosesPointer", "pointer", "choice between two references"},
		{"ChoosesInterface", "call of interface method Area", "choice between two references"},
		{"SliceBounds", "slice expression", "not constant"},
		{"ReadsCounter", "package variable", "it can be written at"},
		{"ReadsHidden", "package variable", "use in a function that is outside the subset"},
		{"ReadsReplacer", "call of " + constructs + ".ReadsReplacer", "a value whose type is outside the subset"},
		{"CallsSetHidden", "call of " + constructs + ".setHidden", "use of fmt.Println"},
		{"ComparesBlank", "comparison", "outside the subset"},
		{"RangeString", "range over a map or string", "outside the subset"},
	} {
		t.Run(f.name, func(t *testing.T) {
			fn, err := prog.Func(constructs + "." + f.name)
			require.NoError(t, err)
			b := smt.NewBuilder()
			m := symgo.NewMachine(prog, b, symgo.Limits{Iterations: 30, Depth: 20})
			var args []symgo.Value
			for i := range fn.Params() {
				args = append(args, m.Var(fmt.Sprintf("a%d", i), fn.Param(i)))
			}
			_, err = m.Call(fn, args...)
			var e *symgo.Error
			require.True(t, errors.As(err, &e), "got %v", err)
			require.Contains(t, e.Construct, f.construct)
			require.Contains(t, e.Reason, f.reason)
			require.Contains(t, e.Pos.Filename, constructs)
			require.Equal(t, f.name, enclosing(t, e.Pos), "the function at %v", e.Pos)
		})
	}
}

// enclosing returns the name of the function of the constructs that a position
// lies in.
func enclosing(t *testing.T, pos token.Position) string {
	fset := token.NewFileSet()
	text, err := c.GoSource.ReadFile(path.Base(pos.Filename))
	require.NoError(t, err)
	file, err := parser.ParseFile(fset, pos.Filename, text, 0)
	require.NoError(t, err)
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && fset.Position(f.Pos()).Line <= pos.Line && pos.Line <= fset.Position(f.End()).Line {
			return f.Name.Name
		}
	}
	return ""
}
