package main

import (
	"encoding/binary"
	"net/netip"
)

// config is the limit, as the program's map has it.
type config struct{ Rate, Burst uint64 }

// bucket is what the program keeps of a source.
type bucket struct{ Units, Filled, Passed, Dropped uint64 }

// token is what a token is in units.
const token = 1_000_000_000

// Verdicts of the program.
const (
	drop = 1
	pass = 2
)

// model is what the program is to do, in plain Go, without a bound on the
// number of sources.
type model struct {
	config
	sources map[netip.Addr]*bucket
}

func newModel(c config) *model { return &model{c, map[netip.Addr]*bucket{}} }

// packet returns the verdict on a packet that came at a time in nanoseconds.
func (m *model) packet(data []byte, now uint64) uint64 {
	from, ok := source(data)
	if !ok {
		return pass
	}
	full := m.Burst * token
	b := m.sources[from]
	if b == nil {
		m.sources[from] = &bucket{Units: full - token, Filled: now, Passed: 1}
		return pass
	}
	if past := now - b.Filled; past/token > m.Burst/m.Rate {
		b.Units = full
	} else {
		b.Units = min(full, b.Units+past*m.Rate)
	}
	b.Filled = now
	if b.Units < token {
		b.Dropped++
		return drop
	}
	b.Units -= token
	b.Passed++
	return pass
}

// source returns the address that a frame comes from, if it has a whole IP
// header.
func source(data []byte) (netip.Addr, bool) {
	if len(data) < 14 {
		return netip.Addr{}, false
	}
	switch binary.BigEndian.Uint16(data[12:]) {
	case 0x0800:
		if len(data) >= 14+20 {
			return netip.AddrFrom4([4]byte(data[26:30])), true
		}
	case 0x86dd:
		if len(data) >= 14+40 {
			return netip.AddrFrom16([16]byte(data[22:38])), true
		}
	}
	return netip.Addr{}, false
}
