package conform

import (
	"bytes"
	"fmt"
	"slices"

	"parley/cmd/internal/script"
	"parley/wire"
)

// userCases are the rules of what users ask of their peer about rooms.
func userCases() []Case {
	// refuses appends a run as the member, and wants it refused with a code.
	refuses := func(name string, code wire.Code, f func(d *den, s *session) *script.Run) Case {
		return Case{Name: name, Section: sectionUsers, Expect: fmt.Sprintf("AppendRefused with code %d (%v), and the run not served", code, code), run: func(t *T) {
			d := t.den()
			s := d.serve(d.member)
			r := f(d, s)
			m, ok := s.answer(s.append(d.room, r.Bytes(d.member.Signer))).(*wire.AppendRefused)
			if !ok || m.Log != r.Log() || m.Code != code || m.First != r.First {
				t.fail(describe(script.Incoming{Message: m}, nil), "an Append is not refused with code %d (%v) for its log and number", code, code)
			}
			d.lacks(r, d.member)
		}}
	}
	// fails appends a run as the member, and wants the request to end with a code.
	fails := func(name string, code wire.Code, f func(d *den) []byte) Case {
		return Case{Name: name, Section: sectionUsers, Expect: fmt.Sprintf("the stream ended with code %d (%v)", code, code), run: func(t *T) {
			d := t.den()
			s := d.serve(d.member)
			s.streamEnds(s.append(d.room, f(d)), code)
		}}
	}
	return append([]Case{
		{Name: "a user's runs are stored, and answered again when they come again", Section: sectionUsers, Expect: "Appended, twice, and the runs served once", run: func(t *T) {
			d := t.den()
			s := d.serve(d.member)
			first := d.first(d.member, "one")
			second := d.next(first, "two")
			for range 2 {
				n := s.append(d.room, first.Bytes(d.member.Signer), second.Bytes(d.member.Signer))
				for last := uint64(0); last < 2; {
					m, ok := s.answer(n).(*wire.Appended)
					if !ok || m.Log != first.Log() {
						t.fail(describe(script.Incoming{Message: m}, nil), "runs in order are not answered with Appended")
					}
					last = m.Last
				}
			}
			d.holds(first.Log(), first.Bytes(d.member.Signer), second.Bytes(d.member.Signer))
		}},
		refuses("a user's run that leaves out one", wire.CodeConflict, func(d *den, _ *session) *script.Run {
			first := d.first(d.member, "one")
			second := d.next(first, "two")
			return second
		}),
		refuses("a user's run in the place of another", wire.CodeConflict, func(d *den, s *session) *script.Run {
			first := d.first(d.member, "one")
			second := d.next(first, "two")
			s.appended(d, first, second)
			return d.next(first, "another two")
		}),
		refuses("a user's run that continues another branch", wire.CodeConflict, func(d *den, s *session) *script.Run {
			first := d.first(d.member, "one")
			second := d.next(first, "two")
			s.appended(d, first, second)
			return d.next(d.next(first, "another two"), "three of it")
		}),
		refuses("a user's run whose heads are not held", wire.CodePending, func(d *den, _ *session) *script.Run {
			return d.first(d.member, "ahead", wire.ID(d.t.random(32)))
		}),
		refuses("a user's run in an epoch that it knew to be replaced", wire.CodeInvalid, func(d *den, _ *session) *script.Run {
			old := d.epoch
			d.submit(d.user, nil, d.newEpoch())
			r := d.first(d.member, "old key")
			r.Epoch = old
			return r
		}),
		refuses("a user's run behind its own removal", wire.CodeInvalid, func(d *den, s *session) *script.Run {
			first := d.first(d.member, "one")
			s.appended(d, first)
			d.submit(d.user, nil, d.remove(d.member, script.Pin{Log: first.Log(), Number: 1, Link: first.Hash()}))
			return d.next(first, "two")
		}),
		fails("a user's run by another", wire.CodeRefused, func(d *den) []byte { return d.first(d.reader, "not mine").Bytes(d.reader.Signer) }),
		fails("a user's run of another room", wire.CodeRefused, func(d *den) []byte {
			r := d.first(d.member, "elsewhere")
			r.Room[0] ^= 1
			r.Incarnate()
			return r.Bytes(d.member.Signer)
		}),
		fails("a user's run with another's signature", wire.CodeInvalid, func(d *den) []byte { return d.first(d.member, "forged").Bytes(d.reader.Signer) }),
		{Name: "an Append by a user for whom the room is not kept", Section: sectionUsers, Expect: "the stream ended with code 6 (not found), and the run not served", run: func(t *T) {
			d := t.den()
			s := t.user(d.member)
			r := d.first(d.member, "not attached")
			s.streamEnds(s.append(d.room, r.Bytes(d.member.Signer)), wire.CodeNotFound)
			d.holds(r.Log())
		}},
		{Name: "a Submit without a delegation by a user for whom the room is not kept", Section: sectionUsers, Expect: "the stream ended with code 6 (not found), and the entry not held", run: func(t *T) {
			d := t.den()
			before := d.entries()
			s := t.user(d.member)
			n := s.ask(script.Interactive, &wire.Submit{Room: d.room, Entries: wire.List[wire.Bytes]{d.add(t.identity(), script.RoleMember)}})
			s.streamEnds(n, wire.CodeNotFound)
			if n := d.entries(); n != before {
				t.fail(fmt.Sprintf("%d entries", n), "an entry is held that nobody could hand over")
			}
		}},
		{Name: "a room that a user gave up is not kept for it any more", Section: sectionUsers, Expect: "Done, then code 6 (not found), and the others served on", run: func(t *T) {
			d := t.den()
			s := d.serve(d.member)
			s.streamEnds(s.ask(script.Interactive, &wire.RoomDetach{Room: d.room}), wire.CodeOK)
			s.streamEnds(s.ask(script.Interactive, &wire.AuthorityGet{Room: d.room}), wire.CodeNotFound)
			d.entries()
		}},
		{Name: "an open room has no entries for a user to hand over", Section: sectionUsers, Expect: "the stream ended with code 17 (invalid)", run: func(t *T) {
			d := t.den()
			lobby := t.lobby()
			n := d.user.ask(script.Interactive, &wire.Submit{Room: lobby.room, Entries: wire.List[wire.Bytes]{d.add(t.identity(), script.RoleMember)}})
			d.user.streamEnds(n, wire.CodeInvalid)
		}},
	}, slices.Concat(authorityCases(), readingCases())...)
}

