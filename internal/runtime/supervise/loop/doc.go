// Package loop waits for file descriptors and timers on one thread.
//
// A supervisor runs once per container, and what it costs while nothing
// happens is what counts. One goroutine on epoll needs neither a stack per
// connection nor the runtime's network poller.
package loop
