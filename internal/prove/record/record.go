// Package record keeps the newest proof of a node, signed with a key of the
// node's, so that a record that was changed or brought from elsewhere is not
// taken for one.
//
// A record is a DSSE envelope (Dead Simple Signing Envelope 1.0.2) around the
// report as JSON, signed with Ed25519 (RFC 8032).
package record

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bailey-run/bailey/internal/durable"
	"github.com/bailey-run/bailey/internal/prove"
	"github.com/containerd/errdefs"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// PayloadType says in the envelope what was signed.
const PayloadType = "application/vnd.bailey.proof+json"

const (
	keyFile    = "key.pem"
	recordFile = "record.json"
	maxRecord  = 32 << 20 // bytes
)

// ErrNone means that this node was not proved yet; it is an errdefs.ErrNotFound.
var ErrNone = fmt.Errorf("this node was not proved yet: run `bailey prove`: %w", errdefs.ErrNotFound)

// Store is where a node keeps its record. It is safe for concurrent use.
type Store struct {
	dir  string
	key  ed25519.PrivateKey
	seal *dsse.EnvelopeSigner
}

// Open opens the store in dir, and makes it with a new key when it is not there.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("proofs: %w", err)
	}
	key, err := loadKey(filepath.Join(dir, keyFile))
	if err != nil {
		return nil, fmt.Errorf("the key that signs proofs: %w", err)
	}
	seal, err := dsse.NewEnvelopeSigner(signer{key})
	if err != nil {
		return nil, fmt.Errorf("proofs: %w", err)
	}
	return &Store{dir: dir, key: key, seal: seal}, nil
}

// Key is the public key that proofs can be verified with.
func (s *Store) Key() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// Keep signs a report and keeps it in place of the one before.
func (s *Store) Keep(ctx context.Context, r prove.Report) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("keep the proof: %w", err)
	}
	envelope, err := s.seal.SignPayload(ctx, PayloadType, body)
	if err != nil {
		return fmt.Errorf("sign the proof: %w", err)
	}
	data, err := json.Marshal(envelope)
	if err != nil {
		return fmt.Errorf("keep the proof: %w", err)
	}
	if err := durable.Write(filepath.Join(s.dir, recordFile), data); err != nil {
		return fmt.Errorf("keep the proof: %w", err)
	}
	return nil
}

// Latest returns the record, and the envelope that it came in. Without one it
// is ErrNone; one that the node's key did not sign is another error.
func (s *Store) Latest(ctx context.Context) (prove.Report, json.RawMessage, error) {
	var r prove.Report
	path := filepath.Join(s.dir, recordFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil, ErrNone
	}
	if err == nil && len(data) > maxRecord {
		err = fmt.Errorf("%d bytes are too many", len(data))
	}
	if err != nil {
		return r, nil, fmt.Errorf("read the proof: %w", err)
	}
	if r, err = s.verify(ctx, data); err != nil {
		return prove.Report{}, nil, fmt.Errorf("the proof in %s is not this node's: run `bailey prove` for a new one: %w", path, err)
	}
	return r, data, nil
}

func (s *Store) verify(ctx context.Context, data []byte) (prove.Report, error) {
	var r prove.Report
	var envelope dsse.Envelope
	if err := json.Unmarshal(data, &envelope); err != nil {
		return r, err
	}
	if envelope.PayloadType != PayloadType {
		return r, fmt.Errorf("it holds %q", envelope.PayloadType)
	}
	verifier, err := dsse.NewEnvelopeVerifier(signer{s.key})
	if err != nil {
		return r, err
	}
	if _, err := verifier.Verify(ctx, &envelope); err != nil {
		return r, err
	}
	body, err := envelope.DecodeB64Payload()
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(body, &r)
}

// loadKey reads the key, or makes one.
func loadKey(path string) (ed25519.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM: move it away, and the node makes a new one", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a key of another kind than Ed25519", path)
	}
	return key, nil
}

func makeKey(path string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, durable.Write(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
