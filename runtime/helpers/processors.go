package helpers

import (
	goruntime "runtime"
	"sync"
)

// Processors numbers the sessions of a program that are open at the same time
// from 0, so that each works on per-CPU values of its own while there are no
// more sessions than processors; beyond that they share. Sessions of different
// programs share as well. The zero value is ready.
type Processors struct {
	mu   sync.Mutex
	busy []bool
}

// Take returns the least number that is free and the processor that it stands
// for.
func (p *Processors) Take() (number int, cpu uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for number < len(p.busy) && p.busy[number] {
		number++
	}
	if number == len(p.busy) {
		p.busy = append(p.busy, false)
	}
	p.busy[number] = true
	return number, uint32(number % goruntime.NumCPU())
}

// Give makes a number free again.
func (p *Processors) Give(number int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy[number] = false
}
