package main

import "hash/fnv"

// places is how many places a service's table has, a prime.
const places = 1021

// maglev gives every place of a table to one of the backends, which are named:
// about as many places to each, and when a backend comes or goes nearly all
// places of the others stay theirs. Without backends the places are -1.
//
// It is the algorithm of section 3.4 in Eisenbud et al., "Maglev: A Fast and
// Reliable Software Network Load Balancer" (NSDI 2016): backends take turns, and
// each takes the next free place in an order of its own.
func maglev(backends []string) [places]int {
	var table [places]int
	for i := range table {
		table[i] = -1
	}
	if len(backends) == 0 {
		return table
	}
	offset, skip, next := make([]uint64, len(backends)), make([]uint64, len(backends)), make([]uint64, len(backends))
	for i, name := range backends {
		offset[i], skip[i] = digest("offset", name)%places, digest("skip", name)%(places-1)+1
	}
	for filled := 0; ; {
		for i := range backends {
			place := (offset[i] + next[i]*skip[i]) % places
			for table[place] >= 0 {
				next[i]++
				place = (offset[i] + next[i]*skip[i]) % places
			}
			table[place] = i
			next[i]++
			if filled++; filled == places {
				return table
			}
		}
	}
}

func digest(what, name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(what + "\x00" + name))
	x := h.Sum64() // FNV leaves its low bits alike for like names
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}
