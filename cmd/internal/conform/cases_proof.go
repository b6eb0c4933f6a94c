package conform

import (
	"bytes"
	"math/big"
	"slices"

	"parley/cmd/internal/script"
	"parley/handshake/identity"
	"parley/wire"
)

const section3 = "handshake, Message 3"

// proofCases are the rules of message 3.
func proofCases() []Case {
	// raw sends the bytes that f makes in place of message 3, behind their length.
	raw := func(name, section string, f func(t *T, i *script.Initiator) []byte) Case {
		return Case{Name: name, Section: section, Expect: refusedClosed, run: func(t *T) {
			w, i := t.upTo2()
			t.send(w, "in place of message 3", script.Framed(f(t, i)))
			t.refusal(w)
		}}
	}
	// proof sends message 3 with a proof that f has changed.
	proof := func(name, section string, f func(t *T, i *script.Initiator, p *script.Proof)) Case {
		return raw(name, section, func(t *T, i *script.Initiator) []byte {
			p := i.Proof()
			f(t, i, &p)
			return i.Message3(p)
		})
	}
	// bundle sends message 3 with a bundle that a signer of its own has signed.
	bundle := func(name string, f func(t *T, id *script.Identity) []byte) Case {
		return Case{Name: "message 3 with " + name, Section: "identity, Bundles", Expect: refusedClosed, run: func(t *T) {
			id := t.identity()
			w, i := t.dial(), t.initiator(id.Party())
			t.message2(w, i)
			who := f(t, id)
			t.send(w, "message 3", script.Framed(i.Message3(script.Proof{Kind: script.BySignature, Who: who, Evidence: id.Sign("hs-I", i.TH3[:], who)})))
			t.refusal(w)
		}}
	}
	good := func(i *script.Initiator) []byte { return i.Message3(i.Proof()) }
	flip := func(at int) func(*T, *script.Initiator) []byte {
		return func(_ *T, i *script.Initiator) []byte {
			b := good(i)
			if at < 0 {
				at += len(b)
			}
			b[at] ^= 0x40
			return b
		}
	}
	cases := []Case{
		raw("message 3 of version 2", sectionM, func(_ *T, i *script.Initiator) []byte { b := good(i); b[1] = 2; return b }),
		raw("message 3 cut by a byte", sectionM, func(_ *T, i *script.Initiator) []byte { b := good(i); return b[:len(b)-1] }),
		raw("message 3 with a byte behind it", sectionM, func(_ *T, i *script.Initiator) []byte { return append(good(i), 0) }),
		raw("message 3 with three elements", sectionM, func(_ *T, i *script.Initiator) []byte { return append([]byte{0x93}, append(good(i)[1:], 0)...) }),
		raw("message 3 with its version in a longer form", "wire, Canonical encoding", func(_ *T, i *script.Initiator) []byte { return append([]byte{0x92, 0xcc}, good(i)[1:]...) }),
		raw("message 3 without a sealed part", sectionM, func(*T, *script.Initiator) []byte { return []byte{0x92, 1, 0xc4, 0} }),
		raw("message 3 whose sealed part is only a tag", "seal, Encryption", func(t *T, i *script.Initiator) []byte { return i.Message3Sealed(t.random(32)) }),
		raw("message 3 whose sealed part is not whole blocks", "seal, Encryption", func(t *T, i *script.Initiator) []byte { return i.Message3Sealed(t.random(1807)) }),
		raw("message 3 of random bytes in its length", section3, func(t *T, i *script.Initiator) []byte { return i.Message3Sealed(t.random(1808)) }),
		raw("message 3 with a bit of the ciphertext altered", section3, flip(40)),
		raw("message 3 with a bit of the last block altered", section3, flip(-33)),
		raw("message 3 with a bit of the tag altered", section3, flip(-1)),
		{Name: "message 3 of length 0", Section: sectionM, Expect: refusedClosed, run: func(t *T) {
			w, _ := t.upTo2()
			t.send(w, "length", make([]byte, 4))
			t.refusal(w)
		}},
		{Name: "message 3 of 4 GiB", Section: sectionM, Expect: refusedClosed, run: func(t *T) {
			w, _ := t.upTo2()
			t.send(w, "length", []byte{0xff, 0xff, 0xff, 0xff})
			t.refusal(w)
		}},
		{Name: "the initiator's refusal of message 2", Section: sectionHS, Expect: "the end", run: func(t *T) {
			w, _ := t.upTo2()
			t.send(w, "refusal", script.Framed(script.Refusal()))
			t.refusalOrEnd(w)
		}},
		raw("message 1 a second time, in place of message 3", sectionHS, func(_ *T, i *script.Initiator) []byte { return i.Msg1 }),
		{Name: "the peer's message 2 sent back as message 3", Section: "handshake, What holds (reflection)", Expect: refusedClosed, run: func(t *T) {
			w, i := t.dial(), t.initiator(t.identity().Party())
			t.send(w, "message 2 as message 3", script.Framed(t.message2(w, i)))
			t.refusal(w)
		}},
		{Name: "the peer's sealed part sent back in message 3", Section: "handshake, What holds (reflection)", Expect: refusedClosed, run: func(t *T) {
			w, i := t.dial(), t.initiator(t.identity().Party())
			r := wire.NewReader(t.message2(w, i))
			r.Array(5)
			r.Uint()
			r.BinSize(32)
			r.BinSize(1088)
			r.BinSize(32)
			t.send(w, "message 3", script.Framed(i.Message3Sealed(r.Bin(8192))))
			t.refusal(w)
		}},
		raw("the peer's proof, sealed again for this direction", "handshake, What holds (reflection)", func(_ *T, i *script.Initiator) []byte { return i.Message3Plain(i.ProofR) }),
		raw("message 3 sealed under the keys of the other direction", section3, func(_ *T, i *script.Initiator) []byte {
			p := i.Proof()
			return i.Message3Sealed(i.KeysR.Seal(i.TH3, p.Bytes(i.KeysI, i.TH3)))
		}),
		raw("message 3 sealed over th2", section3, func(_ *T, i *script.Initiator) []byte {
			p := i.Proof()
			return i.Message3Sealed(i.KeysI.Seal(i.TH2, p.Bytes(i.KeysI, i.TH3)))
		}),
		{Name: "message 3 of an earlier handshake of the same initiator", Section: "handshake, What holds (replay)", Expect: refusedClosed, run: func(t *T) {
			id := t.identity()
			w, i := t.shake(id.Party(), nil)
			old := i.Message3(i.Proof())
			(&session{Conn: script.NewConn(w, i, false), t: t}).established()
			again := t.dial()
			t.send(again, "message 1, replayed", script.Framed(i.Msg1))
			if _, err := again.ReadMessage(soon()); err != nil {
				t.fail(err.Error(), "no message 2 in answer to a replayed message 1")
			}
			t.send(again, "message 3, replayed", script.Framed(old))
			t.refusal(again)
		}},
		{Name: "message 3 that was sent before message 2 could be known", Section: "handshake, What holds (replay)", Expect: refusedClosed, run: func(t *T) {
			_, old := t.upTo2()
			w, i := t.dial(), t.initiator(t.identity().Party())
			t.send(w, "message 1 and an old message 3", append(script.Framed(i.Message1()), script.Framed(good(old))...))
			if _, err := w.ReadMessage(soon()); err != nil {
				t.fail(err.Error(), "no message 2 comes")
			}
			t.refusal(w)
		}},
		proof("a signature by another key than the bundle's", section3, func(t *T, i *script.Initiator, p *script.Proof) {
			p.Evidence = t.identity().Sign("hs-I", i.TH3[:], p.Who)
		}),
		proof("another's bundle under one's own signature", "handshake, What holds (unknown key-share)", func(t *T, i *script.Initiator, p *script.Proof) {
			p.Who = t.identity().Bundle
			p.Evidence = i.Self.Sign("hs-I", i.TH3[:], p.Who)
		}),
		proof("the peer's own bundle under another's signature", "handshake, What holds", func(_ *T, i *script.Initiator, p *script.Proof) {
			p.Who = i.Remote.Raw
			p.Evidence = i.Self.Sign("hs-I", i.TH3[:], p.Who)
		}),
		proof("a signature in the responder's context", section3, func(_ *T, i *script.Initiator, p *script.Proof) {
			p.Evidence = i.Self.Sign("hs-R", i.TH3[:], p.Who)
		}),
		proof("a signature over th2", section3, func(_ *T, i *script.Initiator, p *script.Proof) {
			p.Evidence = i.Self.Sign("hs-I", i.TH2[:], p.Who)
		}),
		proof("a signature that leaves out the bundle", section3, func(_ *T, i *script.Initiator, p *script.Proof) {
			p.Evidence = i.Self.Sign("hs-I", i.TH3[:])
		}),
		proof("a signature whose S is not below the group's order", "identity, Keys and IDs (RFC 8032 section 5.1.7)", func(_ *T, _ *script.Initiator, p *script.Proof) {
			p.Evidence = malleated(p.Evidence)
		}),
		proof("a signature of 63 bytes", "identity, Keys and IDs", func(_ *T, _ *script.Initiator, p *script.Proof) { p.Evidence = p.Evidence[:63] }),
		proof("no signature", section3, func(_ *T, _ *script.Initiator, p *script.Proof) { p.Evidence = nil }),
		proof("no bundle", section3, func(_ *T, i *script.Initiator, p *script.Proof) {
			p.Who = nil
			p.Evidence = i.Self.Sign("hs-I", i.TH3[:], nil)
		}),
		proof("another confirmation", section3, func(t *T, _ *script.Initiator, p *script.Proof) { p.Confirm = t.random(32) }),
		proof("a confirmation under the other direction's key", section3, func(_ *T, i *script.Initiator, p *script.Proof) {
			p.Confirm = script.MAC(i.KeysR.Fin[:], i.TH3[:], p.Who, p.Evidence)
		}),
		proof("a confirmation over th2", section3, func(_ *T, i *script.Initiator, p *script.Proof) {
			p.Confirm = script.MAC(i.KeysI.Fin[:], i.TH2[:], p.Who, p.Evidence)
		}),
		proof("padding that is not zero", section2, func(_ *T, _ *script.Initiator, p *script.Proof) {
			p.Padding = make([]byte, 1728-len(p.Who)-len(p.Evidence))
			p.Padding[len(p.Padding)-1] = 1
		}),
		proof("padding that is a byte short", section2, func(_ *T, _ *script.Initiator, p *script.Proof) {
			p.Padding = make([]byte, 1728-len(p.Who)-len(p.Evidence)-1)
		}),
		proof("padding that is a byte long", section2, func(_ *T, _ *script.Initiator, p *script.Proof) {
			p.Padding = make([]byte, 1728-len(p.Who)-len(p.Evidence)+1)
		}),
		proof("no padding", section2, func(_ *T, _ *script.Initiator, p *script.Proof) { p.Padding = []byte{} }),
		proof("a proof of kind 0", section3, func(_ *T, _ *script.Initiator, p *script.Proof) { p.Kind = 0 }),
		proof("a proof of kind 3", section3, func(_ *T, _ *script.Initiator, p *script.Proof) { p.Kind = 3 }),
		raw("a proof with a byte behind it", section2, func(_ *T, i *script.Initiator) []byte {
			p := i.Proof()
			return i.Message3Plain(append(p.Bytes(i.KeysI, i.TH3), 0))
		}),
		raw("a proof with its kind in a longer form", "wire, Canonical encoding", func(_ *T, i *script.Initiator) []byte {
			p := i.Proof()
			b := p.Bytes(i.KeysI, i.TH3)
			return i.Message3Plain(slices.Concat(b[:1], []byte{0xcc}, b[1:]))
		}),
		raw("a proof that is empty", section2, func(_ *T, i *script.Initiator) []byte { return i.Message3Plain(nil) }),
	}
	return append(cases,
		bundle("a bundle whose own signature is wrong", func(_ *T, id *script.Identity) []byte {
			b := bytes.Clone(id.Bundle)
			b[len(b)-1] ^= 1
			return b
		}),
		bundle("a bundle with another name than was signed", func(_ *T, id *script.Identity) []byte {
			return bytes.Replace(id.Bundle, []byte("harness"), []byte("hornets"), 1)
		}),
		bundle("a bundle of version 2", func(_ *T, id *script.Identity) []byte {
			b := bytes.Clone(id.Bundle)
			b[1] = 2
			return b
		}),
		bundle("a bundle with a byte behind it", func(_ *T, id *script.Identity) []byte { return append(bytes.Clone(id.Bundle), 0) }),
		bundle("a bundle of number 0", func(_ *T, id *script.Identity) []byte {
			return bundleOf(id.Signer, id.Public(), 0, id.Sealing.Public(), "harness")
		}),
		bundle("a sealing key of 1,215 bytes", func(_ *T, id *script.Identity) []byte {
			return bundleOf(id.Signer, id.Public(), 1, id.Sealing.Public()[1:], "harness")
		}),
		bundle("a name of 65 bytes", func(_ *T, id *script.Identity) []byte {
			return bundleOf(id.Signer, id.Public(), 1, id.Sealing.Public(), string(bytes.Repeat([]byte("x"), 65)))
		}),
		bundle("a name that holds a line end", func(_ *T, id *script.Identity) []byte {
			return bundleOf(id.Signer, id.Public(), 1, id.Sealing.Public(), "a\nb")
		}),
		bundle("a name that turns the direction of text", func(_ *T, id *script.Identity) []byte {
			return bundleOf(id.Signer, id.Public(), 1, id.Sealing.Public(), "a\u202eb")
		}),
		bundle("a name that is not UTF-8", func(_ *T, id *script.Identity) []byte {
			return bundleOf(id.Signer, id.Public(), 1, id.Sealing.Public(), "a\xffb")
		}),
		bundle("a key of a reserved algorithm", func(_ *T, id *script.Identity) []byte {
			key := append([]byte{identity.ECDSAP256}, id.Public()[1:]...)
			return bundleOf(id.Signer, key, 1, id.Sealing.Public(), "harness")
		}),
		bundle("a key of 31 bytes", func(_ *T, id *script.Identity) []byte {
			return bundleOf(id.Signer, id.Public()[:32], 1, id.Sealing.Public(), "harness")
		}),
		bundle("a number in a longer form in the bundle", func(_ *T, id *script.Identity) []byte {
			prefix := slices.Concat([]byte{0x96, 1, 0xc4, 33}, id.Public(), []byte{0xcc, 1})
			prefix = wire.AppendStr(wire.AppendBin(prefix, id.Sealing.Public()), "harness")
			return wire.AppendBin(prefix, id.Sign("bundle", prefix))
		}),
		Case{Name: "a bundle with the longest name and the largest number", Section: "identity, Bundles", Expect: "a session", run: func(t *T) {
			id := t.identity()
			id.Bundle = bundleOf(id.Signer, id.Public(), 1<<64-1, id.Sealing.Public(), string(bytes.Repeat([]byte("é"), 32)))
			t.open(id, false).established().alive()
		}},
	)
}

// malleated is a signature with the group's order added to S: the same
// equation, another encoding, which RFC 8032 refuses.
func malleated(sig []byte) []byte {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(sig[32:])
	slices.Reverse(s)
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return append(bytes.Clone(sig[:32]), sum...)
}
