package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/bailey-run/bailey/internal/prove"
)

// Prover attacks the node's own controls. See prove.Node.
type Prover interface {
	Prove(ctx context.Context, like string, progress func(done, of int)) (prove.Report, error)
	// Latest returns the newest proof of the default posture and the signed envelope that it is kept in.
	Latest(ctx context.Context) (prove.Report, json.RawMessage, error)
}

// ProveMessage is one line of the answer of POST /bailey/v1/prove: how far it
// is, and in the last line the report or why there is none.
type ProveMessage struct {
	Done   int           `json:"done,omitempty"`
	Of     int           `json:"of,omitempty"`
	Report *prove.Report `json:"report,omitempty"`
	Error  string        `json:"error,omitempty"`
}

// proveRequest names the container whose posture is attacked; empty means the default posture.
type proveRequest struct{ like string }

func (r proveRequest) object() string { return r.like }

func decodeProve(c *call) (proveRequest, error) {
	return proveRequest{like: c.q.text("container")}, nil
}

func postProve(c *call, r proveRequest) error {
	if c.s.Prover == nil {
		return unsupported("this node was built without probes: run make build")
	}
	c.w.Header().Set("Content-Type", "application/x-ndjson")
	c.w.WriteHeader(http.StatusOK)
	send := func(m ProveMessage) {
		if encodeLine(c.w, m) == nil { // a client that has left ends the context
			_ = c.flush()
		}
	}
	report, err := c.s.Prover.Prove(c.ctx(), r.like, func(done, of int) { send(ProveMessage{Done: done, Of: of}) })
	if err != nil {
		send(ProveMessage{Error: message(err)})
		return nil
	}
	send(ProveMessage{Report: &report})
	return nil
}

// getProof answers with the signed envelope of the newest proof.
func getProof(c *call) error {
	if c.s.Prover == nil {
		return unsupported("this node was built without probes: run make build")
	}
	_, envelope, err := c.s.Prover.Latest(c.ctx())
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, envelope)
}

// proofOption is the newest proof as one of the node's security options, the
// place where Docker's clients show such things.
func (s *Server) proofOption(ctx context.Context) []string {
	if s.Prover == nil {
		return nil
	}
	r, _, err := s.Prover.Latest(ctx)
	if err != nil {
		return []string{"name=proof,never"}
	}
	return []string{fmt.Sprintf("name=proof,time=%s,blocked=%d,succeeded=%d,unproven=%d,inconclusive=%d", r.Began.Format(time.RFC3339),
		r.Count(prove.Blocked), r.Count(prove.Succeeded), r.Count(prove.Unproven), r.Count(prove.Inconclusive))}
}
