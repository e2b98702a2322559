package ps

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticks is the unit of the times in /proc/PID/stat on every Linux port.
const ticks = 100

// statFields is how many fields of /proc/PID/stat behind the name are read.
const statFields = 22

// Host is what of the host the columns need.
type Host struct {
	// Memory is the host's, in bytes; Boot is when it started.
	Memory int64
	Boot   time.Time
}

// Boot reads when the host started from /proc/stat.
func Boot() time.Time {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	_, rest, _ := strings.Cut(string(data), "\nbtime ")
	line, _, _ := strings.Cut(rest, "\n")
	return time.Unix(number(line), 0)
}

// Process is one process at one moment.
type Process struct {
	host    Host
	pid     int
	name    string   // as the kernel has it, of at most 15 bytes
	stat    []string // the fields behind the name; see proc_pid_stat(5), counted from the third
	uid     int64    // as the container knows it
	command string
	now     time.Time
}

// Read looks at a process of a container whose ids begin at idBase on the host.
func Read(pid int, idBase uint32, host Host) (*Process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	// The name stands in brackets and may hold anything.
	open, closing := strings.IndexByte(string(stat), '('), strings.LastIndexByte(string(stat), ')')
	if open < 0 || closing < open {
		return nil, fmt.Errorf("process %d: unreadable stat", pid)
	}
	p := &Process{host: host, pid: pid, name: string(stat[open+1 : closing]), stat: strings.Fields(string(stat[closing+1:])), now: time.Now()}
	if len(p.stat) < statFields {
		return nil, fmt.Errorf("process %d: short stat", pid)
	}
	p.command = "[" + p.name + "]"
	if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && len(line) > 0 {
		p.command = strings.TrimRight(strings.ReplaceAll(string(line), "\x00", " "), " ")
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(string(status), "\nUid:")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return nil, fmt.Errorf("process %d: short status", pid)
	}
	p.uid = number(fields[1]) - int64(idBase)
	return p, nil
}

// Row shows the process in the columns.
func (p *Process) Row(columns []Column) []string {
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.show(p)
	}
	return row
}

// user is root or a number: the names are the image's.
func (p *Process) user() string {
	if p.uid == 0 {
		return "root"
	}
	return strconv.FormatInt(p.uid, 10)
}

// used is the processor time.
func (p *Process) used() time.Duration {
	return time.Duration(number(p.stat[11])+number(p.stat[12])) * time.Second / ticks
}

func (p *Process) begun() time.Time {
	return p.host.Boot.Add(time.Duration(number(p.stat[19])) * time.Second / ticks)
}

func (p *Process) age() time.Duration { return max(p.now.Sub(p.begun()), 0) }

// share is the processor time in percent of the age.
func (p *Process) share() float64 {
	return 100 * p.used().Seconds() / max(p.age().Seconds(), 1)
}

// resident is the memory that it has, in bytes.
func (p *Process) resident() int64 { return number(p.stat[21]) * int64(os.Getpagesize()) }

func (p *Process) tty() string {
	if p.stat[4] == "0" {
		return "?"
	}
	return "pts/" + strconv.FormatInt(number(p.stat[4])&0xff, 10)
}

func number(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n }
