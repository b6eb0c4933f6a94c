package sim

import (
	"slices"

	"parley/rooms"
	"parley/store"
	"parley/wire"
)

// An outcome is one room at the end, as the honest peers hold it.
type outcome struct {
	w     *World
	room  wire.ID
	views []*held // of honest peers whose users still belong to the room: they must be equal
	all   []*held // of all honest peers that keep it, the removed ones' included
	truth *oracle // over everything that the peers in views hold
}

// held is what one peer's disk has of a room, and what the peer says of it.
type held struct {
	peer    *Peer
	entries []*rooms.Entry
	boxes   []*rooms.Box
	proofs  []*rooms.Proof
	runs    map[wire.ID][]*rooms.Run // by log, ascending: counting or not
	hidden  map[wire.ID][]*rooms.Run // by log: what does not count, and is kept
	ends    map[wire.ID]rooms.Pin    // by log: the last message that counts by the peer's word
	auth    *rooms.Authority         // the product's own, of these entries
	oracle  *oracle                  // over what this peer holds
}

// outcomes are all rooms at the end.
func (w *World) outcomes() (list []*outcome) {
	for _, room := range w.rooms {
		o := &outcome{w: w, room: room}
		for _, p := range w.peers {
			if h := w.heldBy(p, room); h != nil && !p.evil {
				o.all = append(o.all, h)
			}
		}
		union := newOracle(room)
		for _, h := range o.all {
			union.addAll(h)
		}
		o.truth = newOracle(room)
		for _, h := range o.all {
			if h.belongs(union) {
				o.views = append(o.views, h)
				o.truth.addAll(h)
			}
		}
		if len(o.views) > 0 {
			list = append(list, o)
		}
	}
	return list
}

// belongs reports whether somebody at the peer, who let it keep the room, has a role by
// what the oracle knows.
func (h *held) belongs(by *oracle) bool {
	for _, u := range h.peer.w.people {
		if s := u.seats[by.room]; s != nil && u.peer == h.peer && s.kept && !s.left && by.roleNow(u.id()) != rooms.RoleNone {
			return true
		}
	}
	return false
}

// heldBy reads a room from a peer's disk, and asks the peer where its logs end. It
// returns nil when the peer does not keep the room.
func (w *World) heldBy(p *Peer, room wire.ID) *held {
	r := p.disk.rooms[room]
	kept := slices.ContainsFunc(w.people, func(u *Person) bool {
		return u.seats[room] != nil && u.peer == p && p.direct(u, &wire.RoomsGet{Room: room}) != nil
	})
	if r == nil || !kept {
		return nil
	}
	h := &held{peer: p, runs: map[wire.ID][]*rooms.Run{}, hidden: map[wire.ID][]*rooms.Run{}, ends: map[wire.ID]rooms.Pin{}, auth: rooms.NewAuthority(room)}
	for _, rec := range r.sorted() {
		set := map[store.Kind]uint64{store.KindEntry: wire.SetEntries, store.KindBox: wire.SetBoxes, store.KindProof: wire.SetProofs}[rec.Kind]
		if set == 0 {
			continue
		}
		one := w.records.record(set, rec.Bytes)
		if one.err != nil {
			w.fail("BadSignatureNeverValid", "%s stores a record of kind %d that does not verify: %v", p.name, rec.Kind, one.err)
			continue
		}
		h.entries = append(h.entries, one.parts.Entries...)
		h.boxes = append(h.boxes, one.parts.Boxes...)
		h.proofs = append(h.proofs, one.parts.Proofs...)
	}
	h.entries = closed(h.entries)
	for _, e := range h.entries {
		_, _, _ = h.auth.Add(e)
	}
	for _, log := range sortedIDs(r.runs) {
		for _, stored := range r.runs[log] {
			run, err := w.records.run(stored.Bytes)
			if err != nil || run.Hash != stored.Link || run.Log != log {
				w.fail("BadSignatureNeverValid", "%s stores a run that does not verify: %v", p.name, err)
				continue
			}
			h.runs[log] = append(h.runs[log], run)
		}
		if end := p.core.Head(room, log); end.Number > 0 {
			h.ends[log] = end
		}
	}
	if hidden := p.disk.rooms[rooms.HiddenRoom(room)]; hidden != nil {
		for _, branch := range sortedIDs(hidden.runs) {
			for _, stored := range hidden.runs[branch] {
				run, err := w.records.run(stored.Bytes)
				if err != nil || run.Hash != stored.Link {
					w.fail("BadSignatureNeverValid", "%s keeps a run that does not verify: %v", p.name, err)
					continue
				}
				h.hidden[run.Log] = append(h.hidden[run.Log], run)
			}
		}
	}
	h.oracle = newOracle(room)
	h.oracle.addAll(h)
	for _, log := range sortedIDs(h.ends) { // of a log that was trimmed to its end nothing counts
		for _, f := range h.oracle.floors(log) {
			if h.ends[log].Number <= f.Number {
				delete(h.ends, log)
				break
			}
		}
	}
	return h
}

// closed leaves out entries that name others which are not there: a store that failed may have
// lost those, and then they wait, as if they had just come.
func closed(entries []*rooms.Entry) []*rooms.Entry {
	for {
		there := set{}
		for _, e := range entries {
			there[e.ID] = true
		}
		left := slices.DeleteFunc(slices.Clone(entries), func(e *rooms.Entry) bool {
			f := factOf(e)
			return slices.ContainsFunc(append(f.names, f.prev, f.chain), func(id wire.ID) bool { return !id.IsZero() && !there[id] })
		})
		if len(left) == len(entries) {
			return left
		}
		entries = left
	}
}

// direct asks the core and takes the first answer of the same step.
func (p *Peer) direct(u *Person, m wire.Message) (answer wire.Message) {
	if !p.up() {
		return nil
	}
	req := p.w.request()
	for _, e := range p.core.Step(p.now(), rooms.UserMessage{Req: req, User: u.id(), Msg: m}) {
		if r, ok := e.(rooms.Reply); ok && r.Req == req && r.Err == nil && answer == nil {
			answer = r.Msg
		}
	}
	return answer
}

// counted are the runs that count by the peer's word, in order.
func (h *held) counted(log wire.ID) []*rooms.Run {
	end := h.ends[log]
	runs := h.runs[log]
	n := slices.IndexFunc(runs, func(r *rooms.Run) bool { return r.Last() > end.Number })
	if n < 0 {
		return runs
	}
	return runs[:n]
}

// eachCounted calls f for every run that counts at a peer.
func (h *held) eachCounted(f func(*rooms.Run)) {
	for _, log := range sortedIDs(h.runs) {
		for _, r := range h.counted(log) {
			f(r)
		}
	}
}
