package native

import "unsafe"

// supported reports that images can be run on this machine.
const supported = true

// enterCall is what a function value points to: the address of its code. Go calls
// it by its internal convention, arguments in registers (abi-internal.md of Go
// 1.26), which saves the way over the stack. Nothing changes it.
var enterCall = &struct{ code uintptr }{enterAddress()}

// enterImage runs the image until it returns or the run ends, and returns r0. Its
// code is in enter.
var enterImage = *(*func(r *Run, r1, r2, budget uint64) uint64)(unsafe.Pointer(&enterCall))

// enterAddress returns where the assembler put enter.
func enterAddress() uintptr

// reenter runs a function of the image while a helper runs.
func reenter(r *Run)

// quickAddress returns where the assembler put quick.
func quickAddress() uintptr

// addresses returns the entry points of the assembly.
func addresses() (helper, poll, signal uintptr)
