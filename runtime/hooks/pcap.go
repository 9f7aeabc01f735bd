package hooks

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/bpfproof/bpfproof/runtime"
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
	source   source
	index    int          // of the last packet read
	offset   func() int64 // where the next record begins
	at       int64        // where the record under way began
	allowCut bool
}

// source is a reader of one of the formats.
type source interface {
	ZeroCopyReadPacketData() ([]byte, gopacket.CaptureInfo, error)
	LinkType() layers.LinkType
}

// counted counts the bytes that were read.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// The first bytes of files compressed by gzip and of pcapng files.
const (
	gzipMagic   = "\x1f\x8b"
	pcapngMagic = "\x0a\x0d\x0d\x0a"
)

// NewReader reads a capture's header: pcap or pcapng. The name stands in
// errors. Files compressed by gzip are read too; offsets in errors then count
// what comes out. Unless allowCut is set, a packet of which the capture holds a
// part only is an error.
func NewReader(name string, r io.Reader, allowCut bool) (*Reader, error) {
	plain, err := inflate(r)
	if err != nil {
		return nil, fmt.Errorf("hooks: read %s: offset 0: %w", name, err)
	}
	count := &counted{r: plain}
	b := bufio.NewReaderSize(count, 64<<10)
	magic, _ := b.Peek(4)      // a file that is shorter is the reader's to name
	open, link := openPcap, 20 // where the header has the link type
	if string(magic) == pcapngMagic {
		open, link = openPcapng, 0
	}
	s, err := open(b)
	switch {
	case errors.Is(err, io.EOF) && len(magic) == 0:
		return nil, fmt.Errorf("hooks: read %s: offset 0: file is empty", name)
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return nil, fmt.Errorf("hooks: read %s: offset 0: file header is cut: the file has %d bytes", name, count.n)
	case err != nil:
		return nil, fmt.Errorf("hooks: read %s: offset 0: %w", name, err)
	case s.LinkType() != layers.LinkTypeEthernet:
		return nil, fmt.Errorf("hooks: read %s: offset %d: link type %d (%v), not Ethernet", name, link, uint32(s.LinkType()), s.LinkType())
	}
	return &Reader{name: name, source: s, allowCut: allowCut, offset: func() int64 { return count.n - int64(b.Buffered()) }}, nil
}

// inflate returns what a compressed stream holds, others as they are.
func inflate(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); string(magic) != gzipMagic {
		return b, nil
	}
	return gzip.NewReader(b)
}

func openPcap(b *bufio.Reader) (source, error) {
	r, err := pcapgo.NewReader(b)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("no pcap file: %w", err)
	}
	return r, err
}

// openPcapng refuses files whose interfaces are not all of the first one's type.
func openPcapng(b *bufio.Reader) (source, error) {
	r, err := pcapgo.NewNgReader(b, pcapgo.NgReaderOptions{ErrorOnMismatchingLinkType: true})
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("no pcapng file: %w", err)
	}
	return r, err
}

// Next returns the next packet, io.EOF behind the last, or an error that names
// packet and offset. In a pcapng file the offset is where the blocks before the
// packet begin.
func (r *Reader) Next() (Packet, error) {
	r.at = r.offset()
	data, ci, err := r.source.ZeroCopyReadPacketData()
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
	return Packet{Index: r.index, Time: ci.Timestamp, Data: data, Whole: ci.Length}, nil
}

func recordError(ci gopacket.CaptureInfo, err error) error {
	switch {
	case !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
		return err
	case ci.CaptureLength == 0:
		return errors.New("file ends inside the record's header")
	}
	return fmt.Errorf("file ends inside the packet's %d bytes", ci.CaptureLength)
}

// Offset returns how many bytes of the file, uncompressed, were read.
func (r *Reader) Offset() int64 { return r.offset() }

func (r *Reader) wrap(err error) error {
	return fmt.Errorf("hooks: read %s: packet %d at offset %d: %w", r.name, r.index, r.at, err)
}
