package engine

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/network"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"
	apinetwork "github.com/moby/moby/api/types/network"
)

// NetworkCreate makes a network that containers can share.
func (e *Engine) NetworkCreate(ctx context.Context, r apinetwork.CreateRequest) (apinetwork.CreateResponse, error) {
	out, err := e.opts.Networks.Create(ctx, r)
	if err == nil {
		e.emitNetwork(out.ID, r.Name, events.ActionCreate, "")
	}
	return out, err
}

// NetworkList shows the networks that are wanted.
func (e *Engine) NetworkList(ctx context.Context, f Filters) ([]apinetwork.Summary, error) {
	filter, err := networkFilter(f)
	if err != nil {
		return nil, err
	}
	return e.opts.Networks.List(ctx, filter)
}

// NetworkInspect shows one network with the containers on it.
func (e *Engine) NetworkInspect(ctx context.Context, ref string) (apinetwork.Inspect, error) {
	return e.opts.Networks.Inspect(ctx, ref)
}

// NetworkRemove deletes a network that no container is on.
func (e *Engine) NetworkRemove(ctx context.Context, ref string) error {
	n, err := e.opts.Networks.Inspect(ctx, ref)
	if err != nil {
		return err
	}
	if _, err := e.opts.Networks.Remove(ctx, ref); err != nil {
		return err
	}
	e.emitNetwork(n.ID, n.Name, events.ActionDestroy, "")
	return nil
}

// NetworkPrune deletes the networks that no container is on.
func (e *Engine) NetworkPrune(ctx context.Context, f Filters) (apinetwork.PruneReport, error) {
	filter, err := networkFilter(f)
	if err != nil {
		return apinetwork.PruneReport{}, err
	}
	names, err := e.opts.Networks.Prune(ctx, filter)
	return apinetwork.PruneReport{NetworksDeleted: names}, err
}

// NetworkConnect puts a container on one more network: at once when it runs,
// else from its next start on.
func (e *Engine) NetworkConnect(ctx context.Context, ref string, r apinetwork.ConnectRequest) error {
	n, err := e.opts.Networks.Inspect(ctx, ref)
	if err != nil {
		return err
	}
	want := wantOf(n.Name, r.EndpointConfig)
	connect := func(id string, ns *os.File) (network.Attachment, error) {
		return e.opts.Networks.Connect(ctx, network.ConnectRequest{ContainerID: id, NetNS: ns, Want: want})
	}
	settings := r.EndpointConfig
	if settings == nil {
		settings = &apinetwork.EndpointSettings{}
	}
	id, err := e.rewire(ctx, r.Container, connect, func(rec *store.Container) { joinNetwork(rec, n.Name, settings) })
	if err == nil {
		e.emitNetwork(n.ID, n.Name, events.ActionConnect, id)
	}
	return err
}

// NetworkDisconnect takes a container off a network, now and for later starts.
func (e *Engine) NetworkDisconnect(ctx context.Context, ref string, r apinetwork.DisconnectRequest) error {
	n, err := e.opts.Networks.Inspect(ctx, ref)
	if err != nil {
		return err
	}
	disconnect := func(id string, ns *os.File) (network.Attachment, error) {
		return e.opts.Networks.Disconnect(ctx, network.DisconnectRequest{ContainerID: id, NetNS: ns, Network: n.Name})
	}
	id, err := e.rewire(ctx, r.Container, disconnect, func(rec *store.Container) { leaveNetwork(rec, n.Name) })
	if err == nil {
		e.emitNetwork(n.ID, n.Name, events.ActionDisconnect, id)
	}
	return err
}

// rewire changes the network of a container and notes the change where a
// later daemon and a later start find it.
func (e *Engine) rewire(ctx context.Context, ref string, act func(id string, ns *os.File) (network.Attachment, error), note func(*store.Container)) (string, error) {
	c, err := e.find(ref)
	if err != nil {
		return "", err
	}
	if err := c.lock(ctx); err != nil {
		return "", err
	}
	defer c.unlock()
	if r, err := c.running(); err == nil {
		if err := e.rewireRun(c, r, act); err != nil {
			return "", err
		}
	}
	return c.id(), e.change(c, note)
}

func (e *Engine) rewireRun(c *cont, r *run, act func(id string, ns *os.File) (network.Attachment, error)) error {
	ns, err := os.Open("/proc/" + strconv.Itoa(r.Pid()) + "/ns/net")
	if err != nil {
		return fmt.Errorf("network of container %.12s: %w", c.id(), err)
	}
	defer ns.Close()
	a, err := act(c.id(), ns)
	if err != nil {
		return err
	}
	next := *r.bind
	next.Attachment = a
	if err := next.save(e.containerDir(c.id())); err != nil {
		return err
	}
	c.mu.Lock()
	r.bind = &next
	c.mu.Unlock()
	return nil
}

func joinNetwork(rec *store.Container, name string, settings *apinetwork.EndpointSettings) {
	endpoints := map[string]*apinetwork.EndpointSettings{}
	if rec.Networking != nil {
		maps.Copy(endpoints, rec.Networking.EndpointsConfig)
	}
	endpoints[name] = settings
	rec.Networking = &apinetwork.NetworkingConfig{EndpointsConfig: endpoints}
	if rec.Posture.Network.Name != name && !slices.Contains(rec.Posture.Network.More, name) {
		rec.Posture.Network.More = append(slices.Clone(rec.Posture.Network.More), name)
	}
}

func leaveNetwork(rec *store.Container, name string) {
	n := &rec.Posture.Network
	n.More = slices.DeleteFunc(slices.Clone(n.More), func(m string) bool { return m == name })
	if n.Name == name || n.Name == "default" && name == network.Bridge {
		n.Name = network.None
		if len(n.More) > 0 {
			n.Name, n.More = n.More[0], n.More[1:]
		}
	}
}

func networkFilter(f Filters) (network.Filter, error) {
	var out network.Filter
	for key, values := range f {
		switch key {
		case "id":
			out.IDs = values
		case "name":
			out.Names = values
		case "driver":
			out.Drivers = values
		case "scope":
			out.Scopes = values
		case "type":
			out.Types = values
		case "label":
			out.Labels = values
		case "label!":
			out.NotLabels = values
		case "dangling":
			for _, v := range values {
				b, err := strconv.ParseBool(v)
				if err != nil {
					return out, fmt.Errorf("filter dangling=%q: use true or false: %w", v, errdefs.ErrInvalidArgument)
				}
				out.Dangling = &b
			}
		case "until":
			for _, v := range values {
				t, err := parseTime(v, time.Now())
				if err != nil {
					return out, err
				}
				out.Until = t
			}
		default:
			return out, fmt.Errorf("invalid filter %q for networks: %w", key, errdefs.ErrInvalidArgument)
		}
	}
	return out, nil
}

func (e *Engine) emitNetwork(id, name string, action events.Action, container string) {
	attributes := map[string]string{"name": name, "type": "bridge"}
	if container != "" {
		attributes["container"] = container
	}
	e.events.Publish(events.NetworkEventType, action, id, attributes)
}
