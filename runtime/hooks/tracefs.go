package hooks

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNoTracefs says that the kernel's tracepoints cannot be read here.
var ErrNoTracefs = errors.New("tracefs is not mounted")

// Tracefs is the directory of the kernel's trace file system.
type Tracefs struct{ dir string }

// tracefsDirs are where tracefs is mounted by convention.
var tracefsDirs = [...]string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}

// FindTracefs returns the trace file system where it is mounted by convention.
// With mount set it is mounted there if it is not, which takes privilege.
// ErrNoTracefs, with the reason, says that there is none.
func FindTracefs(mount bool) (Tracefs, error) {
	for _, dir := range tracefsDirs {
		if _, err := os.Stat(filepath.Join(dir, "events", "header_page")); err == nil {
			return Tracefs{dir}, nil
		}
	}
	if !mount {
		return Tracefs{}, fmt.Errorf("hooks: find tracepoints: %w", ErrNoTracefs)
	}
	if err := unix.Mount("tracefs", tracefsDirs[0], "tracefs", 0, ""); err != nil {
		return Tracefs{}, fmt.Errorf("hooks: find tracepoints: %w: mount at %s: %w", ErrNoTracefs, tracefsDirs[0], err)
	}
	return Tracefs{tracefsDirs[0]}, nil
}

// Layout reads the number and the layout of an event's records, by a name such
// as "sched:sched_switch".
func (t Tracefs) Layout(name string) (id uint64, l Layout, err error) {
	system, event, ok := strings.Cut(name, ":")
	if !ok || strings.ContainsAny(name, "/\x00") || system == "" || event == "" {
		return 0, l, fmt.Errorf("hooks: event %q: want SYSTEM:NAME", name)
	}
	text, err := os.ReadFile(filepath.Join(t.dir, "events", system, event, "format"))
	if err != nil {
		return 0, l, fmt.Errorf("hooks: event %q: the kernel has none: %w", name, err)
	}
	return parseFormat(name, string(text))
}

// parseFormat reads an event's format file: lines such as
//
//	ID: 316
//	field:pid_t prev_pid;	offset:24;	size:4;	signed:1;
//
// (Documentation/trace/events.rst, section 2).
func parseFormat(name, text string) (id uint64, l Layout, err error) {
	l.Name = name
	bad := func(n int, line, why string) error {
		return fmt.Errorf("hooks: event %q: format, line %d: %q: %s", name, n, line, why)
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if number, ok := strings.CutPrefix(line, "ID: "); ok {
			if id, err = strconv.ParseUint(number, 10, 64); err != nil {
				return 0, l, bad(n, line, "no number")
			}
		}
		if !strings.HasPrefix(line, "field:") {
			continue
		}
		f, ok := parseField(line)
		if !ok {
			return 0, l, bad(n, line, "no field")
		}
		l.Fields = append(l.Fields, f)
		l.Size = max(l.Size, f.Off+f.Size)
	}
	l.Size = (l.Size+4+7)&^7 - 4 // with its length in 4 bytes a raw sample fills words of 8
	if id == 0 || len(l.Fields) == 0 {
		return 0, l, fmt.Errorf("hooks: event %q: format: no ID or no fields", name)
	}
	return id, l, l.check()
}

// maxRecord is the largest record that the kernel makes (PERF_MAX_TRACE_SIZE).
const maxRecord = 8192

func parseField(line string) (f Field, ok bool) {
	for part := range strings.SplitSeq(strings.TrimSuffix(line, ";"), ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), ":")
		x, err := strconv.Atoi(value)
		switch key {
		case "field":
			if strings.HasSuffix(value, "]") { // an array; "char[] name" is none
				value, _, _ = strings.Cut(value, "[")
			}
			words := strings.Fields(strings.ReplaceAll(value, "*", " "))
			if len(words) == 0 {
				return f, false
			}
			f.Name = words[len(words)-1]
			continue
		case "offset":
			f.Off = x
		case "size":
			f.Size = x
		case "signed":
			f.Signed = x == 1
		}
		if err != nil || x < 0 || x > maxRecord {
			return f, false
		}
	}
	return f, f.Name != ""
}
