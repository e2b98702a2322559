package runtime

import (
	"errors"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestOldRuntimesAreRefused(t *testing.T) {
	for out, safe := range map[string]bool{
		"runc version 1.5.2\nspec: 1.3.0\n":             true,
		"runc version 1.5.3+dev\n":                      true,
		"runc version 1.10.0\n":                         true,
		"runc version 2.0.0-rc.1\n":                     true,
		"runc version 1.5.2-rc.1\n":                     false,
		"runc version 1.5.1\n":                          false,
		"runc version 1.1.5+ds1\n":                      false,
		"crun version 1.8.1\ncommit: f8a096be060b22cc":  false,
		"crun version 1.27\n":                           false,
		"crun version 1.28\n":                           true,
		"crun version 1.28.1-dirty\n":                   true,
		"youki version 0.5.0\n":                         false,
		"runc version unknown\n":                        false,
		"runc version 1.5\n":                            false,
		"runc version -1.9.9\n":                         false,
		"runc version 99999999999999999999.0.0\n":       false,
		"crun version 1.29.1\nspec: 1.0.0\n+SECCOMP\n":  true,
		"runc version 1.5.2.1\n":                        false,
		"crun version 1.28.0-1.fc43\nsomething else\n ": false,
	} {
		name, version, err := parseVersion(out)
		if err != nil {
			t.Errorf("%q: %v", out, err)
			continue
		}
		err = checkSafe("/x", name, version, "mend it")
		var unsafe *UnsafeRuntimeError
		if safe != (err == nil) || !safe && !errors.As(err, &unsafe) {
			t.Errorf("%q: %v", out, err)
		}
		if !safe && !strings.Contains(err.Error(), "mend it") {
			t.Errorf("%q does not say what to do: %v", out, err)
		}
	}
	for _, out := range []string{"", "runc 1.5.2", "sh: runc: not found\n", strings.Repeat("x", 1<<20)} {
		if _, _, err := parseVersion(out); err == nil {
			t.Errorf("%.20q was taken for a version", out)
		}
	}
}

func TestCrunGetsAFreshDev(t *testing.T) {
	r := &Runtime{info: Info{Name: "crun"}}
	if err := r.checkSpec(&specs.Spec{}); err == nil || !strings.Contains(err.Error(), "CVE-2026-88264") {
		t.Errorf("got %v", err)
	}
	fresh := &specs.Spec{Mounts: []specs.Mount{{Destination: "/dev", Type: "tmpfs"}}}
	if err := r.checkSpec(fresh); err != nil {
		t.Error(err)
	}
	r.info.Name = "runc"
	if err := r.checkSpec(&specs.Spec{}); err != nil {
		t.Error(err)
	}
}
