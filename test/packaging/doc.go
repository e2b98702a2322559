// Package packaging checks what `make install` puts on a machine: that the default configuration and policy are
// understood, as they are and with every example switched on, and that the systemd units are well-formed.
package packaging
