package handshake

import (
	"bytes"
	"encoding/hex"
	"testing"

	"parley/handshake/identity"
	"parley/wire"
)

// makeRefused makes the family of refused messages, against the handshakes
// "by-signature" and "by-token".
func makeRefused(t *testing.T, complete map[string]completeVector) []refusedVector {
	t.Helper()
	var family []refusedVector
	base, byTokenBase := complete["by-signature"], complete["by-token"]
	mallory := newIdentity(t, "mallory")
	i, r := base.configs(t)
	add := func(name string, message int, cause string, b []byte) {
		family = append(family, refusedVector{Name: name, Of: base.Name, Message: message, Bytes: bytes.Clone(b), Error: cause})
	}
	alter := func(b []byte, offset int) []byte {
		b = bytes.Clone(b)
		b[offset] ^= 1
		return b
	}
	cut := func(b []byte) []byte { return b[:len(b)-1] }
	low := must[[]byte](t)(hex.DecodeString(lowOrder[2]))

	// Message 1.
	hi := must[*hello](t)(parseHello(base.Message1))
	key := i.Network.Key(NetworkUse)
	strange := (identity.Network{Name: "office", Secret: make([]byte, 32)}).Key(NetworkUse)
	change := func(m hello, f func(*hello)) []byte { f(&m); return m.append(&key) }
	add("empty", 1, "message", nil)
	add("message-1-of-version-2", 1, "version", append([]byte{0x95, 2}, base.Message1[2:]...))
	add("message-1-cut", 1, "message", cut(base.Message1))
	add("message-1-with-a-byte-more", 1, "message", append(bytes.Clone(base.Message1), 0))
	add("message-1-with-a-long-number", 1, "message", append([]byte{0x95, 0xcc, 1}, base.Message1[2:]...))
	add("message-1-with-another-mac", 1, "network-secret", alter(base.Message1, len(base.Message1)-1))
	add("message-1-with-another-share", 1, "network-secret", alter(base.Message1, 10))
	add("message-1-of-another-network-secret", 1, "network-secret", hi.append(&strange))
	add("message-1-with-a-share-of-low-order", 1, "key-share", change(*hi, func(m *hello) { m.share = low }))
	add("message-1-with-a-short-kem-key", 1, "message", change(*hi, func(m *hello) { m.kem = m.kem[1:] }))
	add("message-1-with-a-kem-key-over-the-modulus", 1, "key-share", change(*hi, func(m *hello) { m.kem = bytes.Repeat([]byte{0xff}, kemKeySize) }))
	add("refusal-as-message-1", 1, "refused", refusal[:])

	// Message 2.
	re := must[*reply](t)(parseReply(base.Message2))
	changeReply := func(m reply, f func(*reply)) []byte { f(&m); return replyBytes(&m) }
	final := must[[]byte](t)(parseFinal(base.Message3))
	bundleI, bundleR := i.Identity.Bundle().Raw, r.Identity.Bundle().Raw
	forge := func(f func(*secret) *proof) []byte { return forgeReply(t, base.upTo(t, 1), f) }
	add("message-2-of-version-2", 2, "version", append([]byte{0x95, 2}, base.Message2[2:]...))
	add("message-2-cut", 2, "message", cut(base.Message2))
	add("message-1-reflected", 2, "message", base.Message1)
	add("message-3-reflected-in-message-2", 2, "sealed", changeReply(*re, func(m *reply) { m.sealed = final }))
	add("message-2-of-another-handshake", 2, "sealed", complete["by-token"].Message2)
	add("message-2-with-a-share-of-low-order", 2, "key-share", changeReply(*re, func(m *reply) { m.share = low }))
	add("message-2-with-another-share", 2, "sealed", alter(base.Message2, 10))
	add("message-2-with-a-short-ciphertext", 2, "message", changeReply(*re, func(m *reply) { m.ciphertext = m.ciphertext[1:] }))
	add("message-2-with-another-ciphertext", 2, "sealed", alter(base.Message2, 60))
	add("message-2-with-another-random", 2, "sealed", alter(base.Message2, len(base.Message2)-len(re.sealed)-5))
	add("message-2-with-another-tag", 2, "sealed", alter(base.Message2, len(base.Message2)-1))
	add("message-2-with-a-sealed-part-of-no-blocks", 2, "sealed", changeReply(*re, func(m *reply) { m.sealed = make([]byte, 47) }))
	add("message-2-with-the-peers-bundle-signed-by-another", 2, "signature", forge(signed(bundleR, mallory, ContextResponder)))
	add("message-2-with-anothers-bundle-signed-by-the-peer", 2, "signature", forge(signed(mallory.Bundle().Raw, r.Identity, ContextResponder)))
	add("message-2-signed-as-initiator", 2, "signature", forge(signed(bundleR, r.Identity, ContextInitiator)))
	add("message-2-from-the-initiator-itself", 2, "self", forge(signed(bundleI, i.Identity, ContextResponder)))
	add("message-2-with-a-name-changed", 2, "bundle", forge(signed(bytes.Replace(bundleR, []byte("peer"), []byte("boss"), 1), r.Identity, ContextResponder)))
	add("message-2-proved-by-token", 2, "message", forge(func(*secret) *proof {
		return &proof{kind: byToken, who: make([]byte, TokenIDSize), evidence: make([]byte, macSize)}
	}))
	add("refusal-as-message-2", 2, "refused", refusal[:])

	// Message 3.
	forge = func(f func(*secret) *proof) []byte { return forgeFinal(t, base.upTo(t, 2), f) }
	spoil := func(f func(plain []byte) []byte) []byte {
		x := base.upTo(t, 2)
		must[*identity.Bundle](t)(x.i.ReadMessage2(x.m2))
		return appendFinal(x.i.keys.close(&x.i.th3, f(bytes.Clone(base.ProofI))))
	}
	add("message-3-of-version-2", 3, "version", append([]byte{0x92, 2}, base.Message3[2:]...))
	add("message-3-cut", 3, "message", cut(base.Message3))
	add("message-2-reflected", 3, "message", base.Message2)
	add("message-2-reflected-in-message-3", 3, "sealed", appendFinal(re.sealed))
	add("message-3-of-another-handshake", 3, "sealed", byTokenBase.Message3)
	add("message-3-with-another-byte", 3, "sealed", alter(base.Message3, 700))
	add("message-3-with-another-tag", 3, "sealed", alter(base.Message3, len(base.Message3)-1))
	add("message-3-with-anothers-signature", 3, "signature", forge(signed(bundleI, mallory, ContextInitiator)))
	add("message-3-with-anothers-bundle", 3, "signature", forge(signed(mallory.Bundle().Raw, i.Identity, ContextInitiator)))
	add("message-3-signed-as-responder", 3, "signature", forge(signed(bundleI, i.Identity, ContextResponder)))
	add("message-3-from-the-responder-itself", 3, "self", forge(signed(bundleR, r.Identity, ContextInitiator)))
	add("message-3-without-a-bundle", 3, "bundle", forge(signed([]byte{0x90}, i.Identity, ContextInitiator)))
	add("message-3-with-padding-that-is-not-zero", 3, "message", spoil(func(b []byte) []byte { return alter(b, len(b)-1) }))
	add("message-3-with-a-short-padding", 3, "message", spoil(cut))
	add("message-3-with-a-kind-that-does-not-exist", 3, "message", spoil(func(b []byte) []byte { b[1] = 3; return b }))
	add("message-3-with-another-confirmation", 3, "confirm", spoil(func(b []byte) []byte {
		p := must[*proof](t)(parseProof(b, true))
		return alter(b, bytes.Index(b, p.confirm))
	}))
	add("message-3-by-token-where-none-is-issued", 3, "token", forge(func(*secret) *proof {
		return &proof{kind: byToken, who: make([]byte, TokenIDSize), evidence: make([]byte, macSize)}
	}))
	add("refusal-as-message-3", 3, "refused", refusal[:])

	// Message 3 by token.
	base = byTokenBase
	token := Token{ID: [TokenIDSize]byte(base.TokenID), Key: secret(base.TokenKey)}
	prove := func(token Token, key secret, user, peer wire.ID) func(*secret) *proof {
		return func(th3 *secret) *proof {
			evidence := tokenProof(&key, th3, user, peer, token.ID[:])
			return &proof{kind: byToken, who: token.ID[:], evidence: evidence[:]}
		}
	}
	user, peer := base.Initiator.ID, base.Responder.ID
	add("message-3-with-an-unknown-token", 3, "token", forge(prove(Token{}, token.Key, user, peer)))
	add("message-3-with-another-token-key", 3, "token", forge(prove(token, secret{}, user, peer)))
	add("message-3-with-a-token-of-another-user", 3, "token", forge(prove(token, token.Key, mallory.ID(), peer)))
	add("message-3-with-a-token-of-another-peer", 3, "token", forge(prove(token, token.Key, user, mallory.ID())))
	return family
}
