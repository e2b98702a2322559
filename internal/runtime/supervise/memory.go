package supervise

import "golang.org/x/sys/unix"

// Env is the environment that a supervisor is spawned with. It tunes the Go
// runtime before any code runs: one processor, no huge pages, and a collector
// that does not run at all for what an ordinary container needs (its own
// structures cost more than it would give back).
var Env = []string{"GOMAXPROCS=1", "GOGC=25", "GODEBUG=disablethp=1"}

// room is memory from the system for what a client does not read. It goes back
// at once when it is not needed any more, which the collector could not do.
const room = 2*full + 256<<10

func takeRoom() []byte {
	b, err := unix.Mmap(-1, 0, room, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil
	}
	return b[:0]
}

func giveRoom(b []byte) {
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
