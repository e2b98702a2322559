package ps

import (
	"fmt"
	"strconv"
	"time"
)

// column is one that can be asked for, by any of its names; see ps(1), "STANDARD FORMAT SPECIFIERS".
type column struct {
	names, title string
	show         func(*Process) string
}

var columns = []column{
	{"pid tgid", "PID", func(p *Process) string { return strconv.Itoa(p.pid) }},
	{"ppid", "PPID", func(p *Process) string { return p.stat[1] }},
	{"pgid pgrp", "PGID", func(p *Process) string { return p.stat[2] }},
	{"sid sess session", "SID", func(p *Process) string { return p.stat[3] }},
	{"user euser uname ruser", "USER", func(p *Process) string { return p.user() }},
	{"uid euid ruid", "UID", func(p *Process) string { return strconv.FormatInt(p.uid, 10) }},
	{"comm ucmd ucomm", "COMMAND", func(p *Process) string { return p.name }},
	{"args command", "COMMAND", func(p *Process) string { return p.command }},
	{"cmd", "CMD", func(p *Process) string { return p.command }},
	{"time cputime", "TIME", func(p *Process) string { return clock(p.used()) }},
	{"etime", "ELAPSED", func(p *Process) string { return elapsed(p.age()) }},
	{"etimes", "ELAPSED", func(p *Process) string { return strconv.FormatInt(int64(p.age().Seconds()), 10) }},
	{"stime", "STIME", func(p *Process) string { return p.begun().Format("15:04") }},
	{"start bsdstart", "START", func(p *Process) string { return p.begun().Format("15:04") }},
	{"lstart", "STARTED", func(p *Process) string { return p.begun().Format("Mon Jan _2 15:04:05 2006") }},
	{"tty tt tname", "TT", func(p *Process) string { return p.tty() }},
	{"stat", "STAT", func(p *Process) string { return p.stat[0] }},
	{"s state", "S", func(p *Process) string { return p.stat[0] }},
	{"ni nice", "NI", func(p *Process) string { return p.stat[16] }},
	{"nlwp thcount", "NLWP", func(p *Process) string { return p.stat[17] }},
	{"vsz vsize", "VSZ", func(p *Process) string { return strconv.FormatInt(number(p.stat[20])>>10, 10) }},
	{"rss rssize rsz", "RSS", func(p *Process) string { return strconv.FormatInt(p.resident()>>10, 10) }},
	{"c", "C", func(p *Process) string { return strconv.Itoa(int(p.share())) }},
	{"%cpu pcpu", "%CPU", func(p *Process) string { return fmt.Sprintf("%.1f", p.share()) }},
	{"%mem pmem", "%MEM", func(p *Process) string {
		return fmt.Sprintf("%.1f", 100*float64(p.resident())/float64(max(p.host.Memory, 1)))
	}},
}

// clock writes a time as [DD-]HH:MM:SS.
func clock(d time.Duration) string {
	text := fmt.Sprintf("%02d:%02d:%02d", int(d.Hours())%24, int(d.Minutes())%60, int(d.Seconds())%60)
	if days := int(d.Hours()) / 24; days > 0 {
		text = fmt.Sprintf("%02d-%s", days, text)
	}
	return text
}

// elapsed is clock without hours that are not over.
func elapsed(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%02d:%02d", int(d.Minutes()), int(d.Seconds())%60)
	}
	return clock(d)
}
