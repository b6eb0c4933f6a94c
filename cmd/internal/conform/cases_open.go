package conform

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"parley/cmd/internal/script"
	"parley/wire"
)

const (
	sectionRuns  = "rooms, Runs"
	sectionOpen  = "rooms, Open rooms"
	sectionForks = "rooms, Forks"
)

// openRoomCases are the rules of runs, as they show in the network's lobby.
func openRoomCases() []Case {
	// forged pushes a run that f has made wrong, and wants the session ended and nothing kept.
	forged := func(name, section string, f func(l *lobby, id *script.Identity) (r *script.Run, raw []byte)) Case {
		return Case{Name: name, Section: section, Expect: protocolError + ", and the run not held", run: func(t *T) {
			l, id := t.lobby(), t.identity()
			r, raw := f(l, id)
			l.push(raw)
			l.ends(wire.CodeProtocol)
			t.holds(r.Log())
		}}
	}
	// wrong is forged where a run's fields are changed before it is signed.
	wrong := func(name string, change func(l *lobby, r *script.Run)) Case {
		return forged(name, sectionRuns, func(l *lobby, id *script.Identity) (*script.Run, []byte) {
			r := l.first(id, name)
			change(l, r)
			return r, r.Bytes(id.Signer)
		})
	}
	raw := func(name, section string, change func(b []byte) []byte) Case {
		return forged(name, section, func(l *lobby, id *script.Identity) (*script.Run, []byte) {
			r := l.first(id, name)
			return r, change(r.Bytes(id.Signer))
		})
	}
	return []Case{
		{Name: "a run is stored, acknowledged and served", Section: sectionOpen, Expect: "Ack, and the run byte for byte", run: func(t *T) {
			l, id := t.lobby(), t.identity()
			first := l.first(id, "one")
			second := l.next(first, "two")
			l.push(first.Bytes(id.Signer), second.Bytes(id.Signer))
			l.acked(second)
			t.holds(first.Log(), first.Bytes(id.Signer), second.Bytes(id.Signer))
		}},
		{Name: "a run replayed is acknowledged again and held once", Section: sectionPulls, Expect: "Ack twice, one run", run: func(t *T) {
			l, id := t.lobby(), t.identity()
			r := l.first(id, "again")
			l.push(r.Bytes(id.Signer))
			l.acked(r)
			l.push(r.Bytes(id.Signer))
			l.acked(r)
			t.holds(r.Log(), r.Bytes(id.Signer))
		}},
		{Name: "a run of 512 messages is taken", Section: sectionRuns, Expect: "Ack", run: func(t *T) {
			l, id := t.lobby(), t.identity()
			r := l.first(id, "many")
			r.Messages = slices.Repeat(r.Messages, 512)
			l.push(r.Bytes(id.Signer))
			l.acked(r)
		}},
		forged("a run with another's signature", sectionRuns, func(l *lobby, id *script.Identity) (*script.Run, []byte) {
			r := l.first(id, "another's")
			return r, r.Bytes(l.t.identity().Signer)
		}),
		forged("a run signed in another context", sectionRuns, func(l *lobby, id *script.Identity) (*script.Run, []byte) {
			r := l.first(id, "context")
			hash := r.Hash()
			return r, r.Signed(id.Sign("entry", hash[:]))
		}),
		forged("a run whose signature is malleated", "identity, Keys and IDs (RFC 8032 section 5.1.7)", func(l *lobby, id *script.Identity) (*script.Run, []byte) {
			r := l.first(id, "malleated")
			hash := r.Hash()
			return r, r.Signed(malleated(id.Sign("run", hash[:])))
		}),
		forged("a run with a message exchanged behind its signature", sectionRuns, func(l *lobby, id *script.Identity) (*script.Run, []byte) {
			r := l.first(id, "before")
			hash := r.Hash()
			signature := id.Sign("run", hash[:])
			r.Messages = nil
			l.seal(r, "after!")
			return r, r.Signed(signature)
		}),
		forged("a run with a message added behind its signature", sectionRuns, func(l *lobby, id *script.Identity) (*script.Run, []byte) {
			r := l.first(id, "one")
			hash := r.Hash()
			signature := id.Sign("run", hash[:])
			r.Messages = append(r.Messages, r.Messages[0])
			return r, r.Signed(signature)
		}),
		forged("a run with its clock changed behind its signature", sectionRuns, func(l *lobby, id *script.Identity) (*script.Run, []byte) {
			r := l.first(id, "clock")
			hash := r.Hash()
			signature := id.Sign("run", hash[:])
			r.Clock++
			return r, r.Signed(signature)
		}),
		raw("a run with a bit of its signature altered", sectionRuns, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }),
		raw("a run cut by a byte", sectionRuns, func(b []byte) []byte { return b[:len(b)-1] }),
		raw("a run with a byte behind it", sectionRuns, func(b []byte) []byte { return append(b, 0) }),
		raw("a run with its array in a longer form", sectionCanon, func(b []byte) []byte { return append([]byte{0xdc, 0, 13}, b[1:]...) }),
		raw("a run that is empty", sectionRuns, func([]byte) []byte { return nil }),
		wrong("a run of version 2", func(_ *lobby, r *script.Run) { r.Version = 2 }),
		wrong("a run of another room", func(_ *lobby, r *script.Run) { r.Room[0] ^= 1; r.Incarnate() }),
		wrong("a run without messages", func(_ *lobby, r *script.Run) { r.Messages = nil }),
		wrong("a run of 513 messages", func(_ *lobby, r *script.Run) { r.Messages = slices.Repeat(r.Messages, 513) }),
		wrong("a run whose message is not whole blocks", func(_ *lobby, r *script.Run) { r.Messages[0] = append(r.Messages[0], 0) }),
		wrong("a run whose message is only iv and tag", func(_ *lobby, r *script.Run) { r.Messages[0] = r.Messages[0][:48] }),
		wrong("a run whose first number is 0", func(_ *lobby, r *script.Run) { r.First = 0 }),
		wrong("a run whose numbers go over 2^64", func(l *lobby, r *script.Run) {
			r.First, r.Salt, r.Prev = 1<<64-1, nil, wire.ID{1}
			r.Messages = slices.Repeat(r.Messages, 2)
		}),
		wrong("a first run without a salt", func(_ *lobby, r *script.Run) { r.Salt = nil }),
		wrong("a first run with a salt of 15 bytes", func(_ *lobby, r *script.Run) { r.Salt = r.Salt[:15]; r.Incarnate() }),
		wrong("a first run whose salt is another incarnation's", func(l *lobby, r *script.Run) { r.Salt = l.t.random(16) }),
		wrong("a first run that names one before it", func(_ *lobby, r *script.Run) { r.Prev = wire.ID{1} }),
		wrong("a later run with a salt", func(_ *lobby, r *script.Run) { r.First, r.Prev = 2, wire.ID{1} }),
		wrong("a later run that names none before it", func(_ *lobby, r *script.Run) { r.First, r.Salt = 2, nil }),
		wrong("a run that names an epoch without heads", func(_ *lobby, r *script.Run) { r.Epoch = wire.ID{1} }),
		wrong("a run that names heads without an epoch", func(_ *lobby, r *script.Run) { r.Heads = []wire.ID{{1}}; r.Incarnate() }),
		wrong("a run of a private room's form in an open one", func(_ *lobby, r *script.Run) {
			r.Epoch, r.Heads = wire.ID{1}, []wire.ID{{1}}
			r.Incarnate()
		}),
		wrong("a run with four references", func(_ *lobby, r *script.Run) {
			for i := range byte(4) {
				r.Refs = append(r.Refs, wire.Ref{Log: wire.ID{i + 1}, Number: 1})
			}
		}),
		wrong("a run with references out of order", func(_ *lobby, r *script.Run) {
			r.Refs = []wire.Ref{{Log: wire.ID{2}, Number: 1}, {Log: wire.ID{1}, Number: 1}}
		}),
		wrong("a run with one reference twice", func(_ *lobby, r *script.Run) {
			r.Refs = []wire.Ref{{Log: wire.ID{2}, Number: 1}, {Log: wire.ID{2}, Number: 1}}
		}),
		wrong("a run that refers to a message number 0", func(_ *lobby, r *script.Run) { r.Refs = []wire.Ref{{Log: wire.ID{2}}} }),
		wrong("a run by a key of a reserved algorithm", func(_ *lobby, r *script.Run) {
			r.Key = append([]byte{3}, r.Key[1:]...)
			r.Incarnate()
		}),
		{Name: "a run whose number does not follow the link that it names", Section: sectionOpen, Expect: "the log as it was", run: func(t *T) {
			l, id := t.lobby(), t.identity()
			first := l.first(id, "one")
			l.push(first.Bytes(id.Signer))
			l.acked(first)
			skips := l.next(first, "three")
			skips.First++
			skips.Messages = nil
			l.seal(skips, "three")
			l.push(skips.Bytes(id.Signer))
			l.settled()
			t.holds(first.Log(), first.Bytes(id.Signer))
		}},
		{Name: "a run behind a gap is not acknowledged", Section: sectionPulls, Expect: "no Ack, and the log as it was", run: func(t *T) {
			l, id := t.lobby(), t.identity()
			first := l.first(id, "one")
			second := l.next(first, "two")
			third := l.next(second, "three")
			l.push(first.Bytes(id.Signer))
			l.acked(first)
			l.push(third.Bytes(id.Signer))
			l.unacked(third)
			t.holds(first.Log(), first.Bytes(id.Signer))
		}},
		{Name: "a fork of a log is proved and both siblings stay out of its head", Section: sectionForks, Expect: "a proof of the two runs", run: fork},
		{Name: "the same bytes in a run and under another hash are told apart", Section: sectionRuns, Expect: protocolError, run: func(t *T) {
			l, id := t.lobby(), t.identity()
			r := l.first(id, "hash")
			sum := sha256.Sum256(r.Bytes(id.Signer))
			l.push(r.Signed(id.Sign("run", sum[:])))
			l.ends(wire.CodeProtocol)
		}},
		{Name: "one forged run among good ones spoils no good one", Section: sectionOpen, Expect: protocolError + ", and the good log whole", run: func(t *T) {
			good, id := t.lobby(), t.identity()
			first := good.first(id, "one")
			good.push(first.Bytes(id.Signer))
			good.acked(first)
			bad := t.lobby()
			forged := bytes.Clone(good.next(first, "two").Bytes(id.Signer))
			forged[len(forged)-5] ^= 1
			bad.push(forged)
			bad.ends(wire.CodeProtocol)
			second := good.next(first, "the real two")
			good.push(second.Bytes(id.Signer))
			good.acked(second)
			t.holds(first.Log(), first.Bytes(id.Signer), second.Bytes(id.Signer))
		}},
		{Name: "a run of the largest size is taken", Section: sectionRuns, Expect: "Ack", run: func(t *T) {
			l, id := t.lobby(), t.identity()
			r := l.first(id, "large")
			l.sized(r, id, wire.MaxRun)
			l.push(r.Bytes(id.Signer))
			l.acked(r)
		}},
		forged("a run of a block over the largest size", sectionRuns, func(l *lobby, id *script.Identity) (*script.Run, []byte) {
			r := l.first(id, "too large")
			l.sized(r, id, wire.MaxRun+16)
			return r, r.Bytes(id.Signer)
		}),
	}
}

