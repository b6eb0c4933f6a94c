package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"parley/rooms"
	"parley/wire"
)

// Send sends one message and returns when it is durable on the peer. With
// opts.Key it may be called again, in any process of this home, and sends once.
func (c *Client) Send(ctx context.Context, id wire.ID, data []byte, opts SendOptions) (Result, error) {
	if err := checkData(data); err != nil {
		return Result{}, err
	}
	r, err := c.room(id)
	if err != nil {
		return Result{}, err
	}
	m := outgoing{data: data}
	if opts.Key != "" {
		m.name = keyName(id, opts.Key)
		// Without a look at the outbox this may miss, but what it finds is final.
		if res, ok, err := findKey(r.file("keys"), m.name); ok || err != nil {
			return res, err
		}
	}
	var result Result
	w := newWriter(c, r, interactive, func(list []Result) error {
		result = list[len(list)-1]
		return nil
	})
	w.anyway = opts.Anyway
	w.queue = append(w.queue, m)
	err = w.window(ctx)
	return result, err
}

// Pipe sends what src gives until io.EOF, batching what is available, and
// returns when all of it is durable. Empty messages are left out. A Client may
// run several at once; writers of one room take turns.
func (c *Client) Pipe(ctx context.Context, id wire.ID, src Source, opts PipeOptions) (Summary, error) {
	r, err := c.room(id)
	if err != nil {
		return Summary{}, err
	}
	w := newWriter(c, r, bulk, opts.Results)
	w.progress, w.anyway = opts.Progress, opts.Anyway
	w.feed = newFeed(ctx, src)
	defer w.feed.stop()
	for {
		if err := w.wait(ctx); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return w.summary, err
		}
		if err := w.window(ctx); err != nil {
			return w.summary, err
		}
	}
}

// wait waits for something to send, without holding the turn.
func (w *writer) wait(ctx context.Context) error {
	for len(w.queue) == 0 {
		select {
		case batch, ok := <-w.feed.batches:
			if !ok {
				return w.feed.err
			}
			w.enqueue(batch)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// enqueue adds a batch of the source to what is to be sent. A message that
// cannot be sent ends the source: what came before it still is.
func (w *writer) enqueue(batch [][]byte) {
	for _, data := range batch {
		if len(data) == 0 {
			continue
		}
		if err := checkData(data); err != nil {
			w.feed.fail(err)
			return
		}
		w.queue = append(w.queue, outgoing{data: data})
	}
}

func checkData(data []byte) error {
	switch {
	case len(data) == 0:
		return ErrEmpty
	case len(data) > rooms.MaxMessage:
		return fmt.Errorf("%w: %d bytes; a message has at most %d", ErrTooLarge, len(data), rooms.MaxMessage)
	}
	return nil
}

// Placed asks on how many other peers' disks a message is, waiting up to wait
// for replicas of them (0: for all that are connected and have the room).
func (c *Client) Placed(ctx context.Context, room wire.ID, at Result, replicas int, wait time.Duration) (on, of int, err error) {
	answer, err := ask[*wire.Placed](ctx, c, &wire.PlacedGet{
		Room: room, Log: at.Log, Number: at.Seq,
		Replicas: uint64(max(replicas, 0)), Wait: uint64(max(wait.Milliseconds(), 0)),
	})
	if err != nil {
		return 0, 0, err
	}
	return int(answer.On), int(answer.Of), nil
}

// Pending reports how many messages of a room were signed and not
// acknowledged, by whichever process of this home. They are sent first when
// anything is sent again.
func (c *Client) Pending(ctx context.Context, id wire.ID) (messages int, err error) {
	r, err := c.room(id)
	if err != nil {
		return 0, err
	}
	t, err := takeTurn(ctx, r.dir)
	if err != nil {
		return 0, err
	}
	defer t.release()
	f, err := openOutboxFile(filepath.Join(r.dir, "outbox"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	o, err := readOutbox(f)
	if err != nil {
		return 0, err
	}
	for _, p := range o.pending {
		messages += p.run.Count()
	}
	return messages, nil
}
