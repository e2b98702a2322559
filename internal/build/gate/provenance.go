package gate

import (
	"strings"

	controlapi "github.com/moby/buildkit/api/services/control"
)

// attestProvenance is the attribute by which clients ask for provenance.
const attestProvenance = "attest:provenance"

// recordProvenance makes every build that gives an image record where it comes from, in the form of SLSA v1.
func recordProvenance(r *controlapi.SolveRequest) {
	// A build that calls itself internal, or whose client names the exporters later, gives an image like any other.
	if len(r.Exporters) == 0 && r.ExporterDeprecated == "" && !r.EnableSessionExporter {
		return
	}
	if r.FrontendAttrs == nil {
		r.FrontendAttrs = map[string]string{}
	}
	asked, ok := r.FrontendAttrs[attestProvenance]
	switch {
	case !ok || strings.Contains(asked, "disabled=true"):
		// In images only: who exports files did not ask for one more.
		r.FrontendAttrs[attestProvenance] = "mode=min,inline-only=true,version=v1"
	case !strings.Contains(asked, "version="):
		r.FrontendAttrs[attestProvenance] = strings.TrimPrefix(asked+",version=v1", ",")
	}
}

// rewriteTimes has a build that is to be reproducible give every file the time that was asked for: without that the times
// of its steps would be in the layers.
func rewriteTimes(r *controlapi.SolveRequest) {
	if r.FrontendAttrs["build-arg:SOURCE_DATE_EPOCH"] == "" {
		return
	}
	for _, e := range r.Exporters {
		switch e.Type {
		case "image", "moby", "oci", "docker":
		default:
			continue
		}
		if _, ok := e.Attrs["rewrite-timestamp"]; ok {
			continue
		}
		if e.Attrs == nil {
			e.Attrs = map[string]string{}
		}
		e.Attrs["rewrite-timestamp"] = "true"
	}
}
