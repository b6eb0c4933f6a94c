package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"parley/rooms"
	"parley/wire"
)

// writing is what a run is written under.
type writing struct {
	epoch wire.ID
	key   epochKey
	heads []wire.ID

	outsiders []wire.ID // who have the key, or may, and are no members any more
}

// writing chooses the epoch for the next run of the user: a causally maximal
// one whose key is sealed to nobody but members. With anyway it takes, where
// there is none, the one that the fewest outsiders can read. It names the run's
// heads; previous are those of the log's last run. Errors wrap ErrNotMember,
// ErrReadOnly, ErrNoKey or ErrUnsealed.
func (r *room) writing(previous []wire.ID, anyway bool) (w writing, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open {
		w.key = r.keys[wire.ID{}]
		return w, nil
	}
	now := r.auth.Now()
	if role := now.Role(r.c.me); !role.MayWrite() {
		return w, r.mayNotWrite(role)
	}
	for _, id := range previous {
		if !r.auth.Has(id) {
			return w, errStaleAuthority
		}
	}
	w.heads = r.auth.Heads(r.c.me, previous)
	found := false
	for _, e := range r.auth.View(w.heads).Epochs() {
		key, ok := r.keys[e.ID]
		if !ok {
			continue
		}
		outsiders := now.Outsiders(e)
		if !found || len(outsiders) < len(w.outsiders) {
			w, found = writing{heads: w.heads, epoch: e.ID, key: key, outsiders: outsiders}, true
		}
	}
	if !found && len(previous) > 0 {
		for _, e := range r.auth.View(r.auth.Heads(r.c.me, nil)).Epochs() {
			if _, ok := r.keys[e.ID]; ok {
				return w, errStaleAuthority
			}
		}
	}
	if !found {
		return w, fmt.Errorf("%w: the room's newest key was not sealed to you", ErrNoKey)
	}
	if len(w.outsiders) == 0 {
		return w, nil
	}
	if !anyway {
		return w, fmt.Errorf("%w, until an admin's agent has changed the room's key: %s", ErrUnsealed, r.names(w.outsiders))
	}
	if r.warned != w.epoch {
		r.warned = w.epoch
		r.c.notice("sent before the room's key was changed: %s can still read it", r.names(w.outsiders))
	}
	return w, nil
}

// names lists people as they are shown, a few of them. The caller holds mu.
func (r *room) names(people []wire.ID) string {
	const most = 3 // of a line that is to be read
	var list []string
	for i, id := range people {
		if i == most {
			list = append(list, fmt.Sprintf("%d more", len(people)-most))
			break
		}
		list = append(list, r.c.NameOf(id, r.claimed()[id]))
	}
	return strings.Join(list, ", ")
}

// errStaleAuthority says that a log cannot go on, since its last run was written knowing entries that
// are not in the room's file any more, or an epoch that does not count any more.
var errStaleAuthority = errors.New("client: the last message was written knowing what is not there or does not count any more")

// awaitEpoch waits for an epoch that only members can read, and for its key; why
// is what writing said. A user who may change the room's key does so.
func (w *writer) awaitEpoch(ctx context.Context, why error) error {
	if w.room.mayRotate() {
		return w.c.Rotate(ctx, w.room.id)
	}
	w.c.notice("waiting: %v", why)
	err := w.c.Follow(ctx, w.room.id, func(context.Context) error {
		if _, err := w.room.writing(w.box.state.heads, w.anyway); !waits(err) {
			return errSettled
		}
		return nil
	})
	switch {
	case errors.Is(err, errSettled):
		return nil
	case ctx.Err() != nil:
		return &gaveUp{why, ctx.Err()}
	}
	return err
}

// waits reports whether an error of writing is one that passes.
func waits(err error) bool { return errors.Is(err, ErrUnsealed) || errors.Is(err, ErrNoKey) }

// gaveUp says why something was waited for, to who waits no longer.
type gaveUp struct{ why, end error }

func (e *gaveUp) Error() string   { return e.why.Error() }
func (e *gaveUp) Unwrap() []error { return []error{e.why, e.end} }

// errSettled ends the following of a room that need not be followed any longer.
var errSettled = errors.New("client: settled")

// mayRotate reports whether the user may begin epochs.
func (r *room) mayRotate() (may bool) {
	r.view(func(a *rooms.Authority, _ *rooms.View) {
		may = a.MayWrite(r.c.me, rooms.KindEpoch, wire.ID{}) == rooms.ReasonNone
	})
	return may
}
