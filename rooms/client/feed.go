package client

import (
	"context"

	"parley/rooms"
)

// A feed reads a Source ahead of the writer, so that the writer can give up
// the turn while there is nothing to send.
type feed struct {
	batches chan [][]byte
	err     error // set before batches is closed
	cancel  context.CancelFunc
	done    chan struct{}
}

func newFeed(ctx context.Context, src Source) *feed {
	ctx, cancel := context.WithCancel(ctx)
	f := &feed{batches: make(chan [][]byte, 2), cancel: cancel, done: make(chan struct{})}
	go f.run(ctx, src)
	return f
}

func (f *feed) run(ctx context.Context, src Source) {
	defer close(f.done)
	defer close(f.batches)
	for {
		batch, err := src.Next(ctx, rooms.MaxRunMessages)
		if len(batch) > 0 {
			select {
			case f.batches <- batch:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		if err != nil {
			f.err = err
			return
		}
	}
}

// stop ends the reading and waits for it.
func (f *feed) stop() {
	f.cancel()
	<-f.done
}

// fail ends the feed with err in place of what the source would still give.
func (f *feed) fail(err error) {
	f.stop()
	for range f.batches { //nolint:revive // what follows the failed message is not sent
	}
	f.err = err
}
