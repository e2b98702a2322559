package api

import (
	"maps"
	"reflect"

	"github.com/bailey-run/bailey/internal/api/strict"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/registry"
)

// The keys that stock clients still send although the API has them no more, or
// never had them, and what they may say. Everything else that is unknown is an
// error. Old keys that still have a meaning are fields of the types that bodies
// are decoded into (createBody, execCreateBody), not rules.

func typeFor[T any]() reflect.Type { return reflect.TypeFor[T]() }

var (
	noKernelMemory = strict.Rule{Accept: strict.Empty, Why: "Linux has no limit for kernel memory any more; limit memory as a whole with Memory"}
	noContainerTop = strict.Rule{Accept: strict.Empty, Why: "it has moved into HostConfig; set it there"}
	ownTransport   = strict.Rule{Accept: strict.Boolean, Why: "it only tells a client how to connect; true or false is expected"}
)

// legacyResources are limits that were part of the API; docker up to 27,
// docker-py and docker-java send them.
var legacyResources = map[string]strict.Rule{
	"KernelMemory":    noKernelMemory,
	"KernelMemoryTCP": noKernelMemory,
}

// legacyHost are keys of HostConfig.
var legacyHost = with(legacyResources, map[string]strict.Rule{
	// API 1.40 only; docker 19.03 sends it as null.
	"Capabilities": {Accept: strict.Empty, Why: "the exact set can not be given; use CapAdd and CapDrop"},
	// docker-java.
	"DiskQuota": {Accept: strict.Empty, Why: "use StorageOpt"},
	// docker-py and docker-java, for an execution driver that is gone.
	"LxcConf": {Accept: strict.Empty, Why: "there is no LXC driver"},
	// docker-py spells two keys in capitals; Docker read them as CpuRealtimePeriod and CpuRealtimeRuntime.
	"CPURealtimePeriod":  {Accept: strict.Empty, Why: `write it "CpuRealtimePeriod"`},
	"CPURealtimeRuntime": {Accept: strict.Empty, Why: `write it "CpuRealtimeRuntime"`},
	// docker-py.
	"InitPath": {Accept: strict.Empty, Why: "the init process is Bailey's own"},
})

// legacyCreate are the keys of a create request.
var legacyCreate = strict.Legacy{
	typeFor[container.HostConfig](): legacyHost,
	typeFor[createBody](): {
		// docker-java, from before ExposedPorts.
		"PortSpecs": {Accept: strict.Empty, Why: "use ExposedPorts and HostConfig.PortBindings"},
		// docker-py writes these beside HostConfig, mostly as null.
		"Runtime": noContainerTop, "VolumeDriver": noContainerTop, "VolumesFrom": noContainerTop,
		"Memory": noContainerTop, "MemorySwap": noContainerTop, "CpuShares": noContainerTop, "Cpuset": noContainerTop, "Dns": noContainerTop,
	},
}

var legacyUpdate = legacyOf[container.UpdateConfig](legacyResources)

// legacyExecStart are options of dockerode's own, which it sends with the API's.
var legacyExecStart = legacyOf[container.ExecStartRequest](map[string]strict.Rule{
	"hijack": ownTransport, "stdin": ownTransport, "stdout": ownTransport, "stderr": ownTransport, "stream": ownTransport,
})

// legacyNetwork: names are always checked; docker up to 24 and docker-py ask for it.
var legacyNetwork = legacyOf[network.CreateRequest](map[string]strict.Rule{
	"CheckDuplicate": {Accept: strict.Boolean, Why: "true or false is expected"},
})

// legacyAuth: registries have not asked for an address for long; docker up to 27 and dockerode send one.
var legacyAuth = legacyOf[registry.AuthConfig](map[string]strict.Rule{
	"email": {Accept: func(any) bool { return true }},
})

func with(a, b map[string]strict.Rule) map[string]strict.Rule {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// legacyOf names the legacy keys of one type.
func legacyOf[T any](rules map[string]strict.Rule) strict.Legacy {
	return strict.Legacy{typeFor[T](): rules}
}
