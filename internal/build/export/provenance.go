package export

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/exporter"

	"github.com/bailey-run/bailey/internal/build/remote"
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

// builderID names who built, as SLSA wants it: an address.
const builderID = "https://github.com/bailey-run/bailey"

// uploads is how BuildKit names files that a client sent. Its addresses mean nothing once the build is over.
const uploads = "http://buildkit-session/"

// nameSource puts the client's repository and commit into a predicate of the type, and takes out what differs from
// build to build: the same files give the same document, so that building them again gives the same image. When it was
// built is in the image's configuration. What stands beside is kept. Source: https://slsa.dev/spec/v1.0/provenance.
func nameSource(data []byte) ([]byte, error) {
	var p map[string]any
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("read the provenance: %w", err)
	}
	run, definition := table(p, "runDetails"), table(p, "buildDefinition")
	table(run, "builder")["id"] = builderID
	meta := table(run, "metadata")
	for _, key := range []string{"startedOn", "finishedOn", "invocationId", "invocationID"} {
		delete(meta, key)
	}
	nameUploads(definition)
	config := table(table(definition, "externalParameters"), "configSource")
	if uri, _ := config["uri"].(string); uri == "" || strings.HasPrefix(uri, uploads) {
		delete(config, "uri")
		delete(config, "digest")
		nameRepository(config, table(table(meta, "buildkit_metadata"), "vcs"))
	}
	return json.MarshalIndent(p, "", "  ")
}

// nameRepository takes the source from what the client said of its directory.
func nameRepository(config, vcs map[string]any) {
	source, _ := vcs["source"].(string)
	revision, _ := vcs["revision"].(string)
	if source = remote.WithoutSecrets(source); source == "" && revision == "" {
		return
	}
	commit, dirty := strings.CutSuffix(revision, "-dirty")
	if source != "" {
		config["uri"], vcs["source"] = remote.AsGit(source), source
	} else {
		delete(vcs, "source")
	}
	if commit != "" {
		config["digest"] = map[string]any{"gitCommit": commit}
		config["dirty"] = dirty
	}
}

// nameUploads calls files that came from the client what they are.
func nameUploads(definition map[string]any) {
	list, _ := definition["resolvedDependencies"].([]any)
	for _, item := range list {
		d, ok := item.(map[string]any)
		if uri, _ := d["uri"].(string); ok && strings.HasPrefix(uri, uploads) {
			delete(d, "uri")
			d["name"] = "the files that the client sent"
		}
	}
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
