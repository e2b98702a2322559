package suite

import (
	"regexp"
	"time"
)

// Test is one attack test: a file of a suite.
type Test struct {
	// Name is unique in the suite.
	Name string `yaml:"name"`
	// Tries says what is tried, as in "log in without a password".
	Tries string `yaml:"tries"`
	// Source is where the attack is described: a CVE, a report, a ticket.
	Source string `yaml:"source"`
	// Protects is what is at stake; reports are grouped by it. Empty means the image that is attacked.
	Protects string `yaml:"protects"`
	// Service is what is attacked; without one the attack's own image is.
	Service *Service `yaml:"service"`
	Attack  Attack   `yaml:"attack"`
	// Refused is how the attack ends when it is stopped, Succeeds when it is not: with status 0 when nothing is said.
	Refused  Ending `yaml:"refused"`
	Succeeds Ending `yaml:"succeeds"`
	// Twin is what differs where the same attack must succeed.
	Twin Twin `yaml:"twin"`
	// Timeout is how long one half may take once the service is ready.
	Timeout time.Duration `yaml:"timeout"`
}

// Container is what a container is started with, in the words of Compose. In
// a twin, what is named takes the place of what the test has, and the rest stays.
type Container struct {
	Image       string            `yaml:"image"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	User        string            `yaml:"user"`
	// Secrets are names of secrets of the node.
	Secrets []string `yaml:"secrets"`
	// SecurityOpt are options as of --security-opt; the policy decides about relaxations, as for anybody.
	SecurityOpt []string `yaml:"security_opt"`
	Tmpfs       []string `yaml:"tmpfs"`
}

// Service is a container that the attack reaches by the name "service".
type Service struct {
	Container `yaml:",inline"`
	// Ready is a pattern of what the service writes when it can be attacked; empty means at once.
	Ready Pattern `yaml:"ready"`
}

// Attack is a container whose end tells how the attack went.
type Attack struct {
	Container `yaml:",inline"`
	// Script is run by sh -c in place of a command.
	Script string `yaml:"script"`
}

// Twin is what is weaker.
type Twin struct {
	Service *Service `yaml:"service"`
	Attack  *Attack  `yaml:"attack"`
}

// Ending is how an attack ends: all that is said must be so.
type Ending struct {
	// Status is the exit status.
	Status *int `yaml:"status"`
	// Output is a pattern of what was written to standard output or standard error.
	Output Pattern `yaml:"output"`
}

// Pattern is a regular expression (RE2), or none.
type Pattern struct{ *regexp.Regexp }

// maxPattern bounds a pattern, in bytes.
const maxPattern = 1000

// UnmarshalText compiles a pattern.
func (p *Pattern) UnmarshalText(text []byte) (err error) {
	if len(text) > maxPattern {
		return &regexpTooLongError{len(text)}
	}
	p.Regexp, err = regexp.Compile(string(text))
	return err
}

// in says whether the pattern is in a text; none is in every text.
func (p Pattern) in(text []byte) bool { return p.Regexp == nil || p.Match(text) }

// empty says that nothing is said about an end.
func (e Ending) empty() bool { return e.Status == nil && e.Output.Regexp == nil }

// weak is the test with what the twin changes.
func (t Test) weak() Test {
	if t.Twin.Service != nil {
		s := Service{}
		if t.Service != nil {
			s = *t.Service
		}
		s.Container = s.over(t.Twin.Service.Container)
		if t.Twin.Service.Ready.Regexp != nil {
			s.Ready = t.Twin.Service.Ready
		}
		t.Service = &s
	}
	if t.Twin.Attack != nil {
		t.Attack.Container = t.Attack.over(t.Twin.Attack.Container)
		if t.Twin.Attack.Script != "" {
			t.Attack.Script = t.Twin.Attack.Script
		}
	}
	return t
}

// over is the container with what another one names. An empty list or map
// names nothing of its kind, and takes what is there away.
func (c Container) over(with Container) Container {
	if with.Image != "" {
		c.Image = with.Image
	}
	if with.Command != nil {
		c.Command = with.Command
	}
	if with.Environment != nil {
		c.Environment = with.Environment
	}
	if with.User != "" {
		c.User = with.User
	}
	if with.Secrets != nil {
		c.Secrets = with.Secrets
	}
	if with.SecurityOpt != nil {
		c.SecurityOpt = with.SecurityOpt
	}
	if with.Tmpfs != nil {
		c.Tmpfs = with.Tmpfs
	}
	return c
}

// protects is what is at stake.
func (t Test) protects() string {
	switch {
	case t.Protects != "":
		return t.Protects
	case t.Service != nil:
		return t.Service.Image
	}
	return t.Attack.Image
}
