package conform

import (
	"slices"
	"time"

	"parley/cmd/internal/script"
	"parley/wire"
)

// validityCases are the rules of runs in rooms with members that concern
// epochs, pins, floors and forks.
func validityCases() []Case {
	// void pushes a run that f makes, and wants it not held.
	void := func(name string, f func(d *den) (*script.Run, *script.Identity)) Case {
		return Case{Name: name, Section: sectionValidity, Expect: "no Ack, and the run not served", run: func(t *T) {
			d := t.den()
			r, by := f(d)
			d.unwritten(r, by)
		}}
	}
	// valid pushes a run that f makes, and wants it held.
	valid := func(name string, f func(d *den) (*script.Run, *script.Identity)) Case {
		return Case{Name: name, Section: sectionValidity, Expect: "Ack, and the run served", run: func(t *T) {
			d := t.den()
			r, by := f(d)
			d.writes(r, by)
		}}
	}
	// rejected pushes a run that f makes wrong before it is signed, and wants the session ended.
	rejected := func(name, section string, f func(d *den, r *script.Run)) Case {
		return Case{Name: name, Section: section, Expect: protocolError + ", and the run not held", run: func(t *T) {
			d := t.den()
			r := d.first(d.member, "rejected")
			f(d, r)
			l, _ := d.opened(d.member)
			l.push(r.Bytes(d.member.Signer))
			l.ends(wire.CodeProtocol)
			d.holds(r.Log())
		}}
	}
	// inEpoch is void of a member's run in the epoch before one that something ended.
	inEpoch := func(name string, f func(d *den)) Case {
		return void(name, func(d *den) (*script.Run, *script.Identity) {
			old := d.epoch
			f(d)
			r := d.first(d.member, "under the old key")
			r.Epoch = old
			return r, d.member
		})
	}
	return slices.Concat([]Case{
		inEpoch("a run in the epoch before a removal that it has seen", func(d *den) { d.submit(d.user, nil, d.remove(d.reader)) }),
		inEpoch("a run in the epoch before a change to relay that it has seen", func(d *den) { d.lower(d.reader, script.RoleRelay) }),
		inEpoch("a run in the epoch before a demotion that it has seen", func(d *den) {
			a := d.admin()
			d.demote(a, a.chain)
		}),
		void("a run whose epoch is an add", func(d *den) (*script.Run, *script.Identity) {
			r := d.first(d.member, "an add's epoch")
			r.Epoch = d.last.ID()
			return r, d.member
		}),
		void("a run in an epoch that its heads have not seen", func(d *den) (*script.Run, *script.Identity) {
			before := d.last.ID()
			d.submit(d.user, nil, d.newEpoch())
			return d.first(d.member, "too new", before), d.member
		}),
		valid("a run in the epoch that its writer knows, though there is a newer one", func(d *den) (*script.Run, *script.Identity) {
			r := d.first(d.member, "not yet heard")
			d.submit(d.user, nil, d.newEpoch())
			return r, d.member
		}),
		valid("a run in one of two epochs that do not know each other", func(d *den) (*script.Run, *script.Identity) {
			a := d.admin()
			nonce, commitment := d.newKey()
			other := a.put(script.KindEpoch, script.Epoch(nonce, commitment), d.last.ID())
			d.submit(d.user, nil, d.newEpoch())
			return d.first(d.member, "one of two", other, d.last.ID()), d.member
		}),
		rejected("a run of an open room's form in a private one", sectionValidity, func(_ *den, r *script.Run) {
			r.Epoch, r.Heads = wire.ID{}, nil
			r.Incarnate()
		}),
		rejected("a run with 65 heads", sectionRuns, func(d *den, r *script.Run) { r.Heads = script.Sorted(d.ids(65)...); r.Incarnate() }),
		rejected("a run with heads out of order", sectionRuns, func(d *den, r *script.Run) {
			r.Heads = script.Sorted(d.last.ID(), d.room)
			slices.Reverse(r.Heads)
			r.Incarnate()
		}),
		rejected("a run with one head twice", sectionRuns, func(d *den, r *script.Run) {
			r.Heads = []wire.ID{d.last.ID(), d.last.ID()}
			r.Incarnate()
		}),
		{Name: "a run in a private room whose number does not follow the link that it names", Section: sectionValidity, Expect: "no Ack, and the log as it was", run: func(t *T) {
			d := t.den()
			first := d.first(d.member, "one")
			d.writes(first, d.member)
			l, _ := d.opened(d.master)
			r := d.next(first, "three")
			r.First++
			l.push(r.Bytes(d.member.Signer))
			l.passedOver(d, r)
			d.holds(first.Log(), first.Bytes(d.member.Signer))
		}},
		{Name: "a run that waits for an entry counts when it comes", Section: sectionValidity, Expect: "no Ack, then the run served", run: func(t *T) {
			d := t.den()
			u, before := t.identity(), *d.last
			raw := d.add(u, script.RoleMember)
			r, after := d.first(u, "ahead of its admission"), d.last
			l, _ := d.opened(d.master)
			l.push(r.Bytes(u.Signer))
			d.last = &before
			l.passedOver(d, r)
			d.last = after
			d.submit(d.user, nil, raw)
			d.writes(d.first(d.master, "behind it"), d.master)
			d.holds(r.Log(), r.Bytes(u.Signer))
		}},
	}, pinned(void, valid), trimmed(), forked(), proofOfForkCases())
}

