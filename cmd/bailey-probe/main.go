// Command bailey-probe attacks the container that it is started in, and says
// how that went: it is what `bailey prove` puts into containers.
package main

import (
	"fmt"
	"os"

	"github.com/bailey-run/bailey/internal/prove/act"
	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/registry"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "do" {
		if err := act.Do(os.Args[2:], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(probe.Program(os.Args[0], os.Args[1:], registry.Probes(), os.Stdout))
}
