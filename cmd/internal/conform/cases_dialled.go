package conform

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"parley/cmd/internal/script"
	"parley/wire"
)

// dialledCases are the rules of the side that dials. Their order is that of a session.
func dialledCases() []Case {
	return slices.Concat(firstCases(), replyCases(), replyProofs(), calledCases(), calledRooms())
}

// firstCases are about message 1, and what may come instead of an answer to it.
func firstCases() []Case {
	// quietEnd sends what f makes in answer to message 1, and wants the end without a byte.
	quietEnd := func(name, section string, within time.Duration, f func(t *T, r *script.Responder) []byte) Case {
		return Case{Name: name, Section: section, Expect: closedSilently, run: func(t *T) {
			w, r := t.upTo1()
			if b := f(t, r); len(b) > 0 {
				t.send(w, "in answer to message 1", b)
			}
			t.silentEnd(w, within)
		}}
	}
	return []Case{
		{Name: "a peer that dials begins a session", Section: sectionHS, Expect: "Hello under the session's keys", run: func(t *T) { t.called().alive() }},
		{Name: "message 1 has exactly its size, and names nobody", Section: sectionM, Expect: "1,291 bytes without the peer's ID", run: func(t *T) {
			w := t.accept()
			m1, err := w.ReadMessage(soon())
			if err != nil || len(m1) != 1291 || !t.target.PeerID.IsZero() && bytes.Contains(m1, t.target.PeerID[:]) {
				t.fail(fmt.Sprintf("%d bytes, %v", len(m1), err), "message 1 is not of its size, or shows the peer's ID")
			}
		}},
		{Name: "message 3 has exactly its size", Section: sectionM, Expect: "1,813 bytes", run: func(t *T) {
			w, r := t.derived()
			t.send(w, "message 2", script.Framed(r.Message2Proof(r.Proof())))
			if m3 := t.message3(w, r); len(m3) != 1813 {
				t.fail(fmt.Sprintf("%d bytes", len(m3)), "the length of message 3 tells something of the peer")
			}
		}},
		{Name: "the initiator's ephemeral keys are fresh in each handshake", Section: section1, Expect: "other shares, keys and randoms", run: func(t *T) {
			seen := map[string]bool{}
			for range 2 {
				w := t.accept()
				m1, err := w.ReadMessage(soon())
				if err != nil {
					t.fail(err.Error(), "no message 1 comes")
				}
				_ = w.Raw.Close() // the peer dials again
				r := wire.NewReader(m1)
				r.Array(5)
				r.Uint()
				for _, part := range [][]byte{r.BinSize(32), r.BinSize(1184), r.BinSize(32)} {
					if seen[string(part)] {
						t.fail(fmt.Sprintf("%x again", part), "the peer uses an ephemeral value twice")
					}
					seen[string(part)] = true
				}
			}
		}},
		{Name: "nothing follows message 1 before message 2 has come", Section: sectionHS, Expect: "silence", run: func(t *T) {
			w, r := t.derived()
			if b, err := w.ReadEnd(later(quiet)); len(b) > 0 || !script.TimedOut(err) {
				t.fail(fmt.Sprintf("%x, %v", b, err), "the initiator sends before the responder is proved, or closes")
			}
			t.send(w, "message 2", script.Framed(r.Message2Proof(r.Proof())))
			t.message3(w, r)
		}},
		{Name: "message 2 that arrives byte by byte is put together", Section: sectionM, Expect: "message 3", run: func(t *T) {
			w, r := t.derived()
			for n, b := range script.Framed(r.Message2Proof(r.Proof())) {
				if _, err := w.Raw.Write([]byte{b}); err != nil {
					t.fail(fmt.Sprint(err), "the peer closes behind byte %d", n)
				}
			}
			t.message3(w, r)
		}},
		{Name: "a responder's share with its top bit set is taken as without it, and hashed as it is", Section: "handshake, Suite (RFC 7748 section 5)", Expect: "message 3", run: func(t *T) {
			w, r := t.upTo1()
			share := r.X.PublicKey().Bytes()
			share[31] |= 0x80
			t.derive(r, share, r.Ciphertext, r.Random[:])
			t.send(w, "message 2", script.Framed(r.Message2Proof(r.Proof())))
			t.message3(w, r)
		}},
		quietEnd("a refusal in place of message 2", sectionHS, atOnce, func(*T, *script.Responder) []byte { return script.Framed(script.Refusal()) }),
		quietEnd("message 2 that does not come", sectionHS, handshakeLimit, func(*T, *script.Responder) []byte { return nil }),
		quietEnd("a half of message 2, and nothing more", sectionHS, handshakeLimit, func(t *T, r *script.Responder) []byte {
			t.derive(r, r.X.PublicKey().Bytes(), r.Ciphertext, r.Random[:])
			return script.Framed(r.Message2Proof(r.Proof()))[:700]
		}),
		{Name: "an end of the connection in place of message 2", Section: sectionHS, Expect: "the end, and another attempt later", run: func(t *T) {
			w, _ := t.upTo1()
			_ = w.Raw.Close() // the case is about what follows
			t.called().alive()
		}},
	}
}