// authorityCases are the rules of the answers to AuthorityGet and WriterGet.
func authorityCases() []Case {
	return []Case{
		{Name: "entries come so that each stands behind those that it names", Section: sectionUsers, Expect: "causal order, and a digest of their IDs", run: func(t *T) {
			d := t.den()
			u := t.identity()
			a := d.admin()
			a.put(script.KindAdd, script.Add(u.Bundle, script.RoleMember), d.last.ID())
			d.joined(t.identity(), d.invite(0, 0, script.RoleReader))
			entries, digest := d.authority(nil)
			at := map[wire.ID]int{}
			var ids []wire.ID
			for i, raw := range entries {
				id, names := entryNames(raw)
				for _, n := range names {
					if j, there := at[n]; !there || j > i {
						t.fail(fmt.Sprintf("entry %d", i), "an entry comes before one that it names")
					}
				}
				at[id] = i
				ids = append(ids, id)
			}
			if !bytes.Equal(digest, entriesDigest(ids)) {
				t.fail(fmt.Sprintf("%x", digest), "the digest is not that of the IDs of the %d entries", len(ids))
			}
			if again, _ := d.authority(digest); len(again) != 0 {
				t.fail(fmt.Sprintf("%d entries", len(again)), "entries are sent to a user who has them")
			}
		}},
		{Name: "WriterGet tells the head of a log, and other logs to refer to", Section: sectionUsers, Expect: "the last message, its link, and a reference", run: func(t *T) {
			d := t.den()
			first := d.first(d.member, "one")
			second := d.next(first, "two")
			d.writes(first, d.member)
			d.writes(second, d.member)
			other := d.first(d.master, "another's")
			d.writes(other, d.master)
			_, digest := d.authority(nil)
			m, ok := d.user.answer(d.user.ask(script.Interactive, &wire.WriterGet{Room: d.room, Log: first.Log()})).(*wire.Writer)
			if !ok || m.Last != 2 || m.Link != second.Hash() || !bytes.Equal(m.Digest, digest) || m.Clock < second.Clock {
				t.fail(describe(script.Incoming{Message: m}, nil), "Writer does not tell the log's head, the entries' digest and the highest clock")
			}
			if len(m.Refs) != 1 || m.Refs[0] != (wire.Ref{Log: other.Log(), Number: 1}) {
				t.fail(describe(script.Incoming{Message: m}, nil), "Writer does not refer to the one other log")
			}
		}},
	}
}

