package main

import (
	"context"
	"log/slog"

	apis "github.com/bailey-run/bailey/internal/api/scenes"
	"github.com/bailey-run/bailey/internal/prove"
	"github.com/bailey-run/bailey/internal/prove/record"
	"github.com/bailey-run/bailey/internal/runtime/payload"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/bailey-run/bailey/internal/secret"
	"github.com/bailey-run/bailey/internal/version"
)

// wireProver gives the node what it proves itself with: it attacks itself
// through its own API, and what it finds decides whether it is ready.
func (n *node) wireProver(ctx context.Context, proofs *record.Store, log *slog.Logger) {
	prover := prove.NewNode(prove.NodeOptions{
		Records: proofs, Scenes: apis.All(), Secret: n.lend, Program: probe, Controls: sandbox.ProvedNames(), Absent: n.facts.Absent(),
		Version: version.Version, Kernel: n.facts.Kernel,
		Dial: n.Inside(sandbox.Prover()), DialStranger: n.Inside(sandbox.Stranger()),
		Proved: func(change prove.Change) { n.proved(change, log) },
	})
	n.SetBroken(prover.Broken(ctx))
	n.Prover = prover
	if n.removing {
		return
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan struct{})
	go func() {
		defer close(over)
		prover.Watch(life, func(err error) { log.Error("the node could not be proved", "error", err) })
	}()
	n.closers = append(n.closers, func() error { end(); <-over; return nil })
}

// proved takes up what a proof has found.
func (n *node) proved(change prove.Change, log *slog.Logger) {
	n.SetBroken(change.Broken)
	for _, r := range change.Changed {
		log.Warn("an attack ends otherwise than before", "probe", r.Probe, "as", r.As, "verdict", string(r.Verdict), "evidence", r.Evidence)
	}
	if len(change.Changed) > 0 {
		n.ProofChanged(change.Attributes())
	}
}

// lend puts a secret into the node's store for as long as a proof needs it.
func (n *node) lend(name string, value []byte) (remove func() error, err error) {
	if err := n.secrets.Put(name, secret.NewValue(value)); err != nil {
		return nil, err
	}
	return func() error { return n.secrets.Remove(name) }, nil
}

// probe is the program that attacks containers from inside.
func probe() ([]byte, error) { return payload.Read(payload.Probe) }