// reply sends what f makes in place of message 2, behind its length, and wants it refused.
func reply(name, section string, f func(t *T, r *script.Responder) []byte) Case {
	return Case{Name: name, Section: section, Expect: refusedClosed, run: func(t *T) {
		w, r := t.upTo1()
		t.send(w, "in place of message 2", script.Framed(f(t, r)))
		t.refusal(w)
	}}
}

// replyCases are messages 2 that are malformed, or of parts that are not right.
func replyCases() []Case {
	good := func(t *T, r *script.Responder) []byte {
		t.derive(r, r.X.PublicKey().Bytes(), r.Ciphertext, r.Random[:])
		return r.Message2Proof(r.Proof())
	}
	// changed alters the bytes of a good message 2.
	changed := func(name, section string, f func(b []byte) []byte) Case {
		return reply(name, section, func(t *T, r *script.Responder) []byte { return f(good(t, r)) })
	}
	// parts makes message 2 of other parts than its own, sealed as if they were right.
	parts := func(name, section string, f func(t *T, share, ciphertext, random *[]byte)) Case {
		return reply(name, section, func(t *T, r *script.Responder) []byte {
			share, ciphertext, random := r.X.PublicKey().Bytes(), bytes.Clone(r.Ciphertext), r.Random[:]
			f(t, &share, &ciphertext, &random)
			t.derive(r, share, ciphertext, random)
			return r.Message2Proof(r.Proof())
		})
	}
	length := func(name string, n uint32) Case {
		return Case{Name: name, Section: sectionM, Expect: refusedClosed, run: func(t *T) {
			w, _ := t.upTo1()
			t.send(w, "length", binary.BigEndian.AppendUint32(nil, n))
			t.refusal(w)
		}}
	}
	flip := func(at int) func(b []byte) []byte {
		return func(b []byte) []byte {
			if at < 0 {
				at += len(b)
			}
			b[at] ^= 1
			return b
		}
	}
	all := []Case{
		length("message 2 of length 0", 0),
		length("message 2 of 8,193 bytes", 8193),
		length("message 2 of 4 GiB", 1<<32-1),
		changed("message 2 of version 2", sectionM, func(b []byte) []byte { b[1] = 2; return b }),
		changed("message 2 cut by a byte", sectionM, func(b []byte) []byte { return b[:len(b)-1] }),
		changed("message 2 with a byte behind it", sectionM, func(b []byte) []byte { return append(b, 0) }),
		changed("message 2 with six elements", sectionM, func(b []byte) []byte { b[0] = 0x96; return append(b, 0) }),
		changed("message 2 with its version in a longer form", sectionCanon, func(b []byte) []byte { return slices.Concat(b[:1], []byte{0xcc}, b[1:]) }),
		changed("message 2 with its array in a longer form", sectionCanon, func(b []byte) []byte { return slices.Concat([]byte{0xdc, 0, 5}, b[1:]) }),
		changed("message 2 with a bit of the share altered", section2, flip(10)),
		changed("message 2 with a bit of the ciphertext altered", section2, flip(400)),
		changed("message 2 with a bit of the random altered", section2, flip(1145)),
		changed("message 2 with a bit of the sealed part altered", section2, flip(1500)),
		changed("message 2 with a bit of the tag altered", section2, flip(-1)),
		reply("message 1 sent back as message 2", "handshake, What holds (reflection)", func(t *T, r *script.Responder) []byte {
			i := t.initiator(t.identity().Party())
			return i.Message1()
		}),
		reply("message 2 of another handshake", "handshake, What holds (replay)", func(t *T, _ *script.Responder) []byte {
			old := t.initiator(t.identity().Party())
			return t.message2(t.dial(), old)
		}),
		parts("message 2 with a share of 31 bytes", sectionM, func(_ *T, share, _, _ *[]byte) { *share = (*share)[:31] }),
		parts("message 2 with a share of 33 bytes", sectionM, func(_ *T, share, _, _ *[]byte) { *share = append(*share, 0) }),
		parts("message 2 with a ciphertext of 1,087 bytes", sectionM, func(_ *T, _, ct, _ *[]byte) { *ct = (*ct)[:1087] }),
		parts("message 2 with a ciphertext of 1,089 bytes", sectionM, func(_ *T, _, ct, _ *[]byte) { *ct = append(*ct, 0) }),
		parts("message 2 with the ciphertext of ML-KEM-512", sectionM, func(_ *T, _, ct, _ *[]byte) { *ct = (*ct)[:768] }),
		parts("message 2 without a ciphertext", sectionM, func(_ *T, _, ct, _ *[]byte) { *ct = nil }),
		parts("message 2 with a random of 31 bytes", sectionM, func(_ *T, _, _, random *[]byte) { *random = (*random)[:31] }),
		parts("message 2 with a ciphertext of another secret", section2, func(t *T, _, ct, _ *[]byte) { *ct = t.random(1088) }),
		parts("message 2 with a share of another secret", section2, func(t *T, share, _, _ *[]byte) { *share = t.initiator(t.identity().Party()).X.PublicKey().Bytes() }),
		reply("message 2 of who does not know the network's secret", section2, func(t *T, r *script.Responder) []byte {
			r.Network.Secret = t.random(32)
			return good(t, r)
		}),
		reply("message 2 without a sealed part", sectionM, func(t *T, r *script.Responder) []byte {
			good(t, r)
			return r.Message2Sealed(nil)
		}),
		reply("message 2 whose sealed part is random", section2, func(t *T, r *script.Responder) []byte {
			good(t, r)
			return r.Message2Sealed(t.random(1808))
		}),
	}
	for _, p := range lowOrder() {
		all = append(all, reply("a responder's share of low order: "+p.name, section2+" (X25519 result of all zeros)", func(t *T, r *script.Responder) []byte {
			t.derive(r, p.point, r.Ciphertext, r.Random[:])
			// What follows from a result of zeros, which whoever accepted it would have.
			psk := r.Network.PSK()
			r.ES = script.HandshakeSecret(r.KEMShared, make([]byte, 32), psk[:])
			r.KeysR = script.NewPartKeys(r.ES, script.ByResponder, r.TH2)
			return r.Message2Proof(r.Proof())
		}))
	}
	return all
}

