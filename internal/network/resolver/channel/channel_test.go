package channel

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"reflect"
	"testing"

	"github.com/bailey-run/bailey/internal/network/dns"
	"golang.org/x/sys/unix"
)

func pair(t *testing.T) (a, b *Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out [2]*Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "")
		c, err := net.FileConn(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		out[i] = New(c.(*net.UnixConn))
		t.Cleanup(func() { c.Close() })
	}
	return out[0], out[1]
}

var example = dns.Change{
	Whole:    true,
	Networks: []dns.Network{{ID: "n1", Subnet: netip.MustParsePrefix("10.90.0.0/24"), Internal: true}},
	Containers: []dns.Container{
		{ID: "c1", Endpoints: []dns.Endpoint{{Network: "n1", Addr: netip.MustParseAddr("10.90.0.2"), Names: []string{"web", "www"}, Links: []dns.Link{{Alias: "db", Name: "pg"}}}}},
		{ID: "c2"},
	},
	GoneNetworks: []string{"n0"}, GoneContainers: []string{"c0", "c9"},
}

func TestMessages(t *testing.T) {
	a, b := pair(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	// A table that does not fit the socket's buffer.
	large := dns.Change{}
	for range 20000 {
		large.Containers = append(large.Containers, example.Containers[0])
	}
	go func() {
		a.Send(Change, AppendChange(nil, &example))
		a.Send(Listen, AppendAddr(nil, netip.MustParseAddr("10.90.0.1")), int(w.Fd()))
		a.Send(Change, AppendChange(nil, &large))
		a.Close()
	}()
	k, p, _, err := b.Receive()
	if err != nil || k != Change {
		t.Fatal(k, err)
	}
	if c, err := ParseChange(p); err != nil || !reflect.DeepEqual(c, example) {
		t.Errorf("%+v %v", c, err)
	}
	k, p, files, err := b.Receive()
	if err != nil || k != Listen || len(files) != 1 {
		t.Fatal(k, files, err)
	}
	if a, err := ParseAddr(p); err != nil || a.String() != "10.90.0.1" {
		t.Error(a, err)
	}
	got := os.NewFile(uintptr(files[0]), "")
	got.WriteString("x")
	got.Close()
	if n, err := r.Read(make([]byte, 4)); n != 1 {
		t.Error("the file that came is another one:", err)
	}
	if k, p, _, err = b.Receive(); err != nil || k != Change {
		t.Fatal(k, err)
	}
	if c, err := ParseChange(p); err != nil || len(c.Containers) != len(large.Containers) {
		t.Error(len(c.Containers), err)
	}
	if _, _, _, err := b.Receive(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func FuzzChange(f *testing.F) {
	f.Add(AppendChange(nil, &example))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseChange(b)
		if err != nil {
			return
		}
		again, err := ParseChange(AppendChange(nil, &c))
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Fatalf("%+v became %+v, %v", c, again, err)
		}
		new(dns.Table).Apply(c)
	})
}
