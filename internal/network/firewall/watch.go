package firewall

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// nftNameAttr is the attribute with the table's name in messages about tables, chains and rules alike
// (NFTA_TABLE_NAME, NFTA_CHAIN_TABLE and NFTA_RULE_TABLE of linux/netfilter/nf_tables.h).
const nftNameAttr = 1

// Watch puts the tables back whenever somebody deletes them or a part of them, as `nft flush ruleset` and the reload of
// many a firewall service do, until the context ends. It calls report after each repair, with the error if it failed.
// It returns once it listens.
func (t *Table) Watch(ctx context.Context, report func(error)) error {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return fmt.Errorf("listen to nftables: %w", err)
	}
	if err := errors.Join(conn.SetReadBuffer(socketBytes), conn.JoinGroup(unix.NFNLGRP_NFTABLES)); err != nil {
		conn.Close()
		return fmt.Errorf("listen to nftables: %w", err)
	}
	touched := make(chan struct{}, 1)
	var once sync.Once
	stop := func() { once.Do(func() { conn.Close() }) }
	context.AfterFunc(ctx, stop)
	go t.listen(conn, touched)
	go func() {
		defer stop()
		for {
			select {
			case <-ctx.Done():
				return
			case _, ok := <-touched:
				if !ok {
					return
				}
			}
			if repaired, err := t.Repair(); ctx.Err() == nil && (repaired || err != nil) {
				report(err)
			}
		}
	}()
	return nil
}

// listen says so on touched when a message is about the deletion of something in the node's tables.
func (t *Table) listen(conn *netlink.Conn, touched chan<- struct{}) {
	defer close(touched)
	for {
		msgs, err := conn.Receive()
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
		// When messages were lost, any of them may have been the one.
		ours := err != nil
		for _, m := range msgs {
			ours = ours || t.deletes(m)
		}
		if ours {
			select {
			case touched <- struct{}{}:
			default:
			}
		}
	}
}

func (t *Table) deletes(m netlink.Message) bool {
	const header = 4 // struct nfgenmsg
	if m.Header.Type>>8 != unix.NFNL_SUBSYS_NFTABLES || len(m.Data) < header {
		return false
	}
	switch m.Header.Type & 0xff {
	case unix.NFT_MSG_DELTABLE, unix.NFT_MSG_DELCHAIN, unix.NFT_MSG_DELRULE:
	default:
		return false
	}
	attrs, err := netlink.NewAttributeDecoder(m.Data[header:])
	if err != nil {
		return true
	}
	for attrs.Next() {
		if attrs.Type() == nftNameAttr {
			return attrs.String() == t.rules.inet.Name
		}
	}
	return false
}
