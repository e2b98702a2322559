// Package suite runs attack tests that users write: the test which shows that
// last month's breach cannot happen again.
//
// A test is a YAML file. It names a service, an attack on it, how the attack
// looks when it is refused, and a twin: what differs in the weak variant, on
// which the same attack must succeed. Both are started with the node's default
// posture, on a network of their own, through the API and with the rights of
// whoever runs the suite. Verdicts are those of package prove.
//
// Where things are: file is what a test says, load reads and checks it, run
// plays both halves, stage starts and removes containers, seen looks at how an
// attack ended.
package suite
