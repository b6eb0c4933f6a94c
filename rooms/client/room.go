package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"parley/handshake/identity"
	"parley/rooms"
	"parley/wire"
)

// A room is what the client keeps of one room: its authority and its epoch
// keys, in memory and in the room's folder.
type room struct {
	c    *Client
	id   wire.ID
	dir  string
	open bool // an open room: no authority, one key

	mu     sync.Mutex
	loaded bool
	auth   *rooms.Authority
	keys   map[wire.ID]epochKey
	claims map[wire.ID]string // members' own names, of the authority held
	serial uint64             // counts the changes of auth and keys

	warned wire.ID // the epoch of which the user was told that outsiders can read it

	refreshing sync.Mutex // one refresh at a time
}

type epochKey = [rooms.EpochKeySize]byte

func newOpenRoom(c *Client, id wire.ID) *room {
	return &room{
		c: c, id: id, open: true, dir: c.roomDir(id), loaded: true,
		auth: rooms.NewAuthority(id),
		keys: map[wire.ID]epochKey{{}: rooms.OpenRoomKey(c.cfg.Network, id)},
	}
}

func (c *Client) roomDir(id wire.ID) string {
	return filepath.Join(c.cfg.Dir, "rooms", id.String())
}

// room returns the kept state of a room.
func (c *Client) room(id wire.ID) (*room, error) {
	c.mu.Lock()
	r := c.rooms[id]
	if r == nil {
		r = &room{c: c, id: id, dir: c.roomDir(id)}
		c.rooms[id] = r
	}
	c.mu.Unlock()
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return r, r.load()
}

// forget drops the kept state, after the room was left.
func (c *Client) forget(id wire.ID) {
	c.mu.Lock()
	delete(c.rooms, id)
	c.mu.Unlock()
}

func (r *room) file(name string) string { return filepath.Join(r.dir, name) }

func (r *room) epochFile() *epochFile {
	return newEpochFile(r.file("epochs"), r.id, r.c.cfg.Identity)
}

// load reads the room's files once.
func (r *room) load() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loaded {
		return nil
	}
	auth, whole, err := readAuthority(r.file("authority"), r.id)
	if err != nil {
		return err
	}
	if !whole {
		if err := writeAuthority(r.file("authority"), auth.All()); err != nil {
			return err
		}
	}
	keys, err := r.epochFile().read()
	if err != nil {
		return err
	}
	r.auth, r.keys, r.loaded = auth, keys, true
	return nil
}

// add takes entries and boxes into the room and its files. Entries that do
// not fit are left out: the peer that sent them is not trusted to have checked.
func (r *room) add(entries, boxes [][]byte) error {
	parsed := parseEntries(entries)
	r.mu.Lock()
	defer r.mu.Unlock()
	var added []*rooms.Entry
	var bad error
	for _, e := range parsed {
		if e == nil {
			continue
		}
		now, _, err := r.auth.Add(e)
		if err != nil {
			bad = err
			continue
		}
		added = append(added, now...)
	}
	if bad != nil {
		r.c.cfg.Logger.Warn("entry does not fit the room", "room", r.id, "error", bad)
	}
	if len(added) > 0 {
		r.claims = nil
		r.serial++
		if err := appendAuthority(r.file("authority"), added); err != nil {
			return err
		}
	}
	return r.openBoxes(boxes)
}

// openBoxes takes the epoch keys out of boxes that are sealed to the user.
func (r *room) openBoxes(boxes [][]byte) error {
	if m, ok := r.auth.Now().Member(r.c.me); ok && m.Bundle != nil {
		r.renewed(m.Bundle.Number)
	}
	found := make(map[wire.ID]epochKey)
	for _, raw := range boxes {
		b, err := rooms.ParseBox(raw)
		if err != nil || b.Room != r.id || b.Recipient != r.c.me {
			continue
		}
		epoch := r.auth.Entry(b.Epoch)
		if epoch == nil || r.hasKey(b.Epoch) {
			continue
		}
		key, err := r.openBox(b, epoch)
		if err != nil {
			r.c.cfg.Logger.Warn("box does not open", "room", r.id, "epoch", b.Epoch, "error", err)
			continue
		}
		found[b.Epoch] = key
	}
	return r.keep(found)
}

// openBox opens a box with the user's sealing key, or an older one.
func (r *room) openBox(b *rooms.Box, epoch *rooms.Entry) (key epochKey, err error) {
	user := r.c.cfg.Identity
	for _, sealing := range user.Sealings() {
		if key, err = b.Open(epoch, sealing, user.OpenSealed); err == nil {
			return key, nil
		}
	}
	return key, err
}

