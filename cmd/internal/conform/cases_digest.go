package conform

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"parley/cmd/internal/script"
	"parley/wire"
)

// digestCases are the rules of digests, and of how a right ends for good.
func digestCases() []Case {
	// digest wants a room's state told to somebody as the hash of these sets.
	digest := func(name string, full bool, show func(d *den) (told []byte)) Case {
		return Case{Name: name, Section: sectionDigests, Expect: "H(\"state\", the hashes of the four sets), its first 16 bytes", run: func(t *T) {
			d := t.den()
			r := d.first(d.member, "one")
			d.writes(r, d.member)
			box := d.takes(d.member)
			told := show(d)
			none := make([]byte, 16)
			logs := none
			if full {
				log, link := r.Log(), r.Hash()
				logs = leaf(log[:], binary.BigEndian.AppendUint64(nil, 1), link[:])
			}
			id := box.ID()
			want := wire.Hash("state", d.entriesHash(), leaf(id[:]), none, logs)
			if !bytes.Equal(told, want[:16]) {
				t.fail(fmt.Sprintf("%x", told), "the digest told is not %x", want[:16])
			}
		}}
	}
	return []Case{
		digest("the digest of a room is that of its four sets", true, func(d *den) []byte {
			_, o := d.opened(d.reader)
			return o.State
		}),
		digest("the digest told to a link's holder leaves out proofs and logs", false, func(d *den) []byte {
			link := d.invite(0, 0, script.RoleMember)
			l := d.offered()
			l.say(&wire.OpenRoom{Delegation: script.LinkDelegation(link.Signer, d.room, l.self.ID(), 1)})
			return l.opening().State
		}),
		{Name: "a side that has no other right to show is told that the room has ended", Section: sectionRights, Expect: "RoomClose with code 12 (revoked)", run: func(t *T) {
			d := t.den()
			l := d.ready(d.member)
			d.submit(d.user, nil, d.remove(d.member))
			l.await("an OpenRoom", func(in script.Incoming) bool {
				m, ok := in.Message.(*wire.OpenRoom)
				return ok && !m.Answer && len(m.State)+len(m.Delegation) == 0
			})
			l.say(&wire.OpenRoom{Answer: true})
			in := l.await("a RoomClose", func(in script.Incoming) bool { _, ok := in.Message.(*wire.RoomClose); return ok })
			if m := in.Message.(*wire.RoomClose); m.Code != wire.CodeRevoked {
				t.fail(describe(in, nil), "the room is ended with another code than %d (%v)", wire.CodeRevoked, wire.CodeRevoked)
			}
		}},
	}
}

// leaf is the hash of a node of one to 64 elements, whose fields these are.
func leaf(fields ...[]byte) []byte {
	sum := wire.Hash("range-leaf", fields...)
	return sum[:16]
}

// entriesHash is the hash of the set of entries that the peer holds, up to 64.
func (d *den) entriesHash() []byte {
	entries, _ := d.authority(nil)
	var ids []wire.ID
	for _, raw := range entries {
		id, _ := entryNames(raw)
		ids = append(ids, id)
	}
	var fields [][]byte
	for _, id := range script.Sorted(ids...) {
		fields = append(fields, bytes.Clone(id[:]))
	}
	return leaf(fields...)
}

// refCases are the rules of refs, and the bound of what is offered.
func refCases() []Case {
	return []Case{
		{Name: "131,072 tags are taken in a session, one more is not", Section: sectionFinding, Expect: "an answer, then " + protocolError, run: func(t *T) {
			s := t.peer()
			const most, each = 131072, 16384
			n := s.stream(script.Interactive)
			for start := uint64(0); start < most; start += each {
				s.message(n, &wire.Offer{Start: start, Tags: t.random(16 * each)})
				s.alive()
			}
			s.message(n, &wire.Offer{Start: most, Tags: t.random(16)})
			s.ends(wire.CodeProtocol)
		}},
		{Name: "a room that was offered twice is spoken of by either ref", Section: sectionFinding, Expect: "a Match of both refs, and an answer by each", run: func(t *T) {
			l, _ := t.offered()
			s := t.peer()
			twin := &lobby{session: s, room: l.room, key: l.key}
			tag := s.Tag("offer", mine, l.room)
			twin.rooms = s.ask(script.Interactive, &wire.Offer{Tags: append(bytes.Clone(tag), tag...)})
			m, ok := s.answer(twin.rooms).(*wire.Match)
			if !ok || len(m.Known) != 2 || m.Known[0] != 0 || m.Known[1] != 2 {
				t.fail(describe(script.Incoming{Message: m}, nil), "a room that is offered twice is not matched by both refs")
			}
			twin.say(&wire.OpenRoom{Ref: 2, State: script.EmptyState()})
			twin.opening()
			twin.on = twin.equal
			for _, ref := range []uint64{0, 2} {
				twin.ref = ref
				twin.through()
			}
		}},
	}
}
