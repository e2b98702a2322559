package sandbox

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// standardDevices are in every container; the runtime makes them, and checks
// what it mounts.
var standardDevices = []string{
	"/dev/console", "/dev/fd", "/dev/full", "/dev/mqueue", "/dev/null", "/dev/ptmx", "/dev/pts", "/dev/random",
	"/dev/shm", "/dev/stderr", "/dev/stdin", "/dev/stdout", "/dev/tty", "/dev/urandom", "/dev/zero",
}

// maxDevices bounds how many a container may ask for.
const maxDevices = 256

// decideDevices decides on what lies in /dev beyond the standard. A device is
// bound to its place from the host, for no one can make a node in a user
// namespace; the device cgroup allows just the numbers that were looked at.
func (d *decision) decideDevices() {
	if len(d.r.Devices)+len(d.r.DeviceCgroupRules) > maxDevices {
		d.invalid("devices", fmt.Sprint(len(d.r.Devices)+len(d.r.DeviceCgroupRules)), "at most %d are accepted", maxDevices)
		return
	}
	for _, driver := range d.r.DeviceRequests {
		d.invalid("device request", driver, "this node has no device drivers (--gpus); name the device files with --device")
	}
	if d.p.Privileged {
		d.p.DeviceRules = append(d.p.DeviceRules, DeviceRule{Kind: "a", Major: -1, Minor: -1, Access: "rwm"})
	}
	for _, dev := range d.r.Devices {
		d.decideDevice(dev)
	}
	for _, text := range d.r.DeviceCgroupRules {
		rule, err := parseDeviceRule(text)
		if err != nil {
			d.invalid("--device-cgroup-rule", text, "%v", err)
		} else if d.relax(ask{control: ControlDevices, rule: RuleDeviceCgroupRule, value: text, what: "--device-cgroup-rule '" + text + "'",
			why: "it opens devices of the host by their number"}) {
			d.p.DeviceRules = append(d.p.DeviceRules, rule)
		}
	}
}

func (d *decision) decideDevice(dev Device) {
	before := len(d.errs)
	if dev.ContainerPath == "" {
		dev.ContainerPath = dev.HostPath
	}
	if dev.Permissions == "" {
		dev.Permissions = "rwm"
	}
	for _, p := range []string{dev.HostPath, dev.ContainerPath} {
		if path.Clean(p) != p || !within(p, "/dev") || p == "/dev" || strings.ContainsFunc(p, isOdd) {
			d.invalid("device", p, "it must be a path in /dev")
		}
	}
	if slices.ContainsFunc(standardDevices, func(s string) bool { return within(dev.ContainerPath, s) }) || dev.ContainerPath == InitTarget ||
		slices.ContainsFunc(d.p.Devices, func(other Device) bool { return other.ContainerPath == dev.ContainerPath }) {
		d.invalid("device", dev.ContainerPath, "there is one in the container already")
	}
	if dev.Kind != "c" && dev.Kind != "b" || dev.Major < 0 || dev.Minor < 0 {
		d.invalid("device", dev.HostPath, "it is no device")
	}
	if !isAccess(dev.Permissions) {
		d.invalid("permissions of the device "+dev.HostPath, dev.Permissions, "they are some of r, w and m")
	}
	if len(d.errs) > before || !d.relax(ask{control: ControlDevices, rule: RuleDevice, value: dev.HostPath, what: "--device " + dev.HostPath,
		why: "the device is the host's, and its driver runs in the host's kernel"}) {
		return
	}
	d.p.Devices = append(d.p.Devices, dev)
	d.p.Mounts = append(d.p.Mounts, PostureMount{Kind: mountDevice, Source: dev.HostPath, Target: dev.ContainerPath, File: true})
	d.p.DeviceRules = append(d.p.DeviceRules, DeviceRule{Kind: dev.Kind, Major: dev.Major, Minor: dev.Minor, Access: dev.Permissions})
}

// parseDeviceRule reads "c 1:3 rwm"; numbers may be "*".
func parseDeviceRule(text string) (DeviceRule, error) {
	wrong := errors.New("a rule is like 'c 1:3 rwm', with * for any number")
	fields := strings.Fields(text)
	if len(fields) != 3 || !slices.Contains([]string{"a", "b", "c"}, fields[0]) || !isAccess(fields[2]) {
		return DeviceRule{}, wrong
	}
	major, minor, ok := strings.Cut(fields[1], ":")
	if !ok {
		return DeviceRule{}, wrong
	}
	rule := DeviceRule{Kind: fields[0], Access: fields[2]}
	for _, n := range []struct {
		text string
		to   *int64
	}{{major, &rule.Major}, {minor, &rule.Minor}} {
		if *n.to = -1; n.text == "*" {
			continue
		}
		value, err := strconv.ParseUint(n.text, 10, 31)
		if err != nil {
			return DeviceRule{}, wrong
		}
		*n.to = int64(value)
	}
	return rule, nil
}

func isAccess(s string) bool {
	return s != "" && len(s) <= 3 && strings.Trim(s, "rwm") == ""
}
