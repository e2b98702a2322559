package remote

import "testing"

func TestWithoutSecrets(t *testing.T) {
	for in, want := range map[string]string{
		"https://user:token@host.example/a/b.git?x=secret#y": "https://host.example/a/b.git",
		"https://token@host.example/a":                       "https://host.example/a",
		"git@host.example:a/b.git":                           "ssh://host.example/a/b.git",
		"ssh://git@host.example:22/a":                        "ssh://host.example:22/a",
		"a:b@c@host.example:p":                               "ssh://host.example/p",
		"https://u:p@ss%zz@host/a":                           "",
		"/srv/git/a":                                         "",
		"../a":                                               "",
		"":                                                   "",
		"file:///srv/a":                                      "",
	} {
		if got := WithoutSecrets(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
	if got := AsGit("https://h/a"); got != "git+https://h/a" {
		t.Error(got)
	}
}
