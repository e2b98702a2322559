// Command bench measures Bailey side by side with whatever engines and runtimes are installed, interleaved, in one
// run, and holds the ratios against SPECIFICATION.md.
//
// Every engine runs as a private instance of its own: own data, own socket, own network and mount namespaces. An
// engine that already runs on this machine is neither used nor disturbed. Numbers of one machine mean little on
// another; ratios of one run mean something.
package main
