// Package constructs has one function for each construct of Go that symgo
// translates, and some for those that it does not. The tests compare what is
// compiled with what is translated.
package constructs

import "embed"

// GoSource is the source of this package.
//
//go:embed *.go
var GoSource embed.FS
