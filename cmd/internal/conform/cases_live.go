package conform

import (
	"fmt"
	"slices"
	"time"

	"parley/cmd/internal/script"
	"parley/wire"
)

const sectionLive = "rooms, Live"

// liveCases are the rules of what is sent on, of rights that end, and of what users are told.
func liveCases() []Case {
	return append([]Case{
		{Name: "a run that a user gave to the peer is pushed to who has the right to it", Section: sectionLive, Expect: "Push", run: func(t *T) {
			d := t.den()
			l := d.ready(d.reader)
			s := d.serve(d.member)
			r := d.first(d.member, "live")
			s.appended(d, r)
			l.await("a Push", func(in script.Incoming) bool {
				m, ok := in.Message.(*wire.Push)
				return ok && len(m.Runs) == 1 && string(m.Runs[0]) == string(r.Bytes(d.member.Signer))
			})
		}},
		{Name: "a run from a peer is announced to others, and not pushed", Section: sectionLive, Expect: "Announce of its head", run: func(t *T) {
			d := t.den()
			l := d.ready(d.reader)
			r := d.first(d.member, "from a peer")
			d.writes(r, d.member)
			l.await("an Announce", func(in script.Incoming) bool {
				if m, ok := in.Message.(*wire.Push); ok && len(m.Runs) > 0 {
					t.fail(describe(in, nil), "a peer's run is pushed on")
				}
				m, ok := in.Message.(*wire.Announce)
				return ok && slices.ContainsFunc(m.Heads, func(h wire.Head) bool { return h.Log == r.Log() && h.Last == 1 && h.Link == r.Hash() })
			})
		}},
		{Name: "a new entry is sent to others at once", Section: sectionComparing, Expect: "Records, not asked for", run: func(t *T) {
			d := t.den()
			l := d.ready(d.reader)
			raw := d.add(t.identity(), script.RoleMember)
			d.submit(d.user, nil, raw)
			l.await("Records", func(in script.Incoming) bool {
				m, ok := in.Message.(*wire.Records)
				return ok && !m.Asked && m.Set == wire.SetEntries && len(m.Records) == 1 && string(m.Records[0]) == string(raw)
			})
		}},
		{Name: "a Pull of several parts is answered in their order", Section: sectionPulls, Expect: "the runs of the parts, each ascending", run: func(t *T) {
			d := t.den()
			one := d.first(d.member, "1.1")
			two := d.first(d.master, "2.1")
			second := d.next(two, "2.2")
			third := d.next(second, "2.3")
			for _, r := range []*script.Run{two, second, third} {
				d.writes(r, d.master)
			}
			d.writes(one, d.member)
			l, _ := d.opened(d.reader)
			n := l.ask(script.Bulk, &wire.Pull{Wants: wire.List[wire.Want]{{Log: two.Log(), First: 2, Last: 3}, {Log: one.Log(), First: 1, Last: 9}}})
			var got []string
			l.await("the end of a pull", func(in script.Incoming) bool {
				if m, ok := in.Message.(*wire.Runs); ok {
					for _, raw := range m.Runs {
						got = append(got, string(raw))
					}
				}
				end, ok := in.Message.(*wire.StreamEnd)
				return ok && end.Stream == n
			})
			want := []string{string(second.Bytes(d.master.Signer)), string(third.Bytes(d.master.Signer)), string(one.Bytes(d.member.Signer))}
			if !slices.Equal(got, want) {
				t.fail(fmt.Sprintf("%d runs", len(got)), "not the runs of the two parts come, in their order")
			}
		}},
		{Name: "a delegation in an answer that gives no right is answered with nothing more", Section: sectionRights, Expect: "OpenRoom with Answer true, without delegation and digest", run: func(t *T) {
			d := t.den()
			l := d.offered()
			l.say(&wire.OpenRoom{Answer: true, Delegation: d.delegation(t.identity(), l.self.ID())})
			if o := l.opening(); len(o.Delegation)+len(o.State)+len(o.Join) > 0 {
				t.fail(describe(script.Incoming{Message: o}, nil), "something is shown to a side that has no right")
			}
		}},
		{Name: "the peer of whoever was removed is asked for another right, and told the last word", Section: sectionRights, Expect: "OpenRoom without delegation and digest, then the removal; what it has seen, and nothing later", run: lastWord},
		{Name: "a tail gives each run behind the one before it in its log", Section: sectionReading, Expect: "each run once, in order", run: func(t *T) {
			d := t.den()
			var want []*script.Run
			for _, by := range []*script.Identity{d.member, d.master} {
				first := d.first(by, "one")
				for _, r := range []*script.Run{first, d.next(first, "two")} {
					d.writes(r, by)
					want = append(want, r)
				}
			}
			d.tailIs(d.user, &wire.Tail{Room: d.room}, want...)
		}},
		{Name: "a user is told which of its messages stopped counting, until it has taken note", Section: sectionUsers, Expect: "a notice, then none", run: func(t *T) {
			d := t.den()
			s := d.serve(d.member)
			first := d.first(d.member, "one")
			s.appended(d, first)
			d.submit(d.user, nil, d.remove(d.member))
			notices := func(seen ...wire.Ref) (all wire.List[wire.Notice]) {
				n := s.ask(script.Interactive, &wire.NoticesGet{Room: d.room, Seen: seen})
				s.await("the end of NoticesGet", func(in script.Incoming) bool {
					if m, ok := in.Message.(*wire.Notices); ok && in.Stream == n {
						all = append(all, m.Notices...)
					}
					end, ok := in.Message.(*wire.StreamEnd)
					return ok && end.Stream == n
				})
				return all
			}
			var got wire.List[wire.Notice]
			for by := soon(); len(got) == 0 && time.Now().Before(by); {
				got = notices() // when the run has been moved
			}
			if len(got) != 1 || got[0].Log != first.Log() || got[0].First != 1 || got[0].Last != 1 || got[0].Counts {
				t.fail(fmt.Sprintf("%+v", got), "the notice is not of the one message that does not count")
			}
			if got = notices(wire.Ref{Log: first.Log(), Number: 1}); len(got) != 0 {
				t.fail(fmt.Sprintf("%+v", got), "a notice comes again of which note was taken")
			}
		}},
	}, digestCases()...)
}