// sized gives a run a message so that it takes size bytes, or up to a block less.
func (l *lobby) sized(r *script.Run, id *script.Identity, size int) {
	r.Messages = [][]byte{make([]byte, 1<<20-1<<14)}
	over := len(r.Bytes(id.Signer)) - len(r.Messages[0])
	r.Messages[0] = make([]byte, 48+(size-over-48)/16*16)
}

// settled lets the peer come to an end with what was sent: it answers a ping or
// ends the session.
func (l *lobby) settled() {
	l.send(script.Frame(0, &wire.Ping{Seq: 1 << 40}))
	for by := soon(); ; {
		in, err := l.Next(by)
		if p, ok := in.Message.(*wire.Pong); err != nil || ok && p.Seq == 1<<40 {
			return
		}
		l.equal(in)
	}
}

// unacked wants no Ack of a run within a while, and the session alive.
func (l *lobby) unacked(r *script.Run) {
	for {
		in, err := l.Next(later(quiet))
		if script.TimedOut(err) {
			break
		}
		if err != nil {
			l.t.fail(describe(in, err), "the session is ended")
		}
		if a, ok := in.Message.(*wire.Ack); ok {
			for _, m := range a.Marks {
				if m.Log == r.Log() && m.Number >= r.First {
					l.t.fail(describe(in, err), "a run is acknowledged that cannot be held")
				}
			}
		}
		l.equal(in)
	}
	l.alive()
}

