package image

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// Change applies Dockerfile instructions to a configuration, as `docker import --change` and `docker commit --change` do: CMD,
// ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR. $NAME in ENV and LABEL is what
// earlier instructions, the configuration and then env say. The result is validated like any other configuration afterwards.
func Change(c *dockerspec.DockerOCIImageConfig, instructions, env []string) error {
	for _, line := range instructions {
		known := slices.Concat(env, c.Env)
		if err := applyChange(c, line, func(name string) string { return lookUp(known, name) }); err != nil {
			return err
		}
	}
	return nil
}

// lookUp finds a variable; the last of several counts.
func lookUp(env []string, name string) string {
	for _, e := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}

func applyChange(c *dockerspec.DockerOCIImageConfig, line string, lookUp func(string) string) error {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	if rest == "" {
		return badChange(line, "it has no argument")
	}
	switch strings.ToUpper(word) {
	case "CMD":
		c.Cmd = command(rest)
	case "ENTRYPOINT":
		c.Entrypoint = command(rest)
	case "USER":
		c.User = rest
	case "WORKDIR":
		c.WorkingDir = rest
	case "STOPSIGNAL":
		c.StopSignal = rest
	case "ONBUILD":
		c.OnBuild = append(c.OnBuild, rest)
	case "ENV":
		return pairs(line, rest, lookUp, func(key, value string) { c.Env = setEnv(c.Env, key, value) })
	case "LABEL":
		return pairs(line, rest, lookUp, func(key, value string) {
			if c.Labels == nil {
				c.Labels = map[string]string{}
			}
			c.Labels[key] = value
		})
	case "EXPOSE":
		c.ExposedPorts = addAll(c.ExposedPorts, strings.Fields(rest), func(s string) string {
			if !strings.Contains(s, "/") {
				return s + "/tcp"
			}
			return s
		})
	case "VOLUME":
		c.Volumes = addAll(c.Volumes, list(rest), func(s string) string { return s })
	case "HEALTHCHECK":
		return healthcheck(c, line, rest)
	default:
		return badChange(line, "only CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR change a configuration")
	}
	return nil
}

// badChange is the error about a change.
func badChange(line, why string) error {
	return fmt.Errorf("change %q: %s: %w", line, why, errdefs.ErrInvalidArgument)
}

// command is the exec form (a JSON list) or a line for the shell.
func command(s string) []string {
	var args []string
	if strings.HasPrefix(s, "[") && json.Unmarshal([]byte(s), &args) == nil {
		return args
	}
	return []string{"/bin/sh", "-c", s}
}

// list is a JSON list or words.
func list(s string) []string {
	var items []string
	if strings.HasPrefix(s, "[") && json.Unmarshal([]byte(s), &items) == nil {
		return items
	}
	return strings.Fields(s)
}

// addAll adds keys to a set.
func addAll(set map[string]struct{}, keys []string, form func(string) string) map[string]struct{} {
	if set == nil {
		set = map[string]struct{}{}
	}
	for _, key := range keys {
		set[form(key)] = struct{}{}
	}
	return set
}

// setEnv sets a variable in place of an earlier one.
func setEnv(env []string, key, value string) []string {
	for i, e := range env {
		if strings.HasPrefix(e, key+"=") {
			env[i] = key + "=" + value
			return env
		}
	}
	return append(env, key+"="+value)
}

// pairs calls set for each key=value, or for the old form "key value".
func pairs(line, s string, lookUp func(string) string, set func(key, value string)) error {
	first, _, _ := strings.Cut(s, " ")
	if !strings.Contains(first, "=") {
		key, value, ok := strings.Cut(s, " ")
		if !ok {
			return badChange(line, "it is not key=value")
		}
		set(key, os.Expand(strings.TrimSpace(value), lookUp))
		return nil
	}
	words, err := words(s, lookUp)
	if err != nil {
		return badChange(line, err.Error())
	}
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok || key == "" {
			return badChange(line, strconv.Quote(word)+" is not key=value")
		}
		set(key, value)
	}
	return nil
}

// words splits at spaces outside of quotes; a backslash keeps the next character. Variables become what they stand for, except
// between single quotes.
func words(s string, lookUp func(string) string) ([]string, error) {
	var out []string
	var word strings.Builder
	var quote rune
	escaped, inside, skip := false, false, 0
	for i, r := range s {
		if i < skip {
			continue
		}
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inside = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, inside = r, true
		case r == '$' && quote != '\'':
			name := variable.FindString(s[i:])
			word.WriteString(os.Expand(name, lookUp))
			skip, inside = i+max(len(name), 1), true
			if name == "" {
				word.WriteByte('$')
			}
		case quote == 0 && (r == ' ' || r == '\t'):
			if inside {
				out = append(out, word.String())
				word.Reset()
				inside = false
			}
		default:
			word.WriteRune(r)
			inside = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("a quote or backslash has no end")
	}
	if inside {
		out = append(out, word.String())
	}
	return out, nil
}

// variable is one at the beginning of a text.
var variable = regexp.MustCompile(`^\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})`)

// healthcheck reads "NONE" or "[--interval=…] [--timeout=…] [--start-period=…] [--start-interval=…] [--retries=…] CMD …".
func healthcheck(c *dockerspec.DockerOCIImageConfig, line, rest string) error {
	h := &dockerspec.HealthcheckConfig{}
	for strings.HasPrefix(rest, "--") {
		var flag string
		flag, rest, _ = strings.Cut(rest, " ")
		rest = strings.TrimSpace(rest)
		name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		durations := map[string]*time.Duration{"interval": &h.Interval, "timeout": &h.Timeout, "start-period": &h.StartPeriod, "start-interval": &h.StartInterval}
		var err error
		if field, ok := durations[name]; ok {
			*field, err = time.ParseDuration(value)
		} else if name == "retries" {
			h.Retries, err = strconv.Atoi(value)
		} else {
			return badChange(line, "the flag "+strconv.Quote(flag)+" is not known")
		}
		if err != nil {
			return badChange(line, err.Error())
		}
	}
	word, args, _ := strings.Cut(rest, " ")
	switch strings.ToUpper(word) {
	case "NONE":
		h.Test = []string{"NONE"}
	case "CMD":
		args = strings.TrimSpace(args)
		if strings.HasPrefix(args, "[") {
			h.Test = append([]string{"CMD"}, list(args)...)
		} else {
			h.Test = []string{"CMD-SHELL", args}
		}
	default:
		return badChange(line, "after the flags comes CMD or NONE")
	}
	c.Healthcheck = h
	return nil
}