func (r *room) hasKey(epoch wire.ID) bool { _, ok := r.keys[epoch]; return ok }

// keep adds epoch keys to the room and its file. The caller holds mu.
func (r *room) keep(found map[wire.ID]epochKey) error {
	if len(found) == 0 {
		return nil
	}
	merged, err := r.epochFile().add(r.c.ctx, found)
	if err != nil {
		return err
	}
	r.keys = merged
	r.serial++
	return nil
}

// changes counts the changes of the room's entries and keys.
func (r *room) changes() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.serial
}

// key returns the key of an epoch (zero: the open room's).
func (r *room) key(epoch wire.ID) (epochKey, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.keys[epoch]
	return k, ok
}

// digest is the digest of the entries held; empty when there are none.
func (r *room) digest() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open || r.auth.Len() == 0 {
		return nil
	}
	d := r.auth.Digest()
	return d[:]
}

// view calls f with the room as everything held tells it.
func (r *room) view(f func(a *rooms.Authority, v *rooms.View)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r.auth, r.auth.Now())
}

// claim is the name that a member gave itself.
func (r *room) claim(id wire.ID) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.claimed()[id]
}

// claimed are the names that people of the room gave themselves. The caller holds mu.
func (r *room) claimed() map[wire.ID]string {
	if r.claims == nil {
		r.claims = make(map[wire.ID]string)
		numbers := make(map[wire.ID]uint64)
		for _, e := range r.auth.All() {
			if b := bundleOf(e); b != nil && b.Number >= numbers[b.ID()] {
				r.claims[b.ID()], numbers[b.ID()] = b.Name, b.Number
			}
		}
	}
	return r.claims
}

func bundleOf(e *rooms.Entry) *identity.Bundle {
	switch body := e.Body.(type) {
	case *rooms.Genesis:
		return body.Bundle
	case *rooms.Join:
		return body.Bundle
	case *rooms.Add:
		return body.Bundle
	case *rooms.Handover:
		return body.Bundle
	case *rooms.Renew:
		return body.Bundle
	}
	return nil
}

// bundle is the newest bundle of somebody who is or was in the room, or nil.
func (r *room) bundle(person wire.ID) (newest *identity.Bundle) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.auth.All() {
		if b := bundleOf(e); b != nil && b.ID() == person && (newest == nil || b.Number > newest.Number) {
			newest = b
		}
	}
	return newest
}

// lacksKey reports whether there is an epoch whose key the user should have and lacks.
func (r *room) lacksKey() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.auth.Now()
	m, ok := v.Member(r.c.me)
	if !ok || !m.Role.HoldsKey() {
		return false
	}
	for _, e := range keysOf(v, &m) {
		if !r.hasKey(e.ID) {
			return true
		}
	}
	return false
}

// refresh brings the authority and the keys up to date with the peer's. known
// is the digest of what is held, or nil to be sent everything, boxes included.
func (r *room) refresh(ctx context.Context, known []byte) error {
	_, err := r.refreshed(ctx, known)
	return err
}

// refreshed is refresh, and returns the digest of the peer's entries.
func (r *room) refreshed(ctx context.Context, known []byte) (digest []byte, err error) {
	if r.open {
		return nil, nil
	}
	r.refreshing.Lock()
	defer r.refreshing.Unlock()
	s, err := r.c.request(ctx, interactive, &wire.AuthorityGet{Room: r.id, Known: known})
	if err != nil {
		return nil, err
	}
	defer s.Reset(wire.CodeOK, "")
	var entries, boxes [][]byte
	size := 0
	for more := true; more; {
		a, err := recv[*wire.Authority](ctx, s)
		if err != nil {
			return nil, err
		}
		entries, boxes = append(entries, raws(a.Entries)...), append(boxes, raws(a.Boxes)...)
		for _, list := range []wire.List[wire.Bytes]{a.Entries, a.Boxes} {
			for _, raw := range list {
				size += len(raw)
			}
		}
		if size > maxAuthorityFile {
			return nil, wire.Errorf(wire.CodeTooLarge, "the peer sends more entries than a room has")
		}
		digest, more = a.Digest, a.More
	}
	return digest, r.add(entries, boxes)
}

func raws(list wire.List[wire.Bytes]) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}

// removeFolder deletes what is kept of a room.
func (r *room) removeFolder() error {
	err := os.RemoveAll(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