// pinned are the rules of stops and leaves, and of the pins in them.
func pinned(void, valid func(string, func(d *den) (*script.Run, *script.Identity)) Case) (all []Case) {
	for _, k := range []struct {
		name string
		end  func(d *den, pins ...script.Pin) // ends the member's logs
	}{
		{"a removal", func(d *den, pins ...script.Pin) { d.submit(d.user, nil, d.remove(d.member, pins...)) }},
		{"a change to reader", func(d *den, pins ...script.Pin) {
			d.put(script.KindStop, script.Stop{Subject: d.member.ID(), Role: script.RoleReader, Pins: pins}.Bytes())
		}},
		{"a leave", func(d *den, pins ...script.Pin) {
			d.submit(d.user, nil, d.beside(script.KindLeave, d.member, script.Leave(pins...)).Bytes(d.member.Signer))
		}},
	} {
		// ended writes two runs of one log before the end, which pins what f says.
		ended := func(d *den, f func(first, second *script.Run) []script.Pin) (first, second *script.Run) {
			first = d.first(d.member, "one")
			second = d.next(first, "two")
			k.end(d, f(first, second)...)
			return first, second
		}
		at := func(r *script.Run) script.Pin { return script.Pin{Log: r.Log(), Number: r.First, Link: r.Hash()} }
		all = append(all,
			valid("a run that the pin of "+k.name+" names", func(d *den) (*script.Run, *script.Identity) {
				first, _ := ended(d, func(first, _ *script.Run) []script.Pin { return []script.Pin{at(first)} })
				return first, d.member
			}),
			valid("a run before the one that the pin of "+k.name+" names", func(d *den) (*script.Run, *script.Identity) {
				first, _ := ended(d, func(_, second *script.Run) []script.Pin { return []script.Pin{at(second)} })
				return first, d.member
			}),
			void("a run at the number of the pin of "+k.name+", and not the one", func(d *den) (*script.Run, *script.Identity) {
				first, _ := ended(d, func(first, second *script.Run) []script.Pin {
					pin := at(first)
					pin.Link = second.Hash()
					return []script.Pin{pin}
				})
				return first, d.member
			}),
			void("a run of a log that "+k.name+" does not name", func(d *den) (*script.Run, *script.Identity) {
				first, _ := ended(d, func(first, _ *script.Run) []script.Pin {
					pin := at(first)
					pin.Log[0] ^= 1
					return []script.Pin{pin}
				})
				return first, d.member
			}),
			Case{Name: "a held run behind the pin of " + k.name + " is not served any more", Section: sectionValidity, Expect: "the log up to the pin", run: func(t *T) {
				d := t.den()
				first := d.first(d.member, "one")
				second := d.next(first, "two")
				d.writes(first, d.member)
				d.writes(second, d.member)
				k.end(d, at(first))
				d.holds(first.Log(), first.Bytes(d.member.Signer))
			}},
		)
	}
	return append(all,
		valid("a log that was begun having seen a stop needs no pin in it", func(d *den) (*script.Run, *script.Identity) {
			d.lower(d.member, script.RoleReader)
			d.submit(d.user, nil, d.add(d.member, script.RoleMember))
			return d.first(d.member, "begun anew"), d.member
		}),
		void("a log from before a stop does not go on when its author is added again", func(d *den) (*script.Run, *script.Identity) {
			first := d.first(d.member, "before")
			d.writes(first, d.member)
			d.put(script.KindStop, script.Stop{
				Subject: d.member.ID(), Role: script.RoleReader, Pins: []script.Pin{{Log: first.Log(), Number: 1, Link: first.Hash()}},
			}.Bytes())
			d.submit(d.user, nil, d.add(d.member, script.RoleMember))
			return d.next(first, "after"), d.member
		}))
}

