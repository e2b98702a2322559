package lint

import (
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// mode is what chmod's first argument, or --chmod, gives.
type mode struct{ setid, worldWritable bool }

// parseMode reads an octal or a symbolic mode (POSIX, chmod).
func parseMode(text string) mode {
	if n, err := strconv.ParseUint(text, 8, 32); err == nil {
		return mode{setid: n&0o6000 != 0, worldWritable: n&0o002 != 0 && n&0o1000 == 0}
	}
	var m mode
	for clause := range strings.SplitSeq(text, ",") {
		at := strings.IndexAny(clause, "+=")
		if at < 0 || strings.Trim(clause[:at], "ugoa") != "" {
			continue
		}
		who, what := clause[:at], clause[at+1:]
		if strings.Contains(what, "s") && (who == "" || strings.ContainsAny(who, "uga")) {
			m.setid = true
		}
		// Without a letter for whom, the umask takes the right from others again.
		if strings.Contains(what, "w") && strings.ContainsAny(who, "oa") && !strings.Contains(what, "t") {
			m.worldWritable = true
		}
	}
	return m
}

// checkModes looks for dangerous permissions.
func (l *linter) checkModes() {
	l.each(func(i *dockerfile.Instruction) {
		switch c := i.Command.(type) {
		case *instructions.CopyCommand:
			l.checkMode(i, i.Range, "COPY --chmod=", i.Expand(c.Chmod))
		case *instructions.AddCommand:
			l.checkMode(i, i.Range, "ADD --chmod=", i.Expand(c.Chmod))
		case *instructions.RunCommand:
			s := l.scriptOf(c)
			s.each(func(c *call) {
				if words := c.words(); len(words) > 0 {
					l.checkMode(i, l.near(i, "chmod", words[0]), "chmod ", i.Expand(words[0]))
				}
			}, "chmod")
			s.each(func(c *call) {
				for at, word := range c.args {
					value, is := strings.CutPrefix(word, "--mode=")
					if (word == "-m" || word == "--mode") && at+1 < len(c.args) {
						value, is = c.args[at+1], true
					}
					if is {
						l.checkMode(i, l.near(i, c.name), c.name+" -m ", value)
					}
				}
			}, "install")
			s.each(func(c *call) {
				if !c.has("-r", "-v") {
					l.add("setuid", l.near(i, "setcap"), "setcap gives a file capabilities", "leave setcap out: any user may bind any port in a container, and `bailey run --cap-add` gives what the policy allows")
				}
			}, "setcap")
		}
	})
}

func (l *linter) checkMode(i *dockerfile.Instruction, at dockerfile.Range, what, text string) {
	switch m := parseMode(text); {
	case m.setid:
		l.add("setuid", at, what+quote(text)+" sets the user or group id of whoever runs the file", what+"0755")
	case m.worldWritable && l.ships(i.Stage):
		l.add("world-writable", at, what+quote(text)+" lets everybody write", what+narrowed(text))
	}
}

// narrowed is an octal mode without the others' right to write; u=rwX,go=rX for a symbolic one.
func narrowed(text string) string {
	n, err := strconv.ParseUint(text, 8, 32)
	if err != nil {
		return "u=rwX,go=rX"
	}
	return "0" + strconv.FormatUint(n&^0o022, 8)
}
