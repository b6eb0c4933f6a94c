package rooms

import (
	"fmt"
	"slices"

	"parley/wire"
)

// checkBooks looks at all cores of a simNet.
func (n *simNet) checkBooks() {
	n.t.Helper()
	for _, nd := range n.nodes {
		if nd.core == nil || n.meddled {
			continue
		}
		for _, text := range nd.core.books() {
			n.t.Errorf("%s: %s", nd.name, text)
		}
	}
}

// books compares what a core counts with what it holds, and what it holds with the bounds of
// limits_core.go. It returns what is wrong, or nothing.
func (c *Core) books() (wrong []string) {
	want := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	want(len(c.rooms) == len(c.roomList), "%d rooms, %d in the list", len(c.rooms), len(c.roomList))
	want(len(c.peers) == len(c.peerList), "%d sessions, %d in the list", len(c.peers), len(c.peerList))
	want(c.flight == nil && len(c.touched) == 0 && len(c.freed) == 0, "a step leaves something undone")
	want(len(c.reqs) <= maxUserRequests, "%d requests", len(c.reqs))
	want(c.verifies >= 0 && c.verifies <= maxVerifies, "%d comparisons for users", c.verifies)
	stats := c.Stats()
	want(stats.Rooms == len(c.roomList) && stats.Peers == len(c.peerList) && stats.Requests == len(c.reqs), "%+v", stats)
	kept := map[wire.ID]int{}
	for _, r := range c.roomList {
		want(c.rooms[r.id] == r, "a room in the list that is not kept")
		for user := range r.users {
			kept[user]++
		}
		for _, text := range c.roomBooks(r) {
			want(false, "room %s: %s", r.id.Short(), text)
		}
	}
	for user, n := range c.users {
		want(kept[user] == n, "%d rooms are counted for a user who has %d", n, kept[user])
	}
	want(len(kept) == len(c.users), "%d users have rooms, %d are counted", len(kept), len(c.users))
	pulls := 0
	for _, p := range c.peerList {
		here := 0
		for _, l := range p.links {
			want(!l.gone && l.p == p && slices.Contains(l.r.links, l), "a session has a room that does not have it")
			want(l.pulls == len(l.pulling), "%d pulls are counted on a link that has %d", l.pulls, len(l.pulling))
			for _, q := range l.pulling {
				want(c.pulls[q.key] == q && q.l == l, "a pull that nobody knows")
			}
			want(len(l.marks) <= maxMarks && len(l.ahead) <= maxMarks && len(l.announce) <= maxMarks, "more logs are remembered of a session than may be")
			want(len(l.theirs) <= maxDelegationsPerPeer && len(l.former) <= maxDelegationsPerPeer && len(l.tried) <= maxDelegationsPerPeer,
				"more delegations are remembered of a session than may be")
			want(len(l.refs) <= maxAliases, "a room has %d refs on a session", len(l.refs))
			here += l.pulls
		}
		want(p.pulls == here, "%d pulls are counted on a session that has %d", p.pulls, here)
		want(len(p.mine) <= maxOffered && p.count <= maxOffered, "more rooms are offered than may be")
		pulls += here
	}
	want(pulls == len(c.pulls), "%d pulls on sessions, %d in all", pulls, len(c.pulls))
	return wrong
}