// trimmed are the rules of floors.
func trimmed() []Case {
	// floor trims a log that is held up to its first run.
	floor := func(d *den) (first, second *script.Run, f script.Floor) {
		first = d.first(d.member, "one")
		second = d.next(first, "two")
		return first, second, script.Floor{Log: first.Log(), Number: 1, Link: first.Hash(), FirstHeads: first.Heads, Heads: first.Heads}
	}
	return []Case{
		{Name: "what a trim forgets is not served any more, what follows is", Section: sectionDigests, Expect: "the second run alone", run: func(t *T) {
			d := t.den()
			first, second, f := floor(d)
			d.writes(first, d.member)
			d.writes(second, d.member)
			d.put(script.KindTrim, script.Trim(f))
			d.holds(first.Log(), second.Bytes(d.member.Signer))
		}},
		{Name: "a run that a trim forgot does not come back", Section: sectionValidity, Expect: "the run not served", run: func(t *T) {
			d := t.den()
			first, _, f := floor(d)
			d.put(script.KindTrim, script.Trim(f))
			l, _ := d.opened(d.master)
			l.push(first.Bytes(d.member.Signer))
			good := d.first(d.master, "in order")
			l.push(good.Bytes(d.master.Signer))
			l.acked(good)
			d.holds(first.Log())
		}},
		{Name: "a log that never was here goes on from a trim's floor", Section: sectionValidity, Expect: "Ack, and the run served", run: func(t *T) {
			d := t.den()
			_, second, f := floor(d)
			d.put(script.KindTrim, script.Trim(f))
			d.writes(second, d.member)
		}},
		{Name: "a run behind a trim's floor that names another run than the floor's", Section: sectionValidity, Expect: "no Ack, and the run not served", run: func(t *T) {
			d := t.den()
			first, second, f := floor(d)
			f.Link = wire.ID(t.random(32))
			d.put(script.KindTrim, script.Trim(f))
			l, _ := d.opened(d.master)
			l.push(second.Bytes(d.member.Signer))
			l.passedOver(d, second)
			d.holds(first.Log())
		}},
		{Name: "a run behind a trim's floor that forgets the heads of the floor's run", Section: sectionValidity, Expect: "no Ack, and the run not served", run: func(t *T) {
			d := t.den()
			old := d.last.ID()
			d.put(script.KindLift, script.Subject(t.identity().ID()))
			_, second, f := floor(d)
			second.Heads = []wire.ID{old}
			d.put(script.KindTrim, script.Trim(f))
			d.unwritten(second, d.member)
		}},
		{Name: "a log that a trim names is in the set of logs, with the floor", Section: sectionDigests, Expect: "the head is the floor", run: func(t *T) {
			d := t.den()
			first, _, f := floor(d)
			d.put(script.KindTrim, script.Trim(f))
			l, _ := d.opened(d.master)
			if h := l.find(first.Log()); h.Last != 1 || h.Link != first.Hash() {
				t.fail(describeHead(h), "the head of a log that is forgotten whole is not the trim's floor")
			}
		}},
		{Name: "the trim of a demoted master's side of a handover forgets nothing", Section: sectionCounts, Expect: "both runs served", run: func(t *T) {
			d := t.den()
			first, second, f := floor(d)
			d.writes(first, d.member)
			d.writes(second, d.member)
			was, before := d.master, d.last
			d.handOver(t.identity())
			d.last, d.master = before, was
			d.put(script.KindTrim, script.Trim(f))
			d.holds(first.Log(), first.Bytes(d.member.Signer), second.Bytes(d.member.Signer))
		}},
	}
}

