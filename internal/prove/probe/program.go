package probe

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// patience is how long one attempt may take.
const patience = 5 * time.Second

// Reborn as the first argument has the program say that the attempt worked:
// the attempt was to execute it.
const Reborn = "reborn"

// worked is what a child says whose attempt worked, and the other beginnings of what it says.
const (
	worked  = "worked"
	stopped = "stopped "
	untold  = "untold "
)

// Program runs attempts: it is all of cmd/bailey-probe that concerns one
// container. Its arguments are "try" and ids, each of which is tried in a
// process of its own and printed as a line of JSON (Observation); or "attempt"
// and one id, which is that process. The result is the exit status.
func Program(path string, args []string, probes []Probe, out io.Writer) int {
	known := make(map[string]Probe, len(probes))
	for _, p := range probes {
		known[p.ID] = p
	}
	switch {
	case len(args) == 2 && args[0] == "attempt":
		p, ok := known[args[1]]
		if !ok {
			return 64
		}
		fmt.Fprint(out, said(Observe(p.ID, p.Attempt())))
		return 0
	case len(args) == 1 && args[0] == "pause":
		time.Sleep(time.Hour) // a process to be counted
		return 0
	case len(args) > 0 && args[0] == Reborn: // a script's name may follow
		fmt.Fprint(out, worked)
		return 0
	case len(args) > 1 && args[0] == "try":
		lines := json.NewEncoder(out)
		for _, id := range args[1:] {
			o := Observation{ID: id, Outcome: Untold, Evidence: "this program has no such probe"}
			if _, ok := known[id]; ok {
				o = try(path, id)
			}
			if lines.Encode(o) != nil {
				return 1
			}
		}
		return 0
	}
	fmt.Fprintln(os.Stderr, "usage: bailey-probe try ID...")
	return 64
}

// said is how a child tells its parent.
func said(o Observation) string {
	switch o.Outcome {
	case Worked:
		return worked
	case Stopped:
		return stopped + o.Evidence
	}
	return untold + o.Evidence
}

// try makes one attempt in a child. A child that is killed by a signal other
// than this function's own was stopped by it: that is how seccomp kills.
func try(path, id string) Observation {
	child := exec.Command(path, "attempt", id)
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var heard strings.Builder
	child.Stdout = &heard
	child.WaitDelay = time.Second
	if err := child.Start(); err != nil {
		return Observation{ID: id, Outcome: Untold, Evidence: "no process for it: " + err.Error()}
	}
	late := time.AfterFunc(patience, func() { _ = syscall.Kill(-child.Process.Pid, syscall.SIGKILL) })
	_ = child.Wait() // what it said and how it ended tell more than the error
	inTime := late.Stop()
	_ = syscall.Kill(-child.Process.Pid, syscall.SIGKILL) // what the attempt left running
	return judge(id, heard.String(), child.ProcessState, inTime)
}

func judge(id, heard string, end *os.ProcessState, inTime bool) Observation {
	evidence, isStopped := strings.CutPrefix(heard, stopped)
	reason, isUntold := strings.CutPrefix(heard, untold)
	status, _ := end.Sys().(syscall.WaitStatus)
	switch {
	case !inTime:
		return Observation{ID: id, Outcome: Untold, Evidence: fmt.Sprintf("no answer in %v", patience)}
	case heard == worked:
		return Observation{ID: id, Outcome: Worked}
	case isStopped:
		return Observation{ID: id, Outcome: Stopped, Evidence: evidence}
	case isUntold:
		return Observation{ID: id, Outcome: Untold, Evidence: reason}
	case status.Signaled():
		return Observation{ID: id, Outcome: Stopped, Evidence: "killed: " + status.Signal().String()}
	}
	return Observation{ID: id, Outcome: Untold, Evidence: fmt.Sprintf("ended without a word, status %d", end.ExitCode())}
}
