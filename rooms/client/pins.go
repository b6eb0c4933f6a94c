package client

import (
	"context"
	"errors"
	"io"
	"slices"

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

// unpinned names the last runs of the logs that went on since the newest epoch
// that is known pinned them: should their authors fork them, these branches stay.
func (c *Client) unpinned(ctx context.Context, r *room) ([]rooms.Pin, error) {
	if r.isNew() {
		return nil, nil
	}
	pins, err := c.pins(ctx, r, wire.ID{})
	if err != nil {
		return nil, err
	}
	known := make(map[rooms.Pin]bool)
	r.view(func(_ *rooms.Authority, v *rooms.View) {
		for _, e := range v.AllEpochs() {
			if body, ok := e.Body.(*rooms.EpochBody); ok {
				for _, p := range body.Pins {
					known[p] = true
				}
			}
		}
	})
	return slices.DeleteFunc(pins, func(p rooms.Pin) bool { return known[p] }), nil
}

// isNew reports whether the room has no epoch yet: nobody can have written.
func (r *room) isNew() (fresh bool) {
	r.view(func(_ *rooms.Authority, v *rooms.View) { fresh = len(v.AllEpochs()) == 0 })
	return fresh
}
