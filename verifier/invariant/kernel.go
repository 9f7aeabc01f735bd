package invariant

// OfKernel names the first thing in the set that has a meaning only with the types
// of a kernel, "" if there is none: a pointer to a structure, an iterator, or a
// dynamic pointer. Nothing here says what these mean, so no set that holds one is
// confirmed.
func (s *Set[E]) OfKernel() string {
	if s == nil {
		return ""
	}
	for i := range s.Records {
		for _, f := range s.Records[i].State.Frames {
			if f == nil {
				continue
			}
			for _, r := range f.Regs {
				if r != nil && r.Kind > Func && int(r.Kind) < len(kernelParts) {
					return kernelParts[r.Kind]
				}
			}
			for _, sl := range f.Stack {
				if sl != nil && sl.N > 0 && sl.Spill.Kind > Func && int(sl.Spill.Kind) < len(kernelParts) {
					return kernelParts[sl.Spill.Kind]
				}
			}
		}
	}
	return ""
}

var kernelParts = [...]string{Struct: "a structure of the kernel", Slice: "a dynamic pointer", Iterator: "an iterator of the kernel", Dynptr: "a dynamic pointer", DynptrRef: "a dynamic pointer"}
