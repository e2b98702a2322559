package api

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// headTime is how long the head of an answer may take to be sent.
const headTime = 10 * time.Second

// hijacked is a connection that has left HTTP.
type hijacked struct {
	net.Conn
	in io.Reader // what was read ahead, then the connection
}

// checkUpgrade reports whether the client asks for the connection by an
// upgrade. Docker's clients always do; curl does not, and gets the connection
// all the same, as Docker has it.
func (c *call) checkUpgrade() (bool, error) {
	switch v := c.r.Header.Get("Upgrade"); {
	case v == "":
		return false, nil
	case strings.EqualFold(v, "tcp"):
		return true, nil
	default:
		return false, invalid("upgrade to %q is not supported: only tcp is", shorten(v))
	}
}

// hijack answers with the head of a stream and takes the connection out of HTTP.
func (c *call) hijack(upgrade, tty bool) (*hijacked, error) {
	header := c.w.Header().Clone()
	if !upgrade {
		header.Set("Content-Type", mediaType(0, tty))
		return c.takeOver("HTTP/1.1 200 OK\r\n", header)
	}
	header.Set("Content-Type", mediaType(c.version, tty))
	return c.takeOver("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n", header)
}

// hijackTo takes the connection out of HTTP for another protocol.
func (c *call) hijackTo(protocol string) (*hijacked, error) {
	return c.takeOver("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+protocol+"\r\n", c.w.Header().Clone())
}

// takeOver sends the head of an answer, after which the connection is not HTTP's any more.
func (c *call) takeOver(start string, header http.Header) (*hijacked, error) {
	conn, rw, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("take over the connection: %w", err)
	}
	c.w.begun = true
	var head strings.Builder
	head.WriteString(start)
	err = conn.SetDeadline(time.Now().Add(headTime))
	if err == nil {
		err = header.Write(&head)
	}
	if err == nil {
		_, err = io.WriteString(conn, head.String()+"\r\n")
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = conn.Close() // the first error says why
		return nil, errCut
	}
	ahead, _ := rw.Reader.Peek(rw.Reader.Buffered()) // can not fail: it is there
	return &hijacked{Conn: conn, in: io.MultiReader(bytes.NewReader(ahead), conn)}, nil
}

// explain answers a request for a stream with a stream that holds nothing but
// the reason why there is none: of other answers Docker's clients show the
// status code only.
func (c *call) explain(upgrade, tty bool, reason error) error {
	c.s.log.Error("a stream could not be begun", "action", c.route.action, "object", clean(c.name), "error", message(reason))
	conn, err := c.hijack(upgrade, tty)
	if err != nil {
		return err
	}
	text := []byte(message(reason) + "\r\n")
	if !tty {
		text = appendFrame(nil, streamStderr, text)
	}
	_, _ = conn.Write(text) // a client that left needs no telling
	conn.closeWrite()
	_ = conn.Close()
	return nil
}

// closeWrite tells the client that no more comes.
func (h *hijacked) closeWrite() {
	if half, ok := h.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // a client that left needs no telling
	}
}
