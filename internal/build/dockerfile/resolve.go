package dockerfile

import (
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Vars are the variables at one place of a Dockerfile: a list that shares its
// tail with the places before it.
type Vars struct {
	parent     *Vars
	key, value string
}

// Get implements BuildKit's shell.EnvGetter.
func (v *Vars) Get(key string) (string, bool) {
	for ; v != nil; v = v.parent {
		if v.key == key {
			return v.value, true
		}
	}
	return "", false
}

// Keys implements BuildKit's shell.EnvGetter.
func (v *Vars) Keys() []string {
	var keys []string
	for ; v != nil; v = v.parent {
		keys = append(keys, v.key)
	}
	return keys
}

func (v *Vars) with(key, value string) *Vars { return &Vars{v, key, value} }

// platformArgs have values without being declared, in FROM lines.
var platformArgs = map[string]string{
	"BUILDPLATFORM": "linux/amd64", "BUILDOS": "linux", "BUILDARCH": "amd64", "BUILDVARIANT": "",
	"TARGETPLATFORM": "linux/amd64", "TARGETOS": "linux", "TARGETARCH": "amd64", "TARGETVARIANT": "", "TARGETSTAGE": "default",
}

// resolve turns BuildKit's stages into ours: who stands on whom, and which
// variables are seen where.
func (f *File) resolve(stages []instructions.Stage, buildArgs map[string]string) {
	lex := shell.NewLex(f.escape)
	var global *Vars
	for key, value := range platformArgs {
		global = global.with(key, value)
	}
	for _, cmd := range f.Args {
		global = declare(lex, global, nil, cmd.Args, buildArgs)
	}
	for i, st := range stages {
		s := &Stage{Index: i, Name: st.Name, Base: expand(lex, st.BaseName, global), Platform: st.Platform, Range: rangeOf(st.Location)}
		s.Parent = f.stage(s.Base, i)
		f.Stages = append(f.Stages, s)
		var vars *Vars
		if s.Parent != nil {
			vars = s.Parent.Vars
		}
		for _, cmd := range st.Commands {
			s.Instructions = append(s.Instructions, &Instruction{Command: cmd, Range: rangeOf(cmd.Location()), Stage: s, Vars: vars})
			switch c := cmd.(type) {
			case *instructions.ArgCommand:
				vars = declare(lex, vars, global, c.Args, buildArgs)
			case *instructions.RunCommand:
				// What its mounts are is read only now. A mistake in them is found by whoever builds.
				_ = c.Expand(func(word string) (string, error) { return expand(lex, word, vars), nil })
			case *instructions.EnvCommand:
				before := vars
				for _, pair := range c.Env {
					vars = vars.with(pair.Key, expand(lex, pair.Value, before))
				}
			}
		}
		s.Vars = vars
	}
}

// declare adds the variables of one ARG. One without a value has the one that
// was given to the build, or the one of the same name before the first FROM.
func declare(lex *shell.Lex, vars, global *Vars, args []instructions.KeyValuePairOptional, buildArgs map[string]string) *Vars {
	for _, arg := range args {
		if given, ok := buildArgs[arg.Key]; ok {
			vars = vars.with(arg.Key, given)
		} else if arg.Value != nil {
			vars = vars.with(arg.Key, expand(lex, *arg.Value, vars))
		} else if inherited, ok := global.Get(arg.Key); ok {
			vars = vars.with(arg.Key, inherited)
		}
	}
	return vars
}

// From finds the stage that COPY --from or a mount's from names, by name or by
// number; nil when it names an image.
func (i *Instruction) From(f *File, name string) *Stage {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < i.Stage.Index {
		return f.Stages[n]
	}
	if strings.ContainsAny(name, "/:@$") {
		return nil
	}
	return f.stage(name, len(f.Stages))
}
