package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"parley/rooms"
	"parley/wire"
)

// The outbox is one file for each room: the writer's state, and the runs that
// the peer has not acknowledged. It is written before a run is sent, in place
// and without fsync: what it protects against is the end of the process, at
// any moment. After the end of the machine its boot ID differs, and the writer
// starts a new incarnation.
//
//	0      slot 0: length of the state (4 bytes, big-endian), state, SHA-256 of both
//	4096   slot 1: likewise; the valid slot with the higher serial counts
//	8192   ring of records: length (4), CRC-32C of the body (4), body
//
// A record is written before the state that names it, and the two slots are
// written in turn, so that an end between or within any two writes leaves a
// state whose records are whole.
//
//	state  [1, serial, machine, boot, device, inode, peer, room, author, salt, incarnation,
//	        last signed, its link, last acknowledged, its link, [heads…] and clock of the last run, [[offset, length]…]]
//	record [1, [[index, name]…], run]: the names given by --key to messages of the run

// errOutboxFull cannot happen while maxInFlight holds; it is checked all the same.
var errOutboxFull = errors.New("client: the outbox is full")

const (
	slotSize     = 4096
	outboxBase   = 2 * slotSize
	recordHeader = 8
	maxNamed     = rooms.MaxRunMessages // named messages in one run
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// outboxFile is what the outbox needs of its file.
type outboxFile interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Close() error
}

// A place tells where a writer's state was made: if any part of it differs,
// the state may be a copy, or may have lost writes.
type place struct {
	machine, boot string
	device, inode uint64
	peer          wire.ID
}

// writerState is the part of the outbox that says how the log goes on.
type writerState struct {
	place       place
	room        wire.ID
	author      wire.ID
	salt        []byte
	incarnation wire.ID // zero: no log was started
	signed      uint64  // number of the last message signed
	link        wire.ID // of its run
	acked       uint64
	ackedLink   wire.ID
	heads       []wire.ID
	clock       uint64
}

func (s *writerState) log() wire.ID {
	if s.incarnation.IsZero() {
		return wire.ID{}
	}
	return rooms.LogID(s.room, s.author, s.incarnation)
}

// A pending run is signed and not acknowledged.
type pending struct {
	run    *rooms.Run
	names  []named
	plain  [][]byte // its messages; nil if another process signed it
	extent extent
}

// named ties a message of a run to the name under which it was sent.
type named struct {
	index int
	name  wire.ID // keyName of the text
}

type extent struct{ off, len uint64 }

func (e extent) end() uint64 { return e.off + e.len }

// An outbox is the opened file with its state. The holder of the room's turn
// owns it.
type outbox struct {
	file    outboxFile
	serial  uint64
	state   writerState
	pending []pending // ascending
	extents []extent  // of pending's records: one, or two when the ring wraps
	saved   []extent  // as the file's state has them
	dirty   bool      // state differs from the file
	high    uint64    // end of the file
	damaged bool      // a record could not be read back
	buf     []byte
}

// openOutboxFile opens or makes the file and tells its identity.
func openOutboxFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("client: outbox: %w", err)
	}
	return f, nil
}

// readOutbox reads the state and the pending runs. A file without a valid
// state is an empty outbox: nothing was ever sent from it.
func readOutbox(f outboxFile) (*outbox, error) {
	o := &outbox{file: f}
	slots := make([]byte, outboxBase)
	n, err := f.ReadAt(slots, 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("client: read outbox: %w", err)
	}
	slots = slots[:n]
	for i := range 2 {
		if len(slots) < i*slotSize {
			break
		}
		s, err := decodeSlot(slots[i*slotSize : min((i+1)*slotSize, len(slots))])
		if err == nil && s.serial > o.serial {
			o.serial, o.state, o.extents = s.serial, s.state, s.extents
			o.saved = append(o.saved[:0], s.extents...)
		}
	}
	return o, o.readPending()
}

func (o *outbox) readPending() error {
	for _, e := range o.extents {
		b := make([]byte, e.len)
		if _, err := o.file.ReadAt(b, int64(e.off)); err != nil && err != io.EOF {
			return fmt.Errorf("client: read outbox: %w", err)
		}
		for off := uint64(0); off < e.len; {
			p, size, err := decodeRecord(b[off:])
			if err != nil {
				// Only a machine's sudden end can lose a record that the state names.
				o.damaged = true
				return nil
			}
			p.extent = extent{e.off + off, size}
			o.pending = append(o.pending, p)
			off += size
		}
		o.high = max(o.high, e.end())
	}
	return nil
}

// add records a signed run before it is sent. The state's link, head and clock
// become the run's.
func (o *outbox) add(p pending) error {
	o.buf = appendRecord(o.buf[:0], p.names, p.run.Raw)
	off, err := o.reserve(uint64(len(o.buf)))
	if err != nil {
		return err
	}
	if o.dirty && overlaps(o.saved, extent{off, uint64(len(o.buf))}) {
		// The file's state still names what would be written over.
		if err := o.save(); err != nil {
			return err
		}
	}
	if _, err := o.file.WriteAt(o.buf, int64(off)); err != nil {
		return fmt.Errorf("client: write outbox: %w", err)
	}
	p.extent = extent{off, uint64(len(o.buf))}
	o.high = max(o.high, p.extent.end())
	if n := len(o.extents); n > 0 && o.extents[n-1].end() == off {
		o.extents[n-1].len += p.extent.len
	} else {
		o.extents = append(o.extents, p.extent)
	}
	o.pending = append(o.pending, p)
	o.state.signed, o.state.link = p.run.Last(), p.run.Hash
	o.state.heads, o.state.clock = p.run.Heads, p.run.Clock
	return o.save()
}

