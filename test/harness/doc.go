// Package harness runs real nodes for end-to-end tests, the demo and the benchmark: a `bailey up --dir` of its
// own in a temporary directory, in network and mount namespaces of its own, so that it disturbs neither the
// machine nor another engine on it, and several can run side by side.
//
// A test asks for a Node with New and gets one that is cleaned up whatever happens; what the node should have
// removed itself and did not is reported as the test's failure. Only processes, control groups and files that
// belong to the node's own directory are ever touched.
package harness
