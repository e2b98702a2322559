// Package remote writes the addresses of git repositories without what somebody has put into them to get in.
package remote

import (
	"net/url"
	"strings"
)

// WithoutSecrets is a remote without password, token and query. What cannot be read is left out whole, for it may hold one.
func WithoutSecrets(remote string) string {
	if !strings.Contains(remote, "://") { // as ssh knows it: user@host:path
		host, path, ok := strings.Cut(remote[strings.LastIndexByte(remote, '@')+1:], ":")
		if !ok || host == "" || strings.ContainsAny(host, "/") {
			return ""
		}
		return "ssh://" + host + "/" + strings.TrimPrefix(path, "/")
	}
	u, err := url.Parse(remote)
	if err != nil || u.Host == "" {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// AsGit is a remote as SLSA and package URLs write it: git+https://host/path.
func AsGit(remote string) string {
	if strings.HasPrefix(remote, "git://") || strings.HasPrefix(remote, "git+") {
		return remote
	}
	return "git+" + remote
}
