package supervise

import "runtime/debug"

// Env is the environment that a supervisor is spawned with. It is what tunes
// its Go runtime before any of its code runs: one processor, huge pages off,
// and a collector that stays asleep until there is something to collect.
var Env = []string{"GOMAXPROCS=1", "GOGC=off", "GOMEMLIMIT=16MiB", "GODEBUG=disablethp=1"}

// freeMemory gives memory that is not in use back to the system.
func freeMemory() { debug.FreeOSMemory() }
