package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"bailey": func() { os.Exit(Main(os.Args[1:], Program{Version: "1.2.3-test"})) },
	})
}

// TestScripts runs whole sessions against no node, or a fake one that records
// what it is asked.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("DOCKER_HOST", "unix://"+env.WorkDir+"/docker-must-not-be-asked.sock")
			env.Setenv("DOCKER_CONFIG", filepath.Join(home, ".docker"))
			env.Setenv("DOCKER_CONTEXT", "elsewhere")
			env.Setenv("DOCKER_TLS_VERIFY", "1")
			return os.MkdirAll(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fakenode": func(ts *testscript.TestScript, _ bool, args []string) {
				if len(args) != 1 {
					ts.Fatalf("usage: fakenode dir")
				}
				stop, err := startFakeNode(ts.MkAbs(args[0]))
				ts.Check(err)
				ts.Defer(stop)
			},
		},
		Condition: func(cond string) (bool, error) { return cond == "root" && os.Geteuid() == 0, nil },
	})
}
