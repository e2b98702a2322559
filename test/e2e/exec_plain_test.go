package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// TestExecWithoutUpgrade: clients that ask for an exec's stream without an upgrade, such as docker-modem's, are told in it what is wrong
// with the command, and by its exit code, as Docker does. They take an error of HTTP for one of the engine.
func TestExecWithoutUpgrade(t *testing.T) {
	node := harness.New(t, harness.Options{})
	id := launch(t, node, shell("plain", "sleep 1000"))
	for _, x := range []struct {
		command, says string
		code          int
	}{{"nosuch", "executable file not found", 127}, {"/etc", "is a directory", 126}, {"pwd", "/", 0}} {
		made, err := node.Client.ExecCreate(t.Context(), id, client.ExecCreateOptions{Cmd: []string{x.command}, AttachStdout: true, AttachStderr: true})
		if err != nil {
			t.Fatal(err)
		}
		answer, text := plainStart(t, node.Socket, made.ID)
		if answer.StatusCode != http.StatusOK || !strings.Contains(text, x.says) {
			t.Errorf("%s: %s: %q", x.command, answer.Status, text)
		}
		eventually(t, 10*time.Second, x.command+" has ended", func() bool {
			state, err := node.Client.ExecInspect(t.Context(), made.ID, client.ExecInspectOptions{})
			return err == nil && !state.Running && state.ExitCode == x.code
		})
	}
}

// plainStart starts an exec by an ordinary request.
func plainStart(t *testing.T, socket, id string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const body = `{"Detach":false,"Tty":false}`
	fmt.Fprintf(conn, "POST /exec/%s/start HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", id, len(body), body)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}
