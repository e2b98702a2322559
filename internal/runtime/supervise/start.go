package supervise

import (
	"errors"

	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"github.com/bailey-run/bailey/internal/runtime/supervise/forward"
	"github.com/bailey-run/bailey/internal/runtime/supervise/jsonlog"
	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

const configFile = "config.json"

// begin starts the container. What fails before the runtime is executed is
// answered at once, what fails later when the runtime has ended.
func (s *Supervisor) begin(c *client, payload []byte) error {
	m, err := wire.ParseStart(payload)
	if err != nil {
		return err
	}
	p := s.main
	p.asked, p.answer = true, c
	if err := s.prepare(&m); err != nil {
		s.giveUp(&wire.Error{Message: err.Error()})
		return nil
	}
	args := []string{"--bundle", s.dir + "/" + MemDir}
	if err := s.launch(p, "run", args, (*job).mainOutcome); err != nil {
		s.giveUp(&wire.Error{Message: "execute " + m.Runtime + ": " + err.Error()})
	}
	return nil
}

// prepare does everything that the runtime relies on. Ports come first: they
// are what fails most often for reasons outside.
func (s *Supervisor) prepare(m *wire.Start) (err error) {
	s.start = *m
	p := s.main
	p.terminal, p.openStdin, p.stdinOnce = m.Terminal, m.OpenStdin, m.StdinOnce
	p.uid, p.gid = m.UID, m.GID
	if m.Rows > 0 && m.Cols > 0 {
		p.rows, p.cols = m.Rows, m.Cols
	}
	if m.HideV2 {
		_ = unix.Unmount("/sys/fs/cgroup/unified", unix.MNT_DETACH) // here, not on the host
	}
	if err := writeFile(s.memFD, configFile, m.Config); err != nil {
		return errors.New("write the OCI spec: " + err.Error())
	}
	s.start.Config = nil
	if len(m.Ports) > 0 {
		s.ports = forward.New(s.loop, portLimits(len(m.Ports)), s.io())
		if err := s.ports.Listen(s.start.Ports); err != nil {
			return err
		}
	}
	if err := s.mountRoot(&m.Rootfs); err != nil {
		return err
	}
	if err := s.mountMore(m.Mounts); err != nil {
		return err
	}
	s.start.Rootfs = wire.Rootfs{}
	if err := s.deliver("secrets", m.Secrets); err != nil {
		return errors.New("deliver the secrets: " + err.Error())
	}
	if err := s.deliver("files", m.Files); err != nil {
		return errors.New("deliver the files: " + err.Error())
	}
	s.start.Secrets, s.start.Files = nil, nil
	if err := s.exitFile.open(m.ContainerDir); err != nil {
		return errors.New("keep room for the exit status in " + m.ContainerDir + ": " + err.Error())
	}
	if m.NoLog {
		return nil
	}
	p.log, err = jsonlog.Open(m.LogPath, m.LogMaxSize, m.LogMaxFiles, s.logScratch())
	if err != nil {
		p.log = nil
		return errors.New("open the log " + m.LogPath + ": " + err.Error())
	}
	s.touched = true
	return nil
}

// portLimits leaves descriptors for everything else, however few there are: a
// connection needs six at most, a session one.
func portLimits(ports int) forward.Limits {
	l := forward.Limits{Conns: maxConns, Sessions: maxSessions}
	var files unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &files) == nil {
		spare := int(min(files.Cur, 1<<20)) - 2*maxClients
		l.Conns = max(16, min(l.Conns, spare/2/6))
		l.Sessions = max(16, min(l.Sessions, spare/2/ports))
	}
	return l
}

func (s *Supervisor) mountRoot(m *wire.Rootfs) error {
	if len(m.Lower) == 0 {
		return nil
	}
	c := rootfs.Config{
		Lower: m.Lower, Upper: m.Upper, Work: m.Work, Target: m.Target,
		UserNS: FDUserNS, IDBase: m.IDBase,
		ReadOnly: m.ReadOnly, AllowSetuid: m.AllowSetuid, Volatile: m.Volatile, Memory: m.Memory,
	}
	for _, f := range m.Files {
		c.Files = append(c.Files, rootfs.File{Path: f.Path, Mode: f.Mode, Data: f.Data})
	}
	return rootfs.Mount(c)
}

// mountMore mounts what the spec takes from the memory directory.
func (s *Supervisor) mountMore(mounts []wire.Mount) error {
	if len(mounts) == 0 {
		return nil
	}
	if err := unix.Mkdirat(s.memFD, "mounts", 0o755); err != nil {
		return errors.New("make a place for mounts: " + err.Error())
	}
	for i := range mounts {
		m := &mounts[i]
		if len(m.Over.Lower) > 0 {
			if err := unix.Mkdir(m.Over.Target, 0o755); err != nil {
				return errors.New("make " + m.Over.Target + ": " + err.Error())
			}
			if err := s.mountRoot(&m.Over); err != nil {
				return err
			}
		}
		b := rootfs.Bind{Root: m.Root, Sub: m.Sub, Target: m.Target, UserNS: FDUserNS, IDBase: m.IDBase, ReadOnly: m.ReadOnly}
		if err := b.Mount(); err != nil {
			return err
		}
	}
	return nil
}

// mainOutcome is the end of the runtime that was to start the container.
func (j *job) mainOutcome(status unix.WaitStatus) {
	s := j.p.s
	_ = unix.Unlinkat(s.memFD, configFile, 0) // the runtime has its own copy
	if e := j.outcome(status); e != nil {
		s.giveUp(e)
		return
	}
	s.protect()
}

// giveUp ends a start that failed. The exit file's place is given back.
func (s *Supervisor) giveUp(e *wire.Error) {
	s.closePorts()
	s.exitFile.drop()
	if s.main.log != nil {
		s.main.log = nil
	}
	s.main.fail(e)
	s.exitFile.settled = true
	s.maybeStop()
}

func (s *Supervisor) closePorts() {
	if s.ports != nil {
		s.ports.Close()
		s.ports = nil
	}
}
