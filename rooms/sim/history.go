package sim

import (
	"crypto/sha256"
	"hash"

	"parley/rooms"
	"parley/wire"
)

// history is what happened, as only the world knows it: what was ever signed,
// by whom, and what was promised.
type history struct {
	runs    map[wire.ID]*signed // by hash
	order   []*signed
	entries map[wire.ID]*Person // who made them
	made    []*rooms.Entry
	hash    hash.Hash // of all that was sent between peers
	refused []refusal
	links   []*rooms.Link
	twice   map[int]bool // texts that may count twice: their writer's peer was set back
}

// signed is a run and what became of it at its author's.
type signed struct {
	run   *rooms.Run
	by    *Person
	texts []int // numbers of the texts in it; a dishonest author's are 0
	acked bool
	at    *Peer // that acknowledged it
	lost  bool  // the disk that had it when it was acknowledged was set back
}

// refusal is a run that an honest writer's own peer did not take.
type refusal struct {
	by   *Person
	run  *signed
	code wire.Code
	text string
}

func newHistory() history {
	return history{runs: map[wire.ID]*signed{}, entries: map[wire.ID]*Person{}, twice: map[int]bool{}, hash: sha256.New()}
}

func (h *history) sent(_ *World, body []byte) { h.hash.Write(body) }

func (h *history) wrote(by *Person, run *rooms.Run, texts []int) *signed {
	s := &signed{run: run, by: by, texts: texts}
	if h.runs[run.Hash] == nil {
		h.runs[run.Hash] = s
		h.order = append(h.order, s)
	}
	return s
}

func (h *history) entry(by *Person, e *rooms.Entry) {
	if h.entries[e.ID] == nil {
		h.entries[e.ID] = by
		h.made = append(h.made, e)
	}
}

// rolledBack notes what a peer's disk, set back to a backup, may have lost: runs that it
// had acknowledged, and those under way, whose writers cannot know whether others have them.
func (h *history) rolledBack(p *Peer) {
	for _, u := range p.w.people {
		for _, s := range u.order {
			s.kept = s.kept && u.peer != p // the backup may be from before the delegation
		}
	}
	for _, s := range h.order {
		if s.by.peer != p {
			continue
		}
		if s.acked && !p.disk.has(s.run) {
			s.lost = true
		}
		if !s.acked {
			for _, t := range s.texts {
				h.twice[t] = true
			}
		}
	}
}

// has reports whether a run is durable.
func (d *disk) has(r *rooms.Run) bool {
	for _, run := range d.runsOf(r.Room, r.Log, r.First, r.First) {
		if run.Link == r.Hash {
			return true
		}
	}
	return false
}