// ready is opened, where the peer may ask and send: this side has told a digest.
func (d *den) ready(by *script.Identity) *lobby {
	l, _ := d.opened(by)
	l.say(&wire.State{Digest: d.t.random(16)})
	l.on(l.await("a comparison", func(in script.Incoming) bool { _, ok := in.Message.(*wire.Ranges); return ok }))
	return l
}

func lastWord(t *T) {
	d := t.den()
	seen := d.last.ID()
	l := d.ready(d.member)
	removal := d.remove(d.member)
	stop := d.last.ID()
	d.submit(d.user, nil, removal)
	l.await("an OpenRoom", func(in script.Incoming) bool {
		m, ok := in.Message.(*wire.OpenRoom)
		return ok && !m.Answer && len(m.State)+len(m.Delegation) == 0
	})
	d.submit(d.user, nil, d.add(t.identity(), script.RoleMember))
	newer := d.last.ID()
	l.say(&wire.OpenRoom{Answer: true, Delegation: d.delegation(d.member, l.self.ID())})
	l.await("the last word", func(in script.Incoming) bool {
		m, ok := in.Message.(*wire.Records)
		return ok && !m.Asked && len(m.Records) == 1 && string(m.Records[0]) == string(removal)
	})
	l.say(&wire.Fetch{Set: wire.SetEntries, IDs: wire.List[wire.ID]{seen, stop, newer}})
	in := l.await("Records", func(in script.Incoming) bool { m, ok := in.Message.(*wire.Records); return ok && m.Asked })
	m := in.Message.(*wire.Records)
	for _, raw := range m.Records {
		if id, _ := entryNames(raw); id == newer {
			t.fail(describe(in, nil), "an entry is told to a former member that its removal has not seen")
		}
	}
	if len(m.Records) != 2 {
		t.fail(fmt.Sprintf("%d entries", len(m.Records)), "not the removal and what it has seen are told")
	}
}
