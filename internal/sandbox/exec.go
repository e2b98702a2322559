package sandbox

import (
	"errors"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ExecProcess returns a further process for a container. It has the
// container's posture: another user gets what that user would have had from
// the start, and no request makes it more. Its SELinux label is left to the
// runtime, which takes the container's.
func ExecProcess(p Posture, r ExecRequest) (*specs.Process, error) {
	id := p.Identity
	if r.Identity != nil {
		id = *r.Identity
	}
	dir, errDir := p.WorkingDir, error(nil)
	if r.WorkingDir != "" {
		dir, errDir = workingDir(r.WorkingDir)
	}
	var errPrivileged error
	if r.Privileged && !p.Privileged {
		errPrivileged = &RefusalError{Rule: RulePrivileged, What: "exec --privileged",
			Why:  "a process in a container has the container's posture",
			Mend: "Leave --privileged out, or create the container with it."}
	}
	if err := errors.Join(checkArgs(r.Args), checkEnv(r.Env), checkIdentity(id), errDir, errPrivileged); err != nil {
		return nil, err
	}
	proc := p.process(r.Args, id)
	proc.Terminal, proc.Cwd = r.Terminal, dir
	proc.Env = defaultEnv(override(p.Env, r.Env), p.Hostname, r.Terminal)
	return proc, nil
}

// override puts the entries of more in the place of those of env with the same name.
func override(env, more []string) []string {
	out := slices.Clone(env)
	for _, e := range more {
		name, _, _ := strings.Cut(e, "=")
		out = slices.DeleteFunc(out, func(have string) bool { return strings.HasPrefix(have, name+"=") })
		out = append(out, e)
	}
	return out
}
