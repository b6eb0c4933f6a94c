package rooms

import (
	"slices"
	"strings"

	"parley/store"
	"parley/wire"
)

// A notice tells an author, at the peer that its log belongs to, which of its messages do not count
// any more, or count again. It is kept until the author has taken note of it.
type notice struct {
	author      wire.ID
	first, last uint64
	counts      bool
	why         Reason
}

func noticePrefix(room wire.ID) string { return RoomValues(room) + "notice/" }

// noticeValue keeps a notice: the array [author, first, last, counts 0|1, reason]; nil lets it go.
func noticeValue(room, log wire.ID, n *notice) store.Value {
	v := store.Value{Key: noticePrefix(room) + log.String()}
	if n == nil {
		return v
	}
	counts := uint64(0)
	if n.counts {
		counts = 1
	}
	b := wire.AppendID(wire.AppendArray(nil, 5), n.author)
	for _, x := range []uint64{n.first, n.last, counts, uint64(n.why)} {
		b = wire.AppendUint(b, x)
	}
	v.Value = b
	return v
}

func readNotice(room wire.ID, v *store.Value) (log wire.ID, n *notice, ok bool) {
	text, ok := strings.CutPrefix(v.Key, noticePrefix(room))
	if !ok {
		return log, nil, false
	}
	log, err := wire.ParseID(text)
	in := wire.NewReader(v.Value)
	in.Array(5)
	n = &notice{author: in.ID(), first: in.Uint(), last: in.Uint(), counts: in.Uint() == 1, why: Reason(in.Uint())}
	return log, n, err == nil && in.Done() == nil
}

// stopped notes that messages of one of this peer's own users do not count any more.
func (c *Core) stopped(r *room, lg *logState, first, last uint64, why Reason) {
	if old := r.notices[lg.id]; old != nil && !old.counts {
		first, last = min(first, old.first), max(last, old.last)
	}
	c.setNotice(r, lg, &notice{author: lg.author, first: first, last: last, why: why})
}

// countsAgain notes that messages which did not count do so again. Of what the author was not told yet, nothing
// is left to tell.
func (c *Core) countsAgain(r *room, lg *logState, first, last uint64) {
	switch old := r.notices[lg.id]; {
	case old == nil:
		c.setNotice(r, lg, &notice{author: lg.author, first: first, last: last, counts: true})
	case old.counts:
		c.setNotice(r, lg, &notice{author: lg.author, first: min(first, old.first), last: max(last, old.last), counts: true})
	case last < old.last:
		c.setNotice(r, lg, &notice{author: lg.author, first: max(last+1, old.first), last: old.last, why: old.why})
	default:
		c.setNotice(r, lg, nil)
	}
}

func (c *Core) setNotice(r *room, lg *logState, n *notice) {
	if !r.users[lg.author] || n == nil && r.notices[lg.id] == nil {
		return
	}
	c.keepNotice(r, lg.id, n)
	r.noticeDue = true
	c.touch(r)
}

func (c *Core) keepNotice(r *room, log wire.ID, n *notice) {
	if n == nil {
		delete(r.notices, log)
	} else {
		if r.notices == nil {
			r.notices = make(map[wire.ID]*notice)
		}
		r.notices[log] = n
	}
	f := c.fly(r)
	f.data.Values = append(f.data.Values, noticeValue(r.id, log, n))
	f.size += 256
}

func (n *notice) message(room, log wire.ID) wire.Notice {
	m := wire.Notice{Room: room, Log: log, First: n.first, Last: n.last, Counts: n.counts}
	if !n.counts {
		m.Reason, m.Text = uint64(n.why), n.why.String()
	}
	return m
}

// noticesOf lists a user's notices in a room.
func (r *room) noticesOf(user wire.ID) (list []wire.Notice) {
	for _, log := range sortedIDs(r.notices) {
		if n := r.notices[log]; n.author == user {
			list = append(list, n.message(r.id, log))
		}
	}
	return list
}

func (c *Core) onNoticesGet(q *request, m *wire.NoticesGet) {
	if q.notices != nil || len(m.Seen) > maxNoticesSeen {
		c.fail(q, wire.CodeProtocol, "a request for notices out of bounds")
		return
	}
	list := c.roomList
	if !m.Room.IsZero() {
		r := c.roomFor(q, m.Room, func() { c.onNoticesGet(q, m) })
		if r == nil {
			return
		}
		list = []*room{r}
	}
	q.notices = m
	seen := false
	for _, r := range list {
		for _, ref := range m.Seen {
			if n := r.notices[ref.Log]; n != nil && n.author == q.user && n.last == ref.Number && !r.failed {
				c.keepNotice(r, ref.Log, nil)
				seen = true
			}
		}
	}
	if !seen {
		c.answerNotices(q, list)
		return
	}
	q.pending++ // what was taken note of must not come back
	c.whenDurable(func(err error) {
		q.pending--
		if err != nil {
			c.fail(q, wire.CodeStorage, "the peer's store cannot write")
			return
		}
		c.answerNotices(q, list)
	})
}

// answerNotices answers with all there is, and goes on if the user follows.
func (c *Core) answerNotices(q *request, list []*room) {
	if q.gone {
		return
	}
	var all []wire.Notice
	for _, r := range list {
		all = append(all, r.noticesOf(q.user)...)
	}
	c.sendNotices(q, all, true)
	if q.notices.Follow {
		c.noticed = append(c.noticed, q)
		return
	}
	c.do(Reply{Req: q.key, End: true})
	c.endRequest(q)
}

// sendNotices answers in frames; always with at least one.
func (c *Core) sendNotices(q *request, all []wire.Notice, always bool) {
	for len(all) > 0 || always {
		always = false
		n := min(len(all), maxNoticesPerFrame)
		c.answer(q, &wire.Notices{Notices: slices.Clone(all[:n])})
		all = all[n:]
	}
}

// tellNotices tells those who follow about the room's notices.
func (c *Core) tellNotices(r *room) {
	for _, q := range slices.Clone(c.noticed) {
		if q.gone || !q.notices.Room.IsZero() && q.notices.Room != r.id {
			continue
		}
		c.sendNotices(q, r.noticesOf(q.user), false)
	}
}
