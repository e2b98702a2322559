package client

import "testing"

func TestUnauthorized(t *testing.T) {
	for text, want := range map[string]string{
		"failed to push r.example/a: unexpected status from HEAD request to https://r.example:5000/v2/a/blobs/sha256:00: 401 Unauthorized": "r.example:5000",
		"failed to fetch oauth token: unexpected status from GET request to https://auth.example/token?scope=x: 401 Unauthorized":          "",
		"exit code: 1":       "",
		": 401 Unauthorized": "",
	} {
		if got := unauthorized(text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
