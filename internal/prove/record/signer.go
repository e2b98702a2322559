package record

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// signer is the node's key as dsse wants it. It does not print.
type signer struct{ key ed25519.PrivateKey }

// Sign signs what dsse made of the payload.
func (s signer) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(s.key, data), nil
}

// Verify checks a signature.
func (s signer) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(s.Public().(ed25519.PublicKey), data, sig) {
		return errors.New("the signature is not by the node's key")
	}
	return nil
}

// KeyID is the SHA-256 of the public key.
func (s signer) KeyID() (string, error) {
	sum := sha256.Sum256(s.Public().(ed25519.PublicKey))
	return hex.EncodeToString(sum[:]), nil
}

// Public is the public key.
func (s signer) Public() crypto.PublicKey { return s.key.Public() }

// String keeps the key out of messages.
func (s signer) String() string { return "the node's key for proofs" }

// GoString likewise.
func (s signer) GoString() string { return s.String() }
