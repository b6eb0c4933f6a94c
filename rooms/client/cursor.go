package client

import (
	"bytes"
	"fmt"

	"parley/wire"
)

// A cursor is a place in a room's messages. Its file is the canonical array
//
//	[1, room, instance, arrival, [[log, number]…]]
//
// Everything up to arrival at the store instance was given; so was, of each log
// listed, everything up to number, whatever store it comes from. The second
// part alone decides after a restore, at another daemon, and for what was
// given before the peer had made it durable.
type cursor struct {
	room     wire.ID
	instance [16]byte // zero: none yet
	arrival  uint64
	logs     map[wire.ID]uint64
}

func newCursor(room wire.ID) *cursor { return &cursor{room: room, logs: make(map[wire.ID]uint64)} }

// loadCursor reads a cursor's file. old is false if there is none.
func loadCursor(path string, room wire.ID) (c *cursor, old bool, err error) {
	b, err := readFile(path, maxCursorLogs*64)
	if err != nil {
		return nil, false, err
	}
	if len(b) == 0 {
		return newCursor(room), false, nil
	}
	if c, err = decodeCursor(b); err != nil {
		return nil, false, fmt.Errorf("%w: %s: %w", ErrCursor, path, err)
	}
	if c.room != room {
		return nil, false, fmt.Errorf("%w: %s is of another room", ErrCursor, path)
	}
	return c, true, nil
}

func (c *cursor) save(path string) error { return writeFile(path, c.encode(), false) }

func (c *cursor) encode() []byte {
	b := wire.AppendArray(nil, 5)
	b = wire.AppendUint(b, 1)
	b = wire.AppendID(b, c.room)
	b = wire.AppendBin(b, c.instance[:])
	b = wire.AppendUint(b, c.arrival)
	logs := sortedIDs(c.logs)
	b = wire.AppendArray(b, len(logs))
	for _, log := range logs {
		b = wire.AppendArray(b, 2)
		b = wire.AppendID(b, log)
		b = wire.AppendUint(b, c.logs[log])
	}
	return b
}

func decodeCursor(b []byte) (*cursor, error) {
	r := wire.NewReader(b)
	r.Array(5)
	version := r.Uint()
	c := newCursor(r.ID())
	copy(c.instance[:], r.BinSize(len(c.instance)))
	c.arrival = r.Uint()
	var last wire.ID
	for i := range r.ArrayLen(maxCursorLogs) {
		r.Array(2)
		log, number := r.ID(), r.Uint()
		if r.Err() != nil {
			break
		}
		if i > 0 && bytes.Compare(last[:], log[:]) >= 0 {
			return nil, fmt.Errorf("logs out of order")
		}
		c.logs[log], last = number, log
	}
	if err := r.Done(); err != nil {
		return nil, err
	}
	if version != 1 {
		return nil, fmt.Errorf("version %d", version)
	}
	return c, nil
}

// seen reports whether message number of a log was given.
func (c *cursor) seen(log wire.ID, number uint64) bool { return number <= c.logs[log] }

// gave takes note of a message that was given. Past maxCursorLogs new logs are
// not noted: only another store would then give their messages again.
func (c *cursor) gave(log wire.ID, number uint64) {
	if old, ok := c.logs[log]; ok || len(c.logs) < maxCursorLogs {
		c.logs[log] = max(old, number)
	}
}
