package conform

import (
	"fmt"
	"slices"

	"parley/cmd/internal/script"
	"parley/wire"
)

const sectionBoxes = "rooms, Boxes"

// box is a box of the newest epoch that nobody can open.
func (d *den) box(by *script.Identity, to wire.ID) *script.Box {
	return &script.Box{Room: d.room, Epoch: d.epoch, Recipient: to, Key: by.Public(), Sealed: d.t.random(1168)}
}

// submitBox hands over a box and returns the code of the answer.
func (d *den) submitBox(raw []byte) (code wire.Code) {
	n := d.user.ask(script.Interactive, &wire.Submit{Room: d.room, Boxes: wire.List[wire.Bytes]{raw}})
	in := d.user.await("the end of a Submit", func(in script.Incoming) bool {
		end, ok := in.Message.(*wire.StreamEnd)
		return ok && end.Stream == n
	})
	return in.Message.(*wire.StreamEnd).Code
}

// takes hands over a box of the master's for somebody, and wants it taken.
func (d *den) takes(to *script.Identity) *script.Box {
	box := d.box(d.master, to.ID())
	if code := d.submitBox(box.Bytes(d.master.Signer)); code != wire.CodeOK {
		d.t.fail(code.String(), "a box that is in order is not taken")
	}
	return box
}

// boxes are those that the peer serves for a recipient.
func (d *den) boxes(to wire.ID) (all [][]byte) {
	n := d.user.ask(script.Interactive, &wire.AuthorityGet{Room: d.room, Recipient: to})
	for more := true; more; {
		m, ok := d.user.answer(n).(*wire.Authority)
		if !ok {
			d.t.fail("another message", "AuthorityGet is not answered with Authority")
		}
		for _, b := range m.Boxes {
			all = append(all, b)
		}
		more = m.More
	}
	return all
}

