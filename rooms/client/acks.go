package client

import (
	"context"
	"sync"

	"parley/wire"
)

// acks gathers what the peer answers on a stream of Append. It keeps only the
// newest acknowledgement, so that receiving never waits for the writer, who
// may itself be waiting for the peer to receive.
type acks struct {
	bell chan struct{} // rung at every change

	mu      sync.Mutex
	log     wire.ID
	last    uint64
	link    wire.ID
	fresh   bool
	refused *wire.AppendRefused
	err     error
}

// receive takes answers until the stream or ctx ends.
func (a *acks) receive(ctx context.Context, s stream) {
	for {
		m, err := s.Recv(ctx)
		a.mu.Lock()
		switch m := m.(type) {
		case *wire.Appended:
			// Acknowledgements are cumulative, and those for runs that the peer
			// had to look up may be overtaken.
			if m.Log != a.log || m.Last > a.last {
				a.log, a.last, a.link, a.fresh = m.Log, m.Last, m.Link, true
			}
		case *wire.AppendRefused:
			if a.refused == nil || m.First < a.refused.First {
				a.refused = m
			}
		default:
			if err == nil {
				err = wire.Errorf(wire.CodeProtocol, "the peer answers %T to an append", m)
			}
		}
		a.err = err
		a.mu.Unlock()
		select {
		case a.bell <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// take returns what came since the last take. A refusal and an error stay.
func (a *acks) take() (log wire.ID, last uint64, link wire.ID, fresh bool, refused *wire.AppendRefused, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fresh, a.fresh = a.fresh, false
	return a.log, a.last, a.link, fresh, a.refused, a.err
}
