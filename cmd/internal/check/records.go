package check

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"parley/rooms"
	"parley/store"
	"parley/wire"
)

func isDamage(err error) bool {
	return errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrNotFound)
}

// A room is a room being checked.
type room struct {
	*checker
	id      wire.ID
	name    string // for findings
	auth    *rooms.Authority
	open    bool // an open room: it has no entries
	forks   map[wire.ID]*rooms.Proof
	entries map[wire.ID]*rooms.Entry
	delegs  map[wire.ID]bool // by hash
	marks   marks            // of the runs, by log
}

func (c *checker) room(ctx context.Context, id wire.ID) error {
	r := &room{
		checker: c, id: id, name: "room " + id.String(), auth: rooms.NewAuthority(id),
		forks: map[wire.ID]*rooms.Proof{}, entries: map[wire.ID]*rooms.Entry{}, delegs: map[wire.ID]bool{},
	}
	c.report.Rooms++
	for _, step := range []func(context.Context) error{r.readEntries, r.readRest, r.readValues, r.logs, r.arrivals} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *room) record(rec *store.Record, what string) {
	r.find(Finding{Where: fmt.Sprintf("%s, %s %s", r.name, kindName(rec.Kind), rec.ID), What: what, Do: adviseFetch, Room: r.id.String()})
}

func kindName(kind store.Kind) string {
	switch kind {
	case store.KindEntry:
		return "entry"
	case store.KindBox:
		return "box"
	case store.KindDelegation:
		return "delegation"
	case store.KindProof:
		return "proof"
	}
	return fmt.Sprintf("record of kind %d", kind)
}

// each reads the records of one kind.
func (r *room) each(ctx context.Context, kind store.Kind, f func(rec *store.Record)) error {
	for rec, err := range r.store.Records(ctx, r.id, kind) {
		if err != nil {
			if r.damaged(ctx, r.name+", the records of kind "+kindName(kind), adviseHere, err) {
				return nil
			}
			return err
		}
		r.report.Records++
		r.report.Bytes += uint64(len(rec.Bytes))
		f(&rec)
	}
	return nil
}

// readEntries parses the entries and adds them to the room's authority, each after those that it names.
func (r *room) readEntries(ctx context.Context) error {
	var order []wire.ID
	err := r.each(ctx, store.KindEntry, func(rec *store.Record) {
		e, err := rooms.ParseEntry(rec.Bytes)
		switch {
		case err != nil:
			r.record(rec, err.Error())
		case e.ID != rec.ID:
			r.record(rec, "it is entry "+e.ID.String())
		default:
			r.entries[e.ID] = e
			order = append(order, e.ID)
		}
	})
	done := make(map[wire.ID]bool, len(order))
	for _, id := range order {
		r.add(id, done)
	}
	r.open = len(order) == 0
	return err
}

// add adds an entry after those that it names. The depth is that of a chain of names, so it keeps a
// stack of its own.
func (r *room) add(id wire.ID, done map[wire.ID]bool) {
	stack := []wire.ID{id}
	for len(stack) > 0 {
		e := r.entries[stack[len(stack)-1]]
		if done[e.ID] {
			stack = stack[:len(stack)-1]
			continue
		}
		ready := true
		for _, on := range e.Dependencies() {
			if r.entries[on] != nil && !done[on] {
				stack, ready = append(stack, on), false
			}
		}
		if !ready {
			continue
		}
		done[e.ID] = true
		stack = stack[:len(stack)-1]
		rec := &store.Record{Kind: store.KindEntry, ID: e.ID}
		switch _, missing, err := r.auth.Add(e); {
		case err != nil:
			r.record(rec, err.Error())
		case len(missing) > 0:
			r.record(rec, "it names entry "+missing[0].String()+", which is not held")
		}
	}
}

// readRest checks boxes, delegations and proofs against the authority.
func (r *room) readRest(ctx context.Context) error {
	return errors.Join(
		r.each(ctx, store.KindBox, func(rec *store.Record) {
			b, err := rooms.ParseBox(rec.Bytes)
			if err != nil {
				r.record(rec, err.Error())
				return
			}
			if v, why := r.auth.JudgeBox(b); b.ID != rec.ID {
				r.record(rec, "it is box "+b.ID.String())
			} else if v != rooms.Valid {
				r.record(rec, "it does not belong to the room: "+why.Error())
			}
		}),
		r.each(ctx, store.KindDelegation, func(rec *store.Record) {
			d, err := rooms.ParseDelegation(rec.Bytes)
			switch {
			case err != nil:
				r.record(rec, err.Error())
			case d.Hash != rec.ID:
				r.record(rec, "it is delegation "+d.Hash.String())
			case d.Room != r.id:
				r.record(rec, "it is of room "+d.Room.String())
			default:
				r.delegs[d.Hash] = true
			}
		}),
		r.each(ctx, store.KindProof, func(rec *store.Record) {
			p, err := rooms.ParseProof(rec.Bytes)
			switch {
			case err != nil:
				r.record(rec, err.Error())
			case p.ID != rec.ID:
				r.record(rec, "it is proof "+p.ID.String())
			case p.Room != r.id:
				r.record(rec, "it is of room "+p.Room.String())
			case r.forks[p.Log] == nil || p.First < r.forks[p.Log].First:
				r.forks[p.Log] = p
			}
		}),
	)
}

// readValues checks what is kept of the room's users.
func (r *room) readValues(ctx context.Context) error {
	prefix := rooms.RoomValues(r.id)
	for v, err := range r.store.Values(ctx, prefix) {
		if err != nil {
			if r.damaged(ctx, r.name+", its values", adviseHere, err) {
				return nil
			}
			return err
		}
		rest, ok := strings.CutPrefix(v.Key, prefix+"user/")
		if !ok {
			continue
		}
		what := ""
		if _, err := wire.ParseID(rest); err != nil {
			what = "its key names no user"
		} else if len(v.Value) != wire.IDSize {
			what = fmt.Sprintf("it has %d bytes, a delegation's hash has %d", len(v.Value), wire.IDSize)
		} else if hash := wire.ID(v.Value); !hash.IsZero() && !r.delegs[hash] {
			what = "the delegation " + hash.String() + ", which it names, is not held"
		}
		if what != "" {
			r.find(Finding{Where: r.name + ", value " + v.Key, What: what, Do: adviseValue, Room: r.id.String()})
		}
	}
	return nil
}

// values checks the values of all kinds.
func (c *checker) values(ctx context.Context) error {
	for v, err := range c.store.Values(ctx, "") {
		if err != nil {
			if c.damaged(ctx, "the values", adviseHere, err) {
				return nil
			}
			return err
		}
		c.report.Values++
		c.report.Bytes += uint64(len(v.Value))
		what := ""
		if id, ok := strings.CutPrefix(v.Key, "token/"); ok {
			if b, err := hex.DecodeString(id); err != nil || len(b) != 16 {
				what = "its key is no token's"
			} else if err := wire.CheckCanonical(v.Value, wire.MaxDepth); err != nil {
				what = "it is no token: " + err.Error()
			}
		}
		if rest, ok := strings.CutPrefix(v.Key, "room/"); ok {
			id, _, _ := strings.Cut(rest, "/")
			if _, err := wire.ParseID(id); err != nil {
				what = "its key names no room"
			}
		}
		if what != "" {
			c.find(Finding{Where: "value " + v.Key, What: what, Do: adviseValue})
		}
	}
	return nil
}
