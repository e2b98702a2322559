package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/cgroup"
	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"github.com/bailey-run/bailey/internal/runtime/wire"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Start mounts the root file system, delivers the secrets, opens the published
// ports and executes the runtime. A refusal is a *StartError, after which the
// supervisor is gone and only Delete is left to do. Cancelling ctx kills the
// supervisor and what it started.
func (c *Container) Start(ctx context.Context, req StartRequest) (Started, error) {
	c.mu.Lock()
	if c.prepared == nil || c.starting || c.control == nil {
		c.mu.Unlock()
		return Started{}, errors.New("only a prepared container can be started, and only once")
	}
	c.starting = true
	c.mu.Unlock()
	msg, err := c.startMessage(&req)
	if err == nil {
		msg.Config, err = config(&req)
	}
	if err != nil {
		c.control.Close() // the supervisor goes
		return Started{}, err
	}
	payload := msg.Append(nil)
	frame := wire.AppendFrame(nil, wire.KindStart, payload)
	stop := c.killOnCancel(ctx)
	started, err := c.exchangeStart(frame)
	clear(payload)
	clear(frame)
	if !stop() {
		return Started{}, c.cancelStart(ctx)
	}
	if err != nil {
		c.control.Close()
		c.reap()
		return Started{}, err
	}
	c.mu.Lock()
	c.started, c.supervisorPid = started, started.Supervisor
	c.mu.Unlock()
	go c.watch(c.control)
	return c.startedFor(started, req.Ports), nil
}

// killOnCancel ends the exchange when ctx ends; the returned function stops
// that, and tells whether ctx was still alive.
func (c *Container) killOnCancel(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.control.SetDeadline(time.Unix(1, 0)) })
}

// cancelStart takes back a start that nobody wants any more.
func (c *Container) cancelStart(ctx context.Context) error {
	_ = c.process.Kill()
	c.reap()
	<-c.supervisorGone
	c.control.Close()
	killing, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTimeout)
	defer cancel()
	return errors.Join(context.Cause(ctx), c.killRest(killing))
}

func (c *Container) exchangeStart(frame []byte) (*wire.Started, error) {
	if _, err := c.control.Write(frame); err != nil {
		return nil, c.supervisorFailed(err)
	}
	k, payload, err := wire.Read(c.control, nil)
	if err != nil {
		return nil, c.supervisorFailed(err)
	}
	switch k {
	case wire.KindStarted:
		m, err := wire.ParseStarted(payload)
		return &m, err
	case wire.KindError:
		m, err := wire.ParseError(payload)
		if err != nil {
			return nil, err
		}
		return nil, startError(m)
	}
	return nil, wire.ErrFrame
}

// supervisorFailed explains a connection that broke by what the supervisor
// said last.
func (c *Container) supervisorFailed(err error) error {
	said, _ := readBounded(filepath.Join(c.runDir, lockName), 64<<10)
	text := strings.TrimSpace(string(said))
	if text == "" {
		return fmt.Errorf("the supervisor of container %.12s went away: %w", c.id, err)
	}
	return fmt.Errorf("the supervisor of container %.12s went away: %s", c.id, text)
}

// startMessage is what the supervisor is told.
func (c *Container) startMessage(req *StartRequest) (*wire.Start, error) {
	if req.Spec == nil || req.Spec.Process == nil || req.Spec.Linux == nil {
		return nil, errors.New("a spec without a process or without its Linux part")
	}
	if err := c.r.checkSpec(req.Spec); err != nil {
		return nil, err
	}
	p := c.prepared
	m := &wire.Start{
		ID: c.id, ContainerDir: c.home,
		Terminal: p.Terminal, OpenStdin: p.OpenStdin, StdinOnce: p.StdinOnce,
		LogPath: p.Log.Path, LogMaxSize: p.Log.MaxSize, LogMaxFiles: p.Log.MaxFiles, NoLog: p.Log.Disabled,
		Runtime: c.r.oci.Path, RuntimeDir: c.r.runtimeDir(), Cgroup: req.Spec.Linux.CgroupsPath,
		OOMAdjusted: req.Spec.Process.OOMScoreAdj != nil,
		Rows:        req.Rows, Cols: req.Cols,
		// crun refuses to run where version 2 has a controller and is not all there is.
		HideV2: c.r.info.Name == "crun" && c.r.cgroups.Mode() == cgroup.Hybrid,
		Rootfs: wireRootfs(req.Rootfs),
	}
	for _, x := range req.Mounts {
		m.Mounts = append(m.Mounts, wire.Mount{Over: wireRootfs(x.Over), Root: x.Root, Sub: x.Sub, Target: x.Target, IDBase: x.IDBase, ReadOnly: x.ReadOnly})
	}
	m.UID, m.GID = mapsFrom(req.Rootfs.IDBase).host(req.Spec.Process.User.UID, req.Spec.Process.User.GID)
	for _, s := range req.Files {
		m.Files = append(m.Files, wire.Secret{Name: s.Name, Data: s.Data, UID: s.UID, GID: s.GID, Mode: s.Mode})
	}
	for _, s := range req.Secrets {
		if s.Mode == 0 {
			s.Mode = 0o400
		}
		m.Secrets = append(m.Secrets, wire.Secret{Name: s.Name, Data: s.Data, UID: s.UID, GID: s.GID, Mode: s.Mode})
	}
	for _, f := range req.Ports {
		port, err := wirePort(f)
		if err != nil {
			return nil, &StartError{Code: codeRefused, Message: err.Error()}
		}
		m.Ports = append(m.Ports, port)
	}
	return m, nil
}

