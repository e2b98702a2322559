package arch

// self is the import path that everything of the project begins with.
const self = "github.com/bailey-run/bailey/"

// capabilities are the parts that do one thing and know nothing of who asks for it.
var capabilities = []string{
	"internal/engine", "internal/image", "internal/build", "internal/sandbox", "internal/runtime", "internal/network",
	"internal/trust", "internal/scan", "internal/access", "internal/audit", "internal/secret", "internal/prove", "internal/bench",
}

// rule forbids imports. A pattern stands for the package of that path and all below it; paths of the project are
// written without its module.
type rule struct {
	name   string
	in     []string // packages the rule is for; none means every package
	except []string // packages it is not for
	forbid []string // imports that are refused
	only   []string // when not nil: the only imports outside the standard library that are allowed
	reason string
}

// rules are the one-way streets of the tree. A new exception needs a reason as good as the rule's.
var rules = []rule{
	{
		name:   "callers know capabilities, never the other way round",
		in:     capabilities,
		forbid: []string{"internal/api", "internal/cli", "internal/cluster", "internal/ship", "internal/ui", "cmd"},
		reason: "a capability that knows a caller cannot be used by another one, and drags HTTP or a terminal into every test",
	},
	{
		name:   "sandbox knows no other part",
		in:     []string{"internal/sandbox"},
		except: []string{"internal/sandbox/probes"}, // attacks on it, which know the kernel and not the sandbox
		only:   []string{"internal/sandbox", "github.com/opencontainers/runtime-spec", "github.com/moby/moby/api", "github.com/pelletier/go-toml/v2"},
		forbid: []string{"os", "io/fs", "io/ioutil", "net", "syscall", "log", "math/rand", "crypto/rand", "runtime", "unsafe", "context"},
		reason: "a posture is computed from its inputs alone: without I/O, clock or chance it can be tested by golden files, and what was audited is what runs",
	},
	{
		name:   "attacks from inside a container are standard library only",
		in:     []string{"internal/sandbox/probes", "internal/network/probes", "internal/runtime/probes", "internal/prove/probe", "internal/prove/act", "internal/prove/registry"},
		only:   []string{"internal/prove/probe", "internal/prove/act", "internal/sandbox/probes", "internal/network/probes", "internal/runtime/probes"},
		forbid: []string{"net/http"},
		reason: "they are linked into a small static program that runs where there is no library, and what they try must not depend on what the product believes",
	},
	{
		name:   "the supervisor protocol is standard library only",
		in:     []string{"internal/runtime/wire"},
		only:   []string{},
		forbid: []string{"net/http"},
		reason: "it is linked into every supervisor, of which there is one for each container",
	},
	{
		name:   "containerd lives in image",
		except: []string{"internal/image", "internal/build"},
		forbid: []string{"github.com/containerd/containerd"},
		reason: "its API moves with each release; one package absorbs that. Its small modules errdefs, log and platforms are modules of their own and are free",
	},
	{
		name:   "metrics live in api/metrics",
		except: []string{"internal/api/metrics"},
		forbid: []string{"github.com/prometheus"},
		reason: "what is counted is the API's affair; a part that registers collectors of its own has a global that tests share",
	},
	{
		name:   "YAML lives in proof suites",
		except: []string{"internal/prove/suite"},
		forbid: []string{"go.yaml.in/yaml", "gopkg.in/yaml.v3"},
		reason: "configuration and policies are TOML; suites are written beside Compose files",
	},
	{
		name:   "BuildKit lives in build",
		except: []string{"internal/build"},
		forbid: []string{"github.com/moby/buildkit"},
		reason: "it is the heaviest dependency there is; one package wraps it",
	},
	{
		name:   "SwarmKit lives in cluster",
		except: []string{"internal/cluster"},
		forbid: []string{"github.com/moby/swarmkit"},
		reason: "its types would otherwise become ours; one package translates",
	},
	{
		name:   "Docker's client code lives in cli",
		except: []string{"internal/cli"},
		forbid: []string{"github.com/docker/cli"},
		reason: "it is a command line with global state, made for a short-lived process",
	},
	{
		name:   "Docker's daemon code lives nowhere",
		forbid: []string{"github.com/docker/docker", "github.com/moby/moby/v2", "github.com/moby/moby/daemon"},
		reason: "Bailey speaks the API and takes only its types (github.com/moby/moby/api)",
	},
	{
		name:   "the kernel's network is talked to in one place",
		except: []string{"internal/network", "internal/runtime/nspool", "internal/cluster", "test"},
		forbid: []string{"github.com/vishvananda/netlink", "github.com/google/nftables", "github.com/miekg/dns"},
		reason: "every rule and every link has one owner that can list and remove it",
	},
	{
		name:   "databases are opened in one place each",
		except: []string{"internal/engine/store", "internal/image", "internal/audit", "internal/trust", "internal/cluster", "internal/build", "test"},
		forbid: []string{"go.etcd.io/bbolt"},
		reason: "a transactional store has one schema, one owner and one migration path; those of build are BuildKit's own",
	},
	{
		name:   "HTTP is spoken at the edges",
		in:     []string{"internal/engine", "internal/sandbox", "internal/runtime", "internal/network"},
		forbid: []string{"net/http"},
		reason: "the engine takes typed requests; a handler that leaked into it would be a second way in",
	},
	{
		name:   "other programs are executed in few places",
		except: []string{"internal/runtime", "internal/cli", "internal/build", "internal/prove", "internal/sandbox/probes", "cmd/bailey-init", "test", "hack"},
		forbid: []string{"os/exec"},
		reason: "data from outside must never become a command line; the OCI runtime is the one program that a start executes, and bailey-init executes the container's own from inside it",
	},
	{
		name:   "no cgo",
		forbid: []string{"C"},
		reason: "bin/bailey is one static file; what needs C (seccomp in the OCI runtime) is a program of its own",
	},
	{
		name:   "tests stay out of the product",
		in:     []string{"cmd", "internal"},
		except: []string{"internal/image/imagetest"},
		forbid: []string{"testing", "test"},
		reason: "the flags and the machinery of tests have no place in a daemon",
	},
}

