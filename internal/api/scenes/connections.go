package scenes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
)

// smuggled has a second request answered behind one that a proxy may take for
// longer: it would be another caller's.
func smuggled() scene.Scene {
	const ends = "POST /v1.44/images/nothing/tag?repo=nothing HTTP/1.1\r\nHost: localhost\r\n%s\r\n%s"
	return scene.Scene{
		ID: access + "/length-and-chunks", Control: access, Source: "RFC 9112, section 6.1",
		Tries:  "hide a request behind one that has both a length and chunks",
		Attack: answersBoth(fmt.Sprintf(ends, "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
		Twin:   answersBoth(fmt.Sprintf(ends, "Content-Length: 0\r\n", "")),
	}
}

// answersBoth sends a request and another one behind it, and waits for both answers.
func answersBoth(first string) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		conn, err := s.Dial(ctx)
		if err != nil {
			return probe.Untried("%w", err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(conn, first+get("")); err != nil {
			return err
		}
		answers := bufio.NewReader(conn)
		for range 2 {
			res, err := http.ReadResponse(answers, nil)
			if err != nil {
				return fmt.Errorf("the connection was closed after the first answer: %w", err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
		}
		return nil
	}
}

// wellKnown are the ports that engines listen on when they are told to listen
// to everybody. Source: IANA, docker and docker-s; 4243 is older.
var wellKnown = []string{"2375", "2376", "4243"}

// overTCP looks for an API that needs no file's permission.
func overTCP() scene.Scene {
	return scene.Scene{
		ID: access + "/over-tcp", Control: access, Tries: "use the API over TCP", Source: "CIS Docker 2.7",
		Attack: func(ctx context.Context, s scene.Stage) error {
			var errs []error
			for _, port := range wellKnown {
				conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
				if err == nil {
					err = answered(ctx, s.API(), conn, get(""))
				}
				if err == nil {
					return nil
				}
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		},
		Twin: sends(get), Shares: "api/" + get(""),
	}
}
