package conform

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"parley/cmd/internal/script"
	"parley/wire"
)

// outsideCases are about users without a right to the room.
func outsideCases() []Case {
	const what = "the removal and what it has seen"
	return []Case{
		{Name: "whoever was removed is told why, and nothing later", Section: sectionUsers, Expect: what + ", with their digest", run: func(t *T) {
			d := t.den()
			s := d.serve(d.member)
			before, _ := d.authority(nil)
			removal := d.remove(d.member)
			d.submit(d.user, nil, removal)
			d.submit(d.user, nil, d.add(t.identity(), script.RoleMember))
			entries, digest := s.told(s.ask(script.Interactive, &wire.AuthorityGet{Room: d.room}))
			d.entriesAre(entries, digest, append(before, removal)...)
			if again, _ := s.told(s.ask(script.Interactive, &wire.AuthorityGet{Room: d.room, Known: digest})); len(again) != 0 {
				t.fail(fmt.Sprintf("%d entries", len(again)), "entries are sent to a user who has them")
			}
		}},
		{Name: "whoever is removed while it follows the entries is told why, and all when it is back", Section: sectionUsers, Expect: what + ", nothing later, then all", run: func(t *T) {
			d := t.den()
			s := d.serve(d.member)
			n := s.ask(script.Interactive, &wire.AuthorityGet{Room: d.room, Follow: true})
			before, _ := s.told(n)
			removal := d.remove(d.member)
			d.submit(d.user, nil, removal)
			entries, digest := s.told(n)
			d.entriesAre(entries, digest, append(before, removal)...)
			later := d.add(t.identity(), script.RoleMember)
			d.submit(d.user, nil, later)
			back := d.add(d.member, script.RoleMember)
			d.submit(d.user, nil, back)
			entries, digest = s.told(n)
			d.entriesAre(entries, digest, append(before, removal, later, back)...)
		}},
		{Name: "whoever has left is told what it had seen", Section: sectionUsers, Expect: "the leave and what it has seen", run: func(t *T) {
			d := t.den()
			s := d.serve(d.member)
			before, _ := d.authority(nil)
			leave := d.beside(script.KindLeave, d.member, script.Leave()).Bytes(d.member.Signer)
			d.submit(d.user, nil, leave)
			d.submit(d.user, nil, d.add(t.identity(), script.RoleMember))
			entries, digest := s.told(s.ask(script.Interactive, &wire.AuthorityGet{Room: d.room}))
			d.entriesAre(entries, digest, append(before, leave)...)
		}},
		{Name: "whoever was removed is not told how the room goes on", Section: sectionUsers, Expect: "code 6 (not found); its own log's head alone; the number of entries alone", run: func(t *T) {
			d := t.den()
			s := d.serve(d.member)
			own, others := d.first(d.member, "one"), d.first(d.master, "another's")
			s.appended(d, own)
			d.writes(others, d.master)
			removal := d.remove(d.member, script.Pin{Log: own.Log(), Number: 1, Link: own.Hash()})
			d.submit(d.user, nil, removal)
			for _, m := range []wire.Message{&wire.VerifyGet{Room: d.room}, &wire.SealedGet{Room: d.room, Epoch: d.epoch}} {
				s.streamEnds(s.ask(script.Interactive, m), wire.CodeNotFound)
			}
			_, digest := s.told(s.ask(script.Interactive, &wire.AuthorityGet{Room: d.room}))
			for _, c := range []struct {
				log  wire.ID
				last uint64
				link wire.ID
			}{{own.Log(), 1, own.Hash()}, {others.Log(), 0, wire.ID{}}} {
				m, ok := s.answer(s.ask(script.Interactive, &wire.WriterGet{Room: d.room, Log: c.log})).(*wire.Writer)
				if !ok || m.Last != c.last || m.Link != c.link || !bytes.Equal(m.Digest, digest) || m.Clock != 0 || len(m.Refs) != 0 {
					t.fail(describe(script.Incoming{Message: m}, nil), "WriterGet is not answered with the head of its own log alone")
				}
			}
			m, ok := s.answer(s.ask(script.Interactive, &wire.RoomsGet{Room: d.room})).(*wire.Rooms)
			if !ok || len(m.Rooms) != 1 || m.Rooms[0] != (wire.RoomInfo{Room: d.room, Entries: 5, Peers: m.Rooms[0].Peers, InStep: m.Rooms[0].InStep}) {
				t.fail(describe(script.Incoming{Message: m}, nil), "RoomsGet does not tell the 5 entries alone")
			}
			if m, ok := s.answer(s.ask(script.Interactive, &wire.RoomWatch{Room: d.room})).(*wire.RoomProgress); !ok || m.Messages != 0 || m.Entries != 5 {
				t.fail(describe(script.Incoming{Message: m}, nil), "RoomWatch does not tell the 5 entries alone")
			}
		}},
		{Name: "a stranger who came before the room's first entry is told nothing", Section: sectionUsers, Expect: "no entries, and the digest of none", run: func(t *T) {
			d := &den{t: t, master: t.identity()}
			d.target = t.remote(d.master)
			genesis := d.genesis()
			s := d.serve(t.identity())
			d.user = t.user(d.master)
			d.submit(d.user, d.delegation(d.master, d.target), genesis)
			entries, digest := s.told(s.ask(script.Interactive, &wire.AuthorityGet{Room: d.room}))
			d.entriesAre(entries, digest)
			if all, _ := d.authority(nil); len(all) != 1 {
				t.fail(fmt.Sprintf("%d entries", len(all)), "the room's master is not told its first entry")
			}
		}},
		{Name: "a former member that shows a link is told all again", Section: sectionUsers, Expect: "the entries with the invite", run: func(t *T) {
			d := t.den()
			s := d.serve(d.member)
			n := s.ask(script.Interactive, &wire.AuthorityGet{Room: d.room, Follow: true})
			s.told(n)
			d.submit(d.user, nil, d.remove(d.member))
			s.told(n)
			d.submit(d.user, nil, d.chain(script.KindLift, script.Subject(d.member.ID())))
			link := d.invite(0, 0, script.RoleMember)
			all, _ := d.authority(nil)
			if few, _ := s.told(s.ask(script.Interactive, &wire.AuthorityGet{Room: d.room})); len(few) >= len(all) {
				t.fail(fmt.Sprintf("%d entries", len(few)), "a former member is told what came later")
			}
			show := &wire.Submit{Room: d.room, Delegation: script.LinkDelegation(link.Signer, d.room, d.target, uint64(time.Now().UnixMilli()))}
			s.ask(script.Interactive, show)
			entries, digest := s.told(n)
			d.entriesAre(entries, digest, all...)
			entries, digest = s.told(s.ask(script.Interactive, &wire.AuthorityGet{Room: d.room}))
			d.entriesAre(entries, digest, all...)
		}},
	}
}

// entriesAre wants exactly these entries, in any order, and their digest.
func (d *den) entriesAre(got [][]byte, digest []byte, want ...[]byte) {
	var ids []wire.ID
	for _, raw := range want {
		id, _ := entryNames(raw)
		ids = append(ids, id)
		if !slices.ContainsFunc(got, func(g []byte) bool { return bytes.Equal(g, raw) }) {
			d.t.fail(fmt.Sprintf("%d entries", len(got)), "entry %v is not told", id)
		}
	}
	if len(got) != len(want) {
		d.t.fail(fmt.Sprintf("%d entries", len(got)), "%d entries are told that may not be", len(got)-len(want))
	}
	if !bytes.Equal(digest, entriesDigest(ids)) {
		d.t.fail(fmt.Sprintf("%x", digest), "the digest is not that of the IDs of the %d entries", len(ids))
	}
}
