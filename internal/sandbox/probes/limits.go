package probes

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

func limits() []probe.Probe {
	return of("pids",
		probe.Probe{ID: "fork-bomb", Tries: "start 600 processes", Source: "fork(2)", As: probe.Root, Alone: true, Attempt: func() error {
			var children []*os.Process
			defer func() {
				for _, c := range children {
					_ = c.Kill()
					_, _ = c.Wait()
				}
			}()
			for range 600 {
				c := exec.Command(os.Args[0], "pause")
				if err := c.Start(); err != nil {
					var errno syscall.Errno
					if errors.As(err, &errno) && errno == syscall.EAGAIN {
						return errors.Join(errors.New("stopped at "+strconv.Itoa(len(children))), err)
					}
					return err
				}
				children = append(children, c.Process)
			}
			return nil
		}},
	)
}
