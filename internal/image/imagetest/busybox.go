package imagetest

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"strings"
	"testing"
)

// applets are the names under which the busybox of Busybox can be called.
const applets = `ash awk base64 basename cat chgrp chmod chown chroot cp cut date dd df dirname dmesg du echo egrep env expr
false find free grep groups gunzip gzip head hostname httpd id ifconfig ip kill killall less link ln ls md5sum mkdir mkfifo
mknod mktemp mount mv nc netstat nohup nslookup od passwd pidof ping ping6 printenv printf ps pwd readlink realpath renice
reset rm rmdir route sed seq setsid sh sha256sum sleep sort stat stty su sync sysctl tail tar tee telnet test time timeout
top touch tr traceroute true truncate tty umount uname uniq unlink unshare usleep vi wc wget whoami xargs yes`

// Busybox is NewBusybox named tag (none when empty). It skips the test where there is no static busybox.
func Busybox(tb testing.TB, tag string) Image {
	tb.Helper()
	img, err := NewBusybox()
	if err != nil {
		tb.Skip(err)
	}
	if tag != "" {
		img.Tags = []string{tag}
	}
	return img
}

// NewBusybox is a small real image around the machine's static busybox, with the users root and nobody (65534), PATH, and sh as
// its command.
func NewBusybox() (Image, error) {
	binary := staticBusybox()
	if binary == nil {
		return Image{}, errors.New("this machine has no static busybox in /bin, /usr/bin or /usr/local/bin (Debian: apt install busybox-static)")
	}
	files := []File{
		Dir("bin"), Dir("dev"), Dir("etc"), Dir("home"), Dir("proc"), {Name: "root/", Mode: 0o700}, Dir("run"), Dir("sys"),
		{Name: "tmp/", Mode: 0o1777}, Dir("usr"), Dir("var"), {Name: "var/tmp/", Mode: 0o1777},
		Reg("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"),
		Reg("etc/group", "root:x:0:\nnobody:x:65534:\n"),
		Exec("bin/busybox", binary),
	}
	for _, applet := range strings.Fields(applets) {
		files = append(files, Symlink("bin/"+applet, "busybox"))
	}
	img := Image{Layers: []Layer{{Files: files}}}
	img.Config.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	img.Config.Config.Cmd = []string{"sh"}
	return img, nil
}

// staticBusybox is the first busybox without an interpreter, nil when there is none.
func staticBusybox() []byte {
	for _, path := range []string{"/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox"} {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		f, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			continue
		}
		static := true
		for _, p := range f.Progs {
			static = static && p.Type != elf.PT_INTERP
		}
		if static {
			return data
		}
	}
	return nil
}
