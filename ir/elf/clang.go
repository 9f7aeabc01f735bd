package elf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// CompileOptions tells how to compile. The zero value finds a compiler by name
// and compiles for the instruction set's third version.
type CompileOptions struct {
	Clang   string   // path or name of the compiler; "" searches for one
	CPU     string   // -mcpu: v1, v2, v3 or v4; "" is v3
	Include []string // directories for #include
	Args    []string // further arguments, put before the source
}

// ErrNoCompiler is wrapped by errors that say that there is no clang.
var ErrNoCompiler = errors.New("clang not found")

// CompileError is a compiler that ran and failed. Its message holds what the
// compiler said, line by line as it said it.
type CompileError struct {
	Source      string
	Diagnostics string // the compiler's own output
	Err         error
}

func (e *CompileError) Error() string {
	said := strings.TrimRight(e.Diagnostics, "\n")
	if said == "" {
		return fmt.Sprintf("elf: compile %s: %v", e.Source, e.Err)
	}
	return fmt.Sprintf("elf: compile %s: %v\n%s", e.Source, e.Err, said)
}

// Unwrap returns how the compiler ended.
func (e *CompileError) Unwrap() error { return e.Err }

// newest and oldest are the versions whose numbered names are tried where there
// is no plain clang.
const (
	newest = 25
	oldest = 11
)

// FindClang returns the path of a compiler: the named one, or with "" clang or
// the newest clang-N.
func FindClang(name string) (string, error) {
	if name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("elf: find compiler %q: %w: %w", name, ErrNoCompiler, err)
		}
		return path, nil
	}
	names := []string{"clang"}
	for v := newest; v >= oldest; v-- {
		names = append(names, fmt.Sprintf("clang-%d", v))
	}
	for _, n := range names {
		if path, err := exec.LookPath(n); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("elf: find compiler: %w: install it (Debian: apt-get install clang-19) or name one", ErrNoCompiler)
}

// Compile compiles the C source at src to an object at dst, for target bpf with
// optimisation and debug information. On an error dst is left as it was. What
// the compiler said is in the *CompileError; its warnings are returned.
func Compile(ctx context.Context, src, dst string, opts CompileOptions) (warnings string, err error) {
	if _, err := os.Stat(src); err != nil {
		return "", fmt.Errorf("elf: compile: %w", err)
	}
	clang, err := FindClang(opts.Clang)
	if err != nil {
		return "", err
	}
	// The object appears under its name only when it is whole.
	tmp, err := os.CreateTemp(filepath.Dir(dst), ".compile-*.o")
	if err != nil {
		return "", fmt.Errorf("elf: compile %s: %w", src, err)
	}
	defer os.Remove(tmp.Name())
	if err := tmp.Close(); err != nil {
		return "", fmt.Errorf("elf: compile %s: %w", src, err)
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, clang, arguments(src, tmp.Name(), opts)...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", &CompileError{Source: src, Diagnostics: said.String(), Err: err}
	}
	if err := os.Chmod(tmp.Name(), 0o644); err != nil {
		return "", fmt.Errorf("elf: compile %s: %w", src, err)
	}
	if err := os.Rename(tmp.Name(), dst); err != nil {
		return "", fmt.Errorf("elf: compile %s: %w", src, err)
	}
	return said.String(), nil
}

func arguments(src, dst string, opts CompileOptions) []string {
	cpu := opts.CPU
	if cpu == "" {
		cpu = "v3"
	}
	args := []string{"-O2", "-g", "-target", "bpf", "-mcpu=" + cpu}
	for _, dir := range opts.Include {
		args = append(args, "-I"+dir)
	}
	args = append(args, opts.Args...)
	if strings.HasPrefix(src, "-") {
		src = "." + string(filepath.Separator) + src // not an option
	}
	return append(args, "-c", src, "-o", dst)
}
