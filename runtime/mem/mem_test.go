package mem

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestAlloc(t *testing.T) {
	for _, size := range []int{1, 7, 4096, 4097, 1 << 20} {
		for _, f := range []func(int) (*Block, error){Alloc, AllocLow} {
			b, err := f(size)
			require.NoError(t, err)
			require.Len(t, b.Bytes(), size)
			require.Equal(t, b.Addr(), Addr(b.Bytes()))
			require.Zero(t, b.Addr()%uint64(unix.Getpagesize()))
			require.Equal(t, size, bytes.Count(b.Bytes(), []byte{0}), "zero bytes of %d", size)
			b.Bytes()[size-1] = 0xa5
			require.EqualValues(t, 0xa5, Load8(b.Addr()+uint64(size)-1))
			b.Free()
			b.Free()
			require.Nil(t, b.Bytes())
		}
	}
}

func TestAllocLowStaysLow(t *testing.T) {
	var blocks []*Block
	for range 300 {
		b, err := AllocLow(1 << 20)
		require.NoError(t, err)
		blocks = append(blocks, b)
		require.LessOrEqual(t, b.Addr()+uint64(b.Size()), uint64(1<<32))
	}
	for _, b := range blocks {
		b.Free()
	}
}

func TestAllocLowBeyondTheFlag(t *testing.T) {
	// 3 GiB do not fit the 2 GiB that MAP_32BIT serves: hints have to, or the
	// error is clear.
	b, err := AllocLow(3 << 30)
	if err != nil {
		require.ErrorIs(t, err, unix.ENOMEM)
		return
	}
	require.LessOrEqual(t, b.Addr()+uint64(b.Size()), uint64(1<<32))
	b.Free()
}

func TestSizes(t *testing.T) {
	for _, size := range []int{0, -1, MaxBytes + 1} {
		_, err := Alloc(size)
		require.ErrorContains(t, err, "size is not in 1..")
		_, err = AllocLow(size)
		require.ErrorContains(t, err, "size is not in 1..")
	}
}

func TestWords(t *testing.T) {
	b, err := Alloc(64)
	require.NoError(t, err)
	defer b.Free()
	Store64(b.Addr()+8, 0x8877665544332211)
	require.EqualValues(t, 0x11, Load8(b.Addr()+8))
	require.EqualValues(t, 0x3322, Load16(b.Addr()+9))
	require.EqualValues(t, 0x66554433, Load32(b.Addr()+10))
	require.EqualValues(t, uint64(0x8877665544332211), Words(b.Addr(), 8)[1])
	require.EqualValues(t, 0x88776655, Words32(b.Addr(), 16)[3])
	Store8(b.Addr()+8, 0x1ff)
	Store16(b.Addr()+10, 0xeeee0000)
	Store32(b.Addr()+12, 0xabcd)
	require.EqualValues(t, uint64(0x0000abcd000022ff), *Ptr64(b.Addr() + 8))
	require.EqualValues(t, 0xabcd, *Ptr32(b.Addr() + 12))
}

func TestGuardPages(t *testing.T) {
	// The kernel reports an inaccessible page as EFAULT instead of a signal.
	b, err := Alloc(4096)
	require.NoError(t, err)
	defer b.Free()
	page := uint64(unix.Getpagesize())
	var fds [2]int
	require.NoError(t, unix.Pipe2(fds[:], unix.O_CLOEXEC))
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	_, err = unix.Write(fds[1], View(b.Addr()-1, 1))
	require.ErrorIs(t, err, unix.EFAULT, "byte before the block")
	_, err = unix.Write(fds[1], View(b.Addr()+page, 1))
	require.ErrorIs(t, err, unix.EFAULT, "page behind the block")
	_, err = unix.Write(fds[1], b.Bytes()[:1])
	require.NoError(t, err)
}

// TestViewCopiesWhole holds the way around the compiler bug in BUGS.md: copies
// of a fixed size out of a view compile, and copy.
func TestViewCopiesWhole(t *testing.T) {
	b, err := Alloc(64)
	require.NoError(t, err)
	defer b.Free()
	for i := range b.Bytes() {
		b.Bytes()[i] = byte(i)
	}
	require.Equal(t, [64]byte(b.Bytes()), copy64(b.Addr()))
}

func copy64(addr uint64) (x [64]byte) {
	copy(x[:], View(addr, 64))
	return x
}

func TestAllocRing(t *testing.T) {
	page := unix.Getpagesize()
	b, err := AllocRing(2 * page)
	require.NoError(t, err)
	defer b.Free()
	require.Len(t, b.Bytes(), 4*page)
	for i := range 2 * page {
		b.Bytes()[i] = byte(i * 7)
	}
	require.Equal(t, b.Bytes()[:2*page], b.Bytes()[2*page:])
	Store64(b.Addr()+uint64(2*page)-4, 0x1122334455667788)
	require.EqualValues(t, 0x11223344, Load32(b.Addr()), "what reaches beyond the end is at the beginning")
	for _, size := range []int{0, -1, page + 1, MaxBytes} {
		_, err := AllocRing(size)
		require.ErrorContains(t, err, "no multiple of")
	}
}

func TestAllocFile(t *testing.T) {
	page := unix.Getpagesize()
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	defer f.Close()
	_, err = AllocFile(f, 0, 10)
	require.ErrorContains(t, err, "shorter")
	require.NoError(t, f.Truncate(int64(3*page)))
	b, err := AllocFile(f, int64(page), page+1)
	require.NoError(t, err)
	copy(b.Bytes(), "hello")
	b.Free()
	got := make([]byte, 5)
	_, err = f.ReadAt(got, int64(page))
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
	_, err = AllocFile(f, 7, 10)
	require.ErrorContains(t, err, "out of range")
	_, err = AllocFile(f, 0, 0)
	require.ErrorContains(t, err, "out of range")
}
