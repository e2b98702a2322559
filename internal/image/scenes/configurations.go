package scenes

import (
	"fmt"
	"runtime"

	"github.com/bailey-run/bailey/internal/prove/archive"
)

// configured is a harmless image with something in its configuration.
func configured(config map[string]any) func() []byte {
	return func() []byte {
		img := harmless()
		img.Config = config
		return img.Archive()
	}
}

// configurations are what the engine would act on when it starts a container.
func configurations() []pair {
	c := func(key string, value any) func() []byte { return configured(map[string]any{key: value}) }
	list := func(s ...string) []string { return s }
	volume := func(path string) func() []byte { return c("Volumes", map[string]any{path: map[string]any{}}) }
	health := func(interval int) func() []byte {
		return c("Healthcheck", map[string]any{"Test": list("CMD", "/true"), "Interval": interval})
	}
	many := func(n int) func() []byte {
		volumes := map[string]any{}
		for i := range n {
			volumes[fmt.Sprint("/v", i)] = map[string]any{}
		}
		return c("Volumes", volumes)
	}
	inDescriptor := make([]pair, 0, 8)
	for fd := 3; fd < 11; fd++ {
		inDescriptor = append(inDescriptor, pair{fmt.Sprint("working-dir-fd-", fd), fmt.Sprintf("start in a directory of the host by descriptor %d", fd), "CVE-2024-21626",
			c("WorkingDir", fmt.Sprint("/proc/self/fd/", fd)), c("WorkingDir", "/home"), false})
	}
	const labels = "CVE-2026-53488"
	return append(inDescriptor, []pair{
		{"working-dir-up", "start above the root", "CVE-2024-21626", c("WorkingDir", "/../../etc"), c("WorkingDir", "/etc"), false},
		{"volume-root", "have a volume in place of the root", "CVE-2021-21285", volume("/"), volume("/data"), false},
		{"volume-proc", "have a volume in place of /proc", "CVE-2023-28642", volume("/proc"), volume("/data"), false},
		{"volume-dev", "have a volume in place of /dev", "CVE-2025-31133", volume("/dev"), volume("/data"), false},
		{"volume-up", "have a volume above the root", "CVE-2021-30465", volume("/../../../etc"), volume("/data"), false},
		{"volume-relative", "have a volume at a relative path", "CVE-2021-30465", volume("etc"), volume("/data"), false},
		{"many-volumes", "have 2,000 volumes mounted", "CVE-2026-47262", many(2000), many(10), false},
		{"variable-newline", "bring a variable whose name holds a line break", "environ(7)", c("Env", list("A\nLD_PRELOAD=/evil")), c("Env", list("A=b")), false},
		{"variable-NUL", "bring a variable that ends early", "environ(7)", c("Env", list("A=b\x00LD_PRELOAD=/evil")), c("Env", list("A=b")), false},
		{"variable-nameless", "bring a variable without a name", "environ(7)", c("Env", list("=x")), c("Env", list("A=b")), false},
		{"user-overflow", "run as a user whose number becomes 0", "CVE-2024-40635", c("User", "4294967296"), c("User", "1000"), false},
		{"user-last", "run as user 4294967295, which setuid takes for nobody in particular", "CVE-2024-40635", c("User", "4294967295"), c("User", "1000"), false},
		{"user-negative", "run as a negative user", "CVE-2026-46680", c("User", "-1"), c("User", "1000"), false},
		{"user-zeros", "run as root by a number that a check does not know", "CVE-2026-46680", c("User", "00"), c("User", "0"), false},
		{"group-overflow", "run with a group whose number becomes 0", "CVE-2024-40635", c("User", "1000:4294967296"), c("User", "1000:1000"), false},
		{"stop-signal", "be stopped by signal 0, which stops nothing", "kill(2)", c("StopSignal", "0"), c("StopSignal", "15"), false},
		{"stop-signal-number", "be stopped by a signal that there is not", "kill(2)", c("StopSignal", "999"), c("StopSignal", "SIGINT"), false},
		{"health-check", "be checked a thousand times a second", "moby#33410", health(1_000_000), health(30_000_000_000), false},
		{"label-escape", "bring a label that steers a terminal", labels, c("Labels", map[string]string{"a": "\x1b]0;evil\x07"}), c("Labels", map[string]string{"a": "b"}), false},
		{"label-reserved", "pretend by a label to be the engine's own", labels, c("Labels", map[string]string{"run.bailey.prove": "x"}), c("Labels", map[string]string{"a": "b"}), false},
		{"argument-NUL", "bring an argument that ends early", "execve(2)", c("Cmd", list("a\x00b")), c("Cmd", list("ab")), false},
		{"other-system", "be a program of another system", "OCI image spec, config.md", document(`"os":"plan9"`), document(`"os":"linux"`), false},
	}...)
}

// document is an image whose configuration is about another system.
func document(system string) func() []byte {
	return func() []byte {
		img := harmless()
		img.Document = fmt.Appendf(nil, `{"architecture":%q,%s,"config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}`,
			runtime.GOARCH, system, archive.Digest(img.Layers[0]))
		return img.Archive()
	}
}
