package client

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"parley/rooms"
	"parley/wire"
)

// errSlot says that a slot of the outbox holds no whole state.
var errSlot = errors.New("client: outbox slot is not valid")

const (
	maxPlaceText = 128 // bytes of a machine's or a boot's ID
	maxExtents   = 2
	maxSaltSize  = 16
)

type slot struct {
	serial  uint64
	state   writerState
	extents []extent
}

// encodeSlot returns a slot as it stands in the file.
func encodeSlot(serial uint64, s *writerState, extents []extent) ([]byte, error) {
	b := make([]byte, 4, slotSize)
	b = wire.AppendArray(b, 18)
	b = wire.AppendUint(b, 1)
	b = wire.AppendUint(b, serial)
	b = wire.AppendStr(b, s.place.machine)
	b = wire.AppendStr(b, s.place.boot)
	b = wire.AppendUint(b, s.place.device)
	b = wire.AppendUint(b, s.place.inode)
	b = wire.AppendID(b, s.place.peer)
	b = wire.AppendID(b, s.room)
	b = wire.AppendID(b, s.author)
	b = wire.AppendBin(b, s.salt)
	b = wire.AppendID(b, s.incarnation)
	b = wire.AppendUint(b, s.signed)
	b = wire.AppendID(b, s.link)
	b = wire.AppendUint(b, s.acked)
	b = wire.AppendID(b, s.ackedLink)
	b = wire.AppendArray(b, len(s.heads))
	for _, h := range s.heads {
		b = wire.AppendID(b, h)
	}
	b = wire.AppendUint(b, s.clock)
	b = wire.AppendArray(b, len(extents))
	for _, e := range extents {
		b = wire.AppendArray(b, 2)
		b = wire.AppendUint(b, e.off)
		b = wire.AppendUint(b, e.len)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	sum := sha256.Sum256(b)
	if b = append(b, sum[:]...); len(b) > slotSize {
		return nil, fmt.Errorf("%w: a state of %d bytes", errSlot, len(b))
	}
	return b, nil
}

// decodeSlot reads a slot. It accepts exactly what encodeSlot writes.
func decodeSlot(b []byte) (*slot, error) {
	if len(b) < 4 {
		return nil, errSlot
	}
	n := uint64(binary.BigEndian.Uint32(b))
	if n > uint64(len(b)) || 4+n+sha256.Size > uint64(len(b)) {
		return nil, errSlot
	}
	sum := sha256.Sum256(b[:4+n])
	if !bytes.Equal(sum[:], b[4+n:4+n+sha256.Size]) {
		return nil, errSlot
	}
	return decodeState(b[4 : 4+n])
}

func decodeState(b []byte) (*slot, error) {
	r := wire.NewReader(b)
	r.Array(18)
	if v := r.Uint(); r.Err() == nil && v != 1 {
		return nil, fmt.Errorf("%w: version %d", errSlot, v)
	}
	var out slot
	s := &out.state
	out.serial = r.Uint()
	s.place.machine = r.Str(maxPlaceText)
	s.place.boot = r.Str(maxPlaceText)
	s.place.device = r.Uint()
	s.place.inode = r.Uint()
	s.place.peer = r.ID()
	s.room = r.ID()
	s.author = r.ID()
	s.salt = bytes.Clone(r.Bin(maxSaltSize))
	s.incarnation = r.ID()
	s.signed = r.Uint()
	s.link = r.ID()
	s.acked = r.Uint()
	s.ackedLink = r.ID()
	for range r.ArrayLen(rooms.MaxHeads) {
		s.heads = append(s.heads, r.ID())
	}
	s.clock = r.Uint()
	for range r.ArrayLen(maxExtents) {
		r.Array(2)
		out.extents = append(out.extents, extent{off: r.Uint(), len: r.Uint()})
	}
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", errSlot, err)
	}
	return &out, out.check()
}

// check refuses numbers that no writer writes, before anything is allocated by them.
func (s *slot) check() error {
	for _, e := range s.extents {
		if e.off < outboxBase || e.len == 0 || e.len > outboxArea || e.off > outboxBase+outboxArea-e.len {
			return fmt.Errorf("%w: records at %d", errSlot, e.off)
		}
	}
	if s.state.acked > s.state.signed {
		return fmt.Errorf("%w: acknowledged beyond what is signed", errSlot)
	}
	return nil
}
