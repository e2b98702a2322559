package cgroup

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// maxFile bounds what is read of one control file, in bytes: a list of
// processes or of thousands of CPUs is long, but not endless.
const maxFile = 4 << 20

func read(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	return string(data), err
}

// readShort returns a file's content, empty when it cannot be read.
func readShort(path string) string {
	s, _ := read(path)
	return strings.TrimSpace(s)
}

// write sets a control file, which must exist.
func write(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

func words(s string) []string { return strings.Fields(s) }

// number parses a counter; what is no number is 0 and "max" is Unlimited.
func number(s string) uint64 {
	s = strings.TrimSpace(s)
	if s == "max" {
		return Unlimited
	}
	n, _ := strconv.ParseUint(s, 10, 64)
	return n
}

// table parses lines of "key value".
func table(s string) map[string]uint64 {
	t := make(map[string]uint64)
	for line := range strings.SplitSeq(s, "\n") {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			t[key] = number(value)
		}
	}
	return t
}

func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV)
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

func head(list []string, n int) []string { return list[:min(n, len(list))] }
