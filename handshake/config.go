package handshake

import (
	"fmt"
	"log/slog"
	"time"

	"parley/handshake/identity"
	"parley/wire"
	"parley/wire/seal"
)

// A Config says who this side is and what it accepts. A Config is not changed
// by handshakes and may serve many at once.
type Config struct {
	Identity *identity.Private
	Network  identity.Network

	Expect wire.ID // initiator: the responder's ID; zero accepts any
	Token  *Token  // initiator: proves the user in place of its signature; may be nil

	Tokens TokenSource // responder: knows the tokens it issued; nil accepts none

	// Known spares the signatures of bundles that were verified before. It may be
	// nil, and may be shared.
	Known *identity.Known

	Deadline time.Duration // for the whole handshake; 0 means DefaultDeadline
}

func (c *Config) check() error {
	if c == nil || c.Identity == nil {
		return fmt.Errorf("%w: no identity", ErrConfig)
	}
	if err := c.Network.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

func (c *Config) deadline() time.Duration {
	if c.Deadline > 0 {
		return c.Deadline
	}
	return DefaultDeadline
}

// A Token is a peer's grant to a user, by which the user proves itself to that
// peer without a signature. Its key does not show when printed or logged.
type Token struct {
	ID  [TokenIDSize]byte
	Key [32]byte
}

// Format keeps the key out of every fmt verb.
func (t Token) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "token %x", t.ID[:]) }

// LogValue keeps the key out of logs.
func (t Token) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%x", t.ID[:])) }

// A TokenSource finds the tokens that a peer issued. LookupToken returns the
// key and the user of a token that is valid at the given time.
type TokenSource interface {
	LookupToken(id [TokenIDSize]byte, now time.Time) (key [32]byte, user *identity.Bundle, ok bool)
}

// A Result is what a completed handshake gives to the session. Its keys do not
// show when printed or logged.
type Result struct {
	Remote    *identity.Bundle   // who the other side is, proved
	Token     *[TokenIDSize]byte // by which the initiator proved itself; nil: by signature
	Initiator bool               // this side dialled

	Send, Recv         seal.Keys // of the records of each direction
	SendNext, RecvNext [32]byte  // of each direction: what its next keys are derived from
	Exporter           [32]byte  // for uses above the session, the same on both sides
	Transcript         [32]byte  // th4, the same on both sides, not secret
}

// Wipe clears the keys, as far as they are still in r.
func (r *Result) Wipe() {
	r.Send, r.Recv = seal.Keys{}, seal.Keys{}
	clear(r.SendNext[:])
	clear(r.RecvNext[:])
	clear(r.Exporter[:])
}

// String returns the other side's claim and ID alone.
func (r *Result) String() string { return "handshake with " + r.Remote.String() }

// Format keeps the keys out of every fmt verb.
func (r *Result) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(r.String())) }

// LogValue keeps the keys out of logs.
func (r *Result) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("remote", r.Remote.String()), slog.Bool("initiator", r.Initiator), slog.Bool("token", r.Token != nil),
	)
}
