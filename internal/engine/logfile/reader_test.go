package logfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func line(n int, stream string) string {
	return fmt.Sprintf(`{"log":"line %d\n","stream":%q,"time":%q}`+"\n", n, stream, epoch.Add(time.Duration(n)*time.Second).Format(time.RFC3339Nano))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func collect(t *testing.T, r *Reader) string {
	t.Helper()
	defer r.Close()
	var out []string
	for {
		l, err := r.Next()
		if errors.Is(err, io.EOF) {
			return strings.Join(out, ",")
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.TrimPrefix(strings.TrimSuffix(string(l.Text), "\n"), "line "))
	}
}

func TestReadsRotationsOldestFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.json")
	write(t, path+".2", line(1, "stdout"))
	write(t, path+".1", line(2, "stderr")+line(3, "stdout"))
	write(t, path, line(4, "stdout")+`{"log":"torn`)
	both := [3]bool{false, true, true}
	cases := map[string]struct {
		opts Options
		want string
	}{
		"all":                                {Options{Tail: -1, Streams: both}, "1,2,3,4"},
		"tail":                               {Options{Tail: 2, Streams: both}, "3,4"},
		"tail zero":                          {Options{Tail: 0, Streams: both}, ""},
		"stdout only":                        {Options{Tail: -1, Streams: [3]bool{false, true, false}}, "1,3,4"},
		"tail counts only the wanted stream": {Options{Tail: 2, Streams: [3]bool{false, true, false}}, "3,4"},
		"since":                              {Options{Tail: -1, Streams: both, Since: epoch.Add(3 * time.Second)}, "3,4"},
		"until":                              {Options{Tail: -1, Streams: both, Until: epoch.Add(2 * time.Second)}, "1,2"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, err := Open(context.Background(), path, c.opts)
			if err != nil {
				t.Fatal(err)
			}
			if got := collect(t, r); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestMissingLogIsEmpty(t *testing.T) {
	r, err := Open(context.Background(), filepath.Join(t.TempDir(), "log.json"), Options{Tail: -1})
	if err != nil {
		t.Fatal(err)
	}
	if got := collect(t, r); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestFollowerLosesNothingAcrossRotations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.json")
	done := make(chan struct{})
	r, err := Open(context.Background(), path, Options{Follow: true, Tail: -1, Streams: [3]bool{false, true, true}, Done: done})
	if err != nil {
		t.Fatal(err)
	}
	const lines = 60
	var want []string
	for n := range lines {
		want = append(want, fmt.Sprint(n))
	}
	go func() {
		defer close(done)
		for n := range lines {
			write(t, path, line(n, "stdout"))
			if n%10 == 9 {
				_ = os.Rename(path+".1", path+".2")
				_ = os.Rename(path, path+".1")
				// The reader holds the old file; what is kept bounds how far behind it may be.
				time.Sleep(20 * time.Millisecond)
			}
		}
	}()
	if got := collect(t, r); got != strings.Join(want, ",") {
		t.Errorf("got %s", got)
	}
}

func TestFollowerEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r, err := Open(ctx, filepath.Join(t.TempDir(), "log.json"), Options{Follow: true, Tail: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	if _, err := r.Next(); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestLastText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.json")
	write(t, path, line(1, "stdout")+line(2, "stderr"))
	whole, err := LastText(path, 1<<20)
	if err != nil || string(whole) != "line 1\nline 2\n" {
		t.Errorf("got %q, %v", whole, err)
	}
	part, err := LastText(path, int64(len(line(2, "stderr")))+5)
	if err != nil || string(part) != "line 2\n" {
		t.Errorf("got %q, %v: a line that is cut is left out", part, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(line(1, "stdout")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := parse(b); err == nil && l.Stream != 1 && l.Stream != 2 {
			t.Fatalf("stream %d", l.Stream)
		}
	})
}
