// Package maps holds the maps that programs and the application share: keys
// and values in memory outside the Go heap, values at addresses that do not
// move while a program may hold them.
//
// It knows map kinds, sizes, flags and errors as bpf(2) has them. It does not
// know programs, helpers or the verifier: who calls it, and with which
// rights, is package helpers' and package runtime's business.
//
// # Two sides
//
// The application uses Lookup, Update, Delete, NextKey and Batch, which copy.
// Programs use LookupAddr, Put and Remove: LookupAddr gives the address of the
// live value, which the program reads and writes in place, beside other
// programs and the application. Values are words in shared memory: an aligned
// word of 8 bytes is read and written whole, larger values may be seen half
// written by a racing in-place writer, exactly as in the kernel. Update and
// Put replace a hash element as a whole instead.
//
// Some kinds offer more than [Map]: values by processor ([PerCPU]), push and pop
// ([Buffer]), elements that are maps ([Outer]). Elements of a [ProgArray] are
// programs: package runtime puts them in, and engines take them out for tail
// calls. The table in kinds.go lists the kinds; every hash kind is one table,
// hash.go.
//
// # Side by side
//
// Every operation is safe beside every other, by programs, the application, and
// machine code that works on the tables by their memory alone: what that needs to
// know is in a map's header, see describe.go.
// Lookups by programs take no lock and write nothing that is shared, but for the
// note of use in an LRU map; nor do lookups by the application in hash tables, save
// where a writer comes between or the map is pinned. Histories of concurrent operations are those of a
// plain map to which they were done one by one (TestLinearizable), but for one
// thing, which the kernel's tables share: a hash that is nearly full may refuse
// an insertion because of others under way.
//
// # Lifetime of a value
//
// A program holds value addresses for the length of one run. Its thread enters
// the map's [Epochs] through a [Reader] before the run and leaves it after;
// memory of a deleted or replaced element is used again only once every run
// that was active at the deletion has left. So an address from LookupAddr
// stays the address of that element's bytes, dead or alive, until Exit.
// Elements of arrays are never freed and need no epoch. Where too many dead
// elements wait for a long run, an update of an existing key writes in place
// and an insertion fails with [ErrNoMemory].
//
// # Pinned maps
//
// [Pin] keeps arrays and hash tables in a file. Every change that others see is
// one store, made after what it leads to, so a process may be killed at any
// moment. [OpenPinned] opens a file by itself, [Unpin] removes it from its
// directory.
//
// # What differs from the kernel
//
// LRU maps choose by second chance over one list, whatever the flags say.
// Storage maps hold at most 65,536 objects, which are simulated and go by number.
// Devices, cgroups, sockets and stacks are simulated too; maps of sockets hold the
// addresses that programs know them by. An element of a map of redirect targets
// has no program. Arenas are not supported.
//
//	m, err := maps.New(&ir.MapSpec{Name: "hits", Type: ir.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 100})
//	err = m.Update(key, value, abi.UpdateNoExist)
//
// Sources: bpf(2); kernel/bpf/{arraymap,hashtab,lpm_trie,queue_stack_maps,
// bloom_filter,map_in_map}.c of Linux 6.18 for what each operation returns, which
// tests ask of the live kernel; Fraser, "Practical lock-freedom" (2004), chapter 5,
// for reclamation by epochs.
package maps
