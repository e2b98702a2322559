package network

import "fmt"

// HostNetworkError says that a container was asked to share the host's network.
type HostNetworkError struct{ ContainerID string }

func (e *HostNetworkError) Error() string {
	return fmt.Sprintf("container %.12s asks for the host's network: a container of Bailey always has a network namespace of its own; "+
		"leave --network out, or publish the ports that it serves with -p", e.ContainerID)
}
