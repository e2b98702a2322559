package engine

import (
	"testing"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

func TestCheckFilters(t *testing.T) {
	for key, values := range map[string][2]string{
		"status": {"running", "walking"}, "exited": {"-1", "x"}, "health": {"none", "well"}, "is-task": {"false", "perhaps"},
		"publish": {"8000-8080/tcp", "80-x"}, "expose": {"53/udp", "many"}, "name": {"anything at all", ""}, "nonsense": {"", "x"},
	} {
		if err := checkFilters(Filters{key: {values[0]}}, containerFilters); key != "nonsense" && err != nil {
			t.Errorf("%s=%s: %v", key, values[0], err)
		}
		if err := checkFilters(Filters{key: {values[1]}}, containerFilters); key != "name" && !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s=%s: %v", key, values[1], err)
		}
	}
}

func TestHasPort(t *testing.T) {
	rec := &store.Container{}
	rec.Config.ExposedPorts = network.PortSet{network.MustParsePort("53/udp"): {}, network.MustParsePort("8042/tcp"): {}}
	rec.HostConfig = container.HostConfig{PortBindings: network.PortMap{network.MustParsePort("8042/tcp"): nil}}
	for v, want := range map[string][2]bool{"8042": {true, true}, "8000-8080/tcp": {true, true}, "53/udp": {true, false}, "53": {false, false}, "8043-8080": {false, false}} {
		if exposed, published := hasPort(rec, v, false), hasPort(rec, v, true); exposed != want[0] || published != want[1] {
			t.Errorf("%s: exposed %v, published %v", v, exposed, published)
		}
	}
}
