package sandbox

// Compute decides the posture of a container. Every relaxation that the
// policy does not allow to the caller is a *RefusalError and everything that
// makes no sense an *InvalidError; all of them come joined in one error.
func Compute(r Request, policy Policy, caller Caller, facts HostFacts) (Posture, error) {
	return Posture{}, nil
}
