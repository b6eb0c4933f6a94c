package conform

import (
	"parley/cmd/internal/script"
	"parley/wire"
)

const sectionTokens = "session, Tokens; handshake, Message 3"

// tokenCases are the rules of proofs by token. They need a peer that serves users.
func tokenCases() []Case {
	// byToken does a handshake with a proof by token that f has changed.
	byToken := func(name string, f func(t *T, i *script.Initiator, token script.Token) script.Proof) Case {
		return Case{Name: name, Section: sectionTokens, Expect: refusedClosed, run: func(t *T) {
			id := t.identity()
			_, token := t.token(id)
			w, i := t.dial(), t.initiator(id.Party())
			t.message2(w, i)
			i.Token = &token
			t.send(w, "message 3", script.Framed(i.Message3(f(t, i, token))))
			t.refusal(w)
		}}
	}
	return []Case{
		{Name: "a token that was granted proves its user", Section: sectionTokens, Expect: "a session that the token's key has entered", run: func(t *T) {
			id := t.identity()
			_, token := t.token(id)
			t.byToken(id, token).alive()
		}},
		{Name: "the records of a session by token need the token's key", Section: "handshake, Keys of the session", Expect: "Close with code 1 (protocol error)", run: func(t *T) {
			id := t.identity()
			_, token := t.token(id)
			w, i := t.shake(id.Party(), &token)
			s := &session{Conn: script.NewConn(w, i, true), t: t}
			var zeros [32]byte
			ms := script.Extract(i.ES[:], zeros[:])
			s.Out.Traffic = script.NewTraffic(ms, script.ByInitiator, i.TH4)
			s.send(script.Frame(0, s.hello()))
			s.ends(wire.CodeProtocol)
		}},
		{Name: "a token that was never granted", Section: sectionTokens, Expect: refusedClosed, run: func(t *T) {
			w, i := t.upTo2()
			i.Token = &script.Token{ID: [16]byte(t.random(16)), Key: [32]byte(t.random(32))}
			t.send(w, "message 3", script.Framed(i.Message3(i.Proof())))
			t.refusal(w)
		}},
		byToken("a token with another key", func(t *T, i *script.Initiator, token script.Token) script.Proof {
			p := i.Proof()
			p.Evidence = script.TokenEvidence(t.random(32), i.TH3, i.Self.ID, i.Remote.ID(), token.ID[:])
			return p
		}),
		byToken("a token's proof of another user", func(t *T, i *script.Initiator, token script.Token) script.Proof {
			p := i.Proof()
			p.Evidence = script.TokenEvidence(token.Key[:], i.TH3, t.identity().ID(), i.Remote.ID(), token.ID[:])
			return p
		}),
		byToken("a token's proof to another peer", func(t *T, i *script.Initiator, token script.Token) script.Proof {
			p := i.Proof()
			p.Evidence = script.TokenEvidence(token.Key[:], i.TH3, i.Self.ID, t.identity().ID(), token.ID[:])
			return p
		}),
		byToken("a token's proof for another handshake", func(_ *T, i *script.Initiator, token script.Token) script.Proof {
			p := i.Proof()
			p.Evidence = script.TokenEvidence(token.Key[:], i.TH2, i.Self.ID, i.Remote.ID(), token.ID[:])
			return p
		}),
		byToken("a token's ID with the user's bundle", func(_ *T, i *script.Initiator, _ script.Token) script.Proof {
			p := i.Proof()
			p.Who = i.Self.Bundle
			return p
		}),
		byToken("a token's proof without evidence", func(_ *T, i *script.Initiator, _ script.Token) script.Proof {
			p := i.Proof()
			p.Evidence = nil
			return p
		}),
		byToken("a token's proof of which the kind says signature", func(_ *T, i *script.Initiator, _ script.Token) script.Proof {
			p := i.Proof()
			p.Kind = script.BySignature
			return p
		}),
		{Name: "two tokens of one user differ, and both are listed", Section: sectionTokens, Expect: "two tokens", run: func(t *T) {
			id := t.fresh() // tokens of an earlier run with this seed are listed, too
			s, first := t.token(id)
			_, second := t.token(id)
			if first == second {
				t.fail("one token twice", "the peer grants the same token again")
			}
			list, ok := s.answer(s.ask(script.Interactive, &wire.TokenList{})).(*wire.Tokens)
			if !ok || len(list.Tokens) != 2 {
				t.fail(describe(script.Incoming{Message: list}, nil), "not the two tokens are listed")
			}
		}},
		{Name: "a revoked token proves nobody, and its session ends", Section: sectionTokens, Expect: "Close with code 12 (revoked), then " + refusedClosed, run: func(t *T) {
			id := t.identity()
			s, token := t.token(id)
			open := t.byToken(id, token)
			open.alive()
			if done, ok := s.answer(s.ask(script.Interactive, &wire.TokenRevoke{ID: token.ID[:]})).(*wire.Done); !ok {
				t.fail(describe(script.Incoming{Message: done}, nil), "a revocation is not answered with Done")
			}
			open.ends(wire.CodeRevoked)
			w, i := t.dial(), t.initiator(id.Party())
			t.message2(w, i)
			i.Token = &token
			t.send(w, "message 3", script.Framed(i.Message3(i.Proof())))
			t.refusal(w)
		}},
		{Name: "another's token cannot be revoked", Section: sectionTokens, Expect: "the stream ended with code 6 (not found)", run: func(t *T) {
			id := t.identity()
			_, token := t.token(id)
			eve := t.user(t.identity())
			eve.streamEnds(eve.ask(script.Interactive, &wire.TokenRevoke{ID: token.ID[:]}), wire.CodeNotFound)
			t.byToken(id, token).alive()
		}},
	}
}

// token has a token granted to the user, and opens it.
func (t *T) token(id *script.Identity) (*session, script.Token) {
	s := t.user(id)
	grant, ok := s.answer(s.ask(script.Interactive, &wire.TokenRequest{})).(*wire.TokenGrant)
	if !ok || len(grant.ID) != 16 {
		t.fail(describe(script.Incoming{Message: grant}, nil), "a request for a token is not answered with one")
	}
	peer := t.remote(id)
	key, err := id.Sealing.Open(script.Fields([]byte("token"), peer[:], grant.ID), grant.Sealed)
	if err != nil || len(key) != 32 {
		t.fail(describe(script.Incoming{Message: grant}, nil), "the token's key is not sealed to the user's key with the specified info")
	}
	return s, script.Token{ID: [16]byte(grant.ID), Key: [32]byte(key)}
}

// remote is the peer's ID, as it proves it.
func (t *T) remote(id *script.Identity) wire.ID {
	if !t.target.PeerID.IsZero() {
		return t.target.PeerID
	}
	w, i := t.dial(), t.initiator(id.Party())
	t.message2(w, i)
	return i.Remote.ID()
}

// byToken is a session of a user that proves itself by token.
func (t *T) byToken(id *script.Identity, token script.Token) *session {
	w, i := t.shake(id.Party(), &token)
	s := &session{Conn: script.NewConn(w, i, true), t: t, self: id}
	return s.established()
}
