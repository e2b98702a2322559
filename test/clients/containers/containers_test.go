// Package containers is what people write with Testcontainers, tried against the engine that DOCKER_HOST names. The
// images must be there: BUSYBOX, POSTGRES and REDIS name them.
package containers

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	_ "github.com/lib/pq"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/exec"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
	"github.com/testcontainers/testcontainers-go/modules/redis"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
)

// patience is how long a container may take until it is ready, on a busy machine.
const patience = time.Minute

// image is the name of an image of the environment.
func image(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skipf("%s names no image", name)
	}
	return value
}

// started runs a container until the test ends.
func started(t *testing.T, options ...testcontainers.ContainerCustomizer) *testcontainers.DockerContainer {
	t.Helper()
	c, err := testcontainers.Run(t.Context(), image(t, "BUSYBOX"), options...)
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// outputOf is what a command in a container prints.
func outputOf(t *testing.T, c testcontainers.Container, command ...string) string {
	t.Helper()
	code, r, err := c.Exec(t.Context(), command, exec.Multiplexed())
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil || code != 0 {
		t.Fatalf("%v: status %d, %v: %s", command, code, err, text)
	}
	return string(text)
}

const server = `mkdir -p /tmp/www && cp /carried.txt /tmp/www/ && echo serving && exec httpd -f -p 8080 -h /tmp/www`

// TestGeneric: a container with a file, a port, and every wait strategy; commands, copies, logs.
func TestGeneric(t *testing.T) {
	c := started(t,
		testcontainers.WithCmd("sh", "-c", server),
		testcontainers.WithExposedPorts("8080/tcp"),
		testcontainers.WithEnv(map[string]string{"COLOUR": "blue"}),
		testcontainers.WithFiles(testcontainers.ContainerFile{Reader: strings.NewReader("carried"), ContainerFilePath: "/carried.txt", FileMode: 0o644}),
		testcontainers.WithTmpfs(map[string]string{"/scratch": "rw,size=1m"}),
		testcontainers.WithWaitStrategyAndDeadline(patience,
			wait.ForLog("serving"), wait.ForListeningPort("8080/tcp").WithStartupTimeout(patience), wait.ForHTTP("/carried.txt").WithPort("8080/tcp"),
			wait.ForExec([]string{"true"}), wait.ForFile("/carried.txt")),
	)
	endpoint, err := c.PortEndpoint(t.Context(), "8080/tcp", "")
	if err != nil || !strings.HasPrefix(endpoint, "localhost:") && !strings.HasPrefix(endpoint, "127.0.0.1:") {
		t.Errorf("endpoint %q, %v", endpoint, err)
	}
	if got := outputOf(t, c, "sh", "-c", "echo $COLOUR; cat /carried.txt"); got != "blue\ncarried" {
		t.Errorf("exec prints %q", got)
	}
	if code, _, err := c.Exec(t.Context(), []string{"sh", "-c", "exit 5"}); err != nil || code != 5 {
		t.Errorf("exec of exit 5: %d, %v", code, err)
	}
	if err := c.CopyToContainer(t.Context(), []byte("in"), "/scratch/in.txt", 0o640); err != nil {
		t.Error(err)
	}
	r, err := c.CopyFileFromContainer(t.Context(), "/scratch/in.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if text, err := io.ReadAll(r); err != nil || string(text) != "in" {
		t.Errorf("copied in and out: %q, %v", text, err)
	}
	logs, err := c.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	if line, err := bufio.NewReader(logs).ReadString('\n'); err != nil || line != "serving\n" {
		t.Errorf("the log begins with %q, %v", line, err)
	}
	if state, err := c.State(t.Context()); err != nil || !state.Running {
		t.Errorf("state %+v, %v", state, err)
	}
}

// TestNetwork: containers on a network reach each other by alias, others do not.
func TestNetwork(t *testing.T) {
	net, err := network.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	testcontainers.CleanupNetwork(t, net)
	idle := testcontainers.WithCmd("sleep", "1000")
	started(t, network.WithNetwork([]string{"store"}, net), testcontainers.WithCmd("sh", "-c", "mkdir /tmp/w; echo kept > /tmp/w/x; exec httpd -f -p 80 -h /tmp/w"))
	member, stranger := started(t, idle, network.WithNetwork([]string{"member"}, net)), started(t, idle)
	if got := outputOf(t, member, "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do wget -q -O - http://store/x && break; sleep 1; done"); got != "kept\n" {
		t.Errorf("by alias: %q", got)
	}
	if code, _, err := stranger.Exec(t.Context(), []string{"wget", "-q", "-T", "3", "-O", "-", "http://store/x"}); err != nil || code == 0 {
		t.Errorf("a stranger reaches the alias: %d, %v", code, err)
	}
}

// TestPostgres: the module, with a script of one's own, spoken to through the mapped port.
func TestPostgres(t *testing.T) {
	ctx := t.Context()
	script := t.TempDir() + "/init.sql"
	if err := os.WriteFile(script, []byte("CREATE TABLE castles (name text); INSERT INTO castles VALUES ('bailey');"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := postgres.Run(ctx, image(t, "POSTGRES"), postgres.WithDatabase("keep"), postgres.WithUsername("lord"), postgres.WithPassword("portcullis"),
		postgres.WithInitScripts(script), testcontainers.WithAdditionalWaitStrategyAndDeadline(2*patience,
			wait.ForLog("database system is ready to accept connections").WithOccurrence(2).WithStartupTimeout(2*patience), wait.ForListeningPort("5432/tcp").WithStartupTimeout(2*patience)))
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatal(err)
	}
	address, err := c.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var name string
	if err := db.QueryRowContext(ctx, "SELECT name FROM castles").Scan(&name); err != nil || name != "bailey" {
		t.Errorf("the row reads %q, %v", name, err)
	}
}

// TestRedis: the module, spoken to through the mapped port (RESP of redis.io).
func TestRedis(t *testing.T) {
	ctx := t.Context()
	c, err := redis.Run(ctx, image(t, "REDIS"), redis.WithLogLevel(redis.LogLevelVerbose), testcontainers.WithWaitStrategyAndDeadline(2*patience,
		wait.ForLog("* Ready to accept connections").WithStartupTimeout(2*patience), wait.ForListeningPort("6379/tcp").WithStartupTimeout(2*patience)))
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatal(err)
	}
	address, err := c.PortEndpoint(ctx, "6379/tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]string{"PING": "+PONG\r\n", "SET k v": "+OK\r\n"} {
		if got, err := say(ctx, address, command+"\r\n"); err != nil || got != want {
			t.Errorf("%s: %q, %v", command, got, err)
		}
	}
}

func say(ctx context.Context, address, text string) (string, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := fmt.Fprint(conn, text); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}

// TestReaper: the reaper wants the engine's socket in a container, which is refused with what to do instead.
func TestReaper(t *testing.T) {
	if os.Getenv("TESTCONTAINERS_RYUK_DISABLED") == "true" {
		t.Skip("the reaper is switched off")
	}
	_, err := testcontainers.Run(t.Context(), image(t, "BUSYBOX"), testcontainers.WithCmd("true"))
	if err == nil || !strings.Contains(err.Error(), "TESTCONTAINERS_RYUK_DISABLED=true") {
		t.Errorf("the error does not say what to do: %v", err)
	}
}
