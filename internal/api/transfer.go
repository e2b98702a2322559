package api

import (
	"io"
	"net/http"
	"strings"

	"github.com/bailey-run/bailey/internal/image"
	"github.com/moby/moby/api/types/registry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// reference joins a name and a tag or digest that stand in two parameters. What
// they may hold is decided by whoever takes the joined name apart.
func (c *call) reference(nameKey, tagKey string) (string, error) {
	name, tag := c.q.text(nameKey), c.q.text(tagKey)
	switch {
	case tag == "":
		return name, nil
	case name == "":
		return "", invalid("the parameter %s is given without %s", tagKey, nameKey)
	case strings.Contains(tag, ":"): // a digest
		return name + "@" + tag, nil
	}
	return name + ":" + tag, nil
}

// credential reads who asks a registry. Docker ignores a header that it can not
// read; here that would turn a typing error into an anonymous request.
func (c *call) credential() (image.Credential, error) {
	header := c.r.Header.Get(registry.AuthHeader)
	return image.ParseAuth(strings.NewReplacer("+", "-", "/", "_").Replace(header)) // some clients use the standard alphabet
}

// fetchRequest is a pull, or with archive set the import of the body.
type fetchRequest struct {
	ref      string
	auth     image.Credential
	platform *ocispec.Platform
	archive  bool
	message  string
	changes  []string
}

func (r fetchRequest) object() string { return r.ref }

// action tells apart the two things that share one path.
func (r fetchRequest) action() string {
	if r.archive {
		return "image.import"
	}
	return "image.pull"
}

func decodeFetch(c *call) (r fetchRequest, err error) {
	if r.platform, err = parsePlatform(c.q.text("platform")); err != nil {
		return r, err
	}
	from, src := c.q.text("fromImage"), c.q.text("fromSrc")
	switch {
	case from != "" && src != "":
		return r, invalid("fromImage and fromSrc are both given")
	case from != "":
		if r.ref, err = c.reference("fromImage", "tag"); err != nil {
			return r, err
		}
		r.ref = strings.TrimSuffix(r.ref, ":")
		r.auth, err = c.credential()
		return r, err
	case src == "":
		return r, invalid("no image is named: give it as ?fromImage=name, or send an archive with ?fromSrc=-")
	case src != "-":
		return r, unsupported("importing from an address is not supported: fetch the archive yourself and import it from standard input (-)")
	}
	c.takeBody()
	r.archive, r.message, r.changes = true, c.q.text("message"), c.q.list("changes")
	r.ref, err = c.reference("repo", "tag")
	return r, err
}

func postFetch(c *call, r fetchRequest) error {
	p := &progress{c: c}
	if !r.archive {
		return p.finish(c.s.engine.ImagePull(c.ctx(), r.ref, image.PullOptions{Auth: r.auth, Platform: r.platform}, p.report))
	}
	body, err := c.archive()
	if err != nil {
		return err
	}
	opts := image.ImportOptions{Name: r.ref, Message: r.message, Changes: r.changes, Platform: r.platform}
	var remarks []image.Event
	id, err := c.s.engine.ImageImport(c.ctx(), body, opts, func(e image.Event) {
		if e.Current == 0 && e.Total == 0 {
			remarks = append(remarks, e)
		}
	})
	if err != nil {
		return err // nothing was answered yet: clients take an answer for the end of the import
	}
	for _, e := range append(remarks, image.Event{Status: id}) {
		p.report(e)
	}
	return p.finish(nil)
}

// distributionRequest is who asks a registry about a name.
type distributionRequest struct{ auth image.Credential }

func decodeDistribution(c *call) (r distributionRequest, err error) {
	r.auth, err = c.credential()
	return r, err
}

func getDistribution(c *call, r distributionRequest) error {
	found, err := c.s.engine.Distribution(c.ctx(), c.name, image.PullOptions{Auth: r.auth})
	if err != nil {
		return err
	}
	found.Platforms = list(found.Platforms)
	return c.json(http.StatusOK, found)
}

// pushRequest is the name to push and who pushes.
type pushRequest struct {
	ref      string
	auth     image.Credential
	platform *ocispec.Platform
}

func decodePush(c *call) (r pushRequest, err error) {
	r.ref, r.platform = c.name, c.q.platform("platform")
	if tag := c.q.text("tag"); tag != "" {
		r.ref += ":" + tag
	}
	r.auth, err = c.credential()
	return r, err
}

func postPush(c *call, r pushRequest) error {
	p := &progress{c: c}
	return p.finish(c.s.engine.ImagePush(c.ctx(), r.ref, image.PushOptions{Auth: r.auth, Platform: r.platform}, p.report))
}

// loadRequest says whether only the outcome is wanted.
type loadRequest struct {
	quiet    bool
	platform *ocispec.Platform
}

func decodeLoad(c *call) (loadRequest, error) {
	c.takeBody()
	return loadRequest{quiet: c.q.flagOr("quiet", true), platform: c.q.platform("platform")}, nil
}

func postLoad(c *call, r loadRequest) error {
	p := &progress{c: c, quiet: r.quiet, loads: true}
	body, err := c.archive()
	if err != nil {
		return err
	}
	return p.finish(c.s.engine.ImageLoad(c.ctx(), body, r.platform, p.report))
}

// archive is the body of a request that is read while progress is already
// answered: without full duplex the server would swallow the rest of it at
// the first word of the answer.
func (c *call) archive() (io.Reader, error) {
	if err := http.NewResponseController(c.w).EnableFullDuplex(); err != nil {
		return nil, err
	}
	return c.r.Body, nil
}

// saveRequest are the images to put into an archive, and the platform that they must be for.
type saveRequest struct {
	names    []string
	platform *ocispec.Platform
}

func decodeSave(c *call) (saveRequest, error) {
	r := saveRequest{names: c.q.list("names"), platform: c.q.platform("platform")}
	if c.name != "" {
		r.names = []string{c.name}
	}
	if len(r.names) == 0 {
		return r, invalid("no image is named: give one or more as ?names=")
	}
	return r, nil
}

func getSave(c *call, r saveRequest) error {
	c.w.Header().Set("Content-Type", "application/x-tar")
	err := c.s.engine.ImageSave(c.ctx(), r.names, r.platform, c.w)
	if err == nil && !c.w.begun {
		return c.empty(http.StatusOK)
	}
	return err
}
