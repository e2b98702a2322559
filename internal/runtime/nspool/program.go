package nspool

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A namespace needs a process to begin with. That process does nothing, so it
// is the smallest program there can be: an ELF header, one segment and a few
// instructions that let go of everything inherited and wait until their
// standard input ends, which it does when its maker closes the other end or
// dies. It is executed from memory: no file of the host can be put in its place.

const (
	elfHeader     = 64
	programHeader = 56
	loadAddress   = 0x400000
)

// image is the program as an ELF file (System V ABI, "Object Files").
func image() []byte {
	start := elfHeader + programHeader
	size := uint64(start + len(waitCode))
	b := make([]byte, start, size)
	le := binary.LittleEndian
	copy(b, "\x7fELF\x02\x01\x01")                  // 64 bits, little endian, version 1
	le.PutUint16(b[16:], 2)                         // e_type: executable
	le.PutUint16(b[18:], elfMachine)                // e_machine
	le.PutUint32(b[20:], 1)                         // e_version
	le.PutUint64(b[24:], uint64(loadAddress+start)) // e_entry
	le.PutUint64(b[32:], elfHeader)                 // e_phoff
	le.PutUint16(b[52:], elfHeader)                 // e_ehsize
	le.PutUint16(b[54:], programHeader)             // e_phentsize
	le.PutUint16(b[56:], 1)                         // e_phnum
	p := b[elfHeader:]
	le.PutUint32(p[0:], 1)            // p_type: load
	le.PutUint32(p[4:], 5)            // p_flags: read and execute
	le.PutUint64(p[16:], loadAddress) // p_vaddr
	le.PutUint64(p[24:], loadAddress) // p_paddr
	le.PutUint64(p[32:], size)        // p_filesz
	le.PutUint64(p[40:], size)        // p_memsz
	le.PutUint64(p[48:], 0x10000)     // p_align: the largest page size
	return append(b, waitCode...)
}

// program returns the program in a sealed file that exists in memory only.
var program = sync.OnceValues(func() (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("bailey-namespace", flags|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3 every such file was executable
		fd, err = unix.MemfdCreate("bailey-namespace", flags)
	}
	if err != nil {
		return nil, fmt.Errorf("make a program in memory: %w; if the setting vm.memfd_noexec is 2, set it to 1", err)
	}
	f := os.NewFile(uintptr(fd), "bailey-namespace")
	if _, err := f.Write(image()); err != nil {
		f.Close()
		return nil, fmt.Errorf("write a program to memory: %w", err)
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		f.Close()
		return nil, fmt.Errorf("seal a program in memory: %w", err)
	}
	return f, nil
})
