package hooks

import (
	"context"
	"sync/atomic"
)

// Queue is a bounded queue of records between a hook and the application. Who
// reads too slowly loses the newest ones, and they are counted: a hook never
// waits for its readers. It is safe for concurrent use.
type Queue struct {
	records chan []byte
	drops   atomic.Uint64
}

func newQueue(n int) *Queue { return &Queue{records: make(chan []byte, n)} }

// put adds a record, which is the queue's from then on, and reports whether
// there was room.
func (q *Queue) put(record []byte) bool {
	select {
	case q.records <- record:
		return true
	default:
		q.drops.Add(1)
		return false
	}
}

// Next waits for the next record. It ends with the context's error.
func (q *Queue) Next(ctx context.Context) ([]byte, error) {
	select {
	case b := <-q.records:
		return b, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// TryNext is Next without waiting; ok is false where there is no record.
func (q *Queue) TryNext() (record []byte, ok bool) {
	select {
	case b := <-q.records:
		return b, true
	default:
		return nil, false
	}
}

// Len returns how many records wait.
func (q *Queue) Len() int { return len(q.records) }

// Drops returns how many records found no room.
func (q *Queue) Drops() uint64 { return q.drops.Load() }
