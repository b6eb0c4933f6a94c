package client

import (
	"context"
	"time"

	"parley/wire"
)

// A refresher asks, from time to time in a long window, for what may have
// changed in the room.
type refresher struct {
	ctx   context.Context
	w     *writer
	tick  *time.Ticker
	fresh chan *wire.Writer
	busy  chan struct{}
}

func newRefresher(ctx context.Context, w *writer) *refresher {
	return &refresher{ctx: ctx, w: w, tick: time.NewTicker(writerRefresh), fresh: make(chan *wire.Writer, 1), busy: make(chan struct{}, 1)}
}

// start asks in the background, unless an answer is still awaited.
func (r *refresher) start() {
	select {
	case r.busy <- struct{}{}:
	default:
		return
	}
	req := r.w.writerGet()
	go func() {
		defer func() { <-r.busy }()
		head, err := askOnce[*wire.Writer](r.ctx, r.w.c, req)
		if err == nil && !r.w.room.open && string(head.Digest) != string(req.Known) {
			err = r.w.room.refresh(r.ctx, req.Known)
		}
		if err != nil {
			return // the session's end shows elsewhere
		}
		select {
		case r.fresh <- head:
		default:
		}
	}()
}

// stop waits for what is under way; its context has ended.
func (r *refresher) stop() {
	r.tick.Stop()
	r.busy <- struct{}{}
}
