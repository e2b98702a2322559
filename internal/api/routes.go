package api

import "net/http"

const (
	get  = http.MethodGet
	head = http.MethodHead
	post = http.MethodPost
	put  = http.MethodPut
	del  = http.MethodDelete
)

// reads and changes say whether an action may change something.
const (
	reads   = false
	changes = true
)

// routes is everything that the API answers, with the names by which policies
// and the audit log know it. Docker's paths may be preceded by /v1.40 to /v1.56.
func routes() []route {
	var all []route
	for _, part := range [][]route{systemRoutes(), containerRoutes(), sessionRoutes(), imageRoutes(), buildRoutes(), networkRoutes(), volumeRoutes(), absentRoutes(), baileyRoutes()} {
		all = append(all, part...)
	}
	return all
}

func systemRoutes() []route {
	return []route{
		{get, "/_ping", "system.ping", reads, simple(ping)},
		{head, "/_ping", "system.ping", reads, simple(ping)},
		{get, "/version", "system.version", reads, simple(getVersion)},
		{get, "/info", "system.info", reads, simple(getInfo)},
		{get, "/events", "system.events", reads, act(decodeEvents, getEvents)},
		{get, "/system/df", "system.usage", reads, act(decodeUsage, getUsage)},
		{post, "/auth", "registry.login", changes, act(decodeAuth, postAuth)},
	}
}

func containerRoutes() []route {
	return []route{
		{get, "/containers/json", "container.list", reads, act(decodeList, getContainers)},
		{post, "/containers/create", "container.create", changes, act(decodeCreate, postCreate)},
		{post, "/containers/prune", "container.prune", changes, act(decodeFilters, pruneContainers)},
		{get, "/containers/{name}/json", "container.inspect", reads, act(decodeInspect, getContainer)},
		{get, "/containers/{name}/top", "container.top", reads, act(decodeTop, getTop)},
		{get, "/containers/{name}/stats", "container.stats", reads, act(decodeStats, getStats)},
		{get, "/containers/{name}/changes", "container.changes", reads, simple(getChanges)},
		{get, "/containers/{name}/export", "container.export", reads, simple(getExport)},
		{head, "/containers/{name}/archive", "container.stat-path", reads, act(decodePath, headArchive)},
		{get, "/containers/{name}/archive", "container.copy-from", reads, act(decodePath, getArchive)},
		{put, "/containers/{name}/archive", "container.copy-to", changes, act(decodeCopy, putArchive)},
		{post, "/containers/{name}/start", "container.start", changes, act(decodeStart, postStart)},
		{post, "/containers/{name}/stop", "container.stop", changes, act(decodeStop, postStop)},
		{post, "/containers/{name}/restart", "container.restart", changes, act(decodeStop, postRestart)},
		{post, "/containers/{name}/kill", "container.kill", changes, act(decodeKill, postKill)},
		{post, "/containers/{name}/pause", "container.pause", changes, simple(postPause)},
		{post, "/containers/{name}/unpause", "container.unpause", changes, simple(postUnpause)},
		{post, "/containers/{name}/rename", "container.rename", changes, act(decodeRename, postRename)},
		{post, "/containers/{name}/update", "container.update", changes, act(decodeUpdate, postUpdate)},
		{post, "/containers/{name}/wait", "container.wait", reads, act(decodeWait, postWait)},
		{post, "/commit", "image.commit", changes, act(decodeCommit, postCommit)},
		{del, "/containers/{name}", "container.remove", changes, act(decodeRemove, deleteContainer)},
	}
}

func sessionRoutes() []route {
	return []route{
		{get, "/containers/{name}/logs", "container.logs", reads, act(decodeLogs, getLogs)},
		{post, "/containers/{name}/attach", "container.attach", changes, act(decodeAttach, postAttach)},
		{get, "/containers/{name}/attach/ws", "container.attach", changes, simple(attachSocket)},
		{post, "/containers/{name}/resize", "container.resize", changes, act(decodeSize, postResize)},
		{post, "/containers/{name}/exec", "exec.create", changes, act(decodeExecCreate, postExecCreate)},
		{post, "/exec/{name}/start", "exec.start", changes, act(decodeExecStart, postExecStart)},
		{post, "/exec/{name}/resize", "exec.resize", changes, act(decodeSize, postExecResize)},
		{get, "/exec/{name}/json", "exec.inspect", reads, simple(getExec)},
	}
}

func imageRoutes() []route {
	return []route{
		{get, "/images/json", "image.list", reads, act(decodeImages, getImages)},
		{post, "/images/create", "image.pull", changes, act(decodeFetch, postFetch)}, // or image.import
		{post, "/images/load", "image.load", changes, act(decodeLoad, postLoad)},
		{get, "/images/get", "image.save", reads, act(decodeSave, getSave)},
		{post, "/images/prune", "image.prune", changes, act(decodeFilters, pruneImages)},
		{get, "/distribution/{name...}/json", "image.distribution", reads, act(decodeDistribution, getDistribution)},
		{get, "/images/search", "image.search", reads, simple(searchAbsent)},
		{get, "/images/{name...}/json", "image.inspect", reads, act(decodeImage, getImage)},
		{get, "/images/{name...}/attestations", "image.attestations", reads, act(decodeAttestations, getAttestations)},
		{get, "/images/{name...}/history", "image.history", reads, act(decodeImage, getHistory)},
		{get, "/images/{name...}/get", "image.save", reads, act(decodeSave, getSave)},
		{post, "/images/{name...}/tag", "image.tag", changes, act(decodeTag, postTag)},
		{post, "/images/{name...}/push", "image.push", changes, act(decodePush, postPush)},
		{del, "/images/{name...}", "image.remove", changes, act(decodeImageRemove, deleteImage)},
	}
}

