package rooms

import (
	"slices"

	"parley/wire"
)

// A parking keeps entries that name others which are not held, within
// maxParked and maxParkedBytes; the oldest leaves first.
type parking struct {
	entries map[wire.ID]*parkedEntry
	waiting map[wire.ID][]wire.ID // by missing dependency: the entries parked for it
	order   []wire.ID             // oldest first; may hold IDs that have left
	bytes   int
}

type parkedEntry struct {
	entry   *Entry
	missing []wire.ID // when it was parked
}

func newParking() parking {
	return parking{entries: map[wire.ID]*parkedEntry{}, waiting: map[wire.ID][]wire.ID{}}
}

func (p *parking) put(e *Entry, missing []wire.ID) {
	if _, ok := p.entries[e.ID]; ok {
		return
	}
	p.entries[e.ID] = &parkedEntry{entry: e, missing: missing}
	p.order = append(p.order, e.ID)
	p.bytes += len(e.Raw)
	for _, id := range missing {
		p.waiting[id] = append(p.waiting[id], e.ID)
	}
	for len(p.entries) > maxParked || p.bytes > maxParkedBytes {
		oldest := p.order[0]
		p.order = p.order[1:]
		if old, ok := p.entries[oldest]; ok {
			p.remove(old.entry)
		}
	}
	if len(p.order) > 2*maxParked { // forget the IDs that have left
		p.order = slices.DeleteFunc(p.order, func(id wire.ID) bool { return p.entries[id] == nil })
	}
}

// remove takes an entry out of the parking.
func (p *parking) remove(e *Entry) {
	old, ok := p.entries[e.ID]
	if !ok {
		return
	}
	delete(p.entries, e.ID)
	p.bytes -= len(e.Raw)
	for _, id := range old.missing {
		left := slices.DeleteFunc(p.waiting[id], func(w wire.ID) bool { return w == e.ID })
		if len(left) == 0 {
			delete(p.waiting, id)
		} else {
			p.waiting[id] = left
		}
	}
}

// free returns the entries that wait for id, in the order in which they came.
func (p *parking) free(id wire.ID) []*Entry {
	var list []*Entry
	for _, w := range p.waiting[id] {
		list = append(list, p.entries[w].entry)
	}
	return list
}

// drop removes what waits for an entry that was refused, and what waits for that.
func (p *parking) drop(id wire.ID) {
	refused := []wire.ID{id}
	for len(refused) > 0 {
		waiting := p.free(refused[0])
		refused = refused[1:]
		for _, e := range waiting {
			p.remove(e)
			refused = append(refused, e.ID)
		}
	}
}

// missing returns what is waited for and not itself parked.
func (p *parking) missing() []wire.ID {
	var ids []wire.ID
	for id := range p.waiting {
		if p.entries[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, wire.ID.Compare)
	return ids[:min(len(ids), maxMissing)]
}
