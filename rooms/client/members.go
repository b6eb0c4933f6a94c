package client

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"parley/rooms"
	"parley/wire"
)

// Rooms lists the rooms this home knows with what the peer holds of them.
func (c *Client) Rooms(ctx context.Context) ([]RoomInfo, error) {
	list, err := c.LocalRooms()
	if err != nil {
		return nil, err
	}
	answer, err := ask[*wire.Rooms](ctx, c, &wire.RoomsGet{})
	if err != nil {
		return nil, err
	}
	held := make(map[wire.ID]wire.RoomInfo, len(answer.Rooms))
	for _, h := range answer.Rooms {
		held[h.Room] = h
	}
	infos := make([]RoomInfo, 0, len(list))
	for _, r := range list {
		if err := c.renewIfOld(ctx, r, held[r.ID]); err != nil {
			return nil, err
		}
		info, err := c.describe(r)
		if err != nil {
			return nil, err
		}
		info.Held = held[r.ID]
		infos = append(infos, info)
	}
	return infos, nil
}

// renewIfOld brings a room up to date if the peer holds another number of its entries.
func (c *Client) renewIfOld(ctx context.Context, local Room, held wire.RoomInfo) error {
	if local.Open || held.Entries == 0 {
		return nil
	}
	r, err := c.room(local.ID)
	if err != nil {
		return err
	}
	known := 0
	r.view(func(a *rooms.Authority, _ *rooms.View) { known = a.Len() })
	if uint64(known) == held.Entries {
		return nil
	}
	return c.refreshRoom(ctx, local.ID)
}

// Info tells about one room, brought up to date with the peer.
func (c *Client) Info(ctx context.Context, id wire.ID) (RoomInfo, error) {
	local, err := c.localRoom(id)
	if err != nil {
		return RoomInfo{}, err
	}
	if err := c.refreshRoom(ctx, id); err != nil {
		return RoomInfo{}, err
	}
	info, err := c.describe(local)
	if err != nil {
		return RoomInfo{}, err
	}
	answer, err := ask[*wire.Rooms](ctx, c, &wire.RoomsGet{Room: id})
	if err != nil {
		return info, err
	}
	if len(answer.Rooms) == 1 {
		info.Held = answer.Rooms[0]
	}
	return info, nil
}

func (c *Client) localRoom(id wire.ID) (Room, error) {
	list, err := c.LocalRooms()
	if err != nil {
		return Room{}, err
	}
	for _, r := range list {
		if r.ID == id {
			return r, nil
		}
	}
	return Room{}, fmt.Errorf("%w: %s", ErrNoRoom, id)
}

