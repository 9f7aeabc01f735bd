//go:build cgo

package z3

/*
#cgo LDFLAGS: -lz3
#include <stdlib.h>
#include <z3.h>

// The library's default handler ends the process; errors are read from the
// context instead.
static void ignore_error(Z3_context c, Z3_error_code e) { (void)c; (void)e; }
static void install_handler(Z3_context c) { Z3_set_error_handler(c, ignore_error); }
static void free_string(char *s) { free(s); }
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Available reports whether libz3 is linked into this binary.
const Available = true

// Version returns the version of libz3, such as "Z3 4.8.12.0".
func Version() string { return C.GoString(C.Z3_get_full_version()) }

// Config holds the settings of contexts to be made.
type Config struct{ raw C.Z3_config }

// NewConfig returns Z3's default settings.
func NewConfig() *Config { return &Config{C.Z3_mk_config()} }

// Set gives a global parameter of Z3 a value for contexts made from here on;
// Z3 ignores names that it does not know.
func (c *Config) Set(name, value string) {
	n, v := C.CString(name), C.CString(value)
	C.Z3_set_param_value(c.raw, n, v)
	C.free_string(n)
	C.free_string(v)
}

// Close frees the settings; contexts made from them stay.
func (c *Config) Close() {
	if c.raw != nil {
		C.Z3_del_config(c.raw)
		c.raw = nil
	}
}

// Context owns terms, solvers and models. One goroutine may use it, and what
// was made from it, at a time.
type Context struct {
	raw  C.Z3_context
	busy atomic.Bool
	stop sync.Mutex // guards raw against Interrupt after Close
}

var errBusy = errors.New("z3: use context: another goroutine is using it")

// NewContext returns a new context. Its terms are reference-counted.
func NewContext(cfg *Config) (*Context, error) {
	raw := C.Z3_mk_context_rc(cfg.raw)
	if raw == nil {
		return nil, errors.New("z3: make context: libz3 returned none")
	}
	C.install_handler(raw)
	return &Context{raw: raw}, nil
}

// Close frees the context and everything made from it.
func (c *Context) Close() error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	c.stop.Lock()
	defer c.stop.Unlock()
	C.Z3_del_context(c.raw)
	c.raw = nil
	return nil
}

// Interrupt makes a running check return unknown. It may be called from any
// goroutine and does nothing after Close. An interrupted context should be
// closed, not used on.
func (c *Context) Interrupt() {
	c.stop.Lock()
	defer c.stop.Unlock()
	if c.raw != nil {
		C.Z3_interrupt(c.raw)
	}
}

// enter claims the context for this goroutine until leave.
func (c *Context) enter() error {
	if !c.busy.CompareAndSwap(false, true) {
		return errBusy
	}
	if c.raw == nil {
		c.leave()
		return errors.New("z3: use context: it is closed")
	}
	return nil
}

func (c *Context) leave() { c.busy.Store(false) }

// err returns the error of the last call, if it had one.
func (c *Context) err(doing string) error {
	code := C.Z3_get_error_code(c.raw)
	if code == C.Z3_OK {
		return nil
	}
	return fmt.Errorf("z3: %s: %s", doing, C.GoString(C.Z3_get_error_msg(c.raw, code)))
}

// symbol returns Z3's symbol of that name.
func (c *Context) symbol(name string) C.Z3_symbol {
	s := C.CString(name)
	defer C.free_string(s)
	return C.Z3_mk_string_symbol(c.raw, s)
}
