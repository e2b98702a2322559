// Package link makes and removes interfaces, addresses, routes and neighbours over route netlink (rtnetlink(7)).
//
// What a container start needs is packed into three batches of messages, each one system call, instead of one round trip
// per object. Everything that is not on that path uses plain netlink calls.
package link
