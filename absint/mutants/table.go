package mutants

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// All returns all mutants, oldest bug first.
func All() []Mutant {
	d := New()
	return []Mutant{
		{Name: "cve-2017-16995", Source: "Linux 4.9, check_alu_op", Kind: Low, ALU: ir.Mov, Width: 4, Full: 64, Domain: SignExtendedMov{d},
			Bug: "a 32-bit move of an immediate is taken for a sign-extended one"},
		{Name: "cve-2017-16996", Source: "Linux 4.14, coerce_reg_to_32", Kind: Low, ALU: ir.Add, Width: 4, Full: 64, Domain: ClampedTruncation{d},
			Bug: "bounds are clamped, not recomputed, when a result is truncated to 32 bits"},
		{Name: "cve-2017-17853", Source: "Linux 4.14, adjust_reg_min_max_vals", Kind: ALU, ALU: ir.Rsh, Width: 4, Full: 64, Domain: SignedShift{d},
			Bug: "a logical right shift shifts the signed bounds as numbers"},
		{Name: "cve-2018-18445", Source: "Linux 4.14 to 4.18, adjust_scalar_min_max_vals", Kind: Low, ALU: ir.Rsh, Width: 4, Full: 64, Domain: LateTruncation{d},
			Bug: "a 32-bit right shift is done at 64 bits and only its result truncated"},
		{Name: "arsh32-at-64", Source: "Linux 5.5, adjust_scalar_min_max_vals, fixed by 0af2ffc93a4b", Kind: Low, ALU: ir.Arsh, Width: 4, Full: 64, Domain: WideArsh{d},
			Bug: "a 32-bit arithmetic right shift is simulated at 64 bits, where the sign is not set"},
		{Name: "cve-2020-8835", Source: "Linux 5.5, __reg_bound_offset32", Kind: RefineLow, Width: 4, Full: 64, Domain: TruncatedBounds{d},
			Bug: "after a 32-bit jump the truncated 64-bit bounds are taken for bounds of the low half"},
		{Name: "s32-to-s64", Source: "Linux 5.7, __reg_assign_32_into_64, fixed by 3a71dc366d4a", Kind: Extend, Width: 4, Full: 64, Domain: SignedExtend{d},
			Bug: "the signed upper bound of 32 bits becomes that of the zero-extended word"},
		{Name: "cve-2020-27194", Source: "Linux 5.8, scalar32_min_max_or", Kind: ALU, ALU: ir.Or, Width: 4, Full: 64, Domain: TruncatedOr{d},
			Bug: "32-bit bounds of a disjunction are the truncated 64-bit bounds"},
		{Name: "lone-signed-bound", Source: "Linux 5.7 to 5.10, __reg_combine_64_into_32, fixed by b02709587ea3", Kind: Refine, Cmp: sem.SGE, Width: 4, Full: 64, Domain: LoneSigned{d},
			Bug: "64-bit signed bounds are passed to 32 bits one by one"},
		{Name: "cve-2021-3490", Source: "Linux 5.7 to 5.12, scalar32_min_max_and", Kind: ALU, ALU: ir.And, Width: 4, Full: 64, Domain: StaleLow{d},
			Bug: "32-bit bounds stay as they were where both low halves are known"},
		{Name: "cve-2021-31440", Source: "Linux 5.7 to 5.11, __reg_combine_64_into_32, fixed by 10bf4e83167c", Kind: Refine, Cmp: sem.UGE, Width: 4, Full: 64, Domain: LoneUnsigned{d},
			Bug: "64-bit unsigned bounds are passed to 32 bits one by one"},
		{Name: "cve-2021-45402", Source: "Linux 5.10 to 5.15, check_alu_op", Kind: Low, ALU: ir.Mov, Width: 4, Full: 64, Domain: StaleMov{d},
			Bug: "a 32-bit move keeps a 64-bit bound of its source"},
		{Name: "cve-2022-2905", Source: "Linux 5.5 to 5.19, record_func_key", Kind: Refine, Cmp: sem.UGT, Width: 4, Full: 64, Domain: Range2905{d},
			Bug: "the tnum of a range is taken for the range"},
		{Name: "sdiv-least", Source: "div and mod of S32_MIN through its magnitude at 64 bits", Kind: ALU, ALU: ir.SDiv, Width: 4, Full: 32, Domain: WideMagnitude{d},
			Bug: "the magnitude of the least 32-bit word is taken at 64 bits, sign-extended"},
		{Name: "cve-2026-31413", Source: "Linux 6.19, maybe_fork_scalars", Kind: ALU, ALU: ir.Or, Width: 4, Full: 64, Domain: ForkedOr{d},
			Bug: "of 0 | k the fork made for And keeps 0"},
	}
}
