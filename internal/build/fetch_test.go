package build

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReachable(t *testing.T) {
	for _, tt := range []struct {
		name, to string
		strange  bool
		ok       bool
	}{
		{"host.example:443", "93.184.216.34:443", false, true},
		{"host.example:443", "127.0.0.1:443", false, false},
		{"host.example:80", "169.254.169.254:80", false, false},
		{"host.example:80", "[fe80::1]:80", false, false},
		{"host.example:80", "[::ffff:127.0.0.1]:80", false, false},
		{"host.example:80", "0.0.0.0:80", false, false},
		{"host.example:80", "10.1.2.3:80", false, true},
		{"127.0.0.1:80", "127.0.0.1:80", false, true},
		{"localhost:80", "127.0.0.1:80", false, true},
		{"host.example:443", "93.184.216.34:443", true, true},
		{"10.1.2.3:80", "10.1.2.3:80", true, false},
		{"169.254.169.254:80", "169.254.169.254:80", true, false},
	} {
		if err := reachable(tt.name, tt.to, tt.strange); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

func TestRedirectsStayOutside(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secret") }))
	defer inner.Close()
	listed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/here" {
			_, _ = io.WriteString(w, "fine")
			return
		}
		http.Redirect(w, r, map[string]string{"/own": "/here", "/in": inner.URL}[r.URL.Path], http.StatusFound)
	}))
	defer listed.Close()
	c := &http.Client{Transport: newFetcher()}
	resp, err := c.Get(listed.URL + "/own")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp, err := c.Get(listed.URL + "/in"); err == nil || !strings.Contains(err.Error(), "inside") {
		t.Errorf("%v %v", resp, err)
	}
}
