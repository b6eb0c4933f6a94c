package client

import (
	"testing"

	"parley/handshake/identity"
	"parley/wire"
)

// For the tests of packages that stand on this one.

type FakePeer = fakePeer

var NewFakePeer = newFakePeer

func (p *fakePeer) Client(t testing.TB, name string) *Client { return testClient(t, p, name, "") }

// Again is another home of c's identity.
func (p *fakePeer) Again(t testing.TB, c *Client) *Client {
	return testClientOf(t, p, c.identity(), "")
}

func (c *Client) identity() *identity.Private { return c.cfg.Identity }

// LoseBoxes makes the peer lose what was sealed to somebody.
func (p *fakePeer) LoseBoxes(room, recipient wire.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.room(room)
	kept := r.boxes[:0]
	for _, b := range r.boxes {
		if b.Recipient != recipient {
			kept = append(kept, b)
		}
	}
	r.boxes = kept
}

// Boxes counts what is sealed to somebody.
func (p *fakePeer) Boxes(room, recipient wire.ID) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.room(room).boxes {
		if b.Recipient == recipient {
			n++
		}
	}
	return n
}

func (p *fakePeer) Cut() { p.cut() }

// UseKeyFile gives c a key file that holds its identity, which it returns.
func UseKeyFile(c *Client, file func(*identity.Private) KeyFile) *identity.Private {
	c.cfg.Key = file(c.cfg.Identity)
	return c.cfg.Identity
}
