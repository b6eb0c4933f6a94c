package conform

import (
	"slices"

	"parley/cmd/internal/script"
	"parley/wire"
)

// handoverCases are the rules of which reigns count.
func handoverCases() []Case {
	return []Case{
		may("an add by the master's successor", func(d *den) (*script.Identity, []wire.ID) {
			u := d.t.identity()
			d.handOver(d.t.identity())
			d.submit(d.user, nil, d.add(u, script.RoleMember))
			return u, nil
		}),
		may("a run by whoever was master, who is a member", func(d *den) (*script.Identity, []wire.ID) {
			was := d.master
			d.handOver(d.t.identity())
			return was, nil
		}),
		mayNot("an add by the former master beside the handover", func(d *den) (*script.Identity, []wire.ID) {
			u := d.t.identity()
			return u, d.besideHandover(func() wire.ID { return d.put(script.KindAdd, script.Add(u.Bundle, script.RoleMember)) })
		}),
		mayNot("an add by an admin whom the former master appointed beside the handover", func(d *den) (*script.Identity, []wire.ID) {
			u := d.t.identity()
			return u, d.besideHandover(func() wire.ID { return d.admin().put(script.KindAdd, script.Add(u.Bundle, script.RoleMember)) })
		}),
		may("an add by the former master that the handover has seen", func(d *den) (*script.Identity, []wire.ID) {
			u := d.t.identity()
			d.submit(d.user, nil, d.add(u, script.RoleMember))
			d.handOver(d.t.identity())
			return u, nil
		}),
		may("the successor of the handover with the lower ID, of two", func(d *den) (*script.Identity, []wire.ID) {
			h := d.handovers(2)
			return d.addBy(h[0]), nil
		}),
		mayNot("the successor of the handover with the higher ID, of two", func(d *den) (*script.Identity, []wire.ID) {
			h := d.handovers(2)
			return d.addBy(h[1]), nil
		}),
		mayNot("the successor of a handover that has seen another, though its ID is lower", func(d *den) (*script.Identity, []wire.ID) {
			first := d.handover(d.t.identity(), nil)
			d.giveOver(first)
			second := d.handover(d.t.identity(), first, first.entry.ID())
			d.giveOver(second)
			return d.addBy(second), nil
		}),
		may("the successor of the handover with the higher ID, of two, which an admin witnesses", func(d *den) (*script.Identity, []wire.ID) {
			a := d.admin()
			h := d.handovers(2)
			seen := d.witness(a, h[1])
			u := d.addBy(h[1])
			return u, []wire.ID{d.last.ID(), seen}
		}),
		may("the successor of the handover with the lowest ID, of three, of which an admin has seen the others", func(d *den) (*script.Identity, []wire.ID) {
			a := d.admin()
			h := d.handovers(3)
			d.witness(a, h[1], h[2])
			return d.addBy(h[0]), nil
		}),
		may("the successor of the handover with the lower ID, of two, where the witness was appointed behind it", func(d *den) (*script.Identity, []wire.ID) {
			before := *d.last
			a := d.admin()
			after := d.last
			d.last = &before
			lower := d.handover(d.t.identity(), nil)
			d.last = after
			higher := d.handoverAbove(d.t.identity(), lower)
			d.giveOver(higher)
			d.giveOver(lower)
			d.witness(a, higher)
			return d.addBy(lower), nil
		}),
		may("the successor of the handover with the lower ID, of two, which has seen the witness demoted", func(d *den) (*script.Identity, []wire.ID) {
			a := d.admin()
			higher := d.handover(d.t.identity(), nil)
			d.demote(a, a.chain)
			lower := d.handover(d.t.identity(), higher)
			d.giveOver(higher)
			d.giveOver(lower)
			d.witness(a, higher)
			return d.addBy(lower), nil
		}),
		may("the successor of the handover with the lower ID, of two, where the witness is the other successor", func(d *den) (*script.Identity, []wire.ID) {
			a := d.admin()
			higher := d.handover(a.by, nil)
			lower := d.handover(d.t.identity(), higher)
			d.giveOver(higher)
			d.giveOver(lower)
			d.witness(a, higher)
			return d.addBy(lower), nil
		}),
	}
}

// besideHandover has the master write an entry that a handover has not seen.
func (d *den) besideHandover(write func() wire.ID) (seen []wire.ID) {
	was, before := d.master, d.last
	d.handOver(d.t.identity())
	after, heir := d.last, d.master
	d.last, d.master = before, was
	id := write()
	d.last, d.master = after, heir
	return []wire.ID{id, after.ID()}
}

// A handover is one of several of a reign.
type handover struct {
	entry *script.Entry
	heir  *script.Identity
}

// handover is a handover behind the last entry, with a lower ID than another's,
// if there is one. The time, which no rule reads, is what is turned.
func (d *den) handover(heir *script.Identity, below *handover, seen ...wire.ID) *handover {
	h := &handover{d.draft(script.KindHandover, script.OneBundle(heir.Bundle)), heir}
	h.entry.Heads = script.Sorted(append(seen, h.entry.Prev)...)
	for below != nil && h.entry.ID().Compare(below.entry.ID()) >= 0 {
		h.entry.Time++
	}
	return h
}

// handoverAbove is handover with a higher ID than another's.
func (d *den) handoverAbove(heir *script.Identity, above *handover) *handover {
	h := d.handover(heir, nil)
	for h.entry.ID().Compare(above.entry.ID()) <= 0 {
		h.entry.Time++
	}
	return h
}

func (d *den) giveOver(h *handover) {
	d.submit(d.user, nil, h.entry.Both(d.master.Signer, h.heir.Signer))
}

// handovers are handovers of the first reign, by ascending ID; the last comes first.
func (d *den) handovers(n int) (all []*handover) {
	for range n {
		h := d.handover(d.t.identity(), nil)
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b *handover) int { return a.entry.ID().Compare(b.entry.ID()) })
	for _, h := range slices.Backward(all) {
		d.giveOver(h)
	}
	return all
}

// witness has an admin write an entry that has seen handovers.
func (d *den) witness(a *admin, handovers ...*handover) wire.ID {
	var seen []wire.ID
	for _, h := range handovers {
		seen = append(seen, h.entry.ID())
	}
	return a.put(script.KindLift, script.Subject(d.reader.ID()), seen...)
}

// addBy has the successor of a handover add somebody.
func (d *den) addBy(h *handover) *script.Identity {
	u, was := d.t.identity(), d.master
	d.last, d.master = h.entry, h.heir
	d.submit(d.user, nil, d.add(u, script.RoleMember))
	d.master = was // a member either way: it goes on to ask what is held
	return u
}
