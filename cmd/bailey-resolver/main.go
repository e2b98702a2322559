// Command bailey-resolver answers the DNS queries of a node's containers. The
// daemon starts it; it is of no use by hand.
package main

import (
	"os"

	"github.com/bailey-run/bailey/internal/network/resolver/process"
)

func main() { os.Exit(process.Main(os.Args[1:])) }
