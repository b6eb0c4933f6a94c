package rooms

import (
	"parley/wire"
)

// onSealedGet answers for whom a box of an epoch is held.
func (c *Core) onSealedGet(q *request, m *wire.SealedGet) {
	r := c.roomToldTo(q, m.Room, func() { c.onSealedGet(q, m) })
	if r == nil {
		return
	}
	found := make(map[wire.ID]bool)
	for _, b := range r.boxInfo {
		if b.epoch == m.Epoch {
			found[b.recipient] = true
		}
	}
	for all := sortedIDs(found); ; {
		n := min(len(all), maxSealedPerFrame)
		reply := &wire.Sealed{Recipients: all[:n:n], More: n < len(all)}
		if all = all[n:]; len(all) == 0 {
			c.finish(q, reply)
			return
		}
		c.do(Reply{Req: q.key, Msg: reply})
	}
}
