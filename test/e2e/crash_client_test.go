package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// crashClient is a client that goes on while daemons die under it. It keeps the words that it was given: after a request
// that was answered, the state must be as answered; after one that was not, it may be either.
type crashClient struct {
	t                        *testing.T
	ctx                      context.Context
	node                     *harness.Node
	name                     string
	rounds, answers, unknown int
}

// over ends a client's work without more checks: the test has ended.
type over struct{}

// request sends a request once. It tells whether it was answered; an answer that is an error fails the test, unless allowed
// says that it may be.
func (c *crashClient) request(what string, allowed func(error) bool, send func(context.Context) error) (answered bool, err error) {
	if c.ctx.Err() != nil || c.t.Failed() {
		panic(over{})
	}
	// A lost word must not stop the test: none of these requests takes long.
	ctx, cancel := context.WithTimeout(c.ctx, 30*time.Second)
	defer cancel()
	err = send(ctx)
	switch {
	case err == nil:
		c.answers++
		return true, nil
	case c.ctx.Err() != nil:
		panic(over{})
	case ctx.Err() != nil:
		c.t.Errorf("%s: %s was not answered for 30 s", c.name, what)
		panic(over{})
	case !strings.Contains(err.Error(), "Error response from daemon"):
		c.unknown++
		time.Sleep(2 * time.Millisecond)
		return false, err
	case allowed != nil && allowed(err):
		c.answers++
		return true, err
	}
	c.t.Errorf("%s: %s: %v", c.name, what, err)
	panic(over{})
}

// until repeats a request until it is answered.
func (c *crashClient) until(what string, allowed func(error) bool, send func(context.Context) error) error {
	for {
		if answered, err := c.request(what, allowed, send); answered {
			return err
		}
	}
}

// state asks for a container until it is answered; nil when there is none.
func (c *crashClient) state(ref string) *container.InspectResponse {
	var got client.ContainerInspectResult
	err := c.until("inspect "+ref, errdefs.IsNotFound, func(ctx context.Context) (err error) {
		got, err = c.node.Client.ContainerInspect(ctx, ref, client.ContainerInspectOptions{})
		return err
	})
	if err != nil {
		return nil
	}
	return &got.Container
}

// guard ends a round quietly when the test is over.
func (c *crashClient) guard() {
	if r := recover(); r != nil {
		if _, ok := r.(over); !ok {
			panic(r)
		}
	} else {
		c.rounds++
	}
}

// must ends the round when a condition does not hold.
func (c *crashClient) must(ok bool, format string, args ...any) {
	if !ok {
		c.t.Errorf("%s: %s", c.name, fmt.Sprintf(format, args...))
		panic(over{})
	}
}

// create makes a container. Without an answer it may be there or not; with one it is.
func (c *crashClient) create(options client.ContainerCreateOptions) string {
	for {
		var made client.ContainerCreateResult
		answered, _ := c.request("create "+options.Name, nil, func(ctx context.Context) (err error) {
			made, err = c.node.Client.ContainerCreate(ctx, options)
			return err
		})
		got := c.state(options.Name)
		c.must(!answered || got != nil && got.ID == made.ID, "container %s was made as %s and is now %v", options.Name, made.ID, got)
		if got != nil {
			return got.ID
		}
	}
}

// start starts a container. fine says which state a container may be in that has been started.
func (c *crashClient) start(id string, fine func(*container.InspectResponse) bool) {
	for {
		answered, _ := c.request("start "+id, nil, func(ctx context.Context) error {
			_, err := c.node.Client.ContainerStart(ctx, id, client.ContainerStartOptions{})
			return err
		})
		got := c.state(id)
		if !answered && got != nil && got.State.Status == container.StateCreated {
			continue
		}
		c.must(fine(got), "%.12s was started (answered: %v) and is now %+v", id, answered, stateOf(got))
		return
	}
}

// remove removes a container: with an answer, or found gone after none, it stays gone.
func (c *crashClient) remove(id, name string) {
	err := c.until("remove "+id, errdefs.IsNotFound, func(ctx context.Context) error {
		_, err := c.node.Client.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true})
		return err
	})
	_ = err // not found: an earlier request that got no answer was heard
	for _, ref := range []string{id, name} {
		got := c.state(ref)
		c.must(got == nil, "%s was removed and is there: %+v", ref, stateOf(got))
	}
}

func stateOf(c *container.InspectResponse) any {
	if c == nil {
		return "not there"
	}
	return *c.State
}

