package client

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"parley/rooms"
	"parley/wire"
)

// show gives a run's messages, or keeps them until the end of the history
// where that decides which are given, and in what order.
func (t *tail) show(run *opened) error {
	for i := range run.messages {
		m := &run.messages[i]
		if t.cursor.seen(m.Log, m.Seq) {
			continue
		}
		if run.kinds[i] != rooms.MessageText || m.Time.Before(t.opts.Since) {
			t.gave(m)
			continue
		}
		if t.keeps() {
			t.keep(m)
			continue
		}
		if err := t.hand(m); err != nil {
			return err
		}
	}
	return nil
}

// keeps reports whether history is kept back until its end.
func (t *tail) keeps() bool {
	return !t.live && !t.old && t.cursor.instance == [16]byte{} && (t.opts.Last != 0 || t.opts.Sorted) || !t.live && t.opts.Sorted
}

// keep remembers a message; of an unsorted history only the newest Last are needed.
func (t *tail) keep(m *Message) {
	t.kept = append(t.kept, m)
	if n := max(t.opts.Last, 0); !t.opts.Sorted && len(t.kept) > 2*n+64 {
		for _, dropped := range t.kept[:len(t.kept)-n] {
			t.gave(dropped)
		}
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-n:]...)
	}
}

// hand gives one message to the consumer.
func (t *tail) hand(m *Message) error {
	m.Name = t.name(m)
	t.gave(m)
	t.behind = true
	if !t.give(m) {
		return errStopped
	}
	return nil
}

func (t *tail) gave(m *Message) {
	t.cursor.gave(m.Log, m.Seq)
	t.dirty = true
}

func (t *tail) name(m *Message) string {
	if !t.room.open {
		m.Claim = t.room.claim(m.Author)
	}
	key := nameOf{m.Author, m.Claim}
	name, ok := t.names[key]
	if !ok {
		if len(t.names) >= maxCursorLogs {
			clear(t.names)
		}
		name = t.c.NameOf(m.Author, m.Claim)
		t.names[key] = name
	}
	return name
}

// marked takes note of a place that the peer names. At the end of the history
// what was kept back is given.
func (t *tail) marked(ctx context.Context, mark *wire.TailMark) error {
	if len(mark.Instance) != len(t.cursor.instance) {
		return wire.Errorf(wire.CodeProtocol, "a store's instance has %d bytes", len(mark.Instance))
	}
	if t.cursor.instance != [16]byte{} && !bytes.Equal(t.cursor.instance[:], mark.Instance) {
		// A store set back, as by a restore, may be from before the user's delegation.
		if err := t.c.attach(ctx, t.room); err != nil {
			return err
		}
	}
	if mark.Live && !t.live {
		if !t.opts.Follow {
			if err := t.letGo(time.Unix(1<<40, 0)); err != nil {
				return err
			}
		}
		if err := t.giveKept(); err != nil {
			return err
		}
		t.live = true
		if t.opts.Live != nil {
			if err := t.settle(); err != nil {
				return err
			}
			t.opts.Live()
		}
	}
	if t.keeps() {
		return nil // what is kept back is not given yet
	}
	copy(t.cursor.instance[:], mark.Instance)
	t.cursor.arrival = mark.Arrival
	for _, h := range t.held {
		t.cursor.arrival = min(t.cursor.arrival, h.item.Arrival-1)
	}
	t.dirty = true
	return nil
}

// giveKept gives what was kept back of the history.
func (t *tail) giveKept() error {
	kept := t.kept
	t.kept = nil
	if t.opts.Sorted {
		slices.SortFunc(kept, func(a, b *Message) int {
			return cmp.Or(cmp.Compare(a.Clock, b.Clock), a.Log.Compare(b.Log), cmp.Compare(a.Seq, b.Seq))
		})
	}
	if t.opts.Last != 0 && !t.old {
		n := min(max(t.opts.Last, 0), len(kept))
		for _, dropped := range kept[:len(kept)-n] {
			t.gave(dropped)
		}
		kept = kept[len(kept)-n:]
	}
	for _, m := range kept {
		if err := t.hand(m); err != nil {
			return err // the cursor's arrival stays before all of them
		}
	}
	return nil
}

// settle flushes what was given, and then saves the cursor: a message whose
// output may be lost is given again, never left out.
func (t *tail) settle() error {
	if t.behind && t.opts.Flush != nil {
		if err := t.opts.Flush(); err != nil {
			return err
		}
	}
	t.behind = false
	if t.opts.Cursor == "" || !t.dirty {
		return nil
	}
	if err := t.cursor.save(t.opts.Cursor); err != nil {
		return errors.Join(ErrCursor, err)
	}
	t.dirty, t.saved = false, time.Now()
	return nil
}

// mayWrite reports whether the author of a run may write by the entries that
// it names; known is false if they are not all held.
func (r *room) mayWrite(run *rooms.Run) (may, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.auth.View(run.Heads)
	if v == nil {
		return false, false
	}
	return v.Role(run.Author).MayWrite(), true
}
