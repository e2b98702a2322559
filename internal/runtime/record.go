package runtime

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bailey-run/bailey/internal/durable"
	"github.com/bailey-run/bailey/internal/runtime/supervise"
)

// record is what a supervisor writes about a process: state.json when the main
// one was started, exit.json and exec-ID.json when one has ended.
type record struct {
	Pid     int    `json:"pid"`
	Ticks   uint64 `json:"ticks"`
	Boot    string `json:"boot"`
	Started int64  `json:"started"` // Unix nanoseconds

	Supervisor int `json:"supervisor,omitempty"` // state.json only

	Code   int    `json:"code"`
	Signal int    `json:"signal"`
	OOM    bool   `json:"oom"`
	At     int64  `json:"at"` // Unix nanoseconds
	Reason string `json:"reason,omitempty"`
}

const recordMax = 4 << 10

// readRecord reads a record; nil when there is none that can be read.
func readRecord(path string) *record {
	b, err := readBounded(path, recordMax)
	if err != nil {
		return nil
	}
	var rec record
	if json.Unmarshal(b, &rec) != nil {
		return nil
	}
	return &rec
}

func (rec *record) exit() Exit {
	e := Exit{Code: rec.Code, Signal: syscall.Signal(rec.Signal), OOM: rec.OOM, At: time.Unix(0, rec.At), Reason: rec.Reason}
	if rec.Started != 0 {
		e.Began = time.Unix(0, rec.Started)
	}
	return e
}

// same tells whether two records are about one process.
func (rec *record) same(other *record) bool {
	return rec.Pid == other.Pid && rec.Ticks == other.Ticks && rec.Boot == other.Boot
}

func (c *Container) statePath() string { return filepath.Join(c.runDir, supervise.StateFile) }
func (c *Container) exitPath() string  { return filepath.Join(c.home, supervise.ExitFile) }

// recordedExit reads the end of this run, and not that of an earlier one.
func (c *Container) recordedExit() (Exit, bool) {
	exit, state := readRecord(c.exitPath()), readRecord(c.statePath())
	if exit == nil || state != nil && !exit.same(state) {
		return Exit{}, false
	}
	return exit.exit(), true
}

// recordLoss writes the record that the supervisor could not write, so that
// the next daemon finds the same end.
func (c *Container) recordLoss(e Exit) error {
	rec := record{Boot: bootID(), Code: e.Code, Signal: int(e.Signal), OOM: e.OOM, At: e.At.UnixNano(), Reason: e.Reason}
	if state := readRecord(c.statePath()); state != nil {
		rec.Pid, rec.Ticks, rec.Boot, rec.Started = state.Pid, state.Ticks, state.Boot, state.Started
	}
	b, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return durable.Write(c.exitPath(), append(b, '\n'))
}

// BootID names this boot of the machine.
func BootID() string { return bootID() }

func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(b))
}
