package api

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/bailey-run/bailey/internal/api/strict"
	"github.com/bailey-run/bailey/internal/build"
	"github.com/bailey-run/bailey/internal/image"
	"github.com/bailey-run/bailey/internal/sandbox"
	apibuild "github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/jsonstream"
)

// Builder makes images.
type Builder interface {
	Build(ctx context.Context, r build.Request, emit func(build.Message)) error
	// Cancel ends the build with an id, and says whether there was one.
	Cancel(id string) bool
	// Serve speaks BuildKit's own API on a connection.
	Serve(ctx context.Context, conn net.Conn, caller sandbox.Caller, admit build.Admit) error
	// Session takes a client's files, secrets and credentials on a connection.
	Session(ctx context.Context, conn net.Conn, header map[string][]string, caller sandbox.Caller) error
	Prune(ctx context.Context, r build.PruneRequest) (apibuild.CachePruneReport, error)
	Usage(ctx context.Context) ([]apibuild.CacheRecord, error)
}

func buildRoutes() []route {
	return []route{
		{post, "/build", "image.build", changes, act(decodeBuild, postBuild)},
		{post, "/build/cancel", "build.cancel", changes, act(decodeCancel, postCancel)},
		{post, "/build/prune", "build.prune", changes, act(decodeBuildPrune, postBuildPrune)},
		{post, "/session", "build.session", changes, simple(postSession)},
		{post, "/grpc", "build.connect", changes, simple(postGRPC)},
	}
}

// buildRequest is a build; quiet says that only its result is wanted.
type buildRequest struct {
	build.Request
	quiet bool
}

func (r buildRequest) object() string { return strings.Join(r.Tags, ",") }

// maxParameter caps a parameter that holds JSON, in bytes.
const maxParameter = 1 << 20

// parameter decodes a parameter that holds JSON, strictly.
func parameter[T any](c *call, key string) (T, error) {
	text := c.q.text(key)
	var zero T
	if text == "" || text == "null" {
		return zero, nil
	}
	v, err := strict.Decode[T](strings.NewReader(text), strict.Options{MaxBytes: maxParameter})
	if err != nil {
		return zero, invalid("the parameter %s: %v", key, err)
	}
	return v, nil
}

func decodeBuild(c *call) (r buildRequest, err error) {
	c.takeBody()
	if err := unsupportedBuild(c); err != nil {
		return r, err
	}
	r.quiet = c.q.flag("q")
	r.Request = build.Request{
		ID: c.q.text("buildid"), Caller: c.caller, Session: c.q.text("session"),
		Dockerfile: c.q.text("dockerfile"), Tags: c.q.list("t"), Target: c.q.text("target"),
		NoCache: c.q.flag("nocache"), Pull: c.q.flag("pull"), Network: c.q.text("networkmode"), Platform: c.q.text("platform"),
	}
	if r.Args, err = parameter[map[string]*string](c, "buildargs"); err != nil {
		return r, err
	}
	if r.Labels, err = parameter[map[string]string](c, "labels"); err != nil {
		return r, err
	}
	if r.CacheFrom, err = parameter[[]string](c, "cachefrom"); err != nil {
		return r, err
	}
	if err := decodeOutputs(c, &r.Request); err != nil {
		return r, err
	}
	if err := decodeBuildLimits(c, &r.Request); err != nil {
		return r, err
	}
	for _, host := range c.q.list("extrahosts") {
		name, ip, ok := strings.Cut(host, ":")
		if !ok {
			return r, invalid("the parameter extrahosts: %.64q is not name:address", host)
		}
		r.ExtraHosts = append(r.ExtraHosts, name+"="+ip)
	}
	if r.Auth, err = image.ParseAuthConfigs(c.r.Header.Get("X-Registry-Config")); err != nil {
		return r, err
	}
	return r, decodeBuildContext(c, &r.Request)
}

// unsupportedBuild refuses what would silently be left out.
func unsupportedBuild(c *call) error {
	for _, key := range []string{"memory", "memswap", "cpushares", "cpuperiod", "cpuquota"} {
		if n := c.q.number(key); n != nil && *n != 0 {
			return unsupported("the parameter %s is not supported: every build step has the limits of a container (docs/build.md)", key)
		}
	}
	for _, key := range []string{"cpusetcpus", "cpusetmems", "cgroupparent", "isolation"} {
		if v := c.q.text(key); v != "" && v != "default" {
			return unsupported("the parameter %s is not supported: every build step has the limits of a container (docs/build.md)", key)
		}
	}
	if c.q.flag("squash") {
		return unsupported("squashing layers is not supported: build in several stages, and copy into the last one what is to remain")
	}
	switch v := c.q.text("version"); v {
	case "", "1", "2":
		return nil
	default:
		return invalid("there is no builder of version %.16q", v)
	}
}

func decodeOutputs(c *call, r *build.Request) error {
	type output struct {
		Type  string
		Attrs map[string]string
	}
	list, err := parameter[[]output](c, "outputs")
	if err != nil {
		return err
	}
	if len(list) > 0 && r.Session == "" {
		return unsupported("outputs need a client's session: use docker buildx build or bailey build")
	}
	for _, o := range list {
		r.Outputs = append(r.Outputs, build.Output{Type: o.Type, Attrs: o.Attrs})
	}
	return nil
}

