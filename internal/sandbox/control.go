package sandbox

// Control is one row of a posture: what is the default, what is in force, and
// who allowed a difference.
type Control struct {
	// Control is the row's name; it never changes, probes refer to it.
	Control string
	Default string
	Actual  string
	// AllowedBy and Reason are set when the control is relaxed.
	AllowedBy string `json:",omitempty"`
	Reason    string `json:",omitempty"`
	// Relaxed says that Actual is weaker than Default, Absent that the host lacks what the control needs.
	Relaxed bool `json:",omitempty"`
	Absent  bool `json:",omitempty"`
}
