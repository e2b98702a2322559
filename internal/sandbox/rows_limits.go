package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func memoryText(p Posture) string { return limit(p.Limits.Memory, human) }

func oom(p Posture) string {
	switch {
	case p.Limits.OOMKillDisable:
		return "never ended at its limit"
	case p.Limits.OOMScoreAdj < 0:
		return fmt.Sprintf("ended at its own limit, spared before others by %d", -p.Limits.OOMScoreAdj)
	case p.Limits.OOMScoreAdj > 0:
		return fmt.Sprintf("ended at its own limit, before others by %d", p.Limits.OOMScoreAdj)
	}
	return "ended at its own limit, no sooner spared than others"
}

func rlimit(p Posture, name string) string {
	for _, u := range p.Limits.Rlimits {
		if u.Name == name {
			return ulimit(u)
		}
	}
	return "the node's"
}

// ulimit shows soft:hard, or one number when they are the same.
func ulimit(u Ulimit) string {
	soft, hard := limit(u.Soft, count), limit(u.Hard, count)
	if u.Soft == 0 {
		soft = "0"
	}
	if u.Hard == 0 {
		hard = "0"
	}
	if soft == hard {
		return soft
	}
	return soft + ":" + hard
}

func nofileDefault(p Posture) string {
	hard := int64(p.Host.NofileHard)
	return ulimit(Ulimit{Soft: min(DefaultNofileSoft, hard), Hard: hard})
}

func otherUlimits(p Posture) string {
	var parts []string
	for _, u := range p.Limits.Rlimits {
		if u.Name != "nofile" && u.Name != "core" {
			parts = append(parts, u.Name+" "+ulimit(u))
		}
	}
	return orElse(strings.Join(parts, ", "), "the node's")
}

func cpuText(p Posture) string {
	l := p.Limits
	text := fmt.Sprintf("weight %d, at most ", l.CPUShares)
	if l.CPUQuota == 0 {
		text += fmt.Sprintf("the host's %d", p.Host.CPUs)
	} else {
		text += cpus(l.CPUQuota * 1e9 / int64(l.CPUPeriod))
	}
	if l.CpusetCpus != "" {
		text += ", on " + l.CpusetCpus
	}
	if l.CPURealtime > 0 {
		text += ", real-time"
	}
	return text
}

func logText(p Posture) string {
	switch log := p.Limits.Log; {
	case log.Disabled:
		return none
	case log.MaxSizeBytes == unlimited:
		return "no limit"
	default:
		return fmt.Sprintf("%s x %d", human(log.MaxSizeBytes), log.MaxFiles)
	}
}

func devicesText(p Posture) string {
	standard := "null, zero, full, random, urandom, tty, ptmx and pts"
	if len(p.DeviceRules) == 0 {
		return standard
	}
	var parts []string
	for _, d := range p.Devices {
		parts = append(parts, fmt.Sprintf("%s (%s)", d.HostPath, d.Permissions))
	}
	for _, r := range p.DeviceRules {
		if !slices.ContainsFunc(p.Devices, func(d Device) bool { return d.Kind == r.Kind && d.Major == r.Major && d.Minor == r.Minor }) {
			parts = append(parts, fmt.Sprintf("%s %s:%s %s", r.Kind, deviceNumber(r.Major), deviceNumber(r.Minor), r.Access))
		}
	}
	return standard + "; " + strings.Join(parts, ", ")
}

func deviceNumber(n int64) string {
	if n < 0 {
		return "*"
	}
	return strconv.FormatInt(n, 10)
}

func networkText(p Posture) string {
	n := p.Network
	switch {
	case n.Name == DefaultNetwork && len(n.More) == 0:
		return "a segment of its own: no other container, no service of the host"
	case n.Name == "none":
		return "loopback only"
	case n.Name == NamespaceHost:
		return "the host's"
	case strings.HasPrefix(n.Name, NamespaceJoin):
		return namespace(n.Name)
	}
	return "the containers on " + strings.Join(append([]string{n.Name}, n.More...), ", ")
}

func ports(p Posture) string {
	var parts []string
	for _, port := range p.Network.Ports {
		host := "a free port"
		if port.HostPort != 0 {
			host = strconv.Itoa(int(port.HostPort))
		}
		parts = append(parts, fmt.Sprintf("%s:%s to %d/%s", port.HostIP, host, port.ContainerPort, port.Proto))
	}
	return orElse(strings.Join(parts, ", "), none)
}

// limit shows a limit of which -1 and 0 are none at all, in opposite senses.
func limit(n int64, show func(int64) string) string {
	switch n {
	case unlimited:
		return "no limit"
	case 0:
		return none
	}
	return show(n)
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

// cpus shows billionths of a processor.
func cpus(nano int64) string { return strconv.FormatFloat(float64(nano)/1e9, 'f', -1, 64) + " CPUs" }

// human shows bytes in the greatest unit that divides them, else with one digit.
func human(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	size, unit := float64(n), 0
	for size >= 1024 && unit < len(units)-1 {
		size, unit = size/1024, unit+1
	}
	return strings.TrimSuffix(strconv.FormatFloat(size, 'f', 1, 64), ".0") + " " + units[unit]
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// shortID shows an id as the CLI does.
func shortID(id string) string { return id[:min(12, len(id))] }
