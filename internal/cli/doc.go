// Package cli is the command line: Docker's verbs under Bailey's name, and
// Bailey's own.
//
// Docker's verbs are Docker's code (github.com/docker/cli), with its flags,
// output formats and exit codes, so that habits and scripts keep working. What
// is different is written down one subject a file:
//
//	docker.go    which of its verbs are served, and how they are taken over
//	brand.go     what they are called
//	support.go   which flags need what from the node
//	host.go      which node is meant: --host, BAILEY_HOST, never DOCKER_HOST
//	client.go    what is done to requests and answers on their way
//	terminal.go  what containers may do to the terminal: write text
//	run.go       flags that `run` and `create` have here, and the dry run
//	lint.go      `build --lint`, which needs no node
//	init.go      `init`, which writes a Dockerfile
//	explain.go   what is said when a node cannot be reached
//
// Bailey's own verbs are in posture.go, info.go and node.go. Nothing of
// Docker's configuration is read, no plugin is executed, nothing is reported
// to anyone.
package cli