// forked are the rules of forks in rooms with members.
func forked() []Case {
	// fork is a log of which two second runs are known, and what the peer is shown further.
	fork := func(name, expect string, then func(d *den, l *lobby, first, left, right *script.Run) (head *script.Run)) Case {
		return Case{Name: name, Section: sectionForks, Expect: expect, run: func(t *T) {
			d := t.den()
			first := d.first(d.member, "one")
			left, right := d.next(first, "left"), d.next(first, "right")
			l, _ := d.opened(d.master)
			l.push(first.Bytes(d.member.Signer), left.Bytes(d.member.Signer))
			l.acked(left)
			branch := [][]byte{first.Bytes(d.member.Signer), right.Bytes(d.member.Signer)}
			l.on = func(in script.Incoming) {
				l.equal(in)
				if m, ok := in.Message.(*wire.Pull); ok {
					var runs [][]byte
					for _, w := range m.Wants {
						if w.Log == first.Log() && w.First <= w.Last && w.First >= 1 {
							runs = append(runs, branch[w.First-1:min(w.Last, 2)]...)
						}
					}
					l.send(script.Frame(in.Stream, &wire.Runs{Runs: runs}), script.Frame(0, &wire.StreamEnd{Stream: in.Stream}))
				}
			}
			l.say(&wire.State{Digest: t.random(16)}) // so that it may ask
			l.on(l.await("a comparison", func(in script.Incoming) bool { _, ok := in.Message.(*wire.Ranges); return ok }))
			l.push(right.Bytes(d.member.Signer))
			l.await("a proof of the fork", func(in script.Incoming) bool {
				m, ok := in.Message.(*wire.Records)
				return ok && m.Set == wire.SetProofs && len(m.Records) > 0
			})
			l.headIs(d, then(d, l, first, left, right))
		}}
	}
	pin := func(r *script.Run) script.Pin { return script.Pin{Log: r.Log(), Number: r.First, Link: r.Hash()} }
	return []Case{
		fork("of a fork that nothing decides neither side counts", "the head is the run before", func(_ *den, _ *lobby, first, _, _ *script.Run) *script.Run { return first }),
		fork("the side of a fork that an epoch pins counts", "the head is the pinned run", func(d *den, _ *lobby, _, left, _ *script.Run) *script.Run {
			d.submit(d.user, nil, d.newEpoch(pin(left)))
			return left
		}),
		fork("the side of a fork that came second counts when an epoch pins it", "the head is the pinned run", func(d *den, l *lobby, _, _, right *script.Run) *script.Run {
			d.submit(d.user, nil, d.newEpoch(pin(right)))
			l.hasIt(right)
			return right
		}),
		fork("of two pins on the two sides of a fork the first decides", "the head is what the first pins", func(d *den, l *lobby, _, left, right *script.Run) *script.Run {
			d.submit(d.user, nil, d.newEpoch(pin(right)), d.newEpoch(pin(left)))
			l.hasIt(right)
			return right
		}),
		fork("the pinned side of a fork comes back when a stop that ended it does not count any more", "the head is the pinned run, the run before, and the pinned run again", func(d *den, l *lobby, first, left, _ *script.Run) *script.Run {
			a := d.admin()
			d.submit(d.user, nil, d.newEpoch(pin(left)))
			l.headIs(d, left)
			epoch := d.epoch
			a.put(script.KindStop, d.removal(d.member, pin(first)), d.last.ID())
			d.epoch = epoch
			l.headIs(d, first)
			d.demote(a, a.chain)
			return left
		}),
		fork("the pin of its author's leave does not decide between the sides of a fork", "the head is the run before", func(d *den, _ *lobby, first, left, _ *script.Run) *script.Run {
			d.submit(d.user, nil, d.beside(script.KindLeave, d.member, script.Leave(pin(left))).Bytes(d.member.Signer))
			return first
		}),
	}
}

// hasIt tells the peer that a run is to be had here.
func (l *lobby) hasIt(r *script.Run) {
	l.say(&wire.Announce{Heads: wire.List[wire.Head]{{Log: r.Log(), Last: r.First, Link: r.Hash()}}})
}

// headIs wants a log's head in the set of logs, soon: what decides a fork may have to be fetched.
func (l *lobby) headIs(d *den, want *script.Run) {
	var h wire.Head
	for by := soon(); time.Now().Before(by); {
		if h = l.find(want.Log()); h.Last == want.First && h.Link == want.Hash() {
			return
		}
		l.rest()
	}
	d.t.fail(describeHead(h), "the head of the log is not the run %d that is to count", want.First)
}

// rest answers what the peer asks, until it asks nothing for a while.
func (l *lobby) rest() {
	for by := later(quiet); ; {
		in, err := l.Next(by)
		if script.TimedOut(err) {
			return
		}
		if err != nil || in.Type == wire.TypeClose {
			l.t.fail(describe(in, err), "the session is ended")
		}
		if l.on(in); in.Type == wire.TypeRanges { // of what else comes, as offers of rooms of other cases, there may be no end
			by = later(quiet)
		}
	}
}
