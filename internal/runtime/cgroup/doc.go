// Package cgroup keeps a node's control groups: one for the supervisors, one
// for each container, all below one group of the node.
//
// It works on version 2, on version 1 and on the hybrid of both, with systemd
// and without. It never touches a group outside of the node's own.
package cgroup
