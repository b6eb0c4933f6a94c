package main

import (
	"context"
	"sync"
	"time"

	"parley/rooms/client"
)

// A stallWatch is a Source that ends the pipe when what it gave does not become
// durable in time. While all of it is durable, it may wait for ever.
type stallWatch struct {
	client.Source
	patience time.Duration
	cancel   context.CancelCauseFunc

	mu      sync.Mutex
	pending uint64 // given and not durable
	timer   *time.Timer
}

// watchStall watches src; the context that it returns ends with errTimeout
// after patience without progress (0: never).
func watchStall(ctx context.Context, src client.Source, patience time.Duration) (context.Context, *stallWatch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &stallWatch{Source: src, patience: patience, cancel: cancel}
	if patience > 0 {
		w.timer = time.AfterFunc(patience, func() { cancel(errTimeout) })
		w.timer.Stop()
	}
	return ctx, w
}

// Next implements client.Source.
func (w *stallWatch) Next(ctx context.Context, max int) ([][]byte, error) {
	batch, err := w.Source.Next(ctx, max)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pending == 0 && len(batch) > 0 && w.timer != nil {
		w.timer.Reset(w.patience)
	}
	w.pending += uint64(len(batch))
	return batch, err
}

// settled takes note that n more messages are durable.
func (w *stallWatch) settled(n uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending -= min(n, w.pending)
	if w.timer == nil {
		return
	}
	if w.pending == 0 {
		w.timer.Stop()
	} else {
		w.timer.Reset(w.patience)
	}
}

func (w *stallWatch) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
	w.cancel(nil)
}