// life is a container's whole life with an exec in it. The same name is used again and again.
func (c *crashClient) life(int) {
	defer c.guard()
	id := c.create(shell(c.name, `trap 'exit 42' TERM; echo ready >/tmp/ready; sleep 1000 & wait`))
	c.start(id, func(got *container.InspectResponse) bool { return got != nil && got.State.Running })
	for {
		// The next daemon does not know the execs of the one before: that is no answer.
		answered, err := c.request("exec", errdefs.IsNotFound, func(ctx context.Context) error {
			out, code, err := run(ctx, c.node, id, "sh", "-c", "until [ -s /tmp/ready ]; do sleep 0.01; done; cat /tmp/ready; exit 3")
			if err == nil {
				c.must(code == 3 && out == "ready\n", "the exec wrote %q with status %d", out, code)
			}
			return err
		})
		if answered && err == nil {
			break
		}
	}
	for {
		grace := 20
		answered, _ := c.request("stop", nil, func(ctx context.Context) error {
			_, err := c.node.Client.ContainerStop(ctx, id, client.ContainerStopOptions{Timeout: &grace})
			return err
		})
		got := c.state(id)
		if !answered && got != nil && got.State.Running {
			continue
		}
		c.must(got != nil && got.State.Status == container.StateExited && got.State.ExitCode == 42, "%.12s was stopped (answered: %v) and is %+v", id, answered, stateOf(got))
		break
	}
	c.remove(id, c.name)
}

// end is a container that ends by itself, with a status and a last word of its own, whether a daemon sees it or not.
func (c *crashClient) end(i int) {
	defer c.guard()
	code, name := 1+i%100, c.name+strconv.Itoa(i)
	id := c.create(shell(name, fmt.Sprintf("echo first; sleep 0.%02d; echo last %d; exit %d", i%40, code, code)))
	right := func(got *container.InspectResponse) bool {
		return got != nil && (got.State.Running || got.State.Status == container.StateExited && got.State.ExitCode == code)
	}
	c.start(id, right)
	got := c.state(id)
	for deadline := time.Now().Add(30 * time.Second); got != nil && got.State.Running && time.Now().Before(deadline); got = c.state(id) {
		time.Sleep(5 * time.Millisecond)
	}
	c.must(got != nil && got.State.Status == container.StateExited && got.State.ExitCode == code, "%.12s was to end with %d and is %+v", id, code, stateOf(got))
	var text string
	_ = c.until("logs", nil, func(ctx context.Context) (err error) {
		text, err = logged(ctx, c.node, id)
		return err
	})
	c.must(text == fmt.Sprintf("first\nlast %d\n", code), "the log of %.12s is %q", id, text)
	c.remove(id, name)
}

// vanish is a container that removes itself at its end.
func (c *crashClient) vanish(i int) {
	defer c.guard()
	name := c.name + strconv.Itoa(i)
	options := shell(name, "sleep 0.05; exit 9")
	options.HostConfig.AutoRemove = true
	id := c.create(options)
	c.start(id, func(got *container.InspectResponse) bool {
		return got == nil || got.State.Running || got.State.ExitCode == 9
	})
	for deadline := time.Now().Add(30 * time.Second); c.state(id) != nil; time.Sleep(5 * time.Millisecond) {
		c.must(time.Now().Before(deadline), "%.12s was to remove itself and is still there: %+v", id, stateOf(c.state(id)))
	}
	c.must(c.state(name) == nil, "the name %s is still taken", name)
}

// follow attaches to a counter and reads some numbers, which must follow one another.
func (c *crashClient) follow(id string) {
	defer c.guard()
	read := 0
	_, _ = c.request("attach", nil, func(ctx context.Context) error {
		stream, err := c.node.Client.ContainerAttach(ctx, id, client.ContainerAttachOptions{Stream: true, Stdout: true})
		if err != nil {
			return err
		}
		defer stream.Close()
		stop := context.AfterFunc(ctx, stream.Close)
		defer stop()
		r, w := io.Pipe()
		go func() {
			_, err := stdcopy.StdCopy(w, w, stream.Reader)
			w.CloseWithError(err)
		}()
		defer r.Close()
		lines, next := bufio.NewScanner(r), -1
		for read < 5 && lines.Scan() {
			n, err := strconv.Atoi(lines.Text())
			c.must(err == nil && (next < 0 || n == next), "an attached client read %q where %d was due", lines.Text(), next)
			next, read = n+1, read+1
		}
		return lines.Err()
	})
	if read == 0 {
		panic(over{}) // the daemon died first; this was no round
	}
}
