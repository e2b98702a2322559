package engine

import (
	"fmt"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/containerd/errdefs"
)

// secretMode lets the container's user read a secret and nobody write it.
const secretMode = 0o400

// secrets fetches what the container was promised, for delivery into memory.
// The files belong to the user that the container's process runs as.
func (e *Engine) secrets(rec *store.Container, idBase uint32) ([]runtime.Secret, error) {
	var out []runtime.Secret
	for _, name := range rec.Posture.Secrets {
		value, err := e.opts.Secrets.Get(name)
		if err != nil {
			return nil, fmt.Errorf("container %s: %w", rec.Name, err)
		}
		who := rec.Posture.Identity
		out = append(out, runtime.Secret{Name: name, Data: value.Reveal(), UID: idBase + who.UID, GID: idBase + who.GID, Mode: secretMode})
	}
	return out, nil
}

// checkSecrets refuses a container that is promised what the node does not have.
func (e *Engine) checkSecrets(names []string) error {
	for _, name := range names {
		if err := e.opts.Secrets.Check(name); err != nil {
			// Not "not found": clients take that for the image and pull it.
			return fmt.Errorf("%v: %w", err, errdefs.ErrInvalidArgument)
		}
	}
	return nil
}
