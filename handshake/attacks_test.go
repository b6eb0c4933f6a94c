package handshake

import (
	"bytes"
	"crypto/ecdh"
	"errors"
	"testing"
	"time"

	"parley/handshake/identity"
	"parley/wire"
)

// forgeReply answers message 1 as anybody of the network can: with key shares
// of its own, and whatever proof f makes.
func forgeReply(t *testing.T, x *exchange, f func(th2 *secret) *proof) []byte {
	t.Helper()
	r := must[*Responder](t)(NewResponder(x.r.cfg))
	if err := r.ReadMessage1(x.m1); err != nil {
		t.Fatal(err)
	}
	a := must[*answer](t)(newAnswer())
	dh := must[[]byte](t)(a.x.ECDH(r.share))
	kem, ciphertext, err := a.encapsulate(r.kem)
	if err != nil {
		t.Fatal(err)
	}
	m := &reply{share: a.x.PublicKey().Bytes(), ciphertext: ciphertext, random: a.random[:]}
	th2 := transcript(r.th1[:], m.appendClear(nil))
	psk := r.cfg.Network.PSK()
	es := handshakeSecret(kem, dh, &psk)
	m.sealed = closeProof(newPartKeys(&es, byResponder, &th2), &th2, f(&th2))
	return replyBytes(m)
}

// forgeFinal ends a handshake that stands before message 3 with whatever proof f makes.
func forgeFinal(t *testing.T, x *exchange, f func(th3 *secret) *proof) []byte {
	t.Helper()
	must[*identity.Bundle](t)(x.i.ReadMessage2(x.m2))
	return appendFinal(closeProof(x.i.keys, &x.i.th3, f(&x.i.th3)))
}

func signed(bundle []byte, signer *identity.Private, context string) func(*secret) *proof {
	return func(th *secret) *proof {
		return &proof{kind: bySignature, who: bundle, evidence: signer.Sign(context, th[:], bundle)}
	}
}

func expectError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestSwappedIdentitiesAreRefusedByTheInitiator(t *testing.T) {
	i, r := pair(t, false)
	i.Expect = wire.ID{} // whoever it is must have proved it
	mallory := newIdentity(t, "mallory")
	ada, peer := i.Identity, r.Identity

	x := upTo(t, i, r, 1)
	expectError(t, "an honest proof by the forger's means", x.deliver(2, forgeReply(t, x, signed(peer.Bundle().Raw, peer, ContextResponder))), nil)
	for what, forged := range map[string]struct {
		f    func(*secret) *proof
		want error
	}{
		"the peer's bundle, signed by another":       {signed(peer.Bundle().Raw, mallory, ContextResponder), ErrSignature},
		"another's bundle, signed by the peer":       {signed(mallory.Bundle().Raw, peer, ContextResponder), ErrSignature},
		"signed as an initiator":                     {signed(peer.Bundle().Raw, peer, ContextInitiator), ErrSignature},
		"the initiator itself":                       {signed(ada.Bundle().Raw, ada, ContextResponder), ErrSelf},
		"the peer's signature of another handshake":  {otherProof(t, mallory, r), ErrSignature},
		"another's bundle with the peer's old proof": {swapWho(otherProof(t, mallory, r), mallory.Bundle().Raw), ErrSignature},
		"a bundle with a name changed":               {signed(bytes.Replace(peer.Bundle().Raw, []byte("peer"), []byte("boss"), 1), peer, ContextResponder), ErrBundle},
		"a token":                                    {func(*secret) *proof { return &proof{kind: byToken, who: make([]byte, 16), evidence: make([]byte, 32)} }, ErrMessage},
	} {
		expectError(t, what, x.deliver(2, forgeReply(t, x, forged.f)), forged.want)
	}
}

