// Package executor runs the commands of a build (BuildKit's ExecOp, RUN in a Dockerfile) in Bailey's sandbox. It takes
// the place of BuildKit's own executor, which mounts in the daemon's mount namespace, shares the host's user ids and
// leaves no-new-privileges off.
//
// It turns what BuildKit says of a step (snapshots, mounts, a process) into an engine.StepRequest. Every mount is handed
// on as directories, not as something mounted: the supervisor of the step mounts them, idmapped, in a mount namespace of
// its own, so that nothing is left in the host's when anything dies.
package executor
