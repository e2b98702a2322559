// Package gate stands between BuildKit and those who ask it for something. What a build wants beyond its sandbox is put
// to the policy, for the caller who asks; what BuildKit would fetch from the daemon's place in the network is kept to
// what the policy lists; and every build is made to record its provenance.
package gate
