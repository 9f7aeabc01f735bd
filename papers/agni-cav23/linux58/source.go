package linux58

import "embed"

// GoSource is the Go source of this package as it was compiled, so that the
// binary can prove or refute it (smt/symgo). Its readers leave out the tests.
//
//go:embed *.go
var GoSource embed.FS