// otherProof returns the proof that the peer of cfg gave to mallory in a
// handshake of theirs.
func otherProof(t *testing.T, mallory *identity.Private, cfg *Config) func(*secret) *proof {
	t.Helper()
	y := upTo(t, &Config{Identity: mallory, Network: cfg.Network}, cfg, 2)
	m, err := parseReply(y.m2)
	if err != nil {
		t.Fatal(err)
	}
	dh := must[[]byte](t)(y.i.offer.x.ECDH(must[*ecdh.PublicKey](t)(y.i.offer.x.Curve().NewPublicKey(m.share))))
	kem := must[[]byte](t)(y.i.offer.kem.Decapsulate(m.ciphertext))
	th2 := transcript(y.i.th1[:], m.clear)
	es := handshakeSecret(kem, dh, &y.i.psk)
	p, _, err := openProof(newPartKeys(&es, byResponder, &th2), &th2, m.sealed, false)
	if err != nil {
		t.Fatal(err)
	}
	return func(*secret) *proof { c := *p; return &c }
}

func swapWho(f func(*secret) *proof, who []byte) func(*secret) *proof {
	return func(th *secret) *proof { p := f(th); p.who = who; return p }
}

func TestSwappedIdentitiesAreRefusedByTheResponder(t *testing.T) {
	i, r := pair(t, false)
	mallory := newIdentity(t, "mallory")
	m := &Config{Identity: mallory, Network: i.Network}
	ada, peer := i.Identity, r.Identity

	// What ada signed when she spoke to mallory, who now speaks to the peer.
	y := upTo(t, i, &Config{Identity: mallory, Network: i.Network}, 1)
	y.i.cfg = &Config{Identity: ada, Network: i.Network}
	if err := y.r.ReadMessage1(y.m1); err != nil {
		t.Fatal(err)
	}
	y.m2 = must[[]byte](t)(y.r.WriteMessage2())
	must[*identity.Bundle](t)(y.i.ReadMessage2(y.m2))
	m3, _, err := y.i.WriteMessage3()
	if err != nil {
		t.Fatal(err)
	}
	sealed := must[[]byte](t)(parseFinal(m3))
	old, _, err := openProof(y.r.keys, &y.r.th3, sealed, true)
	if err != nil {
		t.Fatal(err)
	}

	for what, forged := range map[string]struct {
		f    func(*secret) *proof
		want error
	}{
		"an honest proof by the forger's means":      {signed(mallory.Bundle().Raw, mallory, ContextInitiator), nil},
		"ada's bundle, signed by mallory":            {signed(ada.Bundle().Raw, mallory, ContextInitiator), ErrSignature},
		"ada's proof to mallory, relayed":            {func(*secret) *proof { c := *old; return &c }, ErrSignature},
		"mallory's bundle with ada's proof":          {swapWho(func(*secret) *proof { c := *old; return &c }, mallory.Bundle().Raw), ErrSignature},
		"signed as a responder":                      {signed(mallory.Bundle().Raw, mallory, ContextResponder), ErrSignature},
		"the peer's own identity, its key known":     {signed(peer.Bundle().Raw, peer, ContextInitiator), ErrSelf},
		"a bundle that is none":                      {signed([]byte{0x90}, mallory, ContextInitiator), ErrBundle},
		"a kind of proof that does not exist":        {func(*secret) *proof { return &proof{kind: 3} }, ErrMessage},
		"a token at a peer that issues none":         {func(*secret) *proof { return &proof{kind: byToken, who: make([]byte, 16), evidence: make([]byte, 32)} }, ErrToken},
		"a token ID of the wrong size, as signature": {func(*secret) *proof { return &proof{kind: byToken, who: make([]byte, 17), evidence: make([]byte, 32)} }, ErrMessage},
	} {
		x := upTo(t, m, r, 2)
		expectError(t, what, x.deliver(3, forgeFinal(t, x, forged.f)), forged.want)
	}
}

