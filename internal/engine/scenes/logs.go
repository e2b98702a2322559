package scenes

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// line is what the scenes on logs write, again and again.
const line = "a line of a log that has no end, for it is written on and on by whoever wants the disk\n"

// logCap is the size that a log may have in these scenes, in bytes.
const logCap = 64 << 10

// logs fills a log.
func logs() []scene.Scene {
	return []scene.Scene{
		{ID: "log/flood", Control: "log", Tries: "have 1 MiB kept by a log of 64 KiB", Source: "moby#40207", Attack: kept(1 << 20), Twin: kept(16 << 10)},
	}
}

// kept writes bytes to the log of a container, and looks whether they all are there.
func kept(size int) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		a, err := s.Start(ctx, scene.Options{Host: container.HostConfig{LogConfig: container.LogConfig{
			Type: "json-file", Config: map[string]string{"max-size": strconv.Itoa(logCap), "max-file": "1"},
		}}})
		if err != nil {
			return probe.Untried("%w", err)
		}
		times := size / len(line)
		if _, err := a.Do(ctx, "say", line, strconv.Itoa(times)); err != nil {
			return probe.Untried("%w", err)
		}
		if _, err := a.Do(ctx, "say", "the end\n", "1"); err != nil {
			return probe.Untried("%w", err)
		}
		for until := time.Now().Add(endedWithin); ; time.Sleep(50 * time.Millisecond) {
			text, err := logOf(ctx, s, a)
			switch {
			case err != nil:
				return probe.Untried("%w", err)
			case !strings.Contains(text, "the end") && time.Now().Before(until):
				continue // it is still on its way
			case strings.Count(text, line) < times:
				return fmt.Errorf("%d of %d bytes were kept", len(text), size)
			}
			return nil
		}
	}
}

// logOf is a container's log.
func logOf(ctx context.Context, s scene.Stage, a scene.Actor) (string, error) {
	res, err := s.API().ContainerLogs(ctx, a.ID(), client.ContainerLogsOptions{ShowStdout: true})
	if err != nil {
		return "", err
	}
	defer res.Close()
	var out bytes.Buffer
	_, err = stdcopy.StdCopy(&out, io.Discard, io.LimitReader(res, 16<<20))
	return out.String(), err
}
