package export

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/moby/buildkit/exporter"
)

// withSource has the provenance of a result name the repository and the commit that it was built from, as the client
// saw them, where BuildKit names the place from which it got the files: a session that is over, or nothing at all.
func withSource(src *exporter.Source) *exporter.Source {
	if len(src.Attestations) == 0 {
		return src
	}
	out := src.Clone()
	out.Attestations = map[string][]exporter.Attestation{}
	for platform, list := range src.Attestations {
		list = slices.Clone(list)
		for i := range list {
			content := list[i].ContentFunc
			if list[i].InToto.PredicateType != predicateType || content == nil {
				continue
			}
			list[i].ContentFunc = func(ctx context.Context) ([]byte, error) {
				data, err := content(ctx)
				if err != nil {
					return nil, err
				}
				return nameSource(data)
			}
		}
		out.Attestations[platform] = list
	}
	return out
}

// predicateType is that of provenance in the form of SLSA v1.
const predicateType = "https://slsa.dev/provenance/v1"

// predicate is the part of a predicate that is changed; what stands beside it stays. Source:
// https://slsa.dev/spec/v1.0/provenance.
type predicate = map[string]any

// nameSource puts the client's repository and commit into a predicate.
func nameSource(data []byte) ([]byte, error) {
	var p predicate
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("read the provenance: %w", err)
	}
	vcs := table(table(table(p, "runDetails"), "metadata"), "buildkit_metadata")["vcs"]
	v, _ := vcs.(map[string]any)
	source, _ := v["source"].(string)
	revision, _ := v["revision"].(string)
	config := table(table(table(p, "buildDefinition"), "externalParameters"), "configSource")
	if uri, _ := config["uri"].(string); uri != "" && !strings.HasPrefix(uri, "http://buildkit-session/") {
		return data, nil // a repository that BuildKit itself has fetched, and knows the commit of
	}
	delete(config, "uri")
	delete(config, "digest")
	if source = withoutSecrets(source); source != "" {
		commit, dirty := strings.CutSuffix(revision, "-dirty")
		config["uri"] = asGit(source)
		if commit != "" {
			config["digest"] = map[string]any{"gitCommit": commit}
		}
		config["dirty"] = dirty
		v["source"] = source
	}
	return json.MarshalIndent(p, "", "  ")
}

// table is a table in a table, made when it is missing.
func table(of map[string]any, key string) map[string]any {
	t, ok := of[key].(map[string]any)
	if !ok {
		t = map[string]any{}
		of[key] = t
	}
	return t
}

// withoutSecrets is a remote without the password or token that somebody has put into it. What cannot be read is left
// out, for it may hold one.
func withoutSecrets(remote string) string {
	if remote == "" {
		return ""
	}
	if !strings.Contains(remote, "://") { // as ssh knows it: user@host:path
		_, place, ok := strings.Cut(remote, "@")
		if !ok {
			place = remote
		}
		host, path, ok := strings.Cut(place, ":")
		if !ok || strings.ContainsAny(host, "/") {
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

// asGit is a remote as package URLs and SLSA write it: git+https://host/path.
func asGit(remote string) string {
	if strings.HasPrefix(remote, "git://") || strings.HasPrefix(remote, "git+") {
		return remote
	}
	return "git+" + remote
}
