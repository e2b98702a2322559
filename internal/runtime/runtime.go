package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/bailey-run/bailey/internal/runtime/cgroup"
	"github.com/bailey-run/bailey/internal/runtime/payload"
	"github.com/bailey-run/bailey/internal/runtime/supervise"
)

// Runtime executes containers for one node.
type Runtime struct {
	opts    Options
	cgroups *cgroup.Manager
	opened  func() error // fills in what follows, once; see Programs

	info       Info
	oci        *payload.Program
	supervisor *payload.Program
	init       *payload.Program
	resolver   *payload.Program
}

const (
	// ociDir is where the OCI runtime keeps its state, below RunDir.
	ociDir = "oci"
	// ledgerName is the file below RunDir with what is known of the programs.
	ledgerName = "programs.json"
)

// Open opens the node's control groups and begins to check its programs; see
// [Runtime.Programs].
func Open(ctx context.Context, o Options) (*Runtime, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Runtime{opts: o}
	if err := os.MkdirAll(o.RunDir, 0o711); err != nil {
		return nil, err
	}
	if err := checkSearchable(o.RunDir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(r.runtimeDir(), 0o700); err != nil {
		return nil, err
	}
	r.prune()
	r.opened = sync.OnceValue(func() error { return r.openPrograms(ctx) })
	go func() { _ = r.opened() }()
	var err error
	r.cgroups, err = cgroup.Open(o.Node)
	return r, err
}

// Programs waits until the shipped programs are unpacked, and the OCI
// runtime's version and digest are checked (*UnsafeRuntimeError,
// *NotBuiltError). Reading them takes a while, in which what runs already can
// be adopted; whoever executes one waits here.
func (r *Runtime) Programs() error { return r.opened() }

// openPrograms opens what is shipped and what is configured, side by side.
func (r *Runtime) openPrograms(ctx context.Context) error {
	ledger := payload.OpenLedger(filepath.Join(r.opts.RunDir, ledgerName), bootID())
	var all sync.WaitGroup
	var errs [4]error
	all.Go(func() { r.supervisor, errs[0] = r.unpack(ledger, payload.Supervisor) })
	all.Go(func() { r.init, errs[1] = r.unpack(ledger, payload.Init) })
	all.Go(func() { r.resolver, errs[2] = r.unpack(ledger, payload.Resolver) })
	all.Go(func() { errs[3] = r.openOCI(ctx, ledger) })
	all.Wait()
	if err := ledger.Save(); err != nil {
		r.opts.Log.Warn("the next start will check the shipped programs again", "error", err)
	}
	return errors.Join(errs[:]...)
}

func (r *Runtime) openOCI(ctx context.Context, ledger *payload.Ledger) (err error) {
	mend := "take a newer one, or leave the choice out of the configuration to use the one that Bailey ships"
	if r.opts.RuntimePath == "" {
		mend = "run `make build` again"
		r.oci, err = r.unpack(ledger, payload.Runc)
	} else {
		r.oci, err = ledger.Open(r.opts.RuntimePath)
	}
	if err != nil {
		return err
	}
	// The shipped one is a static file that says the same each time. Another may
	// be a script, or say what its libraries make it say.
	said := ""
	if r.opts.RuntimePath == "" {
		said = ledger.Said(r.oci)
	}
	if said == "" {
		if said, err = askVersion(ctx, r.oci.Path); err != nil {
			return err
		}
		ledger.Say(r.oci, said)
	}
	name, version, err := parseVersion(said)
	if err != nil {
		return err
	}
	r.info = Info{Name: name, Version: version, Path: r.oci.Path, Digest: r.oci.Digest()}
	return checkSafe(r.oci.Path, name, version, mend)
}

func (r *Runtime) binDir() string { return filepath.Join(r.opts.StateDir, "bin") }

// prune removes the programs of other versions of Bailey, unless a supervisor
// lives that may be one of them, or be about to execute one of them.
func (r *Runtime) prune() {
	foreign, err := payload.Foreign(r.binDir())
	if err == nil && len(foreign) == 0 {
		return
	}
	runs, listed := unknown(r.opts.RunDir, func(string) bool { return false })
	for _, id := range runs {
		lock, busy := lockRunDir(filepath.Join(r.opts.RunDir, id))
		if busy != nil {
			return
		}
		lock.Close()
	}
	if err = errors.Join(err, listed); err == nil {
		for _, dir := range foreign {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	if err != nil {
		r.opts.Log.Warn("programs of an earlier version are left", "dir", r.binDir(), "error", err)
	}
}

func (r *Runtime) unpack(ledger *payload.Ledger, name string) (*payload.Program, error) {
	p, err := ledger.Unpack(r.binDir(), name)
	if errors.Is(err, payload.ErrMissing) {
		return nil, &NotBuiltError{name}
	}
	return p, err
}

// checkSearchable makes sure that a container's root, who is nobody on the
// host, can reach its root file system.
func checkSearchable(dir string) error {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		st, err := os.Stat(d)
		if err != nil {
			return err
		}
		if st.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("%s cannot be entered by everyone, so no container could reach what is below it: `chmod o+x %s`, or choose another directory", d, d)
		}
		if d == filepath.Dir(d) {
			return nil
		}
	}
}

func (r *Runtime) runtimeDir() string { return filepath.Join(r.opts.RunDir, ociDir) }

// Info tells which OCI runtime is in use, once it is known; see [Runtime.Programs].
func (r *Runtime) Info() Info {
	_ = r.opened()
	return r.info
}

// Cgroups are the node's control groups.
func (r *Runtime) Cgroups() *cgroup.Manager { return r.cgroups }

// InitPath is the host path of the small static init that a spec may bind into
// a container as its first process.
func (r *Runtime) InitPath() string { return r.init.Path }

// MemfdHook is the command that a spec may name as its createRuntime hook: it
// keeps files in memory from being executed in the container.
func (r *Runtime) MemfdHook() []string { return []string{r.supervisor.Path, supervise.MemfdArg} }

// verify makes sure that what is about to be executed is what was checked.
func (r *Runtime) verify() error {
	if err := r.opened(); err != nil {
		return err
	}
	return r.verifyAll(r.supervisor, r.oci)
}

func (r *Runtime) verifyAll(programs ...*payload.Program) error {
	for _, p := range programs {
		err := p.Verify()
		var changed *payload.ChangedError
		if errors.As(err, &changed) {
			return &UnsafeRuntimeError{Path: p.Path, Version: r.info.Version, Why: "it was changed after it had been verified",
				Mend: "find out who replaced it, and restart bailey"}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
