package sandbox

// Policy is what the administrator of a node allows beyond the default. The
// zero value allows nothing.
type Policy struct {
	// Path is where the policy was read from; refusals name it.
	Path string
	// Allow are the relaxations, HostMounts the host's paths that containers may mount.
	Allow      []Allow
	HostMounts []HostMount
}

// Allow is one [[allow]] entry: it allows the relaxation Rule, for these
// Values of it, to these Callers. Values may hold "*". A caller is a user
// name, uid:N, group:NAME or "*".
type Allow struct {
	Rule    string   `toml:"rule"`
	Values  []string `toml:"values"`
	Callers []string `toml:"callers"`
	Reason  string   `toml:"reason"`
}

// HostMount is one [[host-mount]] entry: the callers may mount Path and what
// lies below it, only for reading when ReadOnly.
type HostMount struct {
	Path     string   `toml:"path"`
	ReadOnly bool     `toml:"readonly"`
	Callers  []string `toml:"callers"`
	Reason   string   `toml:"reason"`
}
