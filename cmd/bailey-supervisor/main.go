// Command bailey-supervisor watches over one container. The daemon spawns it;
// it is of no use by hand.
package main

import (
	"os"

	"github.com/bailey-run/bailey/internal/runtime/supervise"
)

func main() { os.Exit(supervise.Main(os.Args[1:])) }