func TestAMessage3OfAnotherHandshakeIsRefused(t *testing.T) {
	// Mallory relays messages 1 and 2 and would put a message 3 of its own behind.
	eachMode(t, func(t *testing.T, i, r *Config) {
		x := upTo(t, i, r, 2)
		other := upTo(t, &Config{Identity: newIdentity(t, "mallory"), Network: i.Network}, r, 3)
		expectError(t, "", x.deliver(3, other.m3), ErrSealed)
	})
}

func TestWhoHasTheInitiatorsKeyCannotImpersonateThePeerToIt(t *testing.T) {
	i, r := pair(t, false)
	x := upTo(t, i, r, 1)
	stolen, peer := i.Identity, r.Identity.Bundle().Raw
	expectError(t, "signed with the stolen key", x.deliver(2, forgeReply(t, x, signed(peer, stolen, ContextResponder))), ErrSignature)
	expectError(t, "as itself", x.deliver(2, forgeReply(t, x, signed(stolen.Bundle().Raw, stolen, ContextResponder))), ErrSelf)
}

func TestWhoHasThePeersKeyCannotImpersonateAUserToIt(t *testing.T) {
	i, r := pair(t, false)
	x := upTo(t, i, r, 2)
	expectError(t, "", x.deliver(3, forgeFinal(t, x, signed(i.Identity.Bundle().Raw, r.Identity, ContextInitiator))), ErrSignature)
}

func TestAnotherPeerThanTheExpectedOneIsRefused(t *testing.T) {
	eachMode(t, func(t *testing.T, i, r *Config) {
		other := &Config{Identity: newIdentity(t, "peer"), Network: r.Network, Tokens: r.Tokens}
		x := upTo(t, i, other, 2)
		expectError(t, "", x.deliver(2, x.m2), ErrIdentity)
	})
}

func TestAnIdentityDoesNotConnectToItself(t *testing.T) {
	i, r := pair(t, false)
	i.Expect, i.Identity = wire.ID{}, r.Identity
	x := upTo(t, i, r, 2)
	expectError(t, "initiator", x.deliver(2, x.m2), ErrSelf)
	x.i.own = wire.ID{} // an initiator that does not check
	expectError(t, "responder", x.deliver(3, forgeFinal(t, x, signed(r.Identity.Bundle().Raw, r.Identity, ContextInitiator))), ErrSelf)
}

func TestAThiefOfTheTokenCannotImpersonateThePeerToTheUser(t *testing.T) {
	i, r := pair(t, true)
	thief := newIdentity(t, "thief") // has the token and the network's secret, and not the peer's key
	x := upTo(t, i, r, 1)
	peer := r.Identity.Bundle().Raw
	byStolenToken := func(th2 *secret) *proof {
		evidence := tokenProof(&i.Token.Key, th2, i.Identity.ID(), r.Identity.ID(), i.Token.ID[:])
		return &proof{kind: byToken, who: i.Token.ID[:], evidence: evidence[:]}
	}
	expectError(t, "by the token", x.deliver(2, forgeReply(t, x, byStolenToken)), ErrMessage)
	expectError(t, "in the peer's name", x.deliver(2, forgeReply(t, x, signed(peer, thief, ContextResponder))), ErrSignature)
	expectError(t, "under its own name", x.deliver(2, forgeReply(t, x, signed(thief.Bundle().Raw, thief, ContextResponder))), ErrIdentity)
}

