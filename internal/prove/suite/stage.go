package suite

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// mark is the label of whatever a suite makes; its value is the suite.
const mark = "run.bailey.suite"

// secretAnnotation tells an engine which secrets a container gets, as
// `bailey run --secret` does.
const secretAnnotation = "run.bailey.secret"

// serviceName is how an attack finds what it attacks.
const serviceName = "service"

// maxOutput bounds what is read of a container's output, in bytes.
const maxOutput = 1 << 20

// stage is where the halves of tests are played, one after the other.
type stage struct {
	api   client.APIClient
	suite string
	net   string // name of the half's network
}

// sweep removes everything that carries the suite's mark.
func (s *stage) sweep(ctx context.Context) error {
	filter := make(client.Filters).Add("label", mark+"="+s.suite)
	containers, err := s.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filter})
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range containers.Items {
		_, err := s.api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		errs = append(errs, err)
	}
	networks, err := s.api.NetworkList(ctx, client.NetworkListOptions{Filters: filter})
	errs = append(errs, err)
	for _, n := range networks.Items {
		_, err := s.api.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s *stage) network(ctx context.Context) error {
	s.net = "bailey-suite-" + strings.ToLower(rand.Text()[:10])
	_, err := s.api.NetworkCreate(ctx, s.net, client.NetworkCreateOptions{Labels: map[string]string{mark: s.suite}})
	return err
}

// create makes a container on the half's network.
func (s *stage) create(ctx context.Context, c Container, change func(*container.Config, *network.EndpointSettings)) (id string, err error) {
	config := container.Config{Image: c.Image, Cmd: c.Command, User: c.User, Labels: map[string]string{mark: s.suite}}
	for name, value := range c.Environment {
		config.Env = append(config.Env, name+"="+value)
	}
	slices.Sort(config.Env)
	host := container.HostConfig{NetworkMode: container.NetworkMode(s.net), SecurityOpt: c.SecurityOpt}
	if len(c.Secrets) > 0 {
		host.Annotations = map[string]string{secretAnnotation: strings.Join(c.Secrets, ",")}
	}
	for _, place := range c.Tmpfs {
		path, options, _ := strings.Cut(place, ":")
		if host.Tmpfs == nil {
			host.Tmpfs = map[string]string{}
		}
		host.Tmpfs[path] = options
	}
	endpoint := &network.EndpointSettings{}
	change(&config, endpoint)
	made, err := s.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &config, HostConfig: &host,
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{s.net: endpoint}},
	})
	return made.ID, err
}

// serve starts a service and waits until it says that it is ready.
func (s *stage) serve(ctx context.Context, service Service) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	id, err := s.create(ctx, service.Container, func(_ *container.Config, e *network.EndpointSettings) { e.Aliases = []string{serviceName} })
	if err != nil {
		return err
	}
	if _, err := s.api.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		return err
	}
	if service.Ready.Regexp == nil {
		return nil
	}
	logs, err := s.api.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	if err != nil {
		return err
	}
	defer logs.Close()
	said := &await{pattern: service.Ready}
	_, err = stdcopy.StdCopy(said, said, io.LimitReader(logs, maxOutput))
	switch {
	case errors.Is(err, errReady):
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("it did not say %q in %v; its last line: %s", service.Ready, readyWithin, lastLine(said.text))
	}
	return fmt.Errorf("it ended, or wrote too much, before it said %q; its last line: %s", service.Ready, lastLine(said.text))
}

// errReady ends the reading of a log.
var errReady = errors.New("ready")

// await collects what is written until it has a pattern.
type await struct {
	pattern Pattern
	text    []byte
}

func (a *await) Write(p []byte) (int, error) {
	if a.text = append(a.text, p...); a.pattern.Match(a.text) {
		return 0, errReady
	}
	return len(p), nil
}

// attack runs the attack to its end.
func (s *stage) attack(ctx context.Context, a Attack) (seen, error) {
	id, err := s.create(ctx, a.Container, func(c *container.Config, _ *network.EndpointSettings) {
		if a.Script != "" {
			c.Entrypoint, c.Cmd = []string{"sh", "-c", a.Script}, nil
		}
	})
	if err != nil {
		return seen{}, err
	}
	wait := s.api.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := s.api.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		return seen{}, err
	}
	var end seen
	select {
	case err := <-wait.Error:
		return seen{}, err
	case res := <-wait.Result:
		end.status = int(res.StatusCode)
	}
	logs, err := s.api.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return seen{}, err
	}
	defer logs.Close()
	var out bytes.Buffer
	_, err = stdcopy.StdCopy(&out, &out, io.LimitReader(logs, maxOutput))
	if errors.Is(err, io.ErrUnexpectedEOF) { // cut off by the limit
		err = nil
	}
	end.output = out.Bytes()
	return end, err
}
