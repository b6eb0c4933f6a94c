package client

import (
	"context"
	"errors"
	"io"

	"parley/rooms"
	"parley/wire"
)

// pins names the last run of each of an author's logs in a room (zero: of
// everybody's), the newest ones if there are more than an entry names. The peer
// gives the runs, and each is verified.
func (c *Client) pins(ctx context.Context, r *room, author wire.ID) ([]rooms.Pin, error) {
	s, err := c.request(ctx, interactive, &wire.HeadsGet{Room: r.id, Author: author, Most: rooms.MaxPins})
	if err != nil {
		return nil, err
	}
	defer s.Reset(wire.CodeOK, "")
	named := make(map[wire.ID]bool)
	var pins []rooms.Pin
	for {
		answer, err := recv[*wire.TailRuns](ctx, s)
		if errors.Is(err, io.EOF) {
			return pins, nil
		}
		if err != nil {
			return nil, err
		}
		for _, item := range answer.Items {
			run, err := rooms.ParseRun(item.Run)
			if err == nil {
				err = run.Verify()
			}
			if err != nil || run.Room != r.id || !author.IsZero() && run.Author != author || named[run.Log] || len(pins) == rooms.MaxPins {
				return nil, wire.Errorf(wire.CodeProtocol, "the peer names a run that is not the last of a log asked for")
			}
			named[run.Log] = true
			pins = append(pins, rooms.Pin{Log: run.Log, Number: run.Last(), Link: run.Hash})
		}
	}
}
