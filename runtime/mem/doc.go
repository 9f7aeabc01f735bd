// Package mem hands out memory outside the Go heap: contexts, packets, stacks
// and map values, which programs reach by host address.
//
// It knows pages, addresses and guard pages. It knows nothing of what lies in
// a block, and it does not check accesses by address: the caller of [View],
// [Load64] and the like answers for the address being inside a live block.
//
// Invariants: a block starts on a page, is zero when handed out, never moves,
// and has an inaccessible page before and behind it; the body of an [AllocLow]
// block lies wholly below 4 GiB; Free may be called any number of times.
//
//	b, err := mem.AllocLow(4096)
//	if err != nil {
//		return err
//	}
//	defer b.Free()
//	copy(b.Bytes(), packet)
//	xdp.data = uint32(b.Addr())
//
// Sources: mmap(2), mprotect(2).
package mem
