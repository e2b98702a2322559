package supervise

import "errors"

var (
	errEnded      = errors.New("the process has ended")
	errNoExec     = errors.New("no such exec")
	errNoTerminal = errors.New("the process has no terminal")
	errTooMany    = errors.New("too many execs at once in this container")
	errTwice      = errors.New("this exec has been started already")
	errNotRunning = errors.New("the container is not running")
	errNoPid      = errors.New("the runtime did not say which process it started")
	errNoConsole  = errors.New("the runtime did not hand over the terminal")
)
