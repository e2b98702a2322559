package logfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// Options chooses lines. A negative Tail means all of them.
type Options struct {
	Follow       bool
	Since, Until time.Time
	Tail         int
	Streams      [3]bool // by stream number; index 0 is unused
	// Done is closed when nothing more will be written; it ends a follower
	// once everything was read.
	Done <-chan struct{}
}

// Reader yields the lines of a log, oldest first.
type Reader struct {
	ctx     context.Context
	opts    Options
	path    string
	pending []*os.File // older files still to read, oldest first
	file    *os.File
	buf     *bufio.Reader
	partial []byte
	watch   *watcher
	skip    int
}

// Open opens the log whose current file is path. A log that does not exist
// yet is empty, not an error.
func Open(ctx context.Context, path string, opts Options) (*Reader, error) {
	r := &Reader{ctx: ctx, opts: opts, path: path}
	if opts.Follow {
		w, err := newWatcher(path)
		if err != nil {
			return nil, fmt.Errorf("follow log: %w", err)
		}
		r.watch = w
	}
	if err := r.rewind(); err != nil {
		r.Close()
		return nil, err
	}
	if opts.Tail >= 0 {
		n, err := r.count()
		if err == nil {
			r.skip = max(0, n-opts.Tail)
			err = r.rewind()
		}
		if err != nil {
			r.Close()
			return nil, err
		}
	}
	return r, nil
}

// Next returns the next wanted line, or io.EOF at the end of the log; a
// follower waits for more until Done is closed or its context ends.
func (r *Reader) Next() (Line, error) {
	for {
		raw, err := r.rawLine()
		if err != nil {
			return Line{}, err
		}
		line, err := parse(raw)
		if err != nil {
			continue // a line cut short by a crash; the ones around it are whole
		}
		if !r.wants(line) {
			continue
		}
		if r.skip > 0 {
			r.skip--
			continue
		}
		if !r.opts.Until.IsZero() && line.Time.After(r.opts.Until) {
			return Line{}, io.EOF
		}
		return line, nil
	}
}

// Close ends the reader.
func (r *Reader) Close() error {
	for _, f := range r.pending {
		f.Close()
	}
	if r.file != nil {
		r.file.Close()
	}
	if r.watch != nil {
		return r.watch.close()
	}
	return nil
}

func (r *Reader) wants(l Line) bool {
	return r.opts.Streams[l.Stream] && !l.Time.Before(r.opts.Since)
}

// count reads everything there is and returns how many lines are wanted.
func (r *Reader) count() (int, error) {
	n := 0
	for {
		raw, err := r.stored()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		if line, err := parse(raw); err == nil && r.wants(line) {
			n++
		}
	}
}

// rewind opens the current file and its rotations from the oldest on. All
// are opened before one is read, so a rotation in between loses nothing.
func (r *Reader) rewind() error {
	for _, f := range r.pending {
		f.Close()
	}
	if r.file != nil {
		r.file.Close()
	}
	r.pending, r.file, r.buf, r.partial = nil, nil, nil, nil
	return r.eachFile(func(f *os.File, _ fs.FileInfo) bool {
		r.pending = append([]*os.File{f}, r.pending...)
		return true
	})
}

// rawLine returns the next whole line, waiting for it when following.
func (r *Reader) rawLine() ([]byte, error) {
	finished := false
	for {
		raw, err := r.stored()
		if !errors.Is(err, io.EOF) {
			return raw, err
		}
		if !r.opts.Follow {
			return nil, io.EOF
		}
		rotated, err := r.rotated()
		if err != nil {
			return nil, err
		}
		if rotated {
			continue
		}
		if finished {
			return nil, io.EOF
		}
		if finished, err = r.wait(); err != nil {
			return nil, err
		}
	}
}

// stored returns the next line that is already on disk, or io.EOF.
func (r *Reader) stored() ([]byte, error) {
	for {
		if r.buf == nil {
			if len(r.pending) == 0 {
				return nil, io.EOF
			}
			r.use(r.pending[0])
			r.pending = r.pending[1:]
		}
		piece, err := r.buf.ReadSlice('\n')
		r.partial = append(r.partial, piece...)
		switch {
		case err == nil:
			line := bytes.Clone(r.partial)
			r.partial = r.partial[:0]
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull) && len(r.partial) < maxLine:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("log line is over %d bytes", maxLine)
		case !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("read log: %w", err)
		case len(r.pending) == 0:
			return nil, io.EOF
		}
		r.buf, r.partial = nil, r.partial[:0]
	}
}

func (r *Reader) use(f *os.File) {
	if r.file != nil {
		r.file.Close()
	}
	r.file, r.buf = f, bufio.NewReaderSize(f, 32<<10)
}

// rotated queues the files that were started after the one being read, if
// there are any. That one stays open: it may have grown between its last read
// and the rotation.
func (r *Reader) rotated() (bool, error) {
	if r.file == nil {
		err := r.rewind()
		return len(r.pending) > 0, err
	}
	mine, err := r.file.Stat()
	if err != nil {
		return false, fmt.Errorf("follow log: %w", err)
	}
	err = r.eachFile(func(f *os.File, info fs.FileInfo) bool {
		if os.SameFile(mine, info) {
			return false
		}
		r.pending = append([]*os.File{f}, r.pending...)
		return true
	})
	return len(r.pending) > 0, err
}

// eachFile opens the files of the log from the newest on, until keep says
// that it does not want one. Between the two renames of a rotation there is
// no current file; the older ones are there.
func (r *Reader) eachFile(keep func(*os.File, fs.FileInfo) bool) error {
	for n := 0; ; n++ {
		name := r.path
		if n > 0 {
			name += "." + strconv.Itoa(n)
		}
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) && n == 0 {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("open log: %w", err)
		}
		info, err := f.Stat()
		if err != nil || !keep(f, info) {
			return errors.Join(err, f.Close())
		}
	}
}

// wait returns when more may be there; finished says that nothing more
// will come after what is there now.
func (r *Reader) wait() (finished bool, err error) {
	select {
	case <-r.ctx.Done():
		return false, r.ctx.Err()
	case <-r.opts.Done:
		return true, nil
	case <-r.untilDeadline():
		return true, nil
	case <-r.watch.changed:
		return false, nil
	}
}

func (r *Reader) untilDeadline() <-chan time.Time {
	if r.opts.Until.IsZero() {
		return nil
	}
	return time.After(time.Until(r.opts.Until))
}
