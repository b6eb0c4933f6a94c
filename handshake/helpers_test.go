package handshake

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"parley/handshake/identity"
)

func newIdentity(t testing.TB, name string) *identity.Private {
	t.Helper()
	p, err := identity.Generate(identity.Ed25519, name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newNetwork(t testing.TB) identity.Network {
	t.Helper()
	n, err := identity.NewNetwork("office")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// tokens is a TokenSource with one token, valid before expiry.
type tokens struct {
	token  Token
	user   *identity.Bundle
	expiry time.Time
}

func (s *tokens) LookupToken(id [TokenIDSize]byte, now time.Time) ([32]byte, *identity.Bundle, bool) {
	if id != s.token.ID || !now.Before(s.expiry) {
		return [32]byte{}, nil, false
	}
	return s.token.Key, s.user, true
}

func newToken(t testing.TB, user *identity.Private) *tokens {
	t.Helper()
	s := &tokens{user: user.Bundle(), expiry: time.Now().Add(time.Hour)}
	if _, err := rand.Read(s.token.ID[:]); err != nil {
		t.Fatal(err)
	}
	if _, err := rand.Read(s.token.Key[:]); err != nil {
		t.Fatal(err)
	}
	return s
}

// pair is the configuration of two sides that will agree.
func pair(t testing.TB, byToken bool) (i, r *Config) {
	t.Helper()
	n := newNetwork(t)
	i = &Config{Identity: newIdentity(t, "ada"), Network: n}
	r = &Config{Identity: newIdentity(t, "peer"), Network: n}
	i.Expect = r.Identity.ID()
	if byToken {
		s := newToken(t, i.Identity)
		i.Token, r.Tokens = &s.token, s
	}
	return i, r
}

// eachMode runs a test by signature and by token.
func eachMode(t *testing.T, f func(t *testing.T, i, r *Config)) {
	for name, byToken := range map[string]bool{"signature": false, "token": true} {
		t.Run(name, func(t *testing.T) {
			i, r := pair(t, byToken)
			f(t, i, r)
		})
	}
}

// exchange is a handshake in progress with the messages so far.
type exchange struct {
	i          *Initiator
	r          *Responder
	m1, m2, m3 []byte
	ri, rr     *Result
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// upTo runs a handshake until message n has been written, not read.
func upTo(t testing.TB, i, r *Config, n int) *exchange {
	t.Helper()
	x := &exchange{i: must[*Initiator](t)(NewInitiator(i)), r: must[*Responder](t)(NewResponder(r))}
	x.m1 = must[[]byte](t)(x.i.WriteMessage1())
	if n == 1 {
		return x
	}
	if err := x.r.ReadMessage1(x.m1); err != nil {
		t.Fatal(err)
	}
	x.m2 = must[[]byte](t)(x.r.WriteMessage2())
	if n == 2 {
		return x
	}
	must[*identity.Bundle](t)(x.i.ReadMessage2(x.m2))
	var err error
	if x.m3, x.ri, err = x.i.WriteMessage3(); err != nil {
		t.Fatal(err)
	}
	return x
}

func complete(t testing.TB, i, r *Config) *exchange {
	t.Helper()
	x := upTo(t, i, r, 3)
	x.rr = must[*Result](t)(x.r.ReadMessage3(x.m3, time.Now()))
	return x
}

// fork copies a responder that waits for message 3, so that many can be tried on one.
func (h *Responder) fork() *Responder {
	c, keys := *h, *h.keys
	c.keys = &keys
	return &c
}

// fork copies an initiator that waits for message 2.
func (h *Initiator) fork() *Initiator {
	c := *h
	return &c
}

// deliver gives message n to the side that waits for it.
func (x *exchange) deliver(n int, b []byte) error {
	switch n {
	case 1:
		r, err := NewResponder(x.r.cfg)
		if err != nil {
			return err
		}
		if err := r.ReadMessage1(b); err != nil {
			return err
		}
		_, err = r.WriteMessage2()
		return err
	case 2:
		_, err := x.i.fork().ReadMessage2(b)
		return err
	default:
		r, err := x.r.fork().ReadMessage3(b, time.Now())
		if err == nil && r == nil {
			return errors.New("no result")
		}
		return err
	}
}

func (x *exchange) message(n int) []byte {
	return bytes.Clone([][]byte{x.m1, x.m2, x.m3}[n-1])
}

func newPartKeys(es *secret, direction string, th2 *secret) *partKeys {
	return newExpander(es).partKeys(direction, th2)
}
