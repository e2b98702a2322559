package host

// Problem is something the machine lacks.
type Problem struct {
	What  string // what is missing
	Why   string // what needs it
	Mend  string // the one command or setting that mends it
	Fatal bool   // no container can be run without it
}

// Check lists what this machine lacks, the fatal ones first.
func Check() []Problem { return nil }
