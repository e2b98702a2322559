package engine

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
)

// ticks is the unit of the times in /proc/PID/stat on every Linux port.
const ticks = 100

// Top lists the processes of a container as `ps -ef` would, as the host
// numbers them. Other columns would mean to execute a program with arguments
// from outside, so the arguments must be Docker's default.
func (e *Engine) Top(ctx context.Context, ref, psArgs string) (container.TopResponse, error) {
	out := container.TopResponse{Titles: []string{"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"}, Processes: [][]string{}}
	if psArgs != "" && psArgs != "-ef" && psArgs != "ef" {
		return out, fmt.Errorf("top %q: only the columns of `ps -ef` are shown; use `bailey exec` with a ps of the image for others: %w", psArgs, errdefs.ErrInvalidArgument)
	}
	c, err := e.find(ref)
	if err != nil {
		return out, err
	}
	r, err := c.running()
	if err != nil {
		return out, err
	}
	pids, err := r.Pids(ctx)
	if err != nil {
		return out, fmt.Errorf("processes of container %.12s: %w", c.id(), err)
	}
	boot := bootTime()
	for _, pid := range pids {
		if row, err := processRow(pid, r.bind.IDBase, boot); err == nil {
			out.Processes = append(out.Processes, row)
		}
	}
	return out, nil
}

// processRow reads one process from /proc (proc_pid_stat(5)); the user is
// shown as the container knows it.
func processRow(pid int, idBase uint32, boot time.Time) ([]string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	open, closing := strings.IndexByte(string(stat), '('), strings.LastIndexByte(string(stat), ')')
	if open < 0 || closing < open {
		return nil, fmt.Errorf("process %d: unreadable stat", pid)
	}
	name := string(stat[open+1 : closing])
	f := strings.Fields(string(stat[closing+1:]))
	if len(f) < 20 {
		return nil, fmt.Errorf("process %d: short stat", pid)
	}
	cpu := number(f[11]) + number(f[12])
	begun := boot.Add(time.Duration(number(f[19])) * time.Second / ticks)
	cmd := "[" + name + "]"
	if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && len(line) > 0 {
		cmd = strings.TrimRight(strings.ReplaceAll(string(line), "\x00", " "), " ")
	}
	used := time.Duration(cpu) * time.Second / ticks
	return []string{
		processUser(pid, idBase), strconv.Itoa(pid), f[1], "0", begun.Format("15:04"), tty(f[4]),
		fmt.Sprintf("%02d:%02d:%02d", int(used.Hours()), int(used.Minutes())%60, int(used.Seconds())%60), cmd,
	}, nil
}

func number(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n }

func tty(device string) string {
	if device == "0" {
		return "?"
	}
	return "pts/" + strconv.FormatInt(number(device)&0xff, 10)
}

func processUser(pid int, idBase uint32) string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "?"
	}
	_, rest, _ := strings.Cut(string(status), "\nUid:")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return "?"
	}
	uid := number(fields[1]) - int64(idBase)
	if uid == 0 {
		return "root"
	}
	return strconv.FormatInt(uid, 10)
}

func bootTime() time.Time {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	_, rest, _ := strings.Cut(string(data), "\nbtime ")
	line, _, _ := strings.Cut(rest, "\n")
	return time.Unix(number(line), 0)
}
