package fuzz

import (
	"bytes"

	"parley/cmd/internal/script"
	"parley/wire"
)

// fit makes the body of a step that answers a frame fit to what was asked: which
// room, which set, which stream. It gives the stream too, and no body when
// there is nothing to answer.
func (w *world) fit(l *wireline, s *Step) (stream uint32, body []byte) {
	stream = l.awaited.Stream
	if s.Type == wire.TypeStreamEnd {
		return 0, script.Body(&wire.StreamEnd{Stream: stream})
	}
	m, err := wire.DecodeBody(s.Type, s.Body)
	if err != nil {
		return stream, s.Body // as the script says it
	}
	switch asked := l.awaited.Message.(type) {
	case *wire.Ranges:
		if reply, ok := m.(*wire.RangesReply); ok {
			reply.Ref, reply.Set = asked.Ref, asked.Set
			if asked.Set == wire.SetLogs {
				reply.Keys = nil
			} else {
				reply.Heads = nil
			}
		}
	case *wire.Fetch:
		if records, ok := m.(*wire.Records); ok {
			records.Ref = asked.Ref
		}
	case *wire.Offer:
		if match, ok := m.(*wire.Match); ok && len(match.Unknown) == 1 {
			room := w.room
			if bytes.Equal(match.Tags, tagMarker("lobby")) {
				room = w.lobby
			}
			at := bytes.Index(asked.Tags, l.conn.Tag("offer", script.Theirs, room))
			if at < 0 || at%tagSize != 0 {
				return stream, nil // it was not offered
			}
			match.Unknown[0] = 2*(asked.Start+uint64(at/tagSize)) + 1
		}
	}
	return stream, script.Body(m)
}