// boxCases are the rules of boxes.
func boxCases() []Case {
	// kept hands over a box, and wants it served to its recipient.
	kept := func(name string, f func(d *den) (b *script.Box, by *script.Identity)) Case {
		return Case{Name: name, Section: sectionBoxes, Expect: "Done, and the box served", run: func(t *T) {
			d := t.den()
			b, by := f(d)
			raw := b.Bytes(by.Signer)
			if code := d.submitBox(raw); code != wire.CodeOK {
				t.fail(code.String(), "a box that is in order is not taken")
			}
			if got := d.boxes(b.Recipient); len(got) != 1 || string(got[0]) != string(raw) {
				t.fail(fmt.Sprintf("%d boxes", len(got)), "the box is not served to its recipient")
			}
		}}
	}
	// dropped hands over a box that f makes, and wants it refused and not served.
	dropped := func(name string, f func(d *den) (b *script.Box, raw []byte)) Case {
		return Case{Name: name, Section: sectionBoxes, Expect: "the stream ended with code 17 (invalid), and the box not served", run: func(t *T) {
			d := t.den()
			b, raw := f(d)
			if code := d.submitBox(raw); code != wire.CodeInvalid {
				t.fail(code.String(), "the box is not refused with code %d (%v)", wire.CodeInvalid, wire.CodeInvalid)
			}
			if got := d.boxes(b.Recipient); len(got) != 0 {
				t.fail(fmt.Sprintf("%d boxes", len(got)), "a box that is refused is served")
			}
		}}
	}
	// wrong is dropped of the master's box for the member that f makes wrong before it is signed.
	wrong := func(name string, f func(d *den, b *script.Box)) Case {
		return dropped(name, func(d *den) (*script.Box, []byte) {
			b := d.box(d.master, d.member.ID())
			f(d, b)
			return b, b.Bytes(d.master.Signer)
		})
	}
	raw := func(name string, f func(d *den, b *script.Box) []byte) Case {
		return dropped(name, func(d *den) (*script.Box, []byte) {
			b := d.box(d.master, d.member.ID())
			return b, f(d, b)
		})
	}
	return []Case{
		kept("a box of the master's for a member", func(d *den) (*script.Box, *script.Identity) { return d.box(d.master, d.member.ID()), d.master }),
		kept("a box of a reader's for the master", func(d *den) (*script.Box, *script.Identity) { return d.box(d.reader, d.master.ID()), d.reader }),
		kept("a box of an admin's for another", func(d *den) (*script.Box, *script.Identity) {
			a, b := d.admin(), d.admin()
			return d.box(a.by, b.by.ID()), a.by
		}),
		kept("a box of a removed member's, whose rule only grows", func(d *den) (*script.Box, *script.Identity) {
			b := d.box(d.member, d.master.ID())
			d.submit(d.user, nil, d.remove(d.member))
			return b, d.member
		}),
		kept("a box for the link of an invite for members", func(d *den) (*script.Box, *script.Identity) {
			l := d.invite(0, 0, script.RoleMember)
			return d.box(d.master, script.LinkID(l.Sealing.Public())), d.master
		}),
		kept("a box of a removal's epoch", func(d *den) (*script.Box, *script.Identity) {
			d.submit(d.user, nil, d.remove(d.reader))
			return d.box(d.master, d.member.ID()), d.master
		}),
		wrong("a box of another room", func(d *den, b *script.Box) { b.Room[0] ^= 1 }),
		wrong("a box of an epoch that is no entry", func(d *den, b *script.Box) { b.Epoch = wire.ID(d.t.random(32)) }),
		wrong("a box of an epoch that is an add", func(d *den, b *script.Box) { b.Epoch = d.last.ID() }),
		wrong("a box of an epoch that is a change to reader", func(d *den, b *script.Box) {
			d.lower(d.member, script.RoleReader)
			b.Epoch = d.last.ID()
		}),
		wrong("a box for an outsider", func(d *den, b *script.Box) { b.Recipient = d.t.identity().ID() }),
		wrong("a box for a relay", func(d *den, b *script.Box) {
			relay := d.t.identity()
			d.submit(d.user, nil, d.add(relay, script.RoleRelay))
			b.Recipient = relay.ID()
		}),
		wrong("a box for the link of an invite for relays", func(d *den, b *script.Box) {
			b.Recipient = script.LinkID(d.invite(0, 0, script.RoleRelay).Sealing.Public())
		}),
		wrong("a box for the signing key of a link", func(d *den, b *script.Box) { b.Recipient = d.invite(0, 0, script.RoleMember).ID() }),
		wrong("a box with a byte less sealed", func(_ *den, b *script.Box) { b.Sealed = b.Sealed[1:] }),
		wrong("a box with a byte more sealed", func(_ *den, b *script.Box) { b.Sealed = append(b.Sealed, 0) }),
		wrong("a box of 2,000 bytes", func(d *den, b *script.Box) { b.Sealed = d.t.random(1800) }),
		wrong("a box by a key of a reserved algorithm", func(_ *den, b *script.Box) { b.Key = append([]byte{3}, b.Key[1:]...) }),
		dropped("a box by an outsider", func(d *den) (*script.Box, []byte) {
			eve := d.t.identity()
			b := d.box(eve, d.member.ID())
			return b, b.Bytes(eve.Signer)
		}),
		dropped("a box by a relay", func(d *den) (*script.Box, []byte) {
			relay := d.t.identity()
			d.submit(d.user, nil, d.add(relay, script.RoleRelay))
			b := d.box(relay, d.member.ID())
			return b, b.Bytes(relay.Signer)
		}),
		raw("a box with another's signature", func(d *den, b *script.Box) []byte { return b.Bytes(d.member.Signer) }),
		raw("a box signed in the context of entries", func(d *den, b *script.Box) []byte { return b.In("entry", d.master.Signer) }),
		raw("a box cut by a byte", func(d *den, b *script.Box) []byte { raw := b.Bytes(d.master.Signer); return raw[:len(raw)-1] }),
		raw("a box with a byte behind it", func(d *den, b *script.Box) []byte { return append(b.Bytes(d.master.Signer), 0) }),
		raw("a box of version 2", func(d *den, b *script.Box) []byte {
			raw := b.Bytes(d.master.Signer)
			raw[1] = 2
			return raw
		}),
		{Name: "of boxes by one for one in one epoch the eight with the lowest IDs are kept", Section: sectionBoxes, Expect: "eight boxes, of twelve", run: func(t *T) {
			d := t.den()
			var all []*script.Box
			for range 12 {
				all = append(all, d.box(d.master, d.member.ID()))
				d.submitBox(all[len(all)-1].Bytes(d.master.Signer))
			}
			slices.SortFunc(all, func(a, b *script.Box) int { return a.ID().Compare(b.ID()) })
			got := d.boxes(d.member.ID())
			for i, b := range all {
				is := slices.ContainsFunc(got, func(raw []byte) bool { return string(raw) == string(b.Bytes(d.master.Signer)) })
				if is != (i < 8) {
					t.fail(fmt.Sprintf("%d boxes", len(got)), "the box with the %d. of the IDs is kept: %v", i+1, is)
				}
			}
		}},
		{Name: "a box with another's signature, from a peer", Section: sectionBoxes, Expect: protocolError + ", and the box not served", run: func(t *T) {
			d := t.den()
			l, _ := d.opened(d.member)
			l.say(&wire.Records{Set: wire.SetBoxes, Records: wire.List[wire.Bytes]{d.box(d.master, d.member.ID()).Bytes(d.member.Signer)}})
			l.ends(wire.CodeProtocol)
			if got := d.boxes(d.member.ID()); len(got) != 0 {
				t.fail(fmt.Sprintf("%d boxes", len(got)), "a forged box is served")
			}
		}},
		{Name: "a box of another room, from a peer", Section: sectionBoxes, Expect: "the box not served in either room", run: func(t *T) {
			here, there := t.den(), t.den()
			b := here.box(here.master, here.member.ID())
			l, _ := there.opened(there.master)
			l.say(&wire.Records{Set: wire.SetBoxes, Records: wire.List[wire.Bytes]{b.Bytes(here.master.Signer)}})
			l.through()
			if n := len(here.boxes(b.Recipient)) + len(there.boxes(b.Recipient)); n > 0 {
				t.fail(fmt.Sprintf("%d boxes", n), "a box is taken through another room")
			}
		}},
		{Name: "a user is served the boxes of the one recipient it asks for", Section: sectionUsers, Expect: "one box each", run: func(t *T) {
			d := t.den()
			d.takes(d.member)
			d.takes(d.reader)
			for _, to := range []*script.Identity{d.member, d.reader} {
				if got := d.boxes(to.ID()); len(got) != 1 {
					t.fail(fmt.Sprintf("%d boxes", len(got)), "not the one box for the recipient is served")
				}
			}
		}},
	}
}
