package ps

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

func titles(columns []Column) string {
	var out []string
	for _, c := range columns {
		out = append(out, c.Title)
	}
	return strings.Join(out, " ")
}

func TestColumns(t *testing.T) {
	for args, want := range map[string]string{
		"": "UID PID PPID C STIME TTY TIME CMD", "-ef": "UID PID PPID C STIME TTY TIME CMD", "ef": "UID PID PPID C STIME TTY TIME CMD",
		"aux": "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND", "-e": "PID TTY TIME CMD", "-o pid,args": "PID COMMAND",
		"-eo pid,user=WHO,comm": "PID WHO COMMAND", "-opid -o ppid": "PID PPID", "-eww -o pid,%mem,pcpu": "PID %MEM %CPU", "axo pid": "PID",
	} {
		got, err := Columns(args)
		if err != nil || titles(got) != want {
			t.Errorf("%q: %s, %v; want %s", args, titles(got), err, want)
		}
	}
	for _, args := range []string{"-o", "-o nonsense", "--sort=pid", "-p 1", "-o pid,", "-o " + strings.Repeat("pid,", 100) + "pid", "-t pts/0", "x;id"} {
		if got, err := Columns(args); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%q: %s, %v", args, titles(got), err)
		}
	}
}

// TestRead: this very process in every column.
func TestRead(t *testing.T) {
	all, err := named(strings.Split(strings.ReplaceAll(known(), " ", ""), ","))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Read(os.Getpid(), 0, Host{Memory: 1 << 40, Boot: Boot()})
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range p.Row(all) {
		want := map[string]string{"PID": strconv.Itoa(os.Getpid()), "PPID": strconv.Itoa(os.Getppid()), "UID": strconv.Itoa(os.Getuid())}[all[i].Title]
		if text == "" || want != "" && text != want {
			t.Errorf("%s: %q, want %q", all[i].Title, text, want)
		}
	}
	if p.age().Hours() > 1 || p.resident() == 0 {
		t.Errorf("begun %v, %d bytes", p.begun(), p.resident())
	}
}
