package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// notifier tells the service manager how the node stands (sd_notify(3)). The
// zero value tells nobody.
type notifier struct {
	addr *net.UnixAddr
	log  *slog.Logger
}

// newNotifier takes the manager's address out of the environment, so that no
// child of this process inherits it.
func newNotifier(log *slog.Logger) notifier {
	path := os.Getenv("NOTIFY_SOCKET")
	_ = os.Unsetenv("NOTIFY_SOCKET")
	if path == "" {
		return notifier{}
	}
	if strings.HasPrefix(path, "@") {
		path = "\x00" + path[1:]
	}
	return notifier{addr: &net.UnixAddr{Name: path, Net: "unixgram"}, log: log}
}

// send passes assignments like READY=1 on.
func (n notifier) send(assignments ...string) {
	if n.addr == nil {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, n.addr)
	if err == nil {
		_, err = conn.Write([]byte(strings.Join(assignments, "\n")))
		_ = conn.Close()
	}
	if err != nil {
		n.log.Warn("the service manager cannot be told", "message", assignments, "error", err)
	}
}

// reloading announces a reload; READY=1 ends it.
func (n notifier) reloading() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return
	}
	n.send("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000))
}

// watchdog keeps the manager content for as long as alive succeeds, until ctx
// ends. Without a watchdog in the environment it returns at once.
func (n notifier) watchdog(ctx context.Context, alive func(context.Context) error) {
	period := watchdogPeriod()
	if n.addr == nil || period == 0 {
		return
	}
	tick := time.NewTicker(period / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		probe, cancel := context.WithTimeout(ctx, period/4)
		err := alive(probe)
		cancel()
		if err == nil {
			n.send("WATCHDOG=1")
		} else if ctx.Err() == nil {
			n.log.Error("the API does not answer; the watchdog is left to bite", "error", err)
		}
	}
}

// watchdogPeriod is the time in which the manager wants to hear of this
// process, or 0 (sd_watchdog_enabled(3)).
func watchdogPeriod() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	usec, err := strconv.ParseUint(os.Getenv("WATCHDOG_USEC"), 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(usec) * time.Microsecond
}

// answers asks the API behind a socket whether it lives, the way a client would.
func answers(socket string) func(context.Context) error {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return DialSocket(ctx, socket)
		},
	}}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://api.moby.localhost/_ping", nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("/_ping says %s", resp.Status)
		}
		return nil
	}
}
