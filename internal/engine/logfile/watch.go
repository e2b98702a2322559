package logfile

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// watcher tells when a directory's log files change. It watches the
// directory rather than the file, so that a rotation is seen too.
type watcher struct {
	file    *os.File
	changed chan struct{}
}

func newWatcher(path string) (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	w := &watcher{file: os.NewFile(uintptr(fd), "inotify"), changed: make(chan struct{}, 1)}
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO); err != nil {
		w.file.Close()
		return nil, os.NewSyscallError("inotify_add_watch", err)
	}
	go w.run()
	return w, nil
}

func (w *watcher) run() {
	var buf [4096]byte
	for {
		if _, err := w.file.Read(buf[:]); err != nil {
			return
		}
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
}

func (w *watcher) close() error { return w.file.Close() }
