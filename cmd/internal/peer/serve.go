package peer

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"parley/rooms"
	"parley/session"
	"parley/wire"
)

// serve sends the stored runs that a pull asked for and ends the stream.
func (p *Peer) serve(l *link, e rooms.Serve) {
	ctx := l.ctx
	st := e.Stream.(*session.Stream)
	l.mu.Lock()
	busy := l.serving >= maxServes
	if !busy {
		l.serving++
	}
	l.mu.Unlock()
	if busy {
		st.Reset(wire.CodeBusy, "too many pulls at once")
		return
	}
	p.wg.Go(func() {
		defer func() {
			l.mu.Lock()
			l.serving--
			l.mu.Unlock()
		}()
		if err := p.sendRuns(ctx, st, &e); err != nil {
			st.Reset(wire.CodeInternal, "the runs cannot be read")
			select {
			case <-l.session.Done():
			default:
				p.log.Warn("a pull was not served whole", "peer", l.id, "error", err)
			}
			return
		}
		st.CloseSend()
	})
}

func (p *Peer) sendRuns(ctx context.Context, st *session.Stream, e *rooms.Serve) error {
	var frame wire.Runs
	size := 0
	flush := func() error {
		if len(frame.Runs) == 0 {
			return nil
		}
		err := st.Send(ctx, &frame)
		frame.Runs, size = nil, 0
		return err
	}
	for i, want := range slices.Concat(e.Wants, e.Hidden) {
		room := e.Room
		if i >= len(e.Wants) {
			room = rooms.HiddenRoom(e.Room)
		}
		for run, err := range p.store.Runs(ctx, room, want.Log, want.First) {
			if err != nil {
				return err
			}
			if run.First > want.Last {
				break
			}
			if size > 0 && size+len(run.Bytes) > tailFrame {
				if err := flush(); err != nil {
					return err
				}
			}
			frame.Runs = append(frame.Runs, run.Bytes)
			size += len(run.Bytes) + 5
		}
	}
	return flush()
}

// pull asks a peer for runs and hands what comes to the core.
func (p *Peer) pull(l *link, e rooms.StartPull) {
	ctx, cancel := context.WithCancel(l.ctx)
	p.mu.Lock()
	p.pulls[e.Pull] = cancel
	p.mu.Unlock()
	p.wg.Go(func() {
		err := p.readRuns(ctx, l, e)
		p.mu.Lock()
		delete(p.pulls, e.Pull)
		p.mu.Unlock()
		cancel()
		p.post(rooms.PullEnd{Pull: e.Pull, Err: err})
	})
}

func (p *Peer) cancelPull(key rooms.PullKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cancel := p.pulls[key]; cancel != nil {
		cancel()
	}
}

func (p *Peer) readRuns(ctx context.Context, l *link, e rooms.StartPull) error {
	st, err := l.session.Open(session.Bulk)
	if err != nil {
		return err
	}
	defer st.Reset(wire.CodeOK, "")
	if err := st.Send(ctx, e.Msg); err != nil {
		return err
	}
	if err := st.CloseSend(); err != nil {
		return err
	}
	for {
		m, err := st.Recv(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		got, ok := m.(*wire.Runs)
		if !ok {
			err = wire.Errorf(wire.CodeProtocol, "a pull is answered with runs only")
		}
		var runs []*rooms.Run
		if err == nil {
			runs, err = verifyRuns(got.Runs)
		}
		if err != nil {
			p.offend(l.addr, err)
			l.session.Close(wire.CodeProtocol, "a pulled run is not valid")
			return err
		}
		if !p.persist.room() {
			return context.Canceled
		}
		p.post(rooms.RunsIn{Peer: l.key, Pull: e.Pull, Runs: runs})
	}
}

// offend logs what a source did wrong, at most once each offenderEvery.
func (p *Peer) offend(source string, err error) {
	if p.offenders.first(hostOf(source), time.Now()) {
		p.log.Warn("a peer broke the protocol", "source", source, "error", err)
	}
	p.counters.offences.Add(1)
}
