package supervise

import (
	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

// The bounds on execs: at once in one container, and how many ended ones are
// remembered. Of those whose end nobody was told, because there was no daemon,
// all are: no further one can begin meanwhile.
const (
	maxExecs   = 512
	maxResults = 64
)

// result is how an exec ended.
type result struct {
	id   string
	exit wire.Exit
	told bool
}

// result looks up an exec that has ended.
func (s *Supervisor) result(execID string) *result {
	if execID == "" {
		return nil
	}
	for i := range s.results {
		if s.results[i].id == execID {
			return &s.results[i]
		}
	}
	return nil
}

// pendingExec makes a place for an exec that is to come.
func (s *Supervisor) pendingExec(id string) (*process, error) {
	if !validExec(id) {
		return nil, errNoExec
	}
	if len(s.execs) >= maxExecs {
		return nil, errTooMany
	}
	p := newProcess(s, id)
	s.execs = append(s.execs, p)
	return p, nil
}

// validExec tells whether id can be part of a file's name.
func validExec(id string) bool {
	if len(id) == 0 || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// exec starts a further process in the container.
func (s *Supervisor) exec(c *client, payload []byte) error {
	m, err := wire.ParseExec(payload)
	if err != nil {
		return err
	}
	if !s.main.running || s.main.over {
		return errNotRunning
	}
	p := s.find(m.ID)
	if m.ID == "" || p != nil && p.asked || s.result(m.ID) != nil {
		return errTwice
	}
	if p == nil {
		if p, err = s.pendingExec(m.ID); err != nil {
			return err
		}
	}
	p.asked, p.answer = true, c
	p.terminal, p.openStdin, p.stdinOnce = m.Terminal, m.OpenStdin, true
	p.uid, p.gid = m.UID, m.GID
	if m.Rows > 0 && m.Cols > 0 {
		p.rows, p.cols = m.Rows, m.Cols
	}
	file := p.file + ".process"
	if err := writeFile(s.memFD, file, m.Process); err != nil {
		s.execFailed(p, &wire.Error{Message: "write " + file + ": " + err.Error()})
		return nil
	}
	if err := s.launch(p, "exec", []string{"--process", file}, (*job).execOutcome); err != nil {
		s.execFailed(p, &wire.Error{Message: "execute " + s.start.Runtime + ": " + err.Error()})
	}
	return nil
}

func (j *job) execOutcome(status unix.WaitStatus) {
	if e := j.outcome(status); e != nil {
		j.p.s.execFailed(j.p, e)
	}
}

func (s *Supervisor) execFailed(p *process, e *wire.Error) {
	p.fail(e)
	s.forgetExec(p)
}

// endExecs ends the execs of a container that has ended.
func (s *Supervisor) endExecs() {
	for _, p := range append([]*process(nil), s.execs...) {
		switch {
		case p.over:
			p.finish()
		case p.running: // it shares its process ids with others, and was left behind
			p.over = true
			p.exit = wire.Exit{Code: 137, Signal: 9, At: s.main.exit.At, Reason: "the container has ended"}
			p.finish()
		default:
			s.execFailed(p, &wire.Error{Message: errNotRunning.Error()})
		}
	}
}

func (s *Supervisor) forgetExec(p *process) {
	for i, other := range s.execs {
		if other == p {
			s.execs = append(s.execs[:i], s.execs[i+1:]...)
			return
		}
	}
}

// forgetResult makes room for another result: the oldest that somebody was
// told goes, or the oldest of all.
func (s *Supervisor) forgetResult() {
	if len(s.results) < maxResults {
		return
	}
	oldest := 0
	for i := range s.results {
		if s.results[i].told {
			oldest = i
			break
		}
		if i == len(s.results)-1 && i < maxExecs-1 {
			return
		}
	}
	_ = unix.Unlinkat(s.dirFD, "exec-"+s.results[oldest].id+".json", 0)
	s.results = append(s.results[:oldest], s.results[oldest+1:]...)
}

// retire remembers how an exec ended, also for a daemon that comes after this
// supervisor.
func (s *Supervisor) retire(p *process) {
	s.forgetExec(p)
	s.forgetResult()
	s.results = append(s.results, result{p.id, p.exit, p.told})
	if err := s.replaceFile(p.file+".json", exitJSON(p, &p.exit)); err != nil {
		s.complain("record how an exec ended", err)
	}
	s.maybeStop()
}
