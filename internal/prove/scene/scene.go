// Package scene is an attack that takes more than one actor: two containers, a
// container and the host, an archive and the one who unpacks it, a client and
// the API. It runs from the prover's side, on a Stage.
//
// Scenes are declared beside the controls that they attack, as in
// internal/network/scenes. The rules of package probe hold for them as well:
// they act only on what they made, and the stage takes away what they leave.
package scene

import (
	"context"
	"net"
	"net/netip"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// Label marks whatever the prover makes; leftovers are found by it.
const Label = "run.bailey.prove"

// Scene is one attack that must fail, and its twin that must succeed.
type Scene struct {
	// ID is the control's name, a slash, and a name among the control's attacks. It never changes.
	ID string
	// Control is the name of the control that must stop the attack.
	Control string
	// Tries says what is tried, as in "reach another container".
	Tries string
	// Source is the CVE, advisory or specification that the attack goes back to.
	Source string
	// Attack returns nil when it worked, an error that says what stopped it, and one made by
	// probe.Untried when it could not be tried.
	Attack func(ctx context.Context, s Stage) error
	// Shares names the twin where several scenes have the very same one: it is played once in a proof.
	Shares string
	// Waits says that being stopped takes a while, for no answer comes: it is played beside others of that kind, with which
	// it must not share what it changes.
	Waits bool
	// Twin is the same attack where it must succeed, with the same results.
	Twin func(ctx context.Context, s Stage) error
}

// Image is what the images are called that scenes load.
const Image = "bailey.local/prove:scene"

// Stage is where a scene is played. Whatever is made on it is removed when the
// scene is over.
type Stage interface {
	// Start starts a container that waits. The program that it runs is the prover's own.
	Start(ctx context.Context, o Options) (Actor, error)
	// Share makes something once for a whole proof, by its name: what takes long and is not changed by those who use it.
	// It is removed at the end. See Once.
	Share(ctx context.Context, name string, make func(context.Context, Stage) (any, error)) (any, error)
	// Network makes a network of the engine and returns its name.
	Network(ctx context.Context, o client.NetworkCreateOptions) (string, error)
	// Secret puts a secret into the engine's store, by a name.
	Secret(ctx context.Context, name, value string) error
	// Load gives the engine an archive of images and returns its refusal. Images in it are called Image.
	Load(ctx context.Context, archive []byte) error
	// API is the engine's, as the prover may use it: every relaxation is allowed to it.
	API() *client.Client
	// Stranger is the engine's API as somebody uses it to whom no policy allows anything.
	Stranger() *client.Client
	// Dial opens a connection to the API as the stranger, for requests that no client would send.
	Dial(ctx context.Context) (net.Conn, error)
	// Image is the id of the image that Start uses; its entry point is the program that acts.
	Image() string
	// Program is that program, static.
	Program() []byte
}

// Options is what a container of a scene differs in from the default. Off
// names controls that are off.
type Options struct {
	Off     []string
	Config  container.Config
	Host    container.HostConfig
	Network *network.NetworkingConfig
}

// Actor is a container of a scene.
type Actor interface {
	// ID is the container's.
	ID() string
	// Address is its address on a network, or on its only one when name is empty.
	Address(ctx context.Context, name string) (netip.Addr, error)
	// PID is its first process, as the host of the engine numbers it.
	PID(ctx context.Context) (int, error)
	// Do has it act (see package act), as root, and returns what the act printed. An act that was
	// stopped is an error that says by what.
	Do(ctx context.Context, action ...string) (string, error)
	// DoAs does the same in a process that differs as the options say: its user, directory, environment.
	DoAs(ctx context.Context, o client.ExecCreateOptions, action ...string) (string, error)
	// Begin has it act in the background, until the scene is over, and returns when the act says that it is ready.
	Begin(ctx context.Context, action ...string) error
}

// Once is Share for a value of one type.
func Once[T any](ctx context.Context, s Stage, name string, make func(context.Context, Stage) (T, error)) (T, error) {
	made, err := s.Share(ctx, name, func(ctx context.Context, s Stage) (any, error) { return make(ctx, s) })
	value, _ := made.(T)
	return value, err
}
