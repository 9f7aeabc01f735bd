package hooks

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A recording is text, compressed by gzip or not: a line with the layouts of the
// events as JSON, then a line for each record: event, time, processor, and the
// bytes in base 64, with one space between them.
type recordingHeader struct {
	Format int      `json:"bpfproof_trace"`
	Events []Layout `json:"events"`
}

const recordingFormat = 1

// Recorder writes records to a stream.
type Recorder struct {
	w   *bufio.Writer
	err error
}

// NewRecorder writes the header of a recording of a trace's events.
func NewRecorder(w io.Writer, events []Layout) (*Recorder, error) {
	text, err := json.Marshal(recordingHeader{recordingFormat, events})
	if err != nil {
		return nil, fmt.Errorf("hooks: record trace: %w", err)
	}
	r := &Recorder{w: bufio.NewWriter(w)}
	_, err = r.w.Write(append(text, '\n'))
	return r, err
}

// Write writes a record. Flush tells of errors.
func (r *Recorder) Write(rec *Record) {
	if r.err == nil {
		_, r.err = fmt.Fprintf(r.w, "%d %d %d %s\n", rec.Event, rec.Time, rec.CPU, base64.StdEncoding.EncodeToString(rec.Raw))
	}
}

// Flush writes out what was held back, and returns the first error.
func (r *Recorder) Flush() error { return errors.Join(r.err, r.w.Flush()) }

// Recording is a Trace that was recorded before.
type Recording struct {
	*Trace
	name  string
	lines *bufio.Reader
	line  int
	last  uint64 // time of the last record
}

// OpenRecording reads a recording's header. The name stands in errors.
func OpenRecording(name string, r io.Reader, opts TraceOptions) (*Recording, error) {
	plain, err := inflate(r)
	if err != nil {
		return nil, fmt.Errorf("hooks: read %s: %w", name, err)
	}
	t := &Recording{name: name, lines: bufio.NewReaderSize(plain, 64<<10)}
	text, err := t.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var h recordingHeader
	if json.Unmarshal(text, &h) != nil || h.Format != recordingFormat {
		return nil, fmt.Errorf("hooks: read %s: line 1: no recording of a trace", name)
	}
	for i := range h.Events {
		if err := h.Events[i].check(); err != nil {
			return nil, fmt.Errorf("hooks: read %s: line 1: %w", name, err)
		}
	}
	t.Trace = newTrace(h.Events, opts)
	return t, nil
}

// maxLine bounds a line of a recording, in bytes.
const maxLine = 1 << 20

// next returns the next line, io.EOF behind the last.
func (t *Recording) next() ([]byte, error) {
	t.line++
	var line []byte
	for {
		part, err := t.lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case err == io.EOF && len(line) == 0:
			return nil, io.EOF
		case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
			return nil, t.wrap(errors.New("the file ends inside the line"))
		case err != bufio.ErrBufferFull:
			return nil, t.wrap(err)
		case len(line) > maxLine:
			return nil, t.wrap(fmt.Errorf("it has more than %d bytes", maxLine))
		}
	}
}

func (t *Recording) wrap(err error) error {
	return fmt.Errorf("hooks: read %s: line %d: %w", t.name, t.line, err)
}

// Run delivers all records. A program that fails ends it with an error that
// names the line, as does a line that is no record.
func (t *Recording) Run(ctx context.Context) error {
	for {
		line, err := t.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		r, err := t.parse(line)
		if err != nil {
			return t.wrap(err)
		}
		if err := t.deliver(ctx, &r); err != nil {
			return t.wrap(err)
		}
	}
}

func (t *Recording) parse(line []byte) (r Record, err error) {
	head, text, ok := cutLast(line)
	var junk byte
	n, _ := fmt.Sscanf(string(head), "%d %d %d%c", &r.Event, &r.Time, &r.CPU, &junk)
	if !ok || n != 3 {
		return r, errors.New("want event, time, processor and bytes")
	}
	r.Raw, err = base64.StdEncoding.AppendDecode(nil, text)
	switch {
	case err != nil:
		return r, fmt.Errorf("bytes: %w", err)
	case r.Event < 0 || r.Event >= len(t.events):
		return r, fmt.Errorf("event %d of %d", r.Event, len(t.events))
	case len(r.Raw) > maxRecord:
		return r, fmt.Errorf("record of %d bytes, at most %d", len(r.Raw), maxRecord)
	case r.Time < t.last:
		return r, fmt.Errorf("time %d is before %d, that of the record before", r.Time, t.last)
	}
	t.last = r.Time
	return r, nil
}

// cutLast cuts a line at its last space.
func cutLast(line []byte) (before, after []byte, ok bool) {
	i := bytes.LastIndexByte(line, ' ')
	if i < 0 {
		return line, nil, false
	}
	return line[:i], line[i+1:], true
}
