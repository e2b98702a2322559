package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/moby/moby/api/types"
)

// logTime is how Docker writes times before lines: RFC 3339 with nine decimals.
const logTime = "2006-01-02T15:04:05.000000000Z07:00"

func decodeLogs(c *call) (engine.LogsRequest, error) {
	r := engine.LogsRequest{
		Stdout: c.q.flag("stdout"), Stderr: c.q.flag("stderr"), Follow: c.q.flag("follow"), Timestamps: c.q.flag("timestamps"),
		Details: c.q.flag("details"), Since: c.q.moment("since"), Until: c.q.moment("until"), Tail: -1,
	}
	if tail := c.q.text("tail"); tail != "" && tail != "all" {
		n, err := strconv.Atoi(tail)
		if err != nil {
			return r, invalid("the parameter tail must be a number of lines or all, not %q", shorten(tail))
		}
		r.Tail = max(n, -1)
	}
	if !r.Stdout && !r.Stderr {
		return r, invalid("Bad parameters: you must choose at least one stream")
	}
	return r, nil
}

func getLogs(c *call, r engine.LogsRequest) error {
	ctx, cancel := c.streamCtx()
	defer cancel()
	lines, tty, err := c.s.engine.Logs(ctx, c.name, r)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", mediaType(c.version, tty))
	c.w.WriteHeader(http.StatusOK)
	if err := c.flush(); err != nil {
		return errors.Join(errCut, lines.Close())
	}
	return c.copyLogs(ctx, r, lines, tty)
}

// mediaType says whether a stream holds frames or raw bytes; clients before API
// 1.42 know by themselves.
func mediaType(v version, tty bool) string {
	if !tty && v >= mkVersion(1, 42) {
		return types.MediaTypeMultiplexedStream
	}
	return types.MediaTypeRawStream
}

// logItem is what the reader of a log hands to its writer.
type logItem struct {
	bytes []byte
	err   error
}

// copyLogs sends lines until the log ends or the client leaves. Lines that are
// there at once go out together: the answer is flushed when the next is not there yet.
func (c *call) copyLogs(ctx context.Context, r engine.LogsRequest, lines engine.LogReader, tty bool) error {
	stop := context.AfterFunc(ctx, func() { _ = lines.Close() }) // wakes a reader that waits; its error is what counts
	defer func() {
		if stop() {
			_ = lines.Close()
		}
	}()
	items := make(chan logItem, 64)
	go readLogs(ctx, r, lines, tty, items)
	for {
		var item logItem
		select {
		case item = <-items:
		default:
			if err := c.flush(); err != nil {
				return errCut
			}
			select {
			case item = <-items:
			case <-ctx.Done():
				return nil
			}
		}
		switch {
		case errors.Is(item.err, io.EOF), item.err != nil && ctx.Err() != nil:
			return nil
		case item.err != nil:
			c.s.log.Error("a log can not be read to its end", "container", c.name, "error", item.err)
			_, err := c.w.Write(c.logError(item.err, tty))
			return errors.Join(err, errCut)
		}
		if _, err := c.w.Write(item.bytes); err != nil {
			return errCut
		}
	}
}

// logError is the last line of a log that could not be read on.
func (c *call) logError(err error, tty bool) []byte {
	text := []byte("Error grabbing logs: " + message(err) + "\n")
	if tty {
		return text
	}
	return appendFrame(nil, streamSystem, text)
}

func readLogs(ctx context.Context, r engine.LogsRequest, lines engine.LogReader, tty bool, items chan<- logItem) {
	for {
		line, err := lines.Next()
		item := logItem{err: err}
		if err == nil {
			item.bytes = formatLine(line, r.Timestamps, tty)
		}
		select {
		case items <- item:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// formatLine makes a line into what is sent: a frame, or raw bytes of a terminal.
func formatLine(line engine.LogLine, timestamps, tty bool) []byte {
	text := line.Text
	if timestamps {
		text = append(line.Time.UTC().AppendFormat(make([]byte, 0, len(logTime)+1+len(text)), logTime), ' ')
		text = append(text, line.Text...)
	}
	if tty {
		return append([]byte(nil), text...)
	}
	return appendFrame(make([]byte, 0, frameHeader+len(text)), line.Stream, text)
}
