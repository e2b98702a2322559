// Command demo shows in a minute what Bailey does: it makes two real images without any registry, runs both hardened,
// asks them over HTTP, shows the posture they run with, what an attacker inside meets and what a refused relaxation
// says, and cleans up. The node it uses has its own directory, network and mounts; nothing of the machine changes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/bailey-run/bailey/test/harness"
)

func main() {
	bin := flag.String("bailey", "bin/bailey", "the `binary` to show")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *bin)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

// demo is what the steps share.
type demo struct {
	node *harness.Node
	dir  string // for files that the steps make
	out  *screen
}

// run goes through the steps and cleans up whatever happens.
func run(ctx context.Context, bin string) (failed error) {
	if os.Geteuid() != 0 {
		return errors.New("a container engine is run by root: use sudo make demo")
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bailey-demo-")
	if err != nil {
		return err
	}
	defer func() { failed = errors.Join(failed, os.RemoveAll(dir)) }()

	d := &demo{dir: dir, out: newScreen(os.Stdout)}
	// Also when interrupted: then ctx is over, and the node is still to be removed.
	defer func() {
		if d.node != nil {
			failed = errors.Join(failed, d.node.Close())
		}
	}()
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"start a node in a temporary directory, with a network of its own", func(ctx context.Context) (err error) {
			d.node, err = harness.Start(ctx, harness.Options{Bin: bin})
			return err
		}},
		{"make an image of nginx from Debian's packages (kept for the next time)", d.makeDebian},
		{"load it: bailey load -i debian.tar", d.loadDebian},
		{"compile examples/hello and pack it into an image that holds one file", d.makeHello},
		{"load it: bailey load -i hello.tar", d.loadHello},
		{"run nginx: bailey run -d --name web -p 8080:8080 debian-nginx:demo", d.runWeb},
		{"run hello: bailey run -d --name hello -p 8081:8080 hello:demo", d.runHello},
		{"ask both over HTTP through their published ports", d.ask},
		{"show the posture of web: bailey posture web", d.showPosture},
		{"be an attacker who became root in web: bailey exec --user root web ...", d.attack},
		{"ask for too much: bailey run --privileged", d.refuse},
		{"stop and remove everything: bailey rm -f web hello", d.finish},
	} {
		if err := d.out.step(ctx, step.what, step.do); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	d.out.summary()
	return nil
}
