package rooms

import (
	"fmt"
	"slices"

	"parley/wire"
)

// note encodes what judging the next run needs and the store's head does not
// say: the array [heads, first heads, epoch, clock]. First heads are empty when
// they are the heads.
func (s *LogState) note() []byte {
	first := s.FirstHeads
	if slices.Equal(first, s.Heads) {
		first = nil
	}
	b := make([]byte, 0, 64+34*(len(s.Heads)+len(first)))
	b = wire.AppendArray(b, 4)
	b = appendIDs(b, s.Heads)
	b = appendIDs(b, first)
	b = wire.AppendID(b, s.Epoch)
	return wire.AppendUint(b, s.Clock)
}

// readNote is the inverse, for a log of which the store holds everything up to last.
func readNote(note []byte, last uint64, link wire.ID) (*LogState, error) {
	in := wire.NewReader(note)
	in.Array(4)
	s := &LogState{Last: last, Link: link}
	s.Heads = readIDs(in, nil, MaxHeads)
	s.FirstHeads = readIDs(in, nil, MaxHeads)
	s.Epoch = in.ID()
	s.Clock = in.Uint()
	if err := in.Done(); err != nil {
		return nil, fmt.Errorf("rooms: a log's note: %w", err)
	}
	if len(s.FirstHeads) == 0 {
		s.FirstHeads = s.Heads
	}
	return s, nil
}

// internHeads returns a copy of heads that logs share: a room's writers mostly
// name the same ones, and a run's own lie in a frame.
func (r *room) internHeads(heads []wire.ID) []wire.ID {
	for _, h := range r.heads {
		if slices.Equal(h, heads) {
			return h
		}
	}
	own := slices.Clone(heads)
	if len(r.heads) < cap(r.heads) || cap(r.heads) == 0 {
		if cap(r.heads) == 0 {
			r.heads = make([][]wire.ID, 0, maxInterned)
		}
		r.heads = append(r.heads, own)
	} else {
		copy(r.heads, r.heads[1:])
		r.heads[len(r.heads)-1] = own
	}
	return own
}
