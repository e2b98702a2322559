package sandbox

// The rules: each names one kind of relaxation, as [[allow]] entries and
// refusals write it. What the values of a rule are is said beside it.
const (
	RulePrivileged       = "privileged"         // no values; covers cap-add, security-opt, seccomp, unmasked-paths and devices
	RuleCapAdd           = "cap-add"            // capability names without CAP_, or ALL
	RuleSecurityOpt      = "security-opt"       // the option: seccomp=unconfined, seccomp=custom, apparmor=NAME, label=disable, no-new-privileges=false …
	RuleSeccomp          = "seccomp"            // groups of system calls that syscalls=+GROUP opens
	RuleUnmaskedPaths    = "unmasked-paths"     // paths of /proc and /sys, or all
	RuleWritableRoot     = "writable-root"      // no values
	RuleHostNamespace    = "host-namespace"     // pid, ipc, uts, cgroup, time, user, network
	RuleJoinNamespace    = "join-namespace"     // pid, ipc, network
	RuleDevice           = "device"             // paths of the host
	RuleDeviceCgroupRule = "device-cgroup-rule" // the rules themselves
	RuleMountOption      = "mount-option"       // exec, suid, dev, propagation
	RuleSysctl           = "sysctl"             // names
	RuleLimit            = "limit"              // memory, swap, pids, log, disk, oom-kill-disable, oom-score-adj, cpu-realtime, or a ulimit's name
	RuleCgroupParent     = "cgroup-parent"      // paths
	RuleRuntime          = "runtime"            // names
	RuleAnnotation       = "annotation"         // keys
	RuleCommit           = "commit"             // no values; about an image and not about a container
	RuleBuildNetwork     = "build-network"      // outbound, host: what the steps of an image build reach
	RuleBuildSource      = "build-source"       // addresses that a build fetches: git and http contexts, ADD
	RuleBuildFrontend    = "build-frontend"     // images that read a build's file instead of the reader that is built in
	RuleBrokenControl    = "broken-control"     // controls that a proof has shown not to hold
	RuleHostMount        = "host-mount"         // allowed by [[host-mount]], not by [[allow]]
)