// replyProofs are messages 2 whose proof is not right.
func replyProofs() []Case {
	// plain sends message 2 with the plaintext that f makes for its sealed part.
	plain := func(name, section string, f func(t *T, r *script.Responder) []byte) Case {
		return reply(name, section, func(t *T, r *script.Responder) []byte {
			t.derive(r, r.X.PublicKey().Bytes(), r.Ciphertext, r.Random[:])
			return r.Message2Plain(f(t, r))
		})
	}
	// proof sends message 2 with a proof that f has changed.
	proof := func(name, section string, f func(t *T, r *script.Responder, p *script.Proof)) Case {
		return plain(name, section, func(t *T, r *script.Responder) []byte {
			p := r.Proof()
			f(t, r, &p)
			return p.Bytes(r.KeysR, r.TH2)
		})
	}
	// bundle sends message 2 with another bundle, signed by who has the key.
	bundle := func(name string, f func(t *T, id *script.Identity) []byte) Case {
		return plain("message 2 with "+name, "identity, Bundles", func(t *T, r *script.Responder) []byte {
			id := t.identity()
			who := f(t, id)
			p := script.Proof{Kind: script.BySignature, Who: who, Evidence: id.Sign("hs-R", r.TH2[:], who)}
			return p.Bytes(r.KeysR, r.TH2)
		})
	}
	padding := func(p *script.Proof, more int) []byte { return make([]byte, 1728-len(p.Who)-len(p.Evidence)+more) }
	return []Case{
		reply("message 2 sealed under the keys of the other direction", section2, func(t *T, r *script.Responder) []byte {
			t.derive(r, r.X.PublicKey().Bytes(), r.Ciphertext, r.Random[:])
			p := r.Proof()
			return r.Message2Sealed(r.KeysI.Seal(r.TH2, p.Bytes(r.KeysR, r.TH2)))
		}),
		reply("message 2 sealed over th1", section2, func(t *T, r *script.Responder) []byte {
			t.derive(r, r.X.PublicKey().Bytes(), r.Ciphertext, r.Random[:])
			p := r.Proof()
			return r.Message2Sealed(r.KeysR.Seal(r.TH1, p.Bytes(r.KeysR, r.TH2)))
		}),
		proof("a responder's signature by another key than the bundle's", section2, func(t *T, r *script.Responder, p *script.Proof) {
			p.Evidence = t.identity().Sign("hs-R", r.TH2[:], p.Who)
		}),
		proof("another's bundle under a responder's own signature", "handshake, What holds (unknown key-share)", func(t *T, r *script.Responder, p *script.Proof) {
			p.Who = t.identity().Bundle
			p.Evidence = r.Self.Sign("hs-R", r.TH2[:], p.Who)
		}),
		proof("the dialling peer's own bundle under another's signature", section2, func(t *T, r *script.Responder, p *script.Proof) {
			i := t.initiator(t.identity().Party())
			t.message2(t.dial(), i)
			p.Who = i.Remote.Raw
			p.Evidence = r.Self.Sign("hs-R", r.TH2[:], p.Who)
		}),
		proof("a responder's signature in the initiator's context", section2, func(_ *T, r *script.Responder, p *script.Proof) {
			p.Evidence = r.Self.Sign("hs-I", r.TH2[:], p.Who)
		}),
		proof("a responder's signature over th1", section2, func(_ *T, r *script.Responder, p *script.Proof) {
			p.Evidence = r.Self.Sign("hs-R", r.TH1[:], p.Who)
		}),
		proof("a responder's signature that leaves out the bundle", section2, func(_ *T, r *script.Responder, p *script.Proof) {
			p.Evidence = r.Self.Sign("hs-R", r.TH2[:])
		}),
		proof("a responder's signature that is malleated", "identity, Keys and IDs (RFC 8032 section 5.1.7)", func(_ *T, _ *script.Responder, p *script.Proof) {
			p.Evidence = malleated(p.Evidence)
		}),
		proof("no signature of the responder's", section2, func(_ *T, _ *script.Responder, p *script.Proof) { p.Evidence = nil }),
		proof("a responder's proof by token", section2, func(t *T, r *script.Responder, p *script.Proof) {
			token := t.random(16)
			*p = script.Proof{Kind: script.ByToken, Who: token, Evidence: script.TokenEvidence(t.random(32), r.TH2, r.Self.ID, t.target.PeerID, token)}
		}),
		proof("a responder's proof of kind 0", section2, func(_ *T, _ *script.Responder, p *script.Proof) { p.Kind = 0 }),
		proof("a responder's other confirmation", section2, func(t *T, _ *script.Responder, p *script.Proof) { p.Confirm = t.random(32) }),
		proof("a responder's confirmation under the other direction's key", section2, func(_ *T, r *script.Responder, p *script.Proof) {
			p.Confirm = script.MAC(r.KeysI.Fin[:], r.TH2[:], p.Who, p.Evidence)
		}),
		proof("a responder's confirmation over th1", section2, func(_ *T, r *script.Responder, p *script.Proof) {
			p.Confirm = script.MAC(r.KeysR.Fin[:], r.TH1[:], p.Who, p.Evidence)
		}),
		proof("a responder's padding that is not zero", section2, func(_ *T, _ *script.Responder, p *script.Proof) {
			p.Padding = padding(p, 0)
			p.Padding[0] = 1
		}),
		proof("a responder's padding that is a byte short", section2, func(_ *T, _ *script.Responder, p *script.Proof) { p.Padding = padding(p, -1) }),
		proof("a responder's padding that is a byte long", section2, func(_ *T, _ *script.Responder, p *script.Proof) { p.Padding = padding(p, 1) }),
		plain("a responder's proof with a byte behind it", section2, func(_ *T, r *script.Responder) []byte {
			p := r.Proof()
			return append(p.Bytes(r.KeysR, r.TH2), 0)
		}),
		plain("a responder's proof that is empty", section2, func(*T, *script.Responder) []byte { return nil }),
		bundle("a bundle whose own signature is wrong", func(_ *T, id *script.Identity) []byte {
			b := bytes.Clone(id.Bundle)
			b[len(b)-1] ^= 1
			return b
		}),
		bundle("a bundle of number 0", func(_ *T, id *script.Identity) []byte {
			return bundleOf(id.Signer, id.Public(), 0, id.Sealing.Public(), "harness")
		}),
		bundle("a name that holds a line end", func(_ *T, id *script.Identity) []byte {
			return bundleOf(id.Signer, id.Public(), 1, id.Sealing.Public(), "a\nb")
		}),
	}
}
