package maps

import (
	"context"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// Read waits for the next record and returns a copy of it. It ends with the
// context's error, or ErrClosed. Records that were written with RingNoWakeup
// do not wake it.
func (m *RingBuf) Read(ctx context.Context) ([]byte, error) {
	m.reading.Lock()
	defer m.reading.Unlock()
	for {
		if err := m.open(); err != nil {
			return nil, err
		}
		if b, ok := m.next(); ok {
			return b, nil
		}
		m.waits.Store(true)
		if b, ok := m.next(); ok {
			m.waits.Store(false)
			return b, nil
		}
		select {
		case <-m.wake:
		case <-m.done:
		case <-ctx.Done():
			m.waits.Store(false)
			return nil, context.Cause(ctx)
		}
		m.waits.Store(false)
	}
}

func (m *RingBuf) open() error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return ErrClosed
	}
	return nil
}

// TryRead is Read without waiting; ok is false where no record is finished.
func (m *RingBuf) TryRead() (b []byte, ok bool, err error) {
	m.reading.Lock()
	defer m.reading.Unlock()
	if err := m.open(); err != nil {
		return nil, false, err
	}
	b, ok = m.next()
	return b, ok, nil
}

// Drain calls f for every finished record, until there is none or f returns
// false, and returns how many it was called for. The record is f's only until it
// returns.
func (m *RingBuf) Drain(f func(record []byte) bool) (int, error) {
	m.reading.Lock()
	defer m.reading.Unlock()
	if err := m.open(); err != nil {
		return 0, err
	}
	n, more := 0, true
	for more && m.take(func(b []byte) { more = f(b) }) {
		n++
	}
	return n, nil
}

func (m *RingBuf) next() (b []byte, ok bool) {
	ok = m.take(func(r []byte) { b = append(make([]byte, 0, len(r)), r...) })
	return b, ok
}

// take shows the next finished record to f and gives its room back. The caller
// holds reading.
func (m *RingBuf) take(f func([]byte)) bool {
	at, n, ok := m.Peek()
	if ok {
		f(mem.View(at, n))
		m.Drop()
	}
	return ok
}

// Hold makes the caller the ring's only reader, until Let; false while there is
// another one.
func (m *RingBuf) Hold() bool { return m.reading.TryLock() }

// Let ends what Hold began.
func (m *RingBuf) Let() { m.reading.Unlock() }

// Peek returns the address and the length in bytes of the next finished record,
// and gives the room of discarded ones before it back. The caller is the reader.
// Lengths come from memory that a program without verification cannot reach, so
// they are the producers'.
func (m *RingBuf) Peek() (addr uint64, n int, ok bool) {
	for {
		cons := m.cons.Load()
		if cons == m.produced() {
			return 0, 0, false
		}
		at := m.base + cons&m.mask
		h := atomic.LoadUint64(mem.Ptr64(at))
		if h&RingBusy != 0 {
			return 0, 0, false
		}
		if h&RingDiscard == 0 {
			return at + RingHeader, int(h & (RingDiscard - 1)), true
		}
		m.cons.Store(cons + recordBytes(h))
	}
}

// Drop gives the room of the record that Peek returned back.
func (m *RingBuf) Drop() {
	cons := m.cons.Load()
	m.cons.Store(cons + recordBytes(atomic.LoadUint64(mem.Ptr64(m.base+cons&m.mask))))
}
