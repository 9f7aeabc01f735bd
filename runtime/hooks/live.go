package hooks

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime"
)

// Live is a network interface of this machine as a hook: the program runs for
// every packet that the interface receives, on a copy. So XDP_DROP and
// XDP_PASS are counted and nothing else, the packet goes its way in the kernel;
// XDP_TX sends the packet, as the program left it, if Transmit is set.
type Live struct {
	Interface string
	Promisc   bool   // receive packets for other stations too
	Outgoing  bool   // deliver what the machine itself sends, too
	Transmit  bool   // let XDP_TX act
	Buffer    int    // bytes of the socket's buffer; 0: the system's default
	Fuel      uint64 // of each run; 0 means runtime.DefaultFuel
	// Each, if not nil, is called after each run. It must not keep the packet; it
	// may close the link.
	Each func(p Packet, ret uint64)
}

// ErrInterfaceGone says that the interface went down or was removed.
var ErrInterfaceGone = errors.New("the interface is down or gone")

// maxLive is the largest packet a live interface delivers, in bytes.
const maxLive = 1 << 16

// Attach opens the interface, in the network namespace of the calling thread,
// and returns a *LiveLink. Programs that take no packet are refused; os.ErrPermission
// says that the process may not open packet sockets.
func (h *Live) Attach(p *runtime.Program) (runtime.Link, error) {
	switch p.Spec().Type {
	case ir.XDP, ir.SocketFilter, ir.SchedCLS, ir.SchedACT, ir.Unspec:
	default:
		return nil, fmt.Errorf("hooks: attach program %q to interface %q: type %v takes no packets", p.Name(), h.Interface, p.Spec().Type)
	}
	sock, index, err := h.open()
	if err != nil {
		return nil, fmt.Errorf("hooks: attach program %q to interface %q: %w", p.Name(), h.Interface, err)
	}
	base, err := newLink(p, h.Fuel)
	if err != nil {
		return nil, errors.Join(err, sock.Close())
	}
	l := &LiveLink{link: base, hook: *h, sock: sock, ctx: arrivalContext(p.Spec().Type, uint32(index))}
	l.stop = func() { l.countDrops(); l.sockErr = l.sock.Close() }
	return l, nil
}

// arrivalContext returns the context of a packet that came in by a device; nil
// for programs without one.
func arrivalContext(t ir.ProgType, index uint32) []byte {
	switch t {
	case ir.XDP:
		ctx := make([]byte, xdpSize)
		binary.NativeEndian.PutUint32(ctx[xdpIngressIfindex:], index)
		return ctx
	case ir.SchedCLS, ir.SchedACT:
		ctx := make([]byte, skbSize)
		binary.NativeEndian.PutUint32(ctx[skbIfindex:], index)
		binary.NativeEndian.PutUint32(ctx[skbIngressIfindex:], index)
		return ctx
	}
	return nil
}

// open returns a packet socket bound to the interface, and the interface's
// number.
func (h *Live) open() (*os.File, int, error) {
	ifi, err := net.InterfaceByName(h.Interface)
	if err != nil {
		return nil, 0, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0) // protocol 0: nothing yet
	if err != nil {
		return nil, 0, fmt.Errorf("open packet socket: %w", err)
	}
	f := os.NewFile(uintptr(fd), "packet socket of "+h.Interface)
	set := func(option, value int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_PACKET, option, value))
	}
	errs := []error{set(unix.PACKET_AUXDATA, 1)}
	if !h.Outgoing {
		errs = append(errs, set(unix.PACKET_IGNORE_OUTGOING, 1))
	}
	if h.Promisc {
		errs = append(errs, unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP,
			&unix.PacketMreq{Ifindex: int32(ifi.Index), Type: unix.PACKET_MR_PROMISC}))
	}
	if h.Buffer > 0 {
		err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, h.Buffer)
		if err == unix.EPERM { // then up to the system's limit
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, h.Buffer)
		}
		errs = append(errs, os.NewSyscallError("setsockopt", err))
	}
	everything := bits.ReverseBytes16(unix.ETH_P_ALL) // in network order
	errs = append(errs, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: ifi.Index}))
	if err := errors.Join(errs...); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, ifi.Index, nil
}

// LiveLink is a program attached to an interface.
type LiveLink struct {
	*link
	hook    Live
	sock    *os.File
	sockErr error
	ctx     []byte     // of every packet; nil: the usual one
	mu      sync.Mutex // one loop at a time
	sent    atomic.Uint64
	unsent  atomic.Uint64
}

// Sent returns how many packets XDP_TX sent, and how many the interface did not
// take.
func (l *LiveLink) Sent() (sent, refused uint64) { return l.sent.Load(), l.unsent.Load() }

