// Package apparmor puts profiles into the kernel.
//
// A profile is compiled by the host's own apparmor_parser, which belongs to
// the kernel it compiles for. It is given the text of a profile of Bailey's
// on its standard input and nothing else: no argument, path or variable of
// the environment comes from outside.
package apparmor

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// parser is where every distribution with AppArmor has it.
const parser = "/sbin/apparmor_parser"

// loaded lists what the kernel has, one profile a line: "name (mode)".
const loaded = "/sys/kernel/security/apparmor/profiles"

// patience bounds one compilation; it takes tens of milliseconds.
const patience = 20 * time.Second

// Loader loads each profile once. A profile's name is made from its content,
// so one that is there is the right one.
type Loader struct {
	mu   sync.Mutex
	done map[string]bool
}

// Load makes sure that the kernel has the profile.
func (l *Loader) Load(ctx context.Context, name, text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done[name] {
		return nil
	}
	if !present(name) {
		if err := compile(ctx, text); err != nil {
			return fmt.Errorf("AppArmor profile %s: %w", name, err)
		}
		if !present(name) {
			return fmt.Errorf("AppArmor profile %s: the kernel does not have it after it was loaded", name)
		}
	}
	if l.done == nil {
		l.done = make(map[string]bool)
	}
	l.done[name] = true
	return nil
}

func compile(ctx context.Context, text string) error {
	if _, err := os.Stat(parser); err != nil {
		return fmt.Errorf("this host has AppArmor but not %s, which compiles profiles: install the package \"apparmor\": %w", parser, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, parser, "--replace", "--skip-cache", "--quiet")
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.Stdin = strings.NewReader(text)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", parser, err, strings.TrimSpace(said.String()))
	}
	return nil
}

func present(name string) bool {
	f, err := os.Open(loaded)
	if err != nil {
		return false
	}
	defer f.Close()
	return listed(bufio.NewScanner(f), name)
}

func listed(lines *bufio.Scanner, name string) bool {
	for lines.Scan() {
		if have, _, _ := strings.Cut(lines.Text(), " ("); have == name {
			return true
		}
	}
	return false
}
