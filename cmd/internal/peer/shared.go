package peer

import (
	"context"
	"math/rand/v2"
	"time"

	"parley/rooms"
	"parley/store"
	"parley/wire"
)

// followShared looks at what other peers keep in the database that this one uses too, and gives the core what
// it lacks. Their sessions are the way of what is new; this is for when those are cut.
func (p *Peer) followShared(ctx context.Context, s store.Shared) {
	for {
		var ids []wire.ID
		if !p.ask(func(c *rooms.Core) { ids = c.Kept() }) {
			return
		}
		for _, id := range ids {
			if err := p.takeShared(ctx, s, id); err != nil && ctx.Err() == nil {
				p.log.Debug("what others keep in the database cannot be read", "room", id, "error", err)
				break
			}
		}
		select {
		case <-time.After(sharedPoll + rand.N(sharedPoll/4)): // not in step with the others
		case <-ctx.Done():
			return
		}
	}
}

// takeShared gives the core what others have of a room, in parts that fit with what waits for the store.
func (p *Peer) takeShared(ctx context.Context, s store.Shared, room wire.ID) error {
	if !p.persist.room() {
		return nil
	}
	runs, records, _, err := s.Others(ctx, room)
	if err != nil {
		return err
	}
	parts := new(rooms.Parts)
	for i := range records {
		set := map[store.Kind]uint64{store.KindEntry: wire.SetEntries, store.KindBox: wire.SetBoxes, store.KindProof: wire.SetProofs}[records[i].Kind]
		got, err := rooms.Prepare(&wire.Records{Set: set, Records: wire.List[wire.Bytes]{records[i].Bytes}})
		if err != nil {
			p.log.Warn("another peer's part of the database has a record that breaks a rule", "room", room, "record", records[i].ID, "error", err)
			continue
		}
		parts.Entries, parts.Boxes, parts.Proofs = append(parts.Entries, got.Entries...), append(parts.Boxes, got.Boxes...), append(parts.Proofs, got.Proofs...)
	}
	for i := range runs {
		got, err := rooms.Prepare(&wire.Runs{Runs: [][]byte{runs[i].Bytes}})
		if err != nil {
			p.log.Warn("another peer's part of the database has a run that breaks a rule", "room", room, "log", runs[i].Log, "error", err)
			continue
		}
		parts.Runs = append(parts.Runs, got.Runs...)
	}
	if len(parts.Runs)+len(parts.Entries)+len(parts.Boxes)+len(parts.Proofs) > 0 {
		p.post(rooms.SharedIn{Parts: parts})
	}
	return nil
}
