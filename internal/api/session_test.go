package api

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// attach attaches Docker's own client to a fake container.
func attach(t *testing.T, f *fakeEngine, o client.ContainerAttachOptions, change ...func(*Options)) client.HijackedResponse {
	t.Helper()
	f.stream = newStream()
	r, err := startNode(t, f, change...).stock(t, "").ContainerAttach(t.Context(), "web", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	if err := r.Conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return r.HijackedResponse
}

var everything = client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true, Logs: true}

func TestAttachFrames(t *testing.T) {
	f := newFake()
	r := attach(t, f, everything)
	if kind, _ := r.MediaType(); kind != types.MediaTypeMultiplexedStream {
		t.Errorf("media type %q", kind)
	}
	if got := f.last("Attach").(engine.AttachRequest); !got.Stdin || !got.Stdout || !got.Stderr || !got.Stream || !got.Logs {
		t.Errorf("request: %+v", got)
	}
	f.stream.out <- frame{1, "out"}
	f.stream.out <- frame{2, "err"}
	f.stream.out <- frame{1, strings.Repeat("x", 100_000)}
	close(f.stream.out)
	var stdout, stderr bytes.Buffer
	if _, err := stdcopy.StdCopy(&stdout, &stderr, r.Reader); err != nil {
		t.Fatal(err)
	}
	if stdout.Len() != 3+100_000 || !strings.HasPrefix(stdout.String(), "out") || stderr.String() != "err" {
		t.Errorf("stdout %d bytes, stderr %q", stdout.Len(), stderr.String())
	}
}

func TestAttachTerminalIsRaw(t *testing.T) {
	f := newFake()
	f.tty = true
	r := attach(t, f, everything)
	if kind, _ := r.MediaType(); kind != types.MediaTypeRawStream {
		t.Errorf("media type %q", kind)
	}
	f.stream.out <- frame{1, "\x1b[2Jprompt"}
	close(f.stream.out)
	if text, err := io.ReadAll(r.Reader); err != nil || string(text) != "\x1b[2Jprompt" {
		t.Errorf("got %q, %v", text, err)
	}
}

// TestAttachHalfClose: a client that has nothing more to write still reads.
func TestAttachHalfClose(t *testing.T) {
	f := newFake()
	r := attach(t, f, everything)
	if _, err := io.WriteString(r.Conn, "input"); err != nil {
		t.Fatal(err)
	}
	if got := within(t, "input", f.stream.in); string(got) != "input" {
		t.Errorf("input %q", got)
	}
	if err := r.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	within(t, "the end of the input", f.stream.inEnd)
	f.stream.out <- frame{1, "answer"}
	close(f.stream.out)
	var stdout bytes.Buffer
	if _, err := stdcopy.StdCopy(&stdout, io.Discard, r.Reader); err != nil || stdout.String() != "answer" {
		t.Errorf("got %q, %v", stdout.String(), err)
	}
	within(t, "the end of the session", f.stream.closed)
}

// TestAttachOutputEndsFirst: the client sees the end while it could still write.
func TestAttachOutputEndsFirst(t *testing.T) {
	f := newFake()
	r := attach(t, f, everything)
	close(f.stream.out)
	if text, err := io.ReadAll(r.Reader); err != nil || len(text) != 0 {
		t.Errorf("got %q, %v", text, err)
	}
	if _, err := io.WriteString(r.Conn, "late"); err != nil {
		t.Errorf("the client could not finish its sentence: %v", err)
	}
}

// TestAttachClientGone: a session ends when its client does, even when the
// container is silent and the client had closed its input before.
func TestAttachClientGone(t *testing.T) {
	for _, o := range []client.ContainerAttachOptions{everything, {Stream: true, Stdout: true}} {
		for _, half := range []bool{false, true} {
			t.Run(fmt.Sprintf("stdin %v half-closed %v", o.Stdin, half), func(t *testing.T) {
				f := newFake()
				r := attach(t, f, o)
				if half {
					if err := r.CloseWrite(); err != nil {
						t.Fatal(err)
					}
					if o.Stdin {
						within(t, "the end of the input", f.stream.inEnd)
					}
					select {
					case <-f.stream.closed:
						t.Fatal("a client that only closed its input was taken for gone")
					case <-time.After(50 * time.Millisecond):
					}
				}
				r.Close()
				within(t, "the end of the session", f.stream.closed)
			})
		}
	}
}

// TestAttachInputOnlyWhenAsked: without stdin nothing that is written reaches the container.
func TestAttachInputOnlyWhenAsked(t *testing.T) {
	f := newFake()
	r := attach(t, f, client.ContainerAttachOptions{Stream: true, Stdout: true})
	if _, err := io.WriteString(r.Conn, "rm -rf /\n"); err != nil {
		t.Fatal(err)
	}
	close(f.stream.out)
	if _, err := io.ReadAll(r.Reader); err != nil {
		t.Fatal(err)
	}
	if len(f.stream.in) != 0 {
		t.Errorf("the container got %q", <-f.stream.in)
	}
}

