package rootfs

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// User is who a container's process runs as, in the container's own ids.
type User struct {
	UID, GID uint32
	Groups   []uint32 // supplementary, sorted, without duplicates
	Name     string   // empty when the image does not know the uid
	Home     string   // "/" when the image does not know it
}

// Bounds on the account files of an image, which its author writes: a file of
// gigabytes must not be read for every start (CVE-2026-47262).
const (
	maxAccountBytes = 1 << 20
	maxAccountLines = 1 << 16
)

// LookupUser resolves a "user[:group]", of names or numbers, as an image or a
// request gives it, against the image's own /etc/passwd and /etc/group; an
// empty user is root. extra are further groups, names or numbers, to add.
func (l *Layers) LookupUser(spec string, extra []string) (User, error) {
	passwd, err := l.accounts("/etc/passwd")
	if err != nil {
		return User{}, err
	}
	group, err := l.accounts("/etc/group")
	if err != nil {
		return User{}, err
	}
	return ParseUser(passwd, group, spec, extra)
}

// accounts reads one of the account files; an image may well have none.
func (l *Layers) accounts(path string) ([]byte, error) {
	data, err := l.ReadFile(path, maxAccountBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// ParseUser is LookupUser on the contents of the two files.
//
// A string of digits is always a number and never a name: a name that looks
// like a number too large to be one has been used to become root
// (CVE-2026-46680). Numbers over 65,535 do not exist in a container
// (CVE-2024-40635 was one that overflowed).
func ParseUser(passwd, group []byte, spec string, extra []string) (User, error) {
	userPart, groupPart, hasGroup := strings.Cut(spec, ":")
	if userPart == "" {
		userPart = "0"
	}
	if (hasGroup && groupPart == "") || strings.Contains(groupPart, ":") {
		return User{}, userError(spec, "write it as name, uid, name:group or uid:gid")
	}
	for _, f := range [][]byte{passwd, group} {
		if len(f) > maxAccountBytes || strings.Count(string(f), "\n") > maxAccountLines {
			return User{}, userError(spec, "the image's /etc/passwd or /etc/group has more than 1 MiB or 65,536 lines")
		}
	}
	u, err := findUser(passwd, userPart)
	if err != nil {
		return User{}, err
	}
	groups := parseGroups(group)
	if hasGroup {
		if u.GID, err = findGroup(groups, groupPart); err != nil {
			return User{}, err
		}
	} else if u.Name != "" {
		for _, g := range groups {
			if slices.Contains(g.members, u.Name) {
				if g.id, err = id(g.number, "group "+g.name); err != nil {
					return User{}, err
				}
				u.Groups = append(u.Groups, g.id)
			}
		}
	}
	for _, e := range extra {
		gid, err := findGroup(groups, e)
		if err != nil {
			return User{}, err
		}
		u.Groups = append(u.Groups, gid)
	}
	slices.Sort(u.Groups)
	u.Groups = slices.Compact(u.Groups)
	return u, nil
}

// findUser looks a name or a number up. A number need not be known.
func findUser(passwd []byte, want string) (User, error) {
	numeric := allDigits(want)
	u := User{Home: "/"}
	var err error
	if numeric {
		if u.UID, err = id(want, "user"); err != nil {
			return User{}, err
		}
	}
	for line := range strings.SplitSeq(string(passwd), "\n") {
		// name:password:uid:gid:gecos:home:shell, as in passwd(5).
		f := strings.Split(strings.TrimSuffix(line, "\r"), ":")
		if len(f) < 4 || f[0] == "" || strings.HasPrefix(f[0], "#") {
			continue
		}
		if numeric {
			if n, err := id(f[2], ""); err != nil || n != u.UID {
				continue
			}
		} else if f[0] != want {
			continue
		}
		u.Name = f[0]
		if u.UID, err = id(f[2], "user "+u.Name); err != nil {
			return User{}, err
		}
		if u.GID, err = id(f[3], "the group of user "+u.Name); err != nil {
			return User{}, err
		}
		if len(f) > 5 && strings.HasPrefix(f[5], "/") {
			u.Home = f[5]
		}
		return u, nil
	}
	if !numeric {
		return User{}, userError(want, "the image's /etc/passwd has no such user; use one that it has, or a number")
	}
	return u, nil
}

type groupLine struct {
	name, number string
	id           uint32
	members      []string
}

func parseGroups(group []byte) []groupLine {
	var groups []groupLine
	for line := range strings.SplitSeq(string(group), "\n") {
		// name:password:gid:member,member, as in group(5).
		f := strings.Split(strings.TrimSuffix(line, "\r"), ":")
		if len(f) < 3 || f[0] == "" || strings.HasPrefix(f[0], "#") {
			continue
		}
		g := groupLine{name: f[0], number: f[2]}
		if len(f) > 3 && f[3] != "" {
			g.members = strings.Split(f[3], ",")
		}
		groups = append(groups, g)
	}
	return groups
}

func findGroup(groups []groupLine, want string) (uint32, error) {
	if allDigits(want) {
		return id(want, "group")
	}
	for _, g := range groups {
		if g.name == want {
			return id(g.number, "group "+want)
		}
	}
	return 0, userError(want, "the image's /etc/group has no such group; use one that it has, or a number")
}

// id parses a number of the container's range.
func id(s, what string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || !allDigits(s) {
		return 0, userError(what+" "+s, "it is not a decimal number")
	}
	if err != nil || n >= IDs {
		return 0, userError(what+" "+s, "a container has the ids 0 to 65535 only; use one of them")
	}
	return uint32(n), nil
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func userError(what, why string) error {
	return &Error{"resolve user or group", strconv.Quote(what), errors.New(why)}
}

func itoa(n int) string { return strconv.Itoa(n) }