// roomBooks does the same for a room. Of one that waits to be read anew not much is certain.
func (c *Core) roomBooks(r *room) (wrong []string) {
	want := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	inFlight := 0
	for _, f := range c.flights {
		if slices.Contains(f.rooms, r) {
			inFlight++
		}
	}
	want(r.inFlight == inFlight, "%d batches are counted, %d are in flight", r.inFlight, inFlight)
	for _, q := range slices.Concat(r.watchers, r.followers, r.placed) {
		want(c.reqs[q.key] == q && q.r == r, "a request waits that is over")
	}
	for _, l := range r.links {
		want(slices.Contains(l.p.links, l) && !l.p.gone, "a link of a session that is gone")
	}
	if r.failed || r.loading {
		return wrong
	}
	var messages, bytes uint64
	parked, parkedBytes, heads, hunts := 0, 0, 0, 0
	for id, lg := range r.logs {
		for _, text := range lg.books(r) {
			want(false, "log %s: %s", id.Short(), text)
		}
		messages += max(lg.durable, lg.floor) - lg.floor
		bytes += lg.bytes
		parked += len(lg.parked)
		for _, run := range lg.parked {
			parkedBytes += len(run.Raw)
		}
		if last, link := lg.effective(); last > 0 {
			e, ok := r.logTree.get(id)
			want(ok && e.last == last && e.link == link, "log %s ends at %d, and at %d in the set that is compared", id.Short(), last, e.last)
			heads++
		}
		if lg.hunting {
			hunts++
		}
	}
	want(r.logTree.len() == heads, "%d logs in the set that is compared, of %d", r.logTree.len(), heads)
	want(r.messages == messages && r.bytes == bytes, "%d messages of %d bytes, of which %d and %d are there", r.messages, r.bytes, messages, bytes)
	want(r.parkedCount == parked && r.parkedBytes == parkedBytes, "%d runs wait, %d are counted", parked, r.parkedCount)
	want(parked <= maxParkedRuns && parkedBytes <= maxParkedRunBytes, "%d runs of %d bytes wait", parked, parkedBytes)
	want(r.hunts >= hunts && r.hunts <= maxHunts, "%d forks are searched for, %d are counted", hunts, r.hunts)
	queued := 0
	for log, w := range r.wants {
		want(w.log == log, "a want under another name")
		if w.pull == nil {
			queued++
			want(slices.Contains(r.wantQueue, w), "a want that nobody plans for")
		} else {
			want(c.pulls[w.pull.key] == w.pull && slices.Contains(w.pull.wants, w), "a want of a pull that does not know it")
		}
		want(len(w.sources) <= maxSources, "a want with %d sources", len(w.sources))
	}
	want(queued == len(r.wantQueue), "%d wants wait, %d in the queue", queued, len(r.wantQueue))
	want(len(r.wants) <= maxWants, "%d wants", len(r.wants))
	delegs := 0
	for _, list := range r.delegs {
		want(len(list) <= maxDelegationsPerPeer, "%d delegations of one peer", len(list))
		delegs += len(list)
	}
	want(r.delegCount == delegs && delegs <= maxDelegations, "%d delegations, %d are counted", delegs, r.delegCount)
	want(len(r.proofByLog) == len(r.proofs2) && len(r.proofByLog) <= maxProofs && r.proofs.len() <= len(r.proofs2), "proofs: %d by log, %d by ID", len(r.proofByLog), len(r.proofs2))
	want(len(r.boxInfo) <= maxBoxes && r.boxes.len() <= len(r.boxInfo), "%d boxes, %d of them durable", len(r.boxInfo), r.boxes.len())
	if r.auth != nil {
		want(r.auth.Len() <= MaxEntries && r.entries.len() <= r.auth.Len(), "%d entries, %d of them durable", r.auth.Len(), r.entries.len())
	}
	return wrong
}

func (lg *logState) books(r *room) (wrong []string) {
	want := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	want(lg.floor <= max(lg.durable, lg.lastStaged()), "begins at %d and ends at %d", lg.floor, lg.durable)
	want(lg.state != nil || lg.durable == 0 && len(lg.staged) == 0, "%d messages of a log of which nothing counts", lg.durable)
	if s := lg.state; s != nil {
		last, link := lg.durable, lg.durLink
		for _, st := range lg.staged {
			want(st.last > last, "message %d is staged behind %d", st.last, last)
			last, link = st.last, st.link
		}
		want(s.Last == last && s.Link == link, "what follows is judged by message %d, and %d is the last", s.Last, last)
	}
	last := uint64(0)
	for _, run := range lg.parked {
		want(run.First > last, "what waits is not in order")
		last = run.Last()
	}
	want(len(lg.parked) <= maxParkedPerLog, "%d runs wait", len(lg.parked))
	for _, b := range lg.hidden {
		want(b.floor < b.last, "a hidden branch of which nothing is left")
	}
	want(r.logs[lg.id] == lg, "a log under another name")
	return wrong
}
