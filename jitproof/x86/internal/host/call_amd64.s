#include "textflag.h"

// func call(code uintptr)
TEXT ·call(SB), NOSPLIT, $0-8
	MOVQ code+0(FP), AX
	CALL AX
	RET