func TestAttachDetachKeys(t *testing.T) {
	f := newFake()
	f.tty = true
	o := everything
	o.DetachKeys = "ctrl-a,d"
	r := attach(t, f, o)
	if _, err := io.WriteString(r.Conn, "x\x01d"); err != nil {
		t.Fatal(err)
	}
	within(t, "the end of the session", f.stream.closed)
	if got := <-f.stream.in; string(got) != "x" {
		t.Errorf("the container got %q", got)
	}
	if _, err := io.ReadAll(r.Reader); err != nil {
		t.Errorf("the client is not told of the end: %v", err)
	}
}

func TestAttachDetachKeysNeedTerminal(t *testing.T) {
	f := newFake()
	r := attach(t, f, everything)
	if _, err := io.WriteString(r.Conn, "\x10\x11"); err != nil {
		t.Fatal(err)
	}
	if got := within(t, "the bytes", f.stream.in); string(got) != "\x10\x11" {
		t.Errorf("the container got %q", got)
	}
}

// TestAttachWithoutUpgrade is what curl gets, with bytes that it sent ahead.
func TestAttachWithoutUpgrade(t *testing.T) {
	f := newFake()
	f.stream = newStream()
	conn := startNode(t, f).dial(t)
	fmt.Fprintf(conn, "POST /v1.41/containers/web/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"stream\":true}ahead")
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != types.MediaTypeRawStream || resp.Header.Get("Api-Version") != MaxVersion {
		t.Errorf("got %d %v", resp.StatusCode, resp.Header)
	}
	if got := within(t, "input", f.stream.in); string(got) != "ahead" {
		t.Errorf("the container got %q: the body must not reach it, what follows must", got)
	}
	f.stream.out <- frame{2, "abc"}
	head := make([]byte, frameHeader+3)
	if _, err := io.ReadFull(in, head); err != nil {
		t.Fatal(err)
	}
	if head[0] != 2 || binary.BigEndian.Uint32(head[4:8]) != 3 || string(head[8:]) != "abc" {
		t.Errorf("frame %v", head)
	}
}

func TestAttachRefusals(t *testing.T) {
	f := newFake()
	f.err = fmt.Errorf("no such container: web: %w", errdefs.ErrNotFound)
	n := startNode(t, f)
	upgrade := "Host: docker\r\nConnection: Upgrade\r\nUpgrade: %s\r\nContent-Length: 0\r\n\r\n"
	for _, tc := range []struct {
		request string
		status  int
	}{
		{"POST /containers/web/attach?stream=1 HTTP/1.1\r\n" + fmt.Sprintf(upgrade, "tcp"), 404},
		{"POST /containers/web/attach?stream=1 HTTP/1.1\r\n" + fmt.Sprintf(upgrade, "h2c"), 400},
		{"POST /containers/web/attach?detachKeys=ctrl-%5E%5E HTTP/1.1\r\n" + fmt.Sprintf(upgrade, "tcp"), 400},
		{"POST /containers/web/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nrm -r\r\n0\r\n\r\n", 400},
		{"GET /containers/web/attach/ws HTTP/1.1\r\nHost: docker\r\n\r\n", 501},
	} {
		if resp := n.raw(t, tc.request); resp.StatusCode != tc.status || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%q: got %d %v", tc.request, resp.StatusCode, resp.Header)
		}
	}
}

// TestAttachFailure: of a failure of the node the client shows the reason.
func TestAttachFailure(t *testing.T) {
	for _, tty := range []bool{false, true} {
		f := newFake()
		f.tty = tty
		f.fails["Attach"] = errors.New("disk full")
		r := attach(t, f, everything)
		var stderr bytes.Buffer
		var err error
		if tty {
			_, err = io.Copy(&stderr, r.Reader)
		} else {
			_, err = stdcopy.StdCopy(io.Discard, &stderr, r.Reader)
		}
		if err != nil || stderr.String() != "disk full\r\n" {
			t.Errorf("terminal %v: got %q, %v", tty, stderr.String(), err)
		}
	}
}

