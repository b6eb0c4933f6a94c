package sim

import "parley/store"

// A Plant is a fault planted in the simulated world: with it a named check must fail. It
// shows that the check can.
type Plant struct {
	Disk func(w *World) func(*store.Batch) *store.Batch // what a peer's store does to a batch; nil: nothing
	Peer int                                            // at which peer
}

func (p *Plant) at(s *Script) int { return p.Peer % s.Peers }
