package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestComposeShows(t *testing.T) {
	for line, want := range map[string]bool{
		"logs": true, "logs -f web": true, "-f a.yaml -p x logs": true, "--file=a.yaml logs": true, "--profile logs exec web sh": false,
		"up": true, "up --build": true, "up -d": false, "up --wait web": false, "ps -a": true, "exec web sh": false, "run web": false,
		"": false, "--help": false, "down -v": false, "-f": false,
	} {
		if got := composeShows(strings.Fields(line)); got != want {
			t.Errorf("%q prints what containers wrote: %t", line, got)
		}
	}
}

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
