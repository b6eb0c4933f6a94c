package sim

import (
	"fmt"

	"parley/rooms"
	"parley/wire"
)

// noBackdatingAfterStop: whoever was stopped or has left gets nothing in under what it
// knew before: a run counts only within what each stop of its author names, unless its log was
// begun knowing the stop; neither old heads nor old epochs nor new incarnations help.
func noBackdatingAfterStop(_ *World, list []*outcome) string {
	return eachRun(list, func(o *outcome, h *held, r *rooms.Run) string {
		start, _ := h.oracle.closure(h.oracle.firstHeads(r)...)
		for id := range h.oracle.counts() {
			f := h.oracle.facts[id]
			if !h.oracle.stops(f, r.Author) || start[id] {
				continue
			}
			if pin, named := f.pins[r.Log]; !named || r.Last() > pin.Number {
				return "it lies beyond a stop of its author"
			}
		}
		return ""
	})
}

// eachRun applies a statement to each run that counts at any honest peer.
func eachRun(list []*outcome, holds func(o *outcome, h *held, r *rooms.Run) string) (text string) {
	for _, o := range list {
		for _, h := range o.all {
			h.eachCounted(func(r *rooms.Run) {
				if text != "" {
					return
				}
				if why := holds(o, h, r); why != "" {
					text = fmt.Sprintf("run %d of log %s of %s counts at %s: %s", r.First, r.Log.Short(), o.w.nameOf(r.Author), h.peer.name, why)
				}
			})
		}
	}
	return text
}

func (w *World) nameOf(id wire.ID) string {
	for _, u := range w.people {
		if u.id() == id {
			return u.name
		}
	}
	return "a stranger"
}

// readerCannotSend: what counts was written by somebody whose role, by what it had seen
// and what of that counts, lets it write.
func readerCannotSend(_ *World, list []*outcome) string {
	return eachRun(list, func(o *outcome, h *held, r *rooms.Run) string {
		seen, _ := h.oracle.closure(r.Heads...)
		if role := h.oracle.role(r.Author, h.oracle.countedOf(seen)); role < rooms.RoleMember {
			return fmt.Sprintf("its author was a %q", role)
		}
		return ""
	})
}

// removedCannotOpenLater: the key of an epoch that an honest member began knowing that
// somebody had left or was removed is not opened by that somebody, with all the boxes that honest
// members sealed, unless it was admitted again.
func removedCannotOpenLater(w *World, list []*outcome) string {
	for _, o := range list {
		for _, h := range o.views {
			for _, b := range h.boxes {
				e := h.auth.Entry(b.Epoch)
				by := w.history.entries[b.Epoch]
				if e == nil || by == nil || by.evil || !w.honest(b.Sealer) {
					continue
				}
				for _, u := range w.people {
					if !w.goneFor(h.oracle, u.id(), e.ID) {
						continue
					}
					if _, ok := u.unseal(e, b, nil); ok {
						return fmt.Sprintf("%s opens the epoch %s, which was begun when it was gone", u.name, e.ID.Short())
					}
				}
			}
		}
	}
	return ""
}

// goneFor reports whether who wrote an entry knew that a user, who has been in the
// room, is no member any more, and nobody has signed anything since that takes the user back in:
// also not what its peer could not store yet.
func (w *World) goneFor(o *oracle, user, entry wire.ID) bool {
	seen, whole := o.closure(entry)
	counted, stopped := o.E(seen), false // as its writer counted
	for id := range counted {
		stopped = stopped || o.stops(o.facts[id], user)
	}
	for _, e := range w.history.made {
		f := factOf(e)
		switch {
		case seen[f.id]:
		case f.kind == rooms.KindJoin && f.writer == user:
			return false
		case f.subject == user && (f.kind == rooms.KindAdd || f.kind == rooms.KindAppoint || f.kind == rooms.KindHandover || f.kind == rooms.KindStop && f.role.HoldsKey()):
			return false
		}
	}
	return whole && stopped && !o.role(user, counted).HoldsKey()
}

// honest reports whether an identity belongs to one of the people, and to no dishonest one.
func (w *World) honest(id wire.ID) bool {
	for _, u := range w.people {
		if u.id() == id {
			return !u.evil
		}
	}
	return false
}
