package export

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestNameSource(t *testing.T) {
	in := `{"buildDefinition":{"externalParameters":{"configSource":{"path":"Dockerfile","uri":"http://buildkit-session/abc","digest":{"sha256":"00"}}},
		"resolvedDependencies":[{"uri":"http://buildkit-session/abc","digest":{"sha256":"00"}},{"uri":"pkg:docker/x"}]},
		"runDetails":{"builder":{"id":""},"metadata":{"startedOn":"a","finishedOn":"b","invocationId":"c","kept":1,
		"buildkit_metadata":{"vcs":{"source":"https://me:secret@h.example/a.git","revision":"abc-dirty"}}}}}`
	out, err := nameSource([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"secret", "buildkit-session", "startedOn", "finishedOn", "invocationId"} {
		if strings.Contains(string(out), gone) {
			t.Errorf("%q is still there: %s", gone, out)
		}
	}
	var p struct {
		BuildDefinition struct {
			ExternalParameters struct {
				ConfigSource struct {
					URI, Path string
					Digest    map[string]string
					Dirty     bool
				}
			}
		}
		RunDetails struct{ Builder struct{ ID string } }
	}
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	c := p.BuildDefinition.ExternalParameters.ConfigSource
	if c.URI != "git+https://h.example/a.git" || c.Digest["gitCommit"] != "abc" || !c.Dirty || c.Path != "Dockerfile" || p.RunDetails.Builder.ID != builderID {
		t.Errorf("%+v", p)
	}
	// A repository that BuildKit fetched is known better than the client knows it.
	fetched := `{"buildDefinition":{"externalParameters":{"configSource":{"uri":"https://h/a.git#main","digest":{"sha1":"11"}}}}}`
	if out, err := nameSource([]byte(fetched)); err != nil || !strings.Contains(string(out), "https://h/a.git#main") {
		t.Errorf("%s %v", out, err)
	}
	if _, err := nameSource([]byte("no document")); err == nil {
		t.Error("nonsense was read")
	}
}
