package script

import (
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/mlkem"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// NewInitiator is the dialling side of a handshake, with ephemeral keys of the
// bytes that random gives.
func NewInitiator(network identity.Network, self Party, random func(int) []byte) (*Initiator, error) {
	x, err := ecdh.X25519().NewPrivateKey(random(32))
	if err != nil {
		return nil, err
	}
	kem, err := mlkem.NewDecapsulationKey768(random(mlkem.SeedSize))
	if err != nil {
		return nil, err
	}
	return &Initiator{Network: network, Self: self, X: x, KEM: kem, Random: [32]byte(random(32))}, nil
}

// Shake does the whole handshake by a deadline. What the peer sends must be
// right, and its identity this one, unless it is zero.
func (i *Initiator) Shake(w *Wire, by time.Time, peer wire.ID) error {
	if err := w.Write("message 1", Framed(i.Message1())); err != nil {
		return err
	}
	m2, err := w.ReadMessage(by)
	if err != nil {
		return fmt.Errorf("no message 2: %w", err)
	}
	if err := i.ReadMessage2(m2); err != nil {
		return err
	}
	if id := i.Remote.ID(); !peer.IsZero() && id != peer {
		return errors.New("the peer proves another identity: " + id.String())
	}
	return w.Write("message 3", Framed(i.Message3(i.Proof())))
}

// The role bytes of the two sides in tags, where the script dials.
const (
	Mine   = 0
	Theirs = 1
)

// Tag is the first 16 bytes of HMAC(exporter, label, role byte, room, more…).
func (c *Conn) Tag(label string, role byte, room wire.ID, more ...[]byte) []byte {
	mac := hmac.New(sha256.New, c.Exporter[:])
	mac.Write(Fields(append([][]byte{[]byte(label), {role}, room[:]}, more...)...))
	return mac.Sum(nil)[:16]
}

// EmptyState is the digest of a room of which nothing is held.
func EmptyState() []byte {
	none := make([]byte, 16)
	digest := wire.Hash("state", none, none, none, none)
	return digest[:16]
}
