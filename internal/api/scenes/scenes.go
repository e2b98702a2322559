package scenes

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/client"
)

// The controls that these attack.
const (
	decoding = "api-decoding"
	access   = "api-access"
)

// patience is how long an answer may take.
const patience = 5 * time.Second

// All returns the scenes, in the order in which they are shown.
func All() []scene.Scene {
	return slices.Concat(list(decoding, bodies()), list(access, pages()), list(access, framings()), list(access, paths()), []scene.Scene{smuggled(), overTCP()})
}

// request is one that must be refused. It is a change to another one, which
// must be answered.
type request struct {
	id, tries, source string
	hostile, harmless func(image string) string
}

func list(control string, requests []request) []scene.Scene {
	var out []scene.Scene
	for _, r := range requests {
		out = append(out, scene.Scene{
			ID: control + "/" + r.id, Control: control, Tries: r.tries, Source: r.source, Attack: sends(r.hostile), Twin: sends(r.harmless),
			Shares: "api/" + r.harmless("IMAGE"),
		})
	}
	return out
}

// sends sends a request as it is. An answer of success is one, whatever it
// brought; a container that was made is removed.
func sends(make func(image string) string) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		conn, err := s.Dial(ctx)
		if err != nil {
			return probe.Untried("%w", err)
		}
		defer conn.Close()
		return answered(ctx, s.API(), conn, make(s.Image()))
	}
}

// answered returns what was refused about a request.
func answered(ctx context.Context, api *client.Client, conn net.Conn, request string) error {
	_ = conn.SetDeadline(time.Now().Add(patience))
	sent := make(chan struct{})
	go func() { defer close(sent); _, _ = io.WriteString(conn, request) }() // what is too long may be refused before it is sent
	defer func() { _ = conn.Close(); <-sent }()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return fmt.Errorf("the connection was closed: %w", err)
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	var answer struct{ ID, Message string }
	_ = json.Unmarshal(body, &answer) // not every answer is JSON
	if res.StatusCode >= 300 {
		first, _, _ := strings.Cut(answer.Message, "\n")
		return fmt.Errorf("%s: %.200s", res.Status, first)
	}
	if answer.ID == "" {
		return nil
	}
	_, err = api.ContainerRemove(ctx, answer.ID, client.ContainerRemoveOptions{Force: true})
	return err
}

// create asks for a container; %s is its image.
func create(body string) func(image string) string {
	return func(image string) string {
		if strings.Contains(body, "%s") {
			body := strings.Replace(body, "%s", image, 1)
			return posting(body)
		}
		return posting(body)
	}
}

func posting(body string) string {
	return fmt.Sprintf("POST /v1.44/containers/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// plain is a body that is answered, and get a request without one.
const plain = `{"Image":"%s","HostConfig":{"Privileged":false}}`

func get(string) string { return "GET /v1.44/version HTTP/1.1\r\nHost: localhost\r\n\r\n" }

// changed is a request in which the first old is replaced.
func changed(request func(string) string, old, replacement string) func(string) string {
	return func(image string) string { return strings.Replace(request(image), old, replacement, 1) }
}