// reserve finds room in the ring for a record of size bytes.
func (o *outbox) reserve(size uint64) (off uint64, err error) {
	const end = outboxBase + outboxArea
	switch len(o.extents) {
	case 0:
		return outboxBase, nil
	case 1:
		if tail := o.extents[0].end(); tail+size <= end {
			return tail, nil
		}
		if outboxBase+size <= o.extents[0].off {
			return outboxBase, nil
		}
	default:
		if tail := o.extents[1].end(); tail+size <= o.extents[0].off {
			return tail, nil
		}
	}
	return 0, errOutboxFull
}

// acked takes out the runs that are durable up to message last. The file is
// told by the next save: until then they would be sent again, which changes nothing.
func (o *outbox) acked(last uint64) []pending {
	n := 0
	for n < len(o.pending) && o.pending[n].run.Last() <= last {
		n++
	}
	if n == 0 {
		return nil
	}
	done := o.pending[:n:n]
	o.pending = o.pending[n:]
	o.state.acked, o.state.ackedLink = done[n-1].run.Last(), done[n-1].run.Hash
	for _, p := range done {
		o.release(p.extent)
	}
	o.dirty = true
	return done
}

func (o *outbox) release(e extent) {
	first := &o.extents[0]
	first.off += e.len
	first.len -= e.len
	if first.len == 0 {
		o.extents = append(o.extents[:0], o.extents[1:]...)
	}
}

// begin starts a new log: nothing of the old one is kept but its clock.
func (o *outbox) begin(at place, room, author wire.ID, salt []byte, incarnation wire.ID) {
	o.state = writerState{
		place: at, room: room, author: author, salt: salt, incarnation: incarnation,
		clock: o.state.clock,
	}
	o.pending, o.extents, o.damaged, o.dirty = nil, nil, false, true
}

// drop forgets what is pending: the peer refused it for good. The log has
// numbers that were signed and will never be signed again, so it is over.
func (o *outbox) drop() []pending {
	dropped := o.pending
	clock := o.state.clock
	o.state = writerState{place: o.state.place, room: o.state.room, author: o.state.author, clock: clock}
	o.pending, o.extents, o.damaged, o.dirty = nil, nil, false, true
	return dropped
}

// save writes the state into the slot that is not the newest.
func (o *outbox) save() error {
	o.serial++
	slot, err := encodeSlot(o.serial, &o.state, o.extents)
	if err != nil {
		return err
	}
	if _, err := o.file.WriteAt(slot, int64(o.serial%2)*slotSize); err != nil {
		return fmt.Errorf("client: write outbox: %w", err)
	}
	o.dirty = false
	o.saved = append(o.saved[:0], o.extents...)
	return nil
}

func overlaps(extents []extent, with extent) bool {
	for _, e := range extents {
		if e.off < with.end() && with.off < e.end() {
			return true
		}
	}
	return false
}

// settle saves what the file does not have yet, and cuts an emptied file down.
func (o *outbox) settle() error {
	if o.dirty {
		if err := o.save(); err != nil {
			return err
		}
	}
	if len(o.pending) == 0 && o.high > outboxKeep {
		o.high = outboxBase
		if err := o.file.Truncate(outboxBase); err != nil {
			return fmt.Errorf("client: cut outbox: %w", err)
		}
	}
	return nil
}

func appendRecord(dst []byte, names []named, run []byte) []byte {
	dst = append(dst, make([]byte, recordHeader)...)
	dst = wire.AppendArray(dst, 3)
	dst = wire.AppendUint(dst, 1)
	dst = wire.AppendArray(dst, len(names))
	for _, n := range names {
		dst = wire.AppendArray(dst, 2)
		dst = wire.AppendUint(dst, uint64(n.index))
		dst = wire.AppendID(dst, n.name)
	}
	dst = wire.AppendBin(dst, run)
	body := dst[recordHeader:]
	binary.BigEndian.PutUint32(dst, uint32(len(body)))
	binary.BigEndian.PutUint32(dst[4:], crc32.Checksum(body, castagnoli))
	return dst
}

// decodeRecord reads the record at the start of b and tells its size.
func decodeRecord(b []byte) (p pending, size uint64, err error) {
	if len(b) < recordHeader {
		return p, 0, fmt.Errorf("client: outbox record cut short")
	}
	n := uint64(binary.BigEndian.Uint32(b))
	if n > uint64(len(b)-recordHeader) {
		return p, 0, fmt.Errorf("client: outbox record cut short")
	}
	body := b[recordHeader : recordHeader+n]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[4:]) {
		return p, 0, fmt.Errorf("client: outbox record damaged")
	}
	r := wire.NewReader(body)
	r.Array(3)
	r.UintMax(1)
	for range r.ArrayLen(maxNamed) {
		r.Array(2)
		p.names = append(p.names, named{index: int(r.UintMax(maxNamed)), name: r.ID()})
	}
	raw := r.Bin(wire.MaxRun)
	if err := r.Done(); err != nil {
		return p, 0, fmt.Errorf("client: outbox record: %w", err)
	}
	if p.run, err = rooms.ParseRun(raw); err != nil {
		return p, 0, fmt.Errorf("client: outbox record: %w", err)
	}
	return p, recordHeader + n, nil
}