// serve has the peer keep the room for a user.
func (d *den) serve(who *script.Identity) *session {
	s := d.t.user(who)
	s.streamEnds(s.ask(script.Interactive, &wire.Submit{Room: d.room, Delegation: d.delegation(who, d.target)}), wire.CodeOK)
	return s
}

// append opens an Append of runs.
func (s *session) append(room wire.ID, runs ...[]byte) (stream uint32) {
	return s.ask(script.Interactive, &wire.Append{Room: room, Runs: runs})
}

// appended appends a member's runs, and wants them stored.
func (s *session) appended(d *den, runs ...*script.Run) {
	for _, r := range runs {
		if m, ok := s.answer(s.append(d.room, r.Bytes(d.member.Signer))).(*wire.Appended); !ok || m.Last != r.First {
			d.t.fail(describe(script.Incoming{Message: m}, nil), "a run in order is not stored")
		}
	}
}

// lacks wants a run not served.
func (d *den) lacks(r *script.Run, by *script.Identity) {
	l, _ := d.opened(d.master)
	for _, raw := range l.pull(r.Log(), r.First, r.First) {
		if bytes.Equal(raw, r.Bytes(by.Signer)) {
			d.t.fail("the run", "a run that was refused is served")
		}
	}
}

// authority is what AuthorityGet gives a user who has entries of a digest.
func (d *den) authority(known []byte) (entries [][]byte, digest []byte) {
	return d.user.told(d.user.ask(script.Interactive, &wire.AuthorityGet{Room: d.room, Known: known}))
}

// told is one answer of a stream of AuthorityGet.
func (s *session) told(stream uint32) (entries [][]byte, digest []byte) {
	for {
		m, ok := s.answer(stream).(*wire.Authority)
		if !ok {
			s.t.fail("another message", "AuthorityGet is not answered with Authority")
		}
		for _, e := range m.Entries {
			entries = append(entries, e)
		}
		if !m.More {
			return entries, m.Digest
		}
	}
}

// entriesDigest is the digest by which a user and its peer compare entries.
func entriesDigest(ids []wire.ID) []byte {
	h := wire.NewHasher("entries")
	h.IDs(script.Sorted(ids...))
	sum := h.Sum()
	return sum[:16]
}

// entryNames reads an entry's ID, and what it names by heads, prev and chain.
func entryNames(raw []byte) (id wire.ID, names []wire.ID) {
	r := wire.NewReader(raw)
	r.ArrayLen(12)
	r.Uint()
	r.ID()
	r.Uint()
	r.Bin(33)
	chain := r.ID()
	r.Uint()
	prev := r.ID()
	for range r.ArrayLen(64) {
		names = append(names, r.ID())
	}
	r.Uint()
	r.Bin(96 << 10)
	id = wire.Hash("entry", raw[:r.Offset()])
	for _, also := range []wire.ID{chain, prev} {
		if !also.IsZero() {
			names = append(names, also)
		}
	}
	return id, names
}
