package firewall

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Watch puts the tables back whenever somebody deletes them or a part of them, as `nft flush ruleset` and the reload of
// many a firewall service do, until the context ends. It calls report after each repair, with the error if it failed.
// It returns once it listens.
func (t *Table) Watch(ctx context.Context, report func(error)) error {
	socket, err := subscribe()
	if err != nil {
		return fmt.Errorf("listen to nftables: %w", err)
	}
	context.AfterFunc(ctx, func() { socket.Close() })
	touched := make(chan struct{}, 1)
	go t.listen(socket, touched)
	go func() {
		for range touched {
			if repaired, err := t.Repair(); ctx.Err() == nil && (repaired || err != nil) {
				report(err)
			}
		}
	}()
	return nil
}

// subscribe opens a socket that hears of every change to nftables in this network namespace.
func subscribe() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBytes),
		unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, unix.NFNLGRP_NFTABLES),
	)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "nftables"), nil
}

// listen says so on touched when a message is about the deletion of something in the node's tables, until the socket is
// closed.
func (t *Table) listen(socket *os.File, touched chan<- struct{}) {
	defer close(touched)
	buf := make([]byte, 64<<10)
	for {
		n, err := socket.Read(buf)
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
		// When messages were lost, any of them may have been the one.
		if err != nil || deletesFrom(t.rules.inet.Name, buf[:n]) {
			select {
			case touched <- struct{}{}:
			default:
			}
		}
	}
}

// deletesFrom reports whether one of the messages in a datagram is about the deletion of a table of that name, or of a
// chain or rule in it (struct nlmsghdr and struct nfgenmsg, then attributes).
func deletesFrom(table string, b []byte) bool {
	const family = 4
	for len(b) >= unix.NLMSG_HDRLEN+family {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.NLMSG_HDRLEN+family || size > len(b) {
			return true
		}
		kind := binary.NativeEndian.Uint16(b[4:])
		if kind>>8 == unix.NFNL_SUBSYS_NFTABLES {
			switch kind & 0xff {
			case unix.NFT_MSG_DELTABLE, unix.NFT_MSG_DELCHAIN, unix.NFT_MSG_DELRULE:
				if named(b[unix.NLMSG_HDRLEN+family:size], table) {
					return true
				}
			}
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return false
}

// nftNameAttr is the attribute with the table's name in messages about tables, chains and rules alike
// (NFTA_TABLE_NAME, NFTA_CHAIN_TABLE and NFTA_RULE_TABLE of linux/netfilter/nf_tables.h).
const nftNameAttr = 1

func named(attrs []byte, table string) bool {
	for len(attrs) >= unix.NLA_HDRLEN {
		size, kind := int(binary.NativeEndian.Uint16(attrs)), binary.NativeEndian.Uint16(attrs[2:])
		if size < unix.NLA_HDRLEN || size > len(attrs) {
			return true
		}
		if kind == nftNameAttr {
			return string(attrs[unix.NLA_HDRLEN:size]) == table+"\x00"
		}
		attrs = attrs[min((size+3)&^3, len(attrs)):]
	}
	return false
}
