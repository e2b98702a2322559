package cli

import (
	"slices"
	"testing"
)

// Whatever of Docker's the user has set, Compose is led to the node that was chosen.
func TestComposeEnvironment(t *testing.T) {
	t.Setenv("BAILEY_CONFIG", "/home/u/.bailey")
	got := composeEnvironment([]string{"PATH=/bin", "DOCKER_HOST=unix:///var/run/docker.sock", "DOCKER_CONTEXT=prod", "DOCKER_CONFIG=/x",
		"DOCKER_TLS_VERIFY=1", "COMPOSE_PROJECT_NAME=p"}, "unix:///node.sock")
	want := []string{"PATH=/bin", "COMPOSE_PROJECT_NAME=p", "DOCKER_HOST=unix:///node.sock", "DOCKER_CONFIG=/home/u/.bailey"}
	if !slices.Equal(got, want) {
		t.Errorf("environment %v, want %v", got, want)
	}
}
