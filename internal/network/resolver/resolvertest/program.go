// Package resolvertest lets a test binary be the resolver's program, so that tests need no other one.
package resolvertest

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/bailey-run/bailey/internal/network/resolver/process"
)

// name is what a resolver is called in its arguments.
const name = "bailey-resolver"

// Main is the resolver when a test binary was executed as such. It is to be called first of all by TestMain.
func Main(args []string) (code int, ok bool) {
	if args[0] != name {
		return 0, false
	}
	return process.Main(args[1:]), true
}

// Program executes the test binary.
type Program struct {
	// Version stands for the program's digest.
	Version string

	mu      sync.Mutex
	started []int
	// Broken makes Start fail.
	broken error
}

// Break makes Start fail, or with nil succeed again.
func (p *Program) Break(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = err
}

// Digest implements the keeper's interface.
func (p *Program) Digest() string { return "test" + p.Version }

// Start implements the keeper's interface.
func (p *Program) Start(args, env []string, files []*os.File) (*os.Process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		return nil, p.broken
	}
	child, err := os.StartProcess("/proc/self/exe", args, &os.ProcAttr{Dir: "/", Env: env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true}})
	if err == nil {
		p.started = append(p.started, child.Pid)
	}
	return child, err
}

// Kill ends what still runs.
func (p *Program) Kill() {
	pids, _ := p.Running()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// Running implements the keeper's interface: those of this test binary's children that live.
func (p *Program) Running() ([]int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.started), func(pid int) bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	}), nil
}
