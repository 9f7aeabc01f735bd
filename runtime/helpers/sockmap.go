package helpers

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// Results of programs on messages (SK_DROP, SK_PASS).
const (
	skDrop = 0
	skPass = 1
)

// socketAt returns the socket in a map of sockets, nil if there is none.
func (e *Env) socketAt(helper string, handle uint64, key []byte) (*Socket, error) {
	s, err := e.find(handle)
	if err != nil {
		return nil, err
	}
	switch s.m.Spec().Type {
	case ir.Sockmap, ir.Sockhash, ir.ReuseportSockarray:
		return e.socket(s.m.LookupAddr(key)), nil
	}
	return nil, wrongKind(helper, s.m)
}

// redirectToSocket notes the socket that a message goes to and returns SK_PASS,
// or SK_DROP where there is none (bpf_sk_redirect_map and bpf_msg_redirect_map
// in net/core/sock_map.c of Linux 6.18).
func redirectToSocket(e *Env, handle uint64, key []byte, flags uint64) (uint64, error) {
	if flags&^RedirectIngress != 0 {
		return skDrop, nil
	}
	sk, err := e.socketAt("sk_redirect", handle, key)
	if err != nil || sk == nil {
		return skDrop, err
	}
	e.Redirect = Redirect{Socket: sk, Flags: flags}
	return skPass, nil
}

func skRedirectMap(e *Env, args [5]uint64) (uint64, error) {
	return redirectToSocket(e, args[1], binary.NativeEndian.AppendUint32(nil, uint32(args[2])), args[3])
}

func skRedirectHash(e *Env, args [5]uint64) (uint64, error) {
	_, key, err := keyed(e, args[1], args[2])
	if err != nil {
		return 0, err
	}
	return redirectToSocket(e, args[1], key, args[3])
}

// skSelectReuseport chooses the socket of a group that gets the packet: -ENOENT
// for an empty element, -EINVAL for flags.
func skSelectReuseport(e *Env, args [5]uint64) (uint64, error) {
	_, key, err := keyed(e, args[1], args[2])
	if err != nil {
		return 0, err
	}
	if args[3] != 0 {
		return errno(unix.EINVAL), nil
	}
	sk, err := e.socketAt("sk_select_reuseport", args[1], key)
	if err != nil {
		return 0, err
	}
	if sk == nil {
		return errno(unix.ENOENT), nil
	}
	e.Assigned = sk
	return 0, nil
}

// sockMapUpdate puts the socket that the program is called for into a map:
// -EOPNOTSUPP where its hook has none.
func sockMapUpdate(e *Env, args [5]uint64) (uint64, error) {
	s, key, err := keyed(e, args[1], args[2])
	if err != nil {
		return 0, err
	}
	if e.Socket == nil {
		return errno(unix.EOPNOTSUPP), nil
	}
	return result(s.m.Put(key, binary.NativeEndian.AppendUint64(nil, e.Socket.Addr()), args[3]))
}

// Bytes returns what programs read of the socket, struct bpf_sock.
func (sk *Socket) Bytes() []byte { return mem.View(sk.Addr(), sockBytes) }
