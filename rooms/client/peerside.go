package client

import (
	"context"
	"iter"

	"parley/rooms"
	"parley/wire"
)

// attach gives the peer the user's delegation for a room and all entries held,
// so that it takes the room up for this user.
func (c *Client) attach(ctx context.Context, r *room) error {
	if r.open {
		return nil
	}
	d, err := c.delegate(ctx, r.id)
	if err != nil {
		return err
	}
	sub := &wire.Submit{Room: r.id, Delegation: d, Addresses: c.addresses(r)}
	r.view(func(_ *rooms.Authority, v *rooms.View) {
		if m, ok := v.Member(c.me); ok && m.Entry.Kind == rooms.KindJoin {
			sub.Join = m.Entry.Raw
		}
	})
	return c.submit(ctx, sub, r.entries(), nil)
}

// entries are all entries that the user has of a room, each behind those that it names.
func (r *room) entries() (all [][]byte) {
	r.view(func(a *rooms.Authority, _ *rooms.View) {
		for _, e := range a.All() {
			all = append(all, e.Raw)
		}
	})
	return all
}

// delegate lets the peer that the client is connected to sync a room for the
// user. Serials ascend with the clock: of one room, peer and user the highest counts.
func (c *Client) delegate(ctx context.Context, id wire.ID) ([]byte, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	d, err := rooms.NewDelegation(c.cfg.Identity, id, conn.peer, c.serial())
	if err != nil {
		return nil, err
	}
	return d.Raw, nil
}

func (c *Client) serial() uint64 { return uint64(max(c.cfg.Now().UnixMilli(), 1)) }

// submit hands the peer records of a room, as many requests as it takes. first
// holds what goes with the first of them.
func (c *Client) submit(ctx context.Context, first *wire.Submit, entries, boxes [][]byte) error {
	sub := first
	for {
		size := 0
		for len(entries) > 0 && (size == 0 || size+len(entries[0]) <= submitBytes) {
			size += len(entries[0])
			sub.Entries = append(sub.Entries, entries[0])
			entries = entries[1:]
		}
		for len(entries) == 0 && len(boxes) > 0 && (size == 0 || size+len(boxes[0]) <= submitBytes) {
			size += len(boxes[0])
			sub.Boxes = append(sub.Boxes, boxes[0])
			boxes = boxes[1:]
		}
		if _, err := ask[*wire.Done](ctx, c, sub); err != nil {
			return err
		}
		if len(entries) == 0 && len(boxes) == 0 {
			return nil
		}
		sub = &wire.Submit{Room: first.Room}
	}
}

// Status asks the peer how it is.
func (c *Client) Status(ctx context.Context) (*wire.Status, error) {
	return ask[*wire.Status](ctx, c, &wire.StatusGet{})
}

// Doctor asks the peer to look at its network.
func (c *Client) Doctor(ctx context.Context) ([]wire.Finding, error) {
	answer, err := ask[*wire.Doctor](ctx, c, &wire.DoctorGet{})
	if err != nil {
		return nil, err
	}
	return answer.Findings, nil
}

// Verify asks the peer to compare a room with one peer, or, if peer is zero,
// with all that are connected.
func (c *Client) Verify(ctx context.Context, id, peer wire.ID) (*wire.Verified, error) {
	answer, err := ask[*wire.Verified](ctx, c, &wire.VerifyGet{Room: id, Peer: peer})
	if codeOf(err) != wire.CodeNotFound {
		return answer, err
	}
	r, rerr := c.room(id)
	if rerr != nil || r.open {
		return nil, err
	}
	if why, rerr := r.ousted(ctx); rerr == nil && why != nil {
		return nil, why
	}
	return nil, err
}

// Peers lists the peer's sessions and sightings; with watch again at every
// change, until ctx or the session ends.
func (c *Client) Peers(ctx context.Context, watch bool) iter.Seq2[[]wire.PeerInfo, error] {
	return func(yield func([]wire.PeerInfo, error) bool) {
		if !watch {
			answer, err := ask[*wire.Peers](ctx, c, &wire.PeersGet{})
			if err != nil {
				yield(nil, err)
				return
			}
			yield(answer.Peers, nil)
			return
		}
		s, err := c.request(ctx, interactive, &wire.PeersGet{Watch: true})
		if err != nil {
			yield(nil, err)
			return
		}
		defer s.Reset(wire.CodeOK, "")
		for {
			answer, err := recv[*wire.Peers](ctx, s)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(answer.Peers, nil) {
				return
			}
		}
	}
}

// Snapshot asks the peer for a copy of its store as it is now, and returns the copy's folder, on
// the peer's disk. Whoever has read it removes it. Peers give it to users of their own home only.
func (c *Client) Snapshot(ctx context.Context) (path string, err error) {
	answer, err := ask[*wire.Snapshot](ctx, c, &wire.SnapshotGet{})
	if err != nil {
		return "", err
	}
	return answer.Path, nil
}