// fork pushes two siblings and serves what the peer then asks for.
func fork(t *T) {
	l, id := t.lobby(), t.identity()
	first := l.first(id, "one")
	left, right := l.next(first, "left"), l.next(first, "right")
	l.push(first.Bytes(id.Signer), left.Bytes(id.Signer))
	l.acked(left)
	// The peer looks for the place by pulls of the other branch.
	branch := map[uint64][]byte{1: first.Bytes(id.Signer), 2: right.Bytes(id.Signer)}
	l.on = func(in script.Incoming) {
		l.equal(in)
		if m, ok := in.Message.(*wire.Pull); ok {
			var runs [][]byte
			for _, w := range m.Wants {
				for n := w.First; n <= min(w.Last, 2); n++ {
					runs = append(runs, branch[n])
				}
			}
			l.send(script.Frame(in.Stream, &wire.Runs{Runs: runs}), script.Frame(0, &wire.StreamEnd{Stream: in.Stream}))
		}
	}
	l.push(right.Bytes(id.Signer))
	in := l.await("a proof of the fork", func(in script.Incoming) bool {
		m, ok := in.Message.(*wire.Records)
		return ok && m.Set == wire.SetProofs && len(m.Records) > 0
	})
	lower, higher := left.Hash(), right.Hash()
	if lower.Compare(higher) > 0 {
		lower, higher = higher, lower
	}
	log := left.Log()
	want := wire.Hash("proof", log[:], lower[:], higher[:])
	if got, err := script.ProofID(in.Message.(*wire.Records).Records[0]); err != nil || got != want {
		t.fail(describe(in, err), "the proof is not of the two runs")
	}
	if h := l.find(log); h.Last != 1 || h.Link != first.Hash() {
		t.fail(describe(in, nil), "the head of a forked log is not the run before the fork")
	}
}
