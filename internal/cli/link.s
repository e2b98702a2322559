// Empty: a package with an assembly file may declare functions without a body,
// which registered in docker.go is.