// small lists programs that run beside the daemon, for each container or once. All that they link, directly or not, is looked at.
var small = []struct {
	program string
	only    []string // packages outside the standard library that they may link
	forbid  []string // packages of the standard library that they may not
}{
	{
		program: "cmd/bailey-supervisor",
		only:    []string{"cmd/bailey-supervisor", "internal/runtime/supervise", "internal/runtime/wire", "internal/runtime/rootfs", "golang.org/x/sys/unix"},
		forbid:  []string{"net/http", "crypto/tls", "text/template", "html/template", "log/slog", "encoding/gob", "go/ast", "regexp", "flag", "database/sql"},
	},
	{
		program: "cmd/bailey-resolver",
		only: []string{"cmd/bailey-resolver", "internal/network/resolver/process", "internal/network/resolver/channel", "internal/network/dns",
			"github.com/miekg/dns", "golang.org/x/net", "golang.org/x/sys/unix"},
		forbid: []string{"net/http", "text/template", "html/template", "log/slog", "encoding/json", "encoding/gob", "go/ast", "regexp", "flag", "database/sql", "os/exec"},
	},
	{
		program: "cmd/bailey-init",
		only:    []string{"cmd/bailey-init", "golang.org/x/sys/unix"},
		forbid:  []string{"net", "net/http", "crypto/tls", "encoding/json", "text/template", "log/slog", "regexp", "flag"},
	},
	{
		program: "cmd/bailey-probe",
		only:    []string{"cmd/bailey-probe", "internal/prove/probe", "internal/prove/act", "internal/prove/registry", "internal/sandbox/probes", "internal/network/probes", "internal/runtime/probes"},
		forbid:  []string{"net/http", "crypto/tls", "text/template", "log/slog", "regexp", "flag"},
	},
}

// clocks are the functions of package time by which a pure package would look at the clock.
var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep"}
