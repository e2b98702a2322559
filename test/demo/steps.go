package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// bailey runs a verb and fails when it does.
func (d *demo) bailey(ctx context.Context, args ...string) error {
	if result := d.node.Bailey(ctx, args...); result.Code != 0 {
		return fmt.Errorf("exit status %d\n%s%s", result.Code, result.Stdout, result.Stderr)
	}
	return nil
}

// runWeb runs nginx.
func (d *demo) runWeb(ctx context.Context) error {
	return d.bailey(ctx, "run", "-d", "--name", "web", "-p", "8080:8080", "debian-nginx:demo")
}

// runHello runs examples/hello.
func (d *demo) runHello(ctx context.Context) error {
	return d.bailey(ctx, "run", "-d", "--name", "hello", "-p", "8081:8080", "hello:demo")
}

// ask gets a page of each through its published port, which is bound to 127.0.0.1 unless it is asked otherwise.
func (d *demo) ask(ctx context.Context) error {
	for _, q := range []struct{ url, want string }{
		{"http://127.0.0.1:8080/", "hardened by default"},
		{"http://127.0.0.1:8081/", "hello from"},
	} {
		answer, err := d.get(ctx, q.url)
		if err != nil {
			return fmt.Errorf("%s: %w", q.url, err)
		}
		if !strings.Contains(answer, q.want) {
			return fmt.Errorf("%s answered %q", q.url, answer)
		}
		d.out.show(fmt.Sprintf("GET %s  →  %s", q.url, strings.TrimSpace(answer)))
	}
	return nil
}

// get asks until the server has started to listen.
func (d *demo) get(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		answer, err := d.node.Get(ctx, url)
		if err == nil {
			return answer, nil
		}
		select {
		case <-ctx.Done():
			return "", errors.Join(err, d.logs())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// logs is what the containers printed, as an error that explains another one.
func (d *demo) logs() error {
	var text strings.Builder
	for _, name := range []string{"web", "hello"} {
		result := d.node.Bailey(context.Background(), "logs", "--tail", "20", name)
		fmt.Fprintf(&text, "%s printed:\n%s%s", name, result.Stdout, result.Stderr)
	}
	return errors.New(text.String())
}

// refuse asks for a privileged container, which the policy does not allow, and shows what the refusal says.
func (d *demo) refuse(ctx context.Context) error {
	result := d.node.Bailey(ctx, "run", "--rm", "--privileged", "hello:demo")
	if result.Code == 0 {
		return errors.New("a privileged container ran")
	}
	d.out.show(result.Stderr)
	return nil
}

// finish removes the containers, stops the node and sees to it that nothing is left.
func (d *demo) finish(ctx context.Context) error {
	if err := d.bailey(ctx, "rm", "-f", "web", "hello"); err != nil {
		return err
	}
	node := d.node
	d.node = nil
	return node.Close()
}