func wireRootfs(c rootfs.Config) wire.Rootfs {
	m := wire.Rootfs{
		Lower: c.Lower, Upper: c.Upper, Work: c.Work, Target: c.Target,
		IDBase: c.IDBase, ReadOnly: c.ReadOnly, AllowSetuid: c.AllowSetuid, Volatile: c.Volatile, Memory: c.Memory,
	}
	for _, f := range c.Files {
		m.Files = append(m.Files, wire.File{Path: f.Path, Mode: f.Mode, Data: f.Data})
	}
	return m
}

func wirePort(f Forward) (wire.Port, error) {
	if f.HostIP == "" {
		f.HostIP = "127.0.0.1"
	}
	host, err := netip.ParseAddr(f.HostIP)
	if err != nil {
		return wire.Port{}, fmt.Errorf("publish on %q: not an IP address", f.HostIP)
	}
	to, err := netip.ParseAddr(f.ContainerIP)
	if err != nil {
		return wire.Port{}, fmt.Errorf("publish to %q: not an IP address", f.ContainerIP)
	}
	if f.Proto != "tcp" && f.Proto != "udp" {
		return wire.Port{}, fmt.Errorf("publish over %q: only tcp and udp ports can be published", f.Proto)
	}
	return wire.Port{
		HostIP: string(host.Unmap().AsSlice()), HostPort: f.HostPort, UDP: f.Proto == "udp",
		ContainerIP: string(to.Unmap().AsSlice()), ContainerPort: f.ContainerPort,
		Name: netip.AddrPortFrom(host, f.HostPort).String() + "/" + f.Proto,
	}, nil
}

// config is the OCI spec with the terminal's first size. It goes to the
// supervisor over the socket, like the secrets: an environment is nothing for
// a disk either.
func config(req *StartRequest) ([]byte, error) {
	spec := req.Spec
	if req.Rows > 0 && req.Cols > 0 && spec.Process.Terminal && spec.Process.ConsoleSize == nil {
		process := *spec.Process
		process.ConsoleSize = &specs.Box{Height: uint(req.Rows), Width: uint(req.Cols)}
		copied := *spec
		copied.Process = &process
		spec = &copied
	}
	b, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("write the OCI spec: %w", err)
	}
	return b, nil
}

// startedFor translates what the supervisor said. asked are the ports as the
// caller wrote them; nil takes them from the message.
func (c *Container) startedFor(m *wire.Started, asked []Forward) Started {
	s := Started{Pid: m.Pid, At: time.Unix(0, m.At), Ports: make([]Forward, 0, len(m.Ports))}
	for i, p := range m.Ports {
		f := Forward{HostPort: p.HostPort, Proto: "tcp", ContainerPort: p.ContainerPort}
		if p.UDP {
			f.Proto = "udp"
		}
		host, _ := netip.AddrFromSlice([]byte(p.HostIP))
		to, _ := netip.AddrFromSlice([]byte(p.ContainerIP))
		f.HostIP, f.ContainerIP = host.String(), to.String()
		if i < len(asked) {
			port := f.HostPort
			f = asked[i]
			f.HostPort = port
		}
		s.Ports = append(s.Ports, f)
	}
	return s
}

// readBounded reads at most max bytes of a regular file of our own.
func readBounded(path string, max int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, max))
}

// dial connects to the supervisor of the run directory dir.
func dial(ctx context.Context, dir string) (*net.UnixConn, error) {
	d, err := os.OpenFile(dir, oPath, 0)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socketPath(d))
	if err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}
