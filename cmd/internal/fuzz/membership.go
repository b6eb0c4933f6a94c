package fuzz

import (
	"context"
	"fmt"
	"slices"

	"parley/cmd/internal/script"
	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// A membership is the member's place in the room of an invite link, whose other
// members may be at work.
type membership struct {
	self *script.Identity
	room wire.ID
}

// Join joins the room of a link as the member of a script's world.
func join(ctx context.Context, t *Target, s *Script, link *rooms.Link) (*membership, error) {
	w := newWorld(t, s)
	w.room = link.Room
	m := &membership{self: w.who("member"), room: link.Room}
	keys, err := link.Keys()
	if err != nil {
		return nil, err
	}
	err = w.as(ctx, "member", func(k *talk) error {
		d, err := rooms.NewLinkDelegation(link, t.PeerID, s.Clock)
		if err != nil {
			return err
		}
		if _, err := done[*wire.Done](k, &wire.Submit{Room: link.Room, Delegation: d.Raw}); err != nil {
			return err
		}
		if err := w.load(k); err != nil {
			return err
		}
		e := w.joinEntry(keys.Sign)
		if e == nil {
			return fmt.Errorf("the room has no invite for this link")
		}
		raw := e.Both(m.self.Signer, keys.Sign)
		_, err = done[*wire.Done](k, &wire.Submit{
			Room: link.Room, Join: raw, Entries: wire.List[wire.Bytes]{raw}, Delegation: w.delegation("member", t.PeerID),
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the room of the link cannot be joined: %w", err)
	}
	return m, nil
}

// enter makes the world that of a room that was joined.
func (w *world) enter(ctx context.Context, m *membership) error {
	w.room, w.ids["member"] = m.room, m.self
	return w.as(ctx, "member", func(k *talk) error {
		// An episode may have given the room up meanwhile, as it may.
		if err := w.submit(k, "member", nil, nil); err != nil {
			return err
		}
		return w.load(k)
	})
}

// maxKnown is how many entries and runs of a room are taken as material.
const maxKnown = 200

// load gets what the peer tells a member of the room.
func (w *world) load(k *talk) error {
	named := map[wire.ID]bool{}
	self := w.who("member").ID()
	var tips []wire.ID
	err := k.ask(&wire.AuthorityGet{Room: w.room}, func(m wire.Message) error {
		a, ok := m.(*wire.Authority)
		if !ok {
			return nil
		}
		for _, raw := range a.Entries {
			e, err := rooms.ParseEntry(raw)
			if err != nil {
				return fmt.Errorf("an entry that the peer gives: %w", err)
			}
			if len(w.known.entries) < maxKnown {
				w.known.learn(e.ID, raw)
			}
			if e.Number == 0 && e.Writer != self {
				continue
			}
			for _, h := range append(slices.Clone(e.Heads), e.Prev) {
				named[h] = true
			}
			tips = append(tips, e.ID)
			if e.Epoch() != nil {
				w.epochs = append(w.epochs, epoch{entry: e.ID})
			}
			if i := e.Invite(); i != nil {
				w.invites = append(w.invites, invited{e.ID, identity.KeyID(i.LinkKey)})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range tips {
		if !named[id] {
			w.tips = append(w.tips, id)
		}
	}
	slices.SortFunc(w.tips, func(a, b wire.ID) int { return a.Compare(b) })
	if len(w.tips) == 0 || len(w.epochs) == 0 {
		return fmt.Errorf("the peer does not give the room's entries")
	}
	err = k.ask(&wire.Tail{Room: w.room, Last: maxKnown}, func(m wire.Message) error {
		if tail, ok := m.(*wire.TailRuns); ok {
			for _, it := range tail.Items {
				if r, err := rooms.ParseRun(it.Run); err == nil && len(w.known.runs) < maxKnown {
					w.known.runs = append(w.known.runs, it.Run)
					w.known.heads = append(w.known.heads, wire.Head{Log: r.Log, Last: r.Last(), Link: r.Hash})
				}
			}
		}
		return nil
	})
	if refusedWith(err, wire.CodeNotFound) {
		return nil // by the link alone there is nothing to read
	}
	return err
}

// An invited is an invite of the room and the ID of its link's key.
type invited struct{ entry, link wire.ID }

// joinEntry is the entry by which the member joins, or nil without an invite.
func (w *world) joinEntry(link *identity.Signer) *script.Entry {
	self := w.who("member")
	for _, i := range w.invites {
		if i.link == link.ID() {
			return &script.Entry{
				Room: w.room, Kind: script.KindJoin, Key: self.Public(), Heads: script.Sorted(append(slices.Clone(w.tips), i.entry)...), Time: w.nanos(),
				Body: script.Join(i.entry, link.Public(), self.Bundle, w.bytes("join", 16)),
			}
		}
	}
	return nil
}
