package native

// supported reports that images can be run on this machine.
const supported = true

// enter runs the image until it returns or the run ends.
func enter(r *Run)

// reenter runs a function of the image while a helper runs.
func reenter(r *Run)

// quickAddress returns where the assembler put quick.
func quickAddress() uintptr

// addresses returns the entry points of the assembly.
func addresses() (helper, poll, signal uintptr)