func networkRoutes() []route {
	return []route{
		{get, "/networks", "network.list", reads, act(decodeFilters, getNetworks)},
		{get, "/networks/", "network.list", reads, act(decodeFilters, getNetworks)},
		{post, "/networks/create", "network.create", changes, act(decodeNetwork, postNetwork)},
		{post, "/networks/prune", "network.prune", changes, act(decodeFilters, pruneNetworks)},
		{get, "/networks/{name}", "network.inspect", reads, simple(getNetwork)},
		{post, "/networks/{name}/connect", "network.connect", changes, act(decodeConnect, postConnect)},
		{post, "/networks/{name}/disconnect", "network.disconnect", changes, act(decodeDisconnect, postDisconnect)},
		{del, "/networks/{name}", "network.remove", changes, simple(deleteNetwork)},
	}
}

func volumeRoutes() []route {
	return []route{
		{get, "/volumes", "volume.list", reads, act(decodeFilters, getVolumes)},
		{post, "/volumes/create", "volume.create", changes, act(decodeVolume, postVolume)},
		{post, "/volumes/prune", "volume.prune", changes, act(decodeVolumePrune, pruneVolumes)},
		{get, "/volumes/{name}", "volume.inspect", reads, simple(getVolume)},
		{put, "/volumes/{name}", "volume.update", changes, simple(swarmAbsent)},
		{del, "/volumes/{name}", "volume.remove", changes, act(decodeVolumeRemove, deleteVolume)},
	}
}

// absentRoutes are what Docker has and a node has not; the answers say so.
func absentRoutes() []route {
	all := []route{
		{get, "/containers/{name}/checkpoints", "container.checkpoint", reads, simple(checkpointAbsent)},
		{post, "/containers/{name}/checkpoints", "container.checkpoint", changes, simple(checkpointAbsent)},
		{post, "/swarm/init", "swarm.init", changes, simple(swarmStart)},
		{post, "/swarm/join", "swarm.join", changes, simple(swarmStart)},
		{post, "/swarm/leave", "swarm.leave", changes, simple(swarmLeave)},
		{get, "/swarm", "swarm.inspect", reads, simple(swarmAbsent)},
		{get, "/swarm/unlockkey", "swarm.inspect", reads, simple(swarmAbsent)},
		{post, "/swarm/update", "swarm.update", changes, simple(swarmAbsent)},
		{post, "/swarm/unlock", "swarm.update", changes, simple(swarmAbsent)},
		{get, "/plugins", "plugin.list", reads, simple(getPlugins)},
		{get, "/plugins/privileges", "plugin.install", reads, simple(pluginRefused)},
		{post, "/plugins/pull", "plugin.install", changes, simple(pluginRefused)},
		{post, "/plugins/create", "plugin.install", changes, simple(pluginRefused)},
		{get, "/plugins/{name...}/json", "plugin.inspect", reads, simple(pluginAbsent)},
		{del, "/plugins/{name...}", "plugin.remove", changes, simple(pluginAbsent)},
		{get, "/tasks", "task.list", reads, simple(swarmAbsent)},
		{get, "/tasks/{name}", "task.inspect", reads, simple(swarmAbsent)},
		{get, "/tasks/{name}/logs", "task.logs", reads, simple(swarmAbsent)},
		{get, "/services/{name}/logs", "service.logs", reads, simple(swarmAbsent)},
	}
	for _, verb := range []string{"enable", "disable", "push", "upgrade", "set"} {
		all = append(all, route{post, "/plugins/{name...}/" + verb, "plugin." + verb, changes, simple(pluginAbsent)})
	}
	for _, kind := range []string{"service", "node", "secret", "config"} {
		path := "/" + kind + "s"
		all = append(all,
			route{get, path, kind + ".list", reads, simple(swarmAbsent)},
			route{post, path + "/create", kind + ".create", changes, simple(swarmAbsent)},
			route{get, path + "/{name}", kind + ".inspect", reads, simple(swarmAbsent)},
			route{post, path + "/{name}/update", kind + ".update", changes, simple(swarmAbsent)},
			route{del, path + "/{name}", kind + ".remove", changes, simple(swarmAbsent)},
		)
	}
	return all
}

// baileyRoutes are Bailey's own.
func baileyRoutes() []route {
	return []route{
		{post, "/bailey/v1/plan", "container.plan", reads, act(decodeCreate, postPlan)},
		{get, "/bailey/v1/metrics", "node.metrics", reads, simple(getMetrics)},
		{get, "/bailey/v1/node", "node.inspect", reads, simple(getNode)},
		{get, "/bailey/v1/proof", "node.proof", reads, simple(getProof)},
		{post, "/bailey/v1/prove", "node.prove", changes, act(decodeProve, postProve)},
	}
}