func TestExecSession(t *testing.T) {
	f := newFake()
	f.stream = newStream()
	f.exec = container.ExecInspectResponse{OpenStdin: true, DetachKeys: []byte{1}}
	n := startNode(t, f)
	r, err := n.stock(t, "").ExecAttach(t.Context(), "exec1", client.ExecAttachOptions{TTY: true, ConsoleSize: client.ConsoleSize{Height: 5, Width: 6}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := f.last("ExecStart").(engine.ExecStartRequest); !got.TTY || got.Detach || *got.ConsoleSize != [2]uint{5, 6} {
		t.Errorf("request: %+v", got)
	}
	f.stream.out <- frame{1, "$ "}
	prompt := make([]byte, 2)
	if _, err := io.ReadFull(r.Reader, prompt); err != nil || string(prompt) != "$ " {
		t.Errorf("got %q, %v", prompt, err)
	}
	if _, err := io.WriteString(r.Conn, "\x01"); err != nil {
		t.Fatal(err)
	}
	within(t, "the end of the session", f.stream.closed)
}

// TestExecFailure: what is wrong with the command is shown in the stream, for
// the clients show nothing of other answers.
func TestExecFailure(t *testing.T) {
	f := newFake()
	f.fails["ExecStart"] = errors.New("exec: nosuch: not found in $PATH")
	n := startNode(t, f)
	r, err := n.stock(t, "").ExecAttach(t.Context(), "exec1", client.ExecAttachOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var stderr bytes.Buffer
	if _, err := stdcopy.StdCopy(io.Discard, &stderr, r.Reader); err != nil || !strings.Contains(stderr.String(), "nosuch") {
		t.Errorf("got %q, %v", stderr.String(), err)
	}
	f.fails["ExecStart"] = fmt.Errorf("it runs already: %w", errdefs.ErrConflict)
	if _, err := n.stock(t, "").ExecAttach(t.Context(), "exec1", client.ExecAttachOptions{}); err == nil || !strings.Contains(err.Error(), "409") {
		t.Errorf("got %v", err)
	}
}

func TestLogs(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("x", 3600))
	f := newFake()
	f.logs = newLog(engine.LogLine{Stream: 1, Time: at, Text: []byte("a\n")}, engine.LogLine{Stream: 2, Time: at, Text: []byte("b\n")})
	close(f.logs.lines)
	r, err := startNode(t, f).stock(t, "").ContainerLogs(t.Context(), "web", client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Tail: "5", Since: "1700000000.25"})
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if _, err := stdcopy.StdCopy(&stdout, &stderr, r); err != nil {
		t.Fatal(err)
	}
	const stamp = "2026-01-02T02:04:05.000000006Z "
	if stdout.String() != stamp+"a\n" || stderr.String() != stamp+"b\n" {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
	if got := f.last("Logs").(engine.LogsRequest); got.Tail != 5 || !got.Since.Equal(time.Unix(1700000000, 25e7)) || got.Follow {
		t.Errorf("request: %+v", got)
	}
}

// TestLogsFollow: lines arrive while the log goes on, and the reader is closed when the client leaves.
func TestLogsFollow(t *testing.T) {
	f := newFake()
	f.tty = true
	f.logs = newLog(engine.LogLine{Stream: 1, Text: []byte("one\n")})
	r, err := startNode(t, f).stock(t, "").ContainerLogs(t.Context(), "web", client.ContainerLogsOptions{ShowStdout: true, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(r)
	for _, want := range []string{"one\n", "two\n"} {
		if line, err := in.ReadString('\n'); err != nil || line != want {
			t.Fatalf("got %q, %v", line, err)
		}
		f.logs.lines <- engine.LogLine{Stream: 1, Text: []byte("two\n")}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	within(t, "the end of the reader", f.logs.closed)
}

// TestShutdownEndsStreams: every kind of stream ends when the server stops, and Serve returns.
func TestShutdownEndsStreams(t *testing.T) {
	f := newFake()
	f.stream, f.logs = newStream(), newLog()
	f.stats = make(chan container.StatsResponse)
	n := startNode(t, f, func(o *Options) { o.Grace = 5 * time.Second })
	c := n.stock(t, "")
	session, err := c.ContainerAttach(t.Context(), "web", everything)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	logs, err := c.ContainerLogs(t.Context(), "web", client.ContainerLogsOptions{ShowStdout: true, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	wait := c.ContainerWait(t.Context(), "web", client.ContainerWaitOptions{})
	began := time.Now()
	n.cancel()
	if _, err := io.ReadAll(session.Reader); err != nil {
		t.Errorf("the session does not end in order: %v", err)
	}
	session.Close()
	if _, err := io.ReadAll(logs); err != nil {
		t.Errorf("the log does not end in order: %v", err)
	}
	if err := within(t, "the error of the waiter", wait.Error); err == nil {
		t.Error("a waiter that is cut off must not get a result")
	}
	err = within(t, "the end of Serve", n.done)
	n.done <- err
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %v: something was waited for", took)
	}
	if _, err := net.Dial("unix", n.path); err == nil {
		t.Error("the socket is still there")
	}
}

// TestShutdownLetsRequestsFinish: what has begun is completed.
func TestShutdownLetsRequestsFinish(t *testing.T) {
	f := newFake()
	f.copying = make(chan struct{})
	n := startNode(t, f)
	conn := n.dial(t)
	fmt.Fprint(conn, "PUT /containers/web/archive?path=/ HTTP/1.1\r\nHost: docker\r\nContent-Length: 4\r\n\r\nab")
	within(t, "the request", f.copying)
	n.cancel()
	fmt.Fprint(conn, "cd")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("got %v, %v", resp, err)
	}
	if got := f.last("CopyTo"); got != "abcd" {
		t.Errorf("the engine got %q", got)
	}
}

// raw sends bytes and reads one answer.
func (n *node) raw(t *testing.T, request string) *http.Response {
	t.Helper()
	conn := n.dial(t)
	go func() { _, _ = io.WriteString(conn, request) }() // the answer may come before all is read
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.200q: %v", request, err)
	}
	return resp
}
