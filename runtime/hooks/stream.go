package hooks

import (
	"context"
	"fmt"
	"sync"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
)

// Stream is a hook on messages that arrive at simulated sockets: a program of
// type sk_skb passes each one on to its socket, drops it, or redirects it to a
// socket of a SOCKMAP or SOCKHASH, to be read there or to be sent. It is safe for
// concurrent use.
//
// Source: sk_psock_verdict_recv and sk_psock_skb_redirect in net/core/skmsg.c of
// Linux 6.18.
type Stream struct {
	sockets *helpers.Sockets
	opts    StreamOptions

	mu    sync.Mutex
	read  map[*helpers.Socket]*Queue
	wires map[*helpers.Socket]*Queue
}

// StreamOptions are bounds of a stream. The zero value takes the defaults.
type StreamOptions struct {
	Room int    // messages that wait at each socket, and that it sends; 0 means 1000
	Fuel uint64 // of each run; 0 means runtime.DefaultFuel
}

// NewStream returns a hook on the sockets of a table, which stays the caller's.
func NewStream(sockets *helpers.Sockets, opts StreamOptions) *Stream {
	if opts.Room <= 0 {
		opts.Room = defaultRoom
	}
	return &Stream{sockets: sockets, opts: opts, read: map[*helpers.Socket]*Queue{}, wires: map[*helpers.Socket]*Queue{}}
}

// Read returns the messages that the socket's owner may read.
func (s *Stream) Read(sk *helpers.Socket) *Queue { return s.queue(s.read, sk) }

// Sent returns the messages that leave by the socket.
func (s *Stream) Sent(sk *helpers.Socket) *Queue { return s.queue(s.wires, sk) }

func (s *Stream) queue(of map[*helpers.Socket]*Queue, sk *helpers.Socket) *Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := of[sk]
	if q == nil {
		q = newQueue(s.opts.Room)
		of[sk] = q
	}
	return q
}

// Attach returns a *StreamLink.
func (s *Stream) Attach(p *runtime.Program) (runtime.Link, error) {
	if t := p.Spec().Type; t != ir.SkSKB {
		return nil, fmt.Errorf("hooks: attach program %q: messages of sockets are for programs of type %v, not %v", p.Name(), ir.SkSKB, t)
	}
	base, err := newLink(p, s.opts.Fuel)
	if err != nil {
		return nil, err
	}
	return &StreamLink{link: base, stream: s}, nil
}

// StreamLink is a program attached to a stream.
type StreamLink struct {
	*link
	stream *Stream
}

// skPass is the result of a program that takes a message (SK_PASS); others drop it.
const skPass = 1

// Deliver brings a message to a socket and acts on the verdict. A message that
// the program drops is no error; one that finds no room is dropped, and the
// queue counts it.
func (l *StreamLink) Deliver(ctx context.Context, sk *helpers.Socket, message []byte) error {
	var to *Queue
	var left []byte
	err := l.run(ctx, func(s runtime.Session) error {
		if e, ok := s.(runtime.Environed); ok {
			e.Env().Sockets, e.Env().Socket = l.stream.sockets, sk
		}
		return s.Frame().Set(runtime.Input{Data: message})
	}, func(ret uint64, s runtime.Session) {
		if ret != skPass {
			return
		}
		left = s.Frame().Data()
		var r helpers.Redirect
		if e, ok := s.(runtime.Environed); ok {
			r = e.Env().Redirect
		}
		switch {
		case r.Socket == nil:
			to = l.stream.Read(sk)
		case r.Flags&helpers.RedirectIngress != 0:
			to = l.stream.Read(r.Socket)
		default:
			to = l.stream.Sent(r.Socket)
		}
	})
	if err != nil {
		return err
	}
	if to == nil || !to.put(left) {
		l.drops.Add(1)
	}
	return nil
}
