package sandbox

import (
	"regexp"
	"slices"
	"testing"
)

// The rows of the default posture; each has its controls, and no control is without a row.
var promised = map[string][]string{
	"user namespace":       {ControlUserNS},
	"capabilities":         {ControlCapabilities},
	"no-new-privileges":    {ControlNoNewPrivileges},
	"seccomp":              {ControlSeccomp},
	"LSM":                  {ControlLSM},
	"root filesystem":      {ControlRoot, ControlTemporary, ControlMountOptions, ControlMemoryFiles},
	"/proc and /sys":       {ControlProcSys, ControlCgroupFS, ControlSysctls},
	"namespaces":           {ControlPIDNS, ControlIPCNS, ControlUTSNS, ControlMountNS, ControlCgroupNS, ControlTimeNS},
	"devices":              {ControlDevices},
	"limits":               {ControlMemory, ControlSwap, ControlOOM, ControlPids, ControlNofile, ControlCore, ControlUlimits, ControlCPU, ControlLog, ControlDisk},
	"network":              {ControlNetwork, ControlPorts},
	"host mounts":          {ControlHostMounts, ControlFiles},
	"secrets":              {ControlSecrets},
	"exec":                 {ControlExec},
	"the runtime's wishes": {ControlCgroupParent, ControlRuntime},
}

func TestEveryControlIsThere(t *testing.T) {
	var want []string
	for _, controls := range promised {
		want = append(want, controls...)
	}
	got := ControlNames()
	if a, b := slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got)); !slices.Equal(a, b) {
		t.Errorf("controls are %v, want %v", b, a)
	}
	p, err := Compute(request(nil), Policy{}, alice, testHost())
	if err != nil {
		t.Fatal(err)
	}
	stable := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for i, c := range p.Controls() {
		if c.Control != got[i] || !stable.MatchString(c.Control) || c.Default == "" || c.Actual == "" {
			t.Errorf("row %d: %+v", i, c)
		}
		if c.Relaxed || c.Absent || c.AllowedBy != "" || c.Reason != "" {
			t.Errorf("a default posture is relaxed: %+v", c)
		}
		if c.Default != c.Actual && c.Control != ControlPorts && c.Control != ControlSecrets {
			t.Errorf("the default differs from the default: %+v", c)
		}
	}
}

// Every relaxation that any request records is one of a control that is shown.
func TestRelaxationsHaveRows(t *testing.T) {
	names := ControlNames()
	for name, x := range relaxations {
		if !slices.Contains(names, x.control) {
			t.Errorf("%s relaxes %q, which no row shows", name, x.control)
		}
	}
}

func TestHuman(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 64 * mib: "64 MiB", 3 * gib / 2: "1.5 GiB", 2 * gib: "2 GiB"} {
		if got := human(n); got != want {
			t.Errorf("%d is shown as %s, want %s", n, got, want)
		}
	}
}

func TestCategoriesAreTheirOwn(t *testing.T) {
	seen := map[[2]uint32]uint32{}
	for slot := range uint32(4096 + 0x70000000/IDs) {
		low, high := categories(slot)
		if low >= high || high > 1023 {
			t.Fatalf("slot %d has categories %d and %d", slot, low, high)
		}
		if other, ok := seen[[2]uint32{low, high}]; ok {
			t.Fatalf("slots %d and %d have the same categories", other, slot)
		}
		seen[[2]uint32{low, high}] = slot
	}
	p := Posture{SELinux: SELinux{Mode: ModeDefault, Type: "container_t"}}
	if process, files := p.SELinuxLabels(0x70000000); process != "system_u:system_r:container_t:s0:c28,c45" && files == "" {
		t.Errorf("labels %s, %s", process, files)
	}
}
