package engine

import (
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/moby/moby/api/types/events"
)

// actionProof is the event of a proof that found something else than the one before.
const actionProof events.Action = "proof"

// SetBroken says which controls the newest proof has shown not to hold. What
// is created from now on needs an entry of the policy for each.
func (e *Engine) SetBroken(controls []string) { e.broken.Store(&controls) }

// Unready returns the controls that are broken and that the policy accepts for
// nobody: a node with such a control is not ready for containers.
func (e *Engine) Unready() []string { return e.policy.Load().Unaccepted(e.facts().Broken) }

// ProofChanged tells listeners that a proof found something else than the one before.
func (e *Engine) ProofChanged(attributes map[string]string) {
	e.events.Publish(events.DaemonEventType, actionProof, e.opts.Node, attributes)
}

// facts are those of the host, with what proofs found out since.
func (e *Engine) facts() sandbox.HostFacts {
	f := e.opts.Facts
	if broken := e.broken.Load(); broken != nil {
		f.Broken = *broken
	}
	return f
}
