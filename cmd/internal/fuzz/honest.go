package fuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"parley/cmd/internal/script"
	"parley/rooms"
	"parley/wire"
)

// A writer is an honest member of a den: it writes a run now and then, and
// looks whether all that it has written is there.
type writer struct {
	w    *world
	who  string
	runs []*script.Run
	raw  [][]byte
}

// sign makes one more run, in the newest epoch.
func (h *writer) sign() {
	w := h.w
	label := fmt.Sprintf("honest %d", len(h.runs))
	newest := w.epochs[len(w.epochs)-1]
	var r *script.Run
	if len(h.runs) == 0 {
		r = w.firstRun(h.who, len(w.epochs), label)
	} else {
		r = h.runs[len(h.runs)-1].Next()
		r.Epoch, r.Heads = newest.entry, []wire.ID{w.base}
		w.seal(r, newest.key, label)
	}
	h.runs, h.raw = append(h.runs, r), append(h.raw, r.Bytes(w.who(h.who).Signer))
}

// hand gives the peer a run.
func (h *writer) hand(ctx context.Context, i int) error {
	return h.w.as(ctx, h.who, func(k *talk) error {
		if i == 0 {
			if err := h.w.submit(k, h.who, nil, nil); err != nil {
				return err
			}
		}
		return h.w.appendRun(k, h.raw[i])
	})
}

// write writes one more run.
func (h *writer) write(ctx context.Context) error {
	h.sign()
	return h.hand(ctx, len(h.raw)-1)
}

// writeMore is write between episodes: to who may not read the room, what it writes
// is a secret. It does not come among what is known, so that episodes do not depend on
// those before them.
func (h *writer) writeMore(ctx context.Context) error {
	if err := h.write(ctx); err != nil {
		return err
	}
	if role := h.w.script.Role; role == roleOutsider || role == roleRemoved {
		h.w.secrets = append(h.w.secrets, secret{what: "a run of a room", bytes: signature(h.raw[len(h.raw)-1])})
	}
	return nil
}

// check reads the room and looks for what is not as it should be: a run of its
// own that is missing, changed, doubled or out of order, and runs of those who
// may not write.
func (h *writer) check(ctx context.Context) (problem string, err error) {
	var got [][]byte
	own := h.w.who(h.who).ID()
	err = h.w.as(ctx, h.who, func(k *talk) error {
		return k.ask(&wire.Tail{Room: h.w.room}, func(m wire.Message) error {
			tail, ok := m.(*wire.TailRuns)
			if !ok {
				return nil
			}
			for _, it := range tail.Items {
				r, err := rooms.ParseRun(it.Run)
				if err != nil {
					problem = fmt.Sprintf("an honest member is shown a run that is none: %v", err)
					return nil
				}
				switch {
				case r.Author == own:
					got = append(got, it.Run)
				case !h.w.mayWrite(r.Author) && r.Hash != h.w.before:
					problem = fmt.Sprintf("an honest member is shown a run of %v, who may not write", r.Author)
				}
			}
			return nil
		})
	})
	var refused *refusal
	if errors.As(err, &refused) {
		return fmt.Sprintf("an honest member cannot read: %v", refused), nil
	}
	if err != nil || problem != "" {
		return problem, err
	}
	for i := range max(len(got), len(h.raw)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("%d of an honest member's %d runs are not there", len(h.raw)-len(got), len(h.raw)), nil
		case i >= len(h.raw) || !bytes.Equal(got[i], h.raw[i]):
			return fmt.Sprintf("at place %d an honest member is shown another run than the one that it wrote", i), nil
		}
	}
	return "", nil
}

func refusedWith(err error, code wire.Code) bool {
	var r *refusal
	return errors.As(err, &r) && r.code == code
}