// describe tells what this home knows of a room.
func (c *Client) describe(r Room) (RoomInfo, error) {
	info := RoomInfo{Room: r}
	if r.Open {
		info.Title, info.Role = r.Name, rooms.RoleMember.String()
		return info, nil
	}
	kept, err := c.room(r.ID)
	if err != nil {
		return info, err
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	v := kept.auth.Now()
	info.Title, info.Topic, info.Capacity = v.Name(), v.Topic(), v.Capacity()
	info.History = historyName(v.History())
	info.Role = v.Role(c.me).String()
	info.Members = len(v.Members())
	if g := kept.auth.Genesis(); g != nil {
		info.Created = g.When()
	}
	policy := v.Policy()
	info.Retention, info.EpochAge = policy.Retention, policy.EpochAge
	newest := v.Epochs()
	info.Beside = len(newest)
	for _, e := range newest {
		for _, id := range v.Outsiders(e) {
			if name := c.NameOf(id, kept.claimed()[id]); !slices.Contains(info.Outsiders, name) {
				info.Outsiders = append(info.Outsiders, name)
			}
		}
	}
	info.Contests = kept.contests(v)
	for _, e := range v.AllEpochs() {
		info.Epochs++
		if kept.hasKey(e.ID) {
			info.Keys++
		}
	}
	return info, nil
}

// contests lists the reigns that were handed over twice. The caller holds mu.
func (r *room) contests(v *rooms.View) (list []Contest) {
	to := func(e *rooms.Entry) string {
		b := bundleOf(e)
		return r.c.NameOf(b.ID(), r.claimed()[b.ID()])
	}
	for _, c := range v.Contests() {
		one := Contest{Former: r.c.NameOf(c.Holder, r.claimed()[c.Holder]), Master: to(c.Continues)}
		for _, e := range c.Others {
			one.Others = append(one.Others, to(e))
		}
		list = append(list, one)
	}
	return list
}

// Removed lists who is kept out of a room, as this home knows it.
func (c *Client) Removed(id wire.ID) (list []Removed, err error) {
	r, err := c.room(id)
	if err != nil || r.open {
		return nil, err
	}
	r.view(func(_ *rooms.Authority, v *rooms.View) {
		for _, x := range v.Removed() {
			list = append(list, Removed{
				ID: x.ID, Shown: c.NameOf(x.ID, r.claimed()[x.ID]), Ban: x.Ban,
				By: x.Entry.Writer, Since: x.Entry.When(),
			})
		}
	})
	return list, nil
}

func historyName(h rooms.History) string {
	if h == rooms.HistoryJoined {
		return "joined"
	}
	return "all"
}

// refreshRoom brings a room's entries and keys up to date, and gives the peer
// those that it lacks.
func (c *Client) refreshRoom(ctx context.Context, id wire.ID) error {
	r, err := c.room(id)
	if err != nil || r.open {
		return err
	}
	known := r.digest()
	if r.lacksKey() {
		known = nil
	}
	peers, err := r.refreshed(ctx, known)
	if code := codeOf(err); code == wire.CodeNotFound || code == wire.CodeRefused {
		return c.attach(ctx, r)
	}
	if err != nil {
		return err
	}
	if string(peers) != string(r.digest()) && r.outside() == nil { // whoever is outside may know more than it is told
		return c.attach(ctx, r)
	}
	return nil
}

// Members lists the members and the live invites of a room. In an open room it
// lists who wrote the messages that the peer holds.
func (c *Client) Members(ctx context.Context, id wire.ID) ([]Member, []LiveInvite, error) {
	r, err := c.room(id)
	if err != nil {
		return nil, nil, err
	}
	if r.open {
		members, err := c.writers(ctx, id)
		return members, nil, err
	}
	if err := c.refreshRoom(ctx, id); err != nil {
		return nil, nil, err
	}
	checked, err := c.Verified()
	if err != nil {
		return nil, nil, err
	}
	var members []Member
	var invites []LiveInvite
	now := c.cfg.Now()
	r.view(func(_ *rooms.Authority, v *rooms.View) {
		for _, m := range v.Members() {
			name := ""
			if m.Bundle != nil {
				name = m.Bundle.Name
			}
			shown := c.member(m.ID, name, m.Role.String(), m.Since)
			shown.Checked = checked[m.ID]
			members = append(members, shown)
		}
		for _, i := range v.Invites() {
			if usable(i, now) {
				invites = append(invites, liveInvite(i))
			}
		}
	})
	return members, invites, nil
}

func (c *Client) member(id wire.ID, claim, role string, since time.Time) Member {
	return Member{
		ID: id, Name: claim, Shown: c.NameOf(id, claim), Role: role, Since: since,
		Self: id == c.me, Claims: c.petnames()[id] == "",
	}
}

// usable reports whether an invite still admits somebody, by the clock now.
func usable(i rooms.InviteView, now time.Time) bool {
	return !i.Expired(now) && (i.Uses == 0 || uint64(len(i.Joiners)) < i.Uses)
}

func liveInvite(i rooms.InviteView) LiveInvite {
	l := LiveInvite{
		Entry: i.Entry.ID, By: i.Entry.Writer, Role: i.Role.String(),
		Uses: int(min(i.Uses, 1<<31-1)), Used: len(i.Joiners),
	}
	if i.Expiry != 0 {
		l.Expires = time.Unix(int64(min(i.Expiry, 1<<62)), 0)
	}
	return l
}

// writers lists who wrote in an open room, newest claim of each, by ID.
func (c *Client) writers(ctx context.Context, id wire.ID) ([]Member, error) {
	found := make(map[wire.ID]*Message)
	for m, err := range c.Tail(ctx, id, TailOptions{}) {
		if err != nil {
			return nil, err
		}
		if old := found[m.Author]; old == nil || m.Clock > old.Clock {
			kept := *m
			kept.Data = nil
			found[m.Author] = &kept
		}
	}
	var members []Member
	for _, author := range sortedIDs(found) {
		m := found[author]
		members = append(members, c.member(author, m.Claim, rooms.RoleMember.String(), m.Time))
	}
	return members, nil
}

// The file `addresses` of a room lists, one a line, where peers that have it
// were said to be.

func (c *Client) addresses(r *room) []string {
	b, err := readFile(r.file("addresses"), maxFileSize)
	if err != nil {
		return nil
	}
	list := strings.Fields(string(b))
	return list[:min(len(list), maxAddresses)]
}

func (r *room) saveAddresses(list []string) error {
	if len(list) == 0 {
		return nil
	}
	return writeFile(r.file("addresses"), []byte(strings.Join(list, "\n")+"\n"), false)
}

// exclusive runs f while no other process of this home changes the room's
// chain of entries, with what others changed read again.
func (r *room) exclusive(ctx context.Context, f func() error) error {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	lock := newLock(r.dir, "chain")
	if err := waitLock(ctx, lock); err != nil {
		return err
	}
	defer lock.Close()
	if err := r.reload(); err != nil {
		return err
	}
	return f()
}

// reload takes in what other processes of this home added to the room's files.
func (r *room) reload() error {
	b, err := readFile(r.file("authority"), maxAuthorityFile)
	if err != nil {
		return err
	}
	parts, _ := splitAuthority(b)
	keys, err := r.epochFile().read()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	held := make(map[string]bool, r.auth.Len())
	for _, e := range r.auth.All() {
		held[string(e.Raw)] = true
	}
	parts = slices.DeleteFunc(parts, func(raw []byte) bool { return held[string(raw)] })
	for _, e := range parseEntries(parts) {
		if e == nil {
			continue
		}
		if _, _, err := r.auth.Add(e); err == nil {
			r.claims = nil
			r.serial++
		}
	}
	for epoch, key := range keys {
		if !r.hasKey(epoch) {
			r.keys[epoch] = key
			r.serial++
		}
	}
	return nil
}
