package supervise

import "golang.org/x/sys/unix"

// Env is the environment that a supervisor is spawned with. It tunes the Go
// runtime before any code runs: one processor, no huge pages, and a collector
// that does not run at all for what an ordinary container needs (its own
// structures cost more than it would give back).
var Env = []string{"GOMAXPROCS=1", "GOGC=25", "GODEBUG=disablethp=1"}

// room is how much is kept for a client that does not read, at most.
const room = 2*full + 256<<10

// take gets memory straight from the system, for what is large and needed for
// a moment: a long message, or what a client does not read. It goes back at
// once with give, which the collector could not do.
func take(size int) []byte {
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil
	}
	return b[:0]
}

func give(b []byte) {
	if cap(b) > 0 {
		_ = unix.Munmap(b[:cap(b)])
	}
}

// readSmall reads a small file into buf.
func readSmall(path string, buf []byte) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	n, err := unix.Read(fd, buf)
	unix.Close(fd)
	if n <= 0 || err != nil {
		return nil
	}
	return buf[:n]
}
