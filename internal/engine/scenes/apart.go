package scenes

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
)

// key is that of the shared memory that scenes make, unlikely to be anybody else's.
const key = "1650551161"

// meeting is what one container leaves in the kernel for another one to find.
type meeting struct {
	id, control, tries, source string
	leave, find                []string
	goes                       bool // leave goes on
}

var meetings = []meeting{
	{"other-memory", "ipc-namespace", "find another container's shared memory", "shmget(2)", []string{"shm", key, "4096"}, []string{"shm", key, "0"}, false},
	{"abstract-socket", "network", "reach another container's abstract socket", "CVE-2020-15257", []string{"serve", "unix", "@bailey-prove"}, []string{"dial", "unix", "@bailey-prove"}, true},
}

// apart are two containers that must not meet in what the kernel shares by
// name. The twin is one container, which finds what it left.
func apart() []scene.Scene {
	var list []scene.Scene
	for _, m := range meetings {
		list = append(list, scene.Scene{ID: m.control + "/" + m.id, Control: m.control, Tries: m.tries, Source: m.source, Attack: m.play(true), Twin: m.play(false)})
	}
	return append(list, scene.Scene{ID: "pid-namespace/other-process", Control: "pid-namespace", Tries: "see a process of the host by its number", Source: "pid_namespaces(7)",
		Attack: seesProcess(nil), Twin: seesProcess([]string{"pid-namespace"})})
}

func (m meeting) play(two bool) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		a, err := s.Start(ctx, scene.Options{})
		if err != nil {
			return probe.Untried("%w", err)
		}
		b := a
		if two {
			if b, err = running(ctx, s); err != nil {
				return err
			}
		}
		if m.goes {
			err = a.Begin(ctx, m.leave...)
		} else {
			_, err = a.Do(ctx, m.leave...)
		}
		if err != nil {
			return probe.Untried("%w", err)
		}
		_, err = b.Do(ctx, m.find...)
		return err
	}
}

// seesProcess looks for this very process, the engine's or the command's.
func seesProcess(off []string) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		a, err := running(ctx, s, off...)
		if err != nil {
			return err
		}
		got, err := a.Do(ctx, "read", "/proc/"+strconv.Itoa(os.Getpid())+"/comm")
		if err != nil {
			return err
		}
		if own, _ := os.ReadFile("/proc/self/comm"); got != string(own) {
			return fmt.Errorf("it is another one: %q", got)
		}
		return nil
	}
}
