package hooks

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/bpfproof/bpfproof/runtime"
)

// Sizes in the pcap format in bytes.
const (
	fileHeader   = 24
	recordHeader = 16
)

// Packet is one packet of a capture.
type Packet struct {
	Index int // counted from 1, as tcpdump and Wireshark do
	Time  time.Time
	Data  []byte // valid until the next packet is read
	Whole int    // bytes it had on the wire; more than Data holds if it was cut
}

// Reader reads a capture of Ethernet frames packet by packet.
type Reader struct {
	name     string
	pcap     *pcapgo.Reader
	index    int   // of the last packet read
	offset   int64 // of the next record
	allowCut bool
}

// NewReader reads a capture's header. The name stands in errors. Files
// compressed by gzip are read too; offsets in errors then count what comes out.
// Unless allowCut is set, a packet of which the capture holds a part only is
// an error.
func NewReader(name string, r io.Reader, allowCut bool) (*Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	if magic, err := b.Peek(4); err == nil && string(magic) == "\x0a\x0d\x0d\x0a" {
		return nil, fmt.Errorf("hooks: read %s: offset 0: a pcapng file; pcap is wanted", name)
	}
	p, err := pcapgo.NewReader(b)
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("hooks: read %s: offset 0: file is empty", name)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("hooks: read %s: offset 0: file header is cut: it has %d bytes", name, fileHeader)
	case err != nil:
		return nil, fmt.Errorf("hooks: read %s: offset 0: no pcap file: %w", name, err)
	case p.LinkType() != layers.LinkTypeEthernet:
		return nil, fmt.Errorf("hooks: read %s: offset 20: link type %d (%v), not Ethernet", name, uint32(p.LinkType()), p.LinkType())
	}
	return &Reader{name: name, pcap: p, offset: fileHeader, allowCut: allowCut}, nil
}

// Next returns the next packet, io.EOF behind the last, or an error that names
// packet and offset.
func (r *Reader) Next() (Packet, error) {
	data, ci, err := r.pcap.ZeroCopyReadPacketData()
	if err == io.EOF && ci.CaptureLength == 0 {
		return Packet{}, io.EOF
	}
	r.index++
	if err != nil {
		return Packet{}, r.wrap(recordError(ci, err))
	}
	if ci.CaptureLength < ci.Length && !r.allowCut {
		return Packet{}, r.wrap(fmt.Errorf("captured %d of %d bytes", ci.CaptureLength, ci.Length))
	}
	if ci.CaptureLength > runtime.MaxData {
		return Packet{}, r.wrap(fmt.Errorf("%d bytes are more than %d", ci.CaptureLength, runtime.MaxData))
	}
	r.offset += recordHeader + int64(ci.CaptureLength)
	return Packet{Index: r.index, Time: ci.Timestamp, Data: data, Whole: ci.Length}, nil
}

func recordError(ci gopacket.CaptureInfo, err error) error {
	switch {
	case !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
		return err
	case ci.Timestamp.IsZero():
		return errors.New("file ends inside the record's header")
	}
	return fmt.Errorf("file ends inside the packet's %d bytes", ci.CaptureLength)
}

func (r *Reader) wrap(err error) error {
	return fmt.Errorf("hooks: read %s: packet %d at offset %d: %w", r.name, r.index, r.offset, err)
}
