package client

import (
	"context"
	"errors"
	"io"

	"parley/wire"
)

// A Notice is about messages of the user's own that stopped counting, or count again.
type Notice struct {
	Room, Log   wire.ID
	First, Last uint64
	Counts      bool
	Why         string // of those that do not count
}

// Notices returns what the peer has to tell the user about its own messages in
// a room (zero: in all). With seen it takes note of them, so that they are not
// told again.
func (c *Client) Notices(ctx context.Context, room wire.ID, seen bool) ([]Notice, error) {
	list, err := c.noticesGet(ctx, &wire.NoticesGet{Room: room})
	if err != nil || len(list) == 0 || !seen {
		return list, err
	}
	for rest := list; len(rest) > 0; {
		req := &wire.NoticesGet{Room: room}
		for _, n := range rest[:min(len(rest), maxNoticesSeen)] {
			req.Seen = append(req.Seen, wire.Ref{Log: n.Log, Number: n.Last})
		}
		rest = rest[len(req.Seen):]
		if _, err := c.noticesGet(ctx, req); err != nil {
			return list, err
		}
	}
	return list, nil
}

func (c *Client) noticesGet(ctx context.Context, req *wire.NoticesGet) (list []Notice, err error) {
	s, err := c.request(ctx, interactive, req)
	if err != nil {
		return nil, err
	}
	defer s.Reset(wire.CodeOK, "")
	for {
		answer, err := recv[*wire.Notices](ctx, s)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		for _, n := range answer.Notices {
			list = append(list, Notice{Room: n.Room, Log: n.Log, First: n.First, Last: n.Last, Counts: n.Counts, Why: n.Text})
		}
	}
}
