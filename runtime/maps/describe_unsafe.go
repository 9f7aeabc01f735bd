package maps

import "unsafe"

// The layout that machine code knows is that of the structure.
var (
	_ [unsafe.Offsetof(stripe{}.lock)]struct{}  = [StripeLock]struct{}{}
	_ [unsafe.Offsetof(stripe{}.nfree)]struct{} = [StripeNFree]struct{}{}
	_ [unsafe.Offsetof(stripe{}.ngone)]struct{} = [StripeNGone]struct{}{}
	_ [unsafe.Offsetof(stripe{}.free)]struct{}  = [StripeFree]struct{}{}
	_ [unsafe.Offsetof(stripe{}.gone)]struct{}  = [StripeGone]struct{}{}
	_ [unsafe.Sizeof(stripe{})]struct{}         = [StripeBytes]struct{}{}
)

// addressOf returns the address of a variable in the Go heap, for machine code.
// Go's collector moves none, and the map, which its user keeps, keeps it.
func addressOf[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }
