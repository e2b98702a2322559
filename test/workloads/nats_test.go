package workloads_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// nats runs as nobody and keeps a stream in the image's volume.
var nats = workload{
	name: "nats",
	run:  []string{"-p", "4222:4222", "nats:debian"},
	first: func(t *testing.T, s service) {
		s.eventually(t, "a message to a subscriber", func(ctx context.Context) error {
			subscriber, err := s.nats(ctx)
			if err != nil {
				return err
			}
			defer subscriber.Close()
			publisher, err := s.nats(ctx)
			if err != nil {
				return err
			}
			defer publisher.Close()
			if err := subscriber.send("SUB greetings 1\r\nPING\r\n", "PONG"); err != nil {
				return err
			}
			if err := publisher.send("PUB greetings 5\r\nhello\r\nPING\r\n", "PONG"); err != nil {
				return err
			}
			return subscriber.send("", "hello")
		})
		s.eventually(t, "a stream with a message", func(ctx context.Context) error {
			if err := s.stream(ctx, "$JS.API.STREAM.CREATE.orders", `{"name":"orders","subjects":["orders"]}`, `"name":"orders"`); err != nil {
				return err
			}
			return s.stream(ctx, "orders", "first", `"seq":1`)
		})
	},
	again: func(t *testing.T, s service) {
		s.eventually(t, "the message of the stream", func(ctx context.Context) error {
			return s.stream(ctx, "$JS.API.STREAM.INFO.orders", "", `"messages":1`)
		})
	},
}

// stream sends a request and wants a text in its answer.
func (s service) stream(ctx context.Context, subject, body, want string) error {
	c, err := s.nats(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.send(fmt.Sprintf("SUB answer 1\r\nPUB %s answer %d\r\n%s\r\n", subject, len(body), body), want)
}

// natsClient speaks the protocol of NATS, which is lines of text.
type natsClient struct {
	net.Conn
	lines *bufio.Reader
}

// nats connects to the published port.
func (s service) nats(ctx context.Context) (natsClient, error) {
	conn, err := s.dial(ctx, "4222")
	if err != nil {
		return natsClient{}, err
	}
	c := natsClient{conn, bufio.NewReader(conn)}
	if err := c.send(`CONNECT {"verbose":false}`+"\r\nPING\r\n", "PONG"); err != nil {
		conn.Close()
		return natsClient{}, err
	}
	return c, nil
}

// send sends lines and reads until one has the text that is wanted.
func (c natsClient) send(lines, want string) error {
	if _, err := io.WriteString(c, lines); err != nil {
		return err
	}
	var seen strings.Builder
	for {
		line, err := c.lines.ReadString('\n')
		seen.WriteString(line)
		if strings.Contains(line, want) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%q was answered %q: %w", lines, seen.String(), err)
		}
	}
}