// Run runs the program for every packet until the context ends, which is no
// error. ErrInterfaceGone says that the interface went away, ErrDetached that
// the link was closed. Packets that the program was too slow for are counted as
// drops. The report is what this call counted.
func (l *LiveLink) Run(ctx context.Context) (Report, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rep := Report{Verdicts: map[uint64]uint64{}}
	if l.closed.Load() {
		return rep, l.wrap(ErrDetached)
	}
	defer context.AfterFunc(ctx, func() { _ = l.sock.SetReadDeadline(time.Unix(1, 0)) })() // the loop sees ctx
	if err := l.sock.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, os.ErrClosed) {
		return rep, l.wrap(err)
	}
	buf, before := make([]byte, maxLive+vlanTag), l.Stats()
	var err error
	for err == nil {
		var n int
		var p Packet
		if n, err = l.receive(buf, &p); err != nil || n == 0 {
			continue
		}
		rep.Packets++
		p.Index = int(rep.Packets)
		err = l.deliver(ctx, p, &rep)
	}
	l.countDrops()
	after := l.Stats()
	rep.Packets, rep.Errors, rep.Nanos = after.Runs-before.Runs, after.Errors-before.Errors, after.Nanos-before.Nanos
	switch {
	case ctx.Err() != nil:
		return rep, nil
	case l.closed.Load():
		return rep, l.wrap(ErrDetached)
	case errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		return rep, l.wrap(fmt.Errorf("%w: %w", ErrInterfaceGone, err))
	}
	return rep, l.wrap(err)
}

func (l *LiveLink) wrap(err error) error {
	return fmt.Errorf("hooks: interface %q: %w", l.hook.Interface, err)
}

func (l *LiveLink) deliver(ctx context.Context, p Packet, rep *Report) error {
	transmit := l.hook.Transmit && l.program.Spec().Type == ir.XDP
	var verdict uint64
	err := l.run(ctx, func(s runtime.Session) error { return s.Frame().Set(runtime.Input{Data: p.Data, Ctx: l.ctx}) },
		func(ret uint64, s runtime.Session) {
			if verdict = ret; transmit && ret == abi.XDPTX {
				l.send(s.Frame().Data())
			}
		})
	if err != nil {
		return err
	}
	rep.Bytes += uint64(len(p.Data))
	rep.Verdicts[verdict]++
	if l.hook.Each != nil {
		l.hook.Each(p, verdict)
	}
	return nil
}

// send sends a packet. One that the interface does not take is counted.
func (l *LiveLink) send(data []byte) {
	if _, err := l.sock.Write(data); err != nil {
		l.unsent.Add(1)
		return
	}
	l.sent.Add(1)
}

// vlanTag is the size of a VLAN tag in bytes.
const vlanTag = 4

// receive waits for a packet. A tag that the kernel took out is put back.
func (l *LiveLink) receive(buf []byte, p *Packet) (n int, err error) {
	conn, err := l.sock.SyscallConn()
	if err != nil {
		return 0, err
	}
	var oob [64]byte
	var oobn int
	var recv error
	body := buf[vlanTag:]
	if err := conn.Read(func(fd uintptr) bool {
		n, oobn, _, _, recv = unix.Recvmsg(int(fd), body, oob[:], unix.MSG_TRUNC)
		return recv != unix.EAGAIN && recv != unix.EINTR
	}); err != nil {
		return 0, err
	}
	if recv != nil {
		return 0, recv
	}
	p.Whole, p.Time = n, time.Now()
	if n > len(body) || n < leastPacket {
		l.drops.Add(1) // in part, or no Ethernet frame
		return 0, nil
	}
	p.Data = body[:n]
	if tci, tpid, ok := takenTag(oob[:oobn]); ok {
		copy(buf, body[:12])
		binary.BigEndian.PutUint16(buf[12:], tpid)
		binary.BigEndian.PutUint16(buf[14:], tci)
		p.Data, p.Whole = buf[:n+vlanTag], n+vlanTag
	}
	return n, nil
}

// takenTag returns the VLAN tag in a message's auxiliary data.
func takenTag(oob []byte) (tci, tpid uint16, ok bool) {
	const size, status, tciOff, tpidOff = 20, 0, 16, 18 // struct tpacket_auxdata
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0, 0, false
	}
	for _, m := range msgs {
		if m.Header.Level != unix.SOL_PACKET || m.Header.Type != unix.PACKET_AUXDATA || len(m.Data) < size {
			continue
		}
		flags := binary.NativeEndian.Uint32(m.Data[status:])
		if flags&unix.TP_STATUS_VLAN_VALID == 0 {
			return 0, 0, false
		}
		tpid = unix.ETH_P_8021Q
		if flags&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
			tpid = binary.NativeEndian.Uint16(m.Data[tpidOff:])
		}
		return binary.NativeEndian.Uint16(m.Data[tciOff:]), tpid, true
	}
	return 0, 0, false
}

// countDrops adds what the socket lost since the last call: reading the
// statistics clears them.
func (l *LiveLink) countDrops() {
	conn, err := l.sock.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { // fails where the socket is closed: nothing is lost any more
		if s, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			l.drops.Add(uint64(s.Drops))
		}
	})
}

// Stats returns what the link has counted.
func (l *LiveLink) Stats() runtime.Stats {
	l.countDrops()
	return l.link.Stats()
}

// Close detaches, and returns when the run under way has ended.
func (l *LiveLink) Close() error {
	err := l.link.Close()
	return errors.Join(err, l.sockErr)
}
