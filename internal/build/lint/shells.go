package lint

import (
	"encoding/json"
	"strings"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"mvdan.cc/sh/v3/syntax"
)

// checkShell looks for a shell in the image, and for what needs one there.
func (l *linter) checkShell() {
	if base, at, ok := l.base(); ok && base.known && base.shell {
		fix := ""
		if base.variant != "" {
			fix = "FROM " + base.variant + "   as the last stage, with what COPY --from takes from the others"
		}
		l.add("final-shell", at, quote(l.lineage[0].Base)+" has a shell", fix)
	}
	if base, at, ok := l.base(); ok && base.tools {
		l.add("build-tools", at, quote(l.lineage[0].Base)+" is made for building, and becomes the image", "FROM "+quote(l.lineage[0].Base)+" AS build, and a last stage with COPY --from=build")
	}
	// Only the last of each counts.
	last := map[string]*dockerfile.Instruction{}
	for _, stage := range l.lineage {
		for _, i := range stage.Instructions {
			last[strings.ToUpper(i.Name())] = i
		}
	}
	for _, name := range []string{"CMD", "ENTRYPOINT", "HEALTHCHECK", "SHELL"} {
		i := last[name]
		if i == nil {
			continue
		}
		switch c := i.Command.(type) {
		case *instructions.CmdCommand:
			l.checkForm(i, name, c.ShellDependantCmdLine)
		case *instructions.EntrypointCommand:
			l.checkForm(i, name, c.ShellDependantCmdLine)
		case *instructions.HealthCheckCommand:
			if h := c.Health; h != nil && len(h.Test) > 1 && h.Test[0] == "CMD-SHELL" {
				l.add("shell-form", i.Range, "this HEALTHCHECK runs in a shell", name+" CMD "+execForm(h.Test[1:]))
			}
		case *instructions.ShellCommand:
			if i.Stage == l.target {
				l.add("final-shell", i.Range, "SHELL counts on a shell in the image", "leave SHELL to the stages that build")
			}
		}
	}
}

// checkForm looks at how the program is started.
func (l *linter) checkForm(i *dockerfile.Instruction, name string, c instructions.ShellDependantCmdLine) {
	if c.PrependShell {
		l.add("shell-form", i.Range, name+" starts a shell, which starts the program", name+" "+execForm(c.CmdLine))
	} else if len(c.CmdLine) > 1 && name == "ENTRYPOINT" {
		if first := newCall(c.CmdLine); first != nil && isShell(first.name) && first.has("-c") {
			l.add("shell-form", i.Range, name+" starts a shell, which starts the program", "")
		}
	}
}

// execForm writes a simple command as the JSON list that starts it without a
// shell.
func execForm(line []string) string {
	const example = `["/path/to/program", "argument"]`
	text := strings.Join(line, " ")
	if len(text) > maxScript {
		return example
	}
	tree, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err != nil || len(tree.Stmts) != 1 || len(tree.Stmts[0].Redirs) > 0 {
		return example
	}
	expr, ok := tree.Stmts[0].Cmd.(*syntax.CallExpr)
	if !ok || len(expr.Assigns) > 0 || len(expr.Args) == 0 {
		return example
	}
	words := wordsOf(expr)
	if words[0] == "exec" && len(words) > 1 {
		words = words[1:]
	}
	for _, word := range expr.Args {
		if word.Lit() == "" {
			return example // quotes, variables: left to the author
		}
	}
	list, err := json.Marshal(words)
	if err != nil {
		return example
	}
	return strings.ReplaceAll(string(list), `","`, `", "`)
}

// checkPorts looks at EXPOSE.
func (l *linter) checkPorts() {
	for _, stage := range l.lineage {
		for _, i := range stage.Instructions {
			if c, ok := i.Command.(*instructions.ExposeCommand); ok {
				for _, port := range c.Ports {
					if number, _, _ := strings.Cut(i.Expand(port), "/"); number == "22" {
						l.add("ssh-server", i.Range, "EXPOSE 22 is SSH's port", "")
					}
				}
			}
		}
	}
}