func decodeBuildLimits(c *call, r *build.Request) error {
	type ulimit struct {
		Name       string
		Hard, Soft int64
	}
	list, err := parameter[[]ulimit](c, "ulimits")
	if err != nil {
		return err
	}
	for _, u := range list {
		r.Ulimits = append(r.Ulimits, sandbox.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
	}
	if n := c.q.number("shmsize"); n != nil {
		r.ShmSize = int64(*n)
	}
	return nil
}

// decodeBuildContext says where the files are. Docker's older clients name a session's files in two ways.
func decodeBuildContext(c *call, r *build.Request) error {
	switch remote := c.q.text("remote"); remote {
	case "client-session":
		if r.Session == "" {
			return invalid("the parameter remote names a session and there is none")
		}
		return nil
	case "upload-request", "":
		return nil // the body
	default:
		r.Remote = remote
		return nil
	}
}

// postBuild runs a build and streams what happens.
func postBuild(c *call, r buildRequest) error {
	b, err := c.builder()
	if err != nil {
		return err
	}
	if r.Remote == "" && c.q.text("remote") != "client-session" {
		body, err := c.archive()
		if err != nil {
			return err
		}
		r.Context = body
	}
	ctx, cancel := c.streamCtx()
	defer cancel()
	p := &progress{c: c}
	var id string
	err = b.Build(ctx, r.Request, func(m build.Message) {
		switch {
		case m.ImageID != "":
			id = m.ImageID
		case r.quiet:
		case m.Trace != nil:
			p.aux("moby.buildkit.trace", m.Trace)
		default:
			p.send(progressMessage{Message: jsonstream.Message{Stream: clean(m.Text)}})
		}
	})
	if err != nil {
		return p.finish(err)
	}
	reportImage(p, r, id)
	return p.finish(nil)
}

// reportImage tells the result in each of the forms in which clients look for it.
func reportImage(p *progress, r buildRequest, id string) {
	if id == "" {
		return
	}
	name := ""
	if r.Session != "" {
		name = "moby.image.id"
	}
	p.aux(name, apibuild.Result{ID: id})
	if r.quiet {
		p.send(progressMessage{Message: jsonstream.Message{Stream: id + "\n"}})
		return
	}
	if r.Session != "" {
		return
	}
	_, hex, _ := strings.Cut(id, ":")
	p.send(progressMessage{Message: jsonstream.Message{Stream: "Successfully built " + shorten12(hex) + "\n"}})
	for _, tag := range r.Tags {
		p.send(progressMessage{Message: jsonstream.Message{Stream: "Successfully tagged " + clean(tag) + "\n"}})
	}
}

func shorten12(s string) string { return s[:min(len(s), 12)] }

// aux sends a value for programs.
func (p *progress) aux(id string, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		return // ours, and it can be encoded
	}
	raw := json.RawMessage(data)
	p.send(progressMessage{Message: jsonstream.Message{ID: id, Aux: &raw}})
}

// cancelRequest names a build.
type cancelRequest string

func (r cancelRequest) object() string { return string(r) }

func decodeCancel(c *call) (cancelRequest, error) {
	id := c.q.text("id")
	if id == "" {
		return "", invalid("the parameter id is missing")
	}
	return cancelRequest(id), nil
}

func postCancel(c *call, id cancelRequest) error {
	b, err := c.builder()
	if err != nil {
		return err
	}
	b.Cancel(string(id)) // one that has ended is no mistake, as Docker has it
	return c.empty(http.StatusNoContent)
}

// builder is the node's, if it has one.
func (c *call) builder() (Builder, error) {
	if c.s.builder == nil {
		return nil, unsupported("building images is not supported by this node: build elsewhere and bring the image with load or pull")
	}
	return c.s.builder, nil
}

// postSession takes the connection out of HTTP for the builder's questions to the client.
func postSession(c *call) error {
	return c.overHTTP2(func(ctx context.Context, b Builder, conn net.Conn) error {
		return b.Session(ctx, conn, c.r.Header, c.caller)
	})
}

// postGRPC takes the connection out of HTTP for BuildKit's API. What is asked over it is authorised and audited like any
// other request, one by one.
func postGRPC(c *call) error {
	return c.overHTTP2(func(ctx context.Context, b Builder, conn net.Conn) error {
		return b.Serve(ctx, conn, c.caller, c.admit)
	})
}

// admit authorises and records something that is asked over a connection that has left HTTP.
func (c *call) admit(ctx context.Context, action, object string, request any) (func(error), error) {
	a := Access{Caller: c.caller, Action: action, Mutates: true, Object: object, Request: request}
	if err := c.s.authorizer.Authorize(ctx, a); err != nil {
		c.s.auditor.Refused(ctx, a, err)
		return nil, err
	}
	return c.s.auditor.Begin(ctx, a), nil
}

// overHTTP2 answers an upgrade to HTTP/2 without TLS (RFC 7540, section 3.2, as Docker's clients use it: what follows is
// a connection of its own) and hands the connection on.
func (c *call) overHTTP2(use func(ctx context.Context, b Builder, conn net.Conn) error) error {
	b, err := c.builder()
	if err != nil {
		return err
	}
	if v := c.r.Header.Get("Upgrade"); !strings.EqualFold(v, "h2c") {
		return invalid("this path wants an upgrade to h2c, not to %.16q", v)
	}
	conn, err := c.hijackTo("h2c")
	if err != nil {
		return err
	}
	c.s.sessions.Add(1)
	defer c.s.sessions.Done()
	defer func() { _ = conn.Close() }() // there is nobody left to tell
	ctx, cancel := context.WithCancel(c.s.drain)
	defer cancel()
	if err := use(ctx, b, readAhead{conn.Conn, conn.in}); err != nil && ctx.Err() == nil {
		c.s.log.Info("a builder's connection ended", "action", c.route.action, "error", message(err))
	}
	return nil
}

// readAhead is a connection of which something was read already.
type readAhead struct {
	net.Conn
	in io.Reader
}

// Read reads what was read before, then the connection.
func (r readAhead) Read(p []byte) (int, error) { return r.in.Read(p) }
