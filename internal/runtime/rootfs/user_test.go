package rootfs

import (
	"reflect"
	"strings"
	"testing"
)

const (
	testPasswd = "root:x:0:0:root:/root:/bin/sh\n# comment:x:1:1\n\nbroken\nweb:x:33:33:www:/var/www:/bin/false\r\n" +
		"web:x:0:0:second of the name:/:/\nnohome:x:40:41:::\nbig:x:4294967296:0::/:\nneg:x:-1:0::/:\n" +
		"4294967296:x:0:0:a number as a name:/:\n65536:x:0:0::/:\nbiggroup:x:50:2147483648::/:\nword:x:abc:0::/:\n"
	testGroup = "root:x:0:\nweb:x:33:\nadm:x:4:web,root\nlog:x:99:web\nhuge:x:4294967295:nohome\nbroken\nsame:x:4:web\n"
)

func TestParseUser(t *testing.T) {
	root := User{Name: "root", Home: "/root", Groups: []uint32{4}}
	web := User{UID: 33, GID: 33, Name: "web", Home: "/var/www", Groups: []uint32{4, 99}}
	for spec, want := range map[string]User{
		"": root, "0": root, "root": root, "00": root,
		"web": web, "33": web,
		"web:adm":     {UID: 33, GID: 4, Name: "web", Home: "/var/www"},
		"33:77":       {UID: 33, GID: 77, Name: "web", Home: "/var/www"},
		"1234":        {UID: 1234, Home: "/"},
		"1234:log":    {UID: 1234, GID: 99, Home: "/"},
		"65535:65535": {UID: 65535, GID: 65535, Home: "/"},
		":log":        {GID: 99, Name: "root", Home: "/root"},
	} {
		got, err := ParseUser([]byte(testPasswd), []byte(testGroup), spec, nil)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v %v, want %+v", spec, got, err, want)
		}
	}
	got, err := ParseUser([]byte(testPasswd), []byte(testGroup), "web", []string{"7", "log", "root"})
	if err != nil || !reflect.DeepEqual(got.Groups, []uint32{0, 4, 7, 99}) {
		t.Errorf("extra groups: %+v %v", got, err)
	}
}

func TestParseUserRefuses(t *testing.T) {
	for spec, why := range map[string]string{
		"4294967296":            "0 to 65535", // also a name in the image: CVE-2026-46680
		"65536":                 "0 to 65535",
		"99999999999999999999":  "0 to 65535",
		"2147483648":            "0 to 65535",
		"0:4294967295":          "0 to 65535",
		"big":                   "0 to 65535",
		"biggroup":              "0 to 65535",
		"neg":                   "not a decimal",
		"word":                  "not a decimal",
		"nohome":                "0 to 65535", // through its group "huge"
		"-1":                    "no such user",
		"+0":                    "no such user",
		"nobody":                "no such user",
		"root:nogroup":          "no such group",
		"root:":                 "write it as",
		"a:b:c":                 "write it as",
		"root\nroot":            "no such user",
		"root:root\n":           "no such group",
		"broken":                "no such user",
		"0x0":                   "no such user",
		"ro\u200bot":            "no such user",
		"\u0660":                "no such user", // a digit, but not of ours
		strings.Repeat("a", 99): "no such user",
	} {
		got, err := ParseUser([]byte(testPasswd), []byte(testGroup), spec, nil)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %+v, error %v, want one about %q", spec, got, err, why)
		}
	}
}

func TestLookupUserBounds(t *testing.T) {
	l := layered(t, func(at func(int) string) {
		tree(t, at(0), "etc/")
		WriteLayer(at(1), []File{{Path: "etc/group", Mode: 0o644, Data: []byte(strings.Repeat("g:x:1:root\n", 100000))}})
	})
	if _, err := l.LookupUser("root", nil); err == nil || !strings.Contains(err.Error(), "larger than 1048576") {
		t.Errorf("a huge group file: %v", err)
	}
	if _, err := ParseUser([]byte(strings.Repeat("\n", 70000)), nil, "root", nil); err == nil || !strings.Contains(err.Error(), "65,536 lines") {
		t.Errorf("many lines: %v", err)
	}
	empty := layered(t, func(func(int) string) {})
	if u, err := empty.LookupUser("5:6", nil); err != nil || u.UID != 5 || u.GID != 6 {
		t.Errorf("an image without accounts: %+v %v", u, err)
	}
}

func FuzzParseUser(f *testing.F) {
	f.Add([]byte(testPasswd), []byte(testGroup), "web:adm", "log")
	f.Add([]byte("a:x:65536:0"), []byte("g:::"), "a", "")
	f.Fuzz(func(t *testing.T, passwd, group []byte, spec, extra string) {
		u, err := ParseUser(passwd, group, spec, []string{extra})
		if err != nil {
			return
		}
		for _, id := range append(u.Groups, u.UID, u.GID) {
			if id >= IDs {
				t.Fatalf("%q gives id %d", spec, id)
			}
		}
		if u.Home == "" || u.Home[0] != '/' || strings.Contains(u.Name, ":") {
			t.Fatalf("%q gives %+v", spec, u)
		}
	})
}