func TestAThiefOfTheTokenCannotReadPastSessions(t *testing.T) {
	i, r := pair(t, true)
	x := complete(t, i, r)
	// Known to the thief: every message, token, network secret, and both
	// identities' keys. Not known: the ephemeral keys. It tries what it has in
	// place of the shared secrets.
	hi, err := parseHello(x.m1)
	if err != nil {
		t.Fatal(err)
	}
	re, err := parseReply(x.m2)
	if err != nil {
		t.Fatal(err)
	}
	sealed := must[[]byte](t)(parseFinal(x.m3))
	th1 := transcript([]byte("th"), x.m1)
	th2 := transcript(th1[:], re.clear)
	th3 := transcript(th2[:], re.sealed)
	th4 := transcript(th3[:], sealed)
	if th4 != x.ri.Transcript {
		t.Fatal("the test has another transcript than the handshake")
	}
	psk := i.Network.PSK()
	for _, guess := range [][]byte{make([]byte, 32), hi.share, re.share, hi.random, re.random, i.Token.Key[:], psk[:], th4[:]} {
		es := handshakeSecret(guess, guess, &psk)
		if _, err := newPartKeys(&es, byInitiator, &th2).open(&th3, sealed); err == nil {
			t.Error("message 3 opens")
		}
		guessed := &Result{Initiator: true}
		guessed.traffic(&es, &i.Token.Key, &th4)
		if guessed.Send == x.ri.Send || guessed.Recv == x.ri.Recv || guessed.Exporter == x.ri.Exporter {
			t.Error("the keys are found")
		}
	}
	// And the token's key is in the traffic keys: es alone does not give them.
	without := complete(t, i, r)
	var zeros secret
	again := &Result{Initiator: true}
	es := secret{1}
	again.traffic(&es, &zeros, &th4)
	other := &Result{Initiator: true}
	other.traffic(&es, &i.Token.Key, &th4)
	if again.Send == other.Send || again.Exporter == other.Exporter || without.ri.Send == x.ri.Send {
		t.Error("the token's key makes no difference")
	}
}

func TestATokenHoldsForItsUserItsPeerAndItsTimeOnly(t *testing.T) {
	i, r := pair(t, true)
	source := r.Tokens.(*tokens)
	good := func(th3 *secret) *proof {
		evidence := tokenProof(&i.Token.Key, th3, i.Identity.ID(), r.Identity.ID(), i.Token.ID[:])
		return &proof{kind: byToken, who: i.Token.ID[:], evidence: evidence[:]}
	}
	with := func(f func() secret) func(*secret) *proof {
		return func(th3 *secret) *proof {
			p := good(th3)
			evidence := f()
			p.evidence = evidence[:]
			return p
		}
	}
	try := func(what string, r *Config, f func(*secret) *proof, want error) {
		t.Helper()
		x := upTo(t, &Config{Identity: i.Identity, Network: i.Network}, r, 2)
		expectError(t, what, x.deliver(3, forgeFinal(t, x, f)), want)
	}
	try("as it should be", r, good, nil)
	try("at another peer that has the same token", &Config{Identity: newIdentity(t, "peer"), Network: r.Network, Tokens: source}, good, ErrToken)
	try("of another user", &Config{Identity: r.Identity, Network: r.Network, Tokens: &tokens{token: source.token, user: newIdentity(t, "eve").Bundle(), expiry: source.expiry}}, good, ErrToken)
	try("under another ID", r, swapWho(good, make([]byte, TokenIDSize)), ErrToken)
	try("without the key", r, with(func() secret { return secret{} }), ErrToken)
	try("proved in another handshake", r, with(func() secret {
		return tokenProof(&i.Token.Key, &secret{9}, i.Identity.ID(), r.Identity.ID(), i.Token.ID[:])
	}), ErrToken)
	x := upTo(t, i, r, 3)
	if _, err := x.r.fork().ReadMessage3(x.m3, source.expiry.Add(-time.Second)); err != nil {
		t.Errorf("a second before expiry: %v", err)
	}
	if _, err := x.r.fork().ReadMessage3(x.m3, source.expiry); !errors.Is(err, ErrToken) {
		t.Errorf("at expiry: %v", err)
	}
}

func TestATokenWithAnotherKeyThanThePeersGivesNoSession(t *testing.T) {
	i, r := pair(t, true)
	wrong := *i.Token
	wrong.Key[0] ^= 1
	i.Token = &wrong
	x := upTo(t, i, r, 3)
	expectError(t, "", x.deliver(3, x.m3), ErrToken)
}
