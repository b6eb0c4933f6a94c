package sim

import (
	"time"

	"parley/rooms"
	"parley/store"
	"parley/wire"
)

// A plant is a fault planted in the simulated world: it makes a check fail, which shows
// that the check can. Each field is nil or false where the plant has nothing to do with it.
type plant struct {
	disk    func(*store.Batch) *store.Batch        // what the first peer's store does to a batch
	event   func(p *Peer, ev rooms.Event) bool     // reports whether the core is to be told of an event
	idle    bool                                   // peers repeat themselves when nothing happens
	writer  func(s *seat, d *rooms.RunDraft)       // changes what honest people are about to sign
	repeats bool                                   // honest people write again what was acknowledged
	silent  bool                                   // honest people do not send again what was lost
	leaks   bool                                   // epochs are sealed to everybody who ever was there
	asks    bool                                   // people leave requests open
	outcome func(w *World, o *outcome) (done bool) // changes what is found at the end
}

// babble lets every peer send what nobody needs, twice a second.
func (w *World) babble() {
	for _, c := range w.conns {
		for _, e := range []*end{c.a, c.b} {
			for _, room := range sortedIDs(e.conn.refs) {
				e.deliver("interactive", &wire.Announce{Ref: e.conn.refs[room]})
			}
		}
	}
	w.after(500*time.Millisecond, w.babble)
}

// pester leaves requests open at every peer.
func (w *World) pester() {
	for _, u := range w.people {
		for _, room := range w.rooms {
			for range 200 {
				u.ask(&wire.RoomWatch{Room: room}, func(*rooms.Reply) {})
			}
		}
	}
}
