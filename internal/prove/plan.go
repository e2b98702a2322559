package prove

import (
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// attempt is a probe as one of its users tries it.
type attempt struct {
	probe.Probe
	user string // root or nobody
}

// users are who tries, with the ids that containers are started with.
var users = map[string]string{"root": "0:0", "nobody": "65534:65534"}

// attempts returns a probe's attempts: one for each user that it names.
func attempts(probes []probe.Probe) []attempt {
	var all []attempt
	for _, p := range probes {
		if p.As != probe.Nobody {
			all = append(all, attempt{p, "root"})
		}
		if p.As != probe.Root {
			all = append(all, attempt{p, "nobody"})
		}
	}
	return all
}

// place is where attempts are made together: a container as some user with
// some controls off, or the host.
type place struct {
	user string
	off  string // names of controls, sorted, separated by commas
	host bool
	only string // the id of the attempt that wants a place of its own
}

// target is where an attempt must fail.
func (a attempt) target() place { return place{user: a.user, only: a.alone()} }

// twin is where it must succeed.
func (a attempt) twin() place {
	if a.Twin.Host {
		return place{user: "root", host: true, only: a.alone()}
	}
	controls := append([]string{a.Control}, a.Twin.Without...)
	slices.Sort(controls)
	return place{user: a.user, off: strings.Join(slices.Compact(controls), ","), only: a.alone()}
}

func (a attempt) alone() string {
	if a.Alone {
		return a.ID
	}
	return ""
}

// controls are the controls that are off in a place.
func (p place) controls() []string {
	if p.off == "" {
		return nil
	}
	return strings.Split(p.off, ",")
}

// visits groups attempts by the place where they are made, in the order in
// which places come up first.
func visits(all []attempt, where func(attempt) place) []visit {
	var out []visit
	index := map[place]int{}
	for _, a := range all {
		p := where(a)
		at, ok := index[p]
		if !ok {
			at = len(out)
			index[p] = at
			out = append(out, visit{place: p})
		}
		if !slices.Contains(out[at].ids, a.ID) { // on the host both users are root
			out[at].ids = append(out[at].ids, a.ID)
		}
	}
	return out
}

// visit is one stay in a place, with the probes that are tried there.
type visit struct {
	place
	ids []string
}
