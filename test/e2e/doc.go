// Package e2e drives real nodes from outside, as users and their tools do: through the command line, the API, a stock docker
// client, and signals. It imports nothing of the engine. Nodes come from package harness, which runs each in namespaces of
// its own and fails the test for whatever a node leaves behind.
package e2e
