package scenes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// What the scenes on secrets give away, if they do. The annotation is how
// `bailey run --secret` asks.
const (
	secretName       = "bailey-prove"
	secretValue      = "9c3f6a71-not-for-anybody-else"
	secretAnnotation = "run.bailey.secret"
	secretPath       = "/run/secrets/" + secretName
)

// keeper is a container that has a secret, or that has the same value by its
// environment, as people do who have no better way.
func keeper(ctx context.Context, s scene.Stage, safely bool) (scene.Actor, error) {
	o := scene.Options{Host: container.HostConfig{Annotations: map[string]string{secretAnnotation: secretName}}}
	if !safely {
		o = scene.Options{Config: container.Config{Env: []string{"SECRET=" + secretValue}}}
	}
	return scene.Once(ctx, s, fmt.Sprint("engine/secret/", safely), func(ctx context.Context, s scene.Stage) (scene.Actor, error) {
		if safely {
			if err := s.Secret(ctx, secretName, secretValue); err != nil {
				return nil, err
			}
		}
		a, err := s.Start(ctx, o)
		if err != nil {
			return nil, probe.Untried("%w", err)
		}
		return a, nil
	})
}

// secrets look for a container's secret where it does not belong. Each twin
// finds the same value in the same place when it was given as a variable.
func secrets() []scene.Scene {
	looks := func(safely bool, look func(ctx context.Context, s scene.Stage, a scene.Actor) (string, error)) func(context.Context, scene.Stage) error {
		return func(ctx context.Context, s scene.Stage) error {
			a, err := keeper(ctx, s, safely)
			if err != nil {
				return err
			}
			text, err := look(ctx, s, a)
			if err == nil && !strings.Contains(text, secretValue) {
				err = errors.New("it is not there")
			}
			return err
		}
	}
	environment := func(pid string) func(ctx context.Context, _ scene.Stage, a scene.Actor) (string, error) {
		return func(ctx context.Context, _ scene.Stage, a scene.Actor) (string, error) {
			text, err := a.Do(ctx, "read", "/proc/"+pid+"/environ")
			if err != nil {
				return "", probe.Untried("%w", err)
			}
			return text, nil
		}
	}
	list := []scene.Scene{
		{ID: "secrets/inspect", Tries: "read a secret by inspect", Source: "CIS Docker 4.10", Attack: looks(true, inspected), Twin: looks(false, inspected)},
		{ID: "secrets/environment", Tries: "read a secret from the environment of the first process", Source: "CIS Docker 4.10",
			Attack: looks(true, environment("1")), Twin: looks(false, environment("1"))},
		{ID: "secrets/environment-of-exec", Tries: "read a secret from the environment of a process that is started", Source: "CIS Docker 4.10",
			Attack: looks(true, environment("self")), Twin: looks(false, environment("self"))},
		{ID: "secrets/other-user", Tries: "read a secret as another user of the container", Source: "path_resolution(7)",
			Attack: reads(secretPath, "65534:65534"), Twin: reads(secretPath, "0:0")},
		{ID: "secrets/write", Tries: "change a secret", Source: "docs/posture.md", Attack: writesTo(secretPath), Twin: writesTo("/tmp/mine")},
		{ID: "secrets/unknown", Tries: "be promised a secret that there is not, and start without it", Source: "docs/posture.md",
			Attack: promised("bailey-prove-missing"), Twin: func(ctx context.Context, s scene.Stage) error { _, err := keeper(ctx, s, true); return err }},
		{ID: "secrets/traversal", Tries: "be promised a file of the host as a secret", Source: "CWE-22",
			Attack: promised("../secrets.key"), Twin: func(ctx context.Context, s scene.Stage) error { _, err := keeper(ctx, s, true); return err }},
	}
	for i := range list {
		list[i].Control = "secrets"
	}
	return list
}

// inspected is everything that inspect shows.
func inspected(ctx context.Context, s scene.Stage, a scene.Actor) (string, error) {
	res, err := s.API().ContainerInspect(ctx, a.ID(), client.ContainerInspectOptions{})
	if err != nil {
		return "", probe.Untried("%w", err)
	}
	text, err := json.Marshal(res.Container)
	return string(text) + string(res.Raw), err
}

func reads(path, user string) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		a, err := keeper(ctx, s, true)
		if err == nil {
			_, err = a.DoAs(ctx, client.ExecCreateOptions{User: user}, "read", path)
		}
		return err
	}
}

func writesTo(path string) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		a, err := keeper(ctx, s, true)
		if err == nil {
			_, err = a.Do(ctx, "write", path, "1")
		}
		return err
	}
}

func promised(name string) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		_, err := s.Start(ctx, scene.Options{Host: container.HostConfig{Annotations: map[string]string{secretAnnotation: name}}})
		return err
	}
}
