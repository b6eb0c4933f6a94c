package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"

	"parley/store"
	"parley/wire"
)

// The first byte of every key: its table (see the package documentation).
const (
	tableMeta    = 'M'
	tableRoom    = 'R'
	tableHead    = 'H'
	tableLog     = 'N'
	tableRecord  = 'C'
	tableValue   = 'V'
	tableArrival = 'a'
	tableRun     = 'r'
)

var roomTables = [...]byte{tableHead, tableLog, tableRun, tableArrival, tableRecord}

const (
	runKeySize     = 1 + 4 + 8 + 8
	arrivalKeySize = 1 + 4 + 8
	runFixed       = 8 + wire.IDSize // of a run's value, before its varints
)

var (
	keyInstance = []byte{tableMeta, 'i', 'n', 's', 't', 'a', 'n', 'c', 'e'}
	keyNextRoom = []byte{tableMeta, 'n', 'e', 'x', 't', 'r', 'o', 'o', 'm'}
	keyArrivals = []byte{tableMeta, 'a', 'r', 'r', 'i', 'v', 'a', 'l', 's'}

	errShort = errors.New("a stored value is cut short")
)

// roomState is the value of table R: what a room is called inside, and its counters.
type roomState struct {
	number      uint32
	lastArrival uint64
	nextLog     uint64
	changed     bool // by the request being staged
}

// logState is the value of table H.
type logState struct {
	number uint64
	store.Head
	changed bool // by the request being staged
}

// logKey names a log to the committer.
type logKey struct {
	room uint32
	log  wire.ID
}

func appendRoomKey(dst []byte, room wire.ID) []byte {
	return append(append(dst, tableRoom), room[:]...)
}

func appendRoomTable(dst []byte, table byte, room uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, table), room)
}

func appendHeadKey(dst []byte, room uint32, log wire.ID) []byte {
	return append(appendRoomTable(dst, tableHead, room), log[:]...)
}

func appendLogKey(dst []byte, room uint32, log uint64) []byte {
	return binary.BigEndian.AppendUint64(appendRoomTable(dst, tableLog, room), log)
}

func appendRunKey(dst []byte, room uint32, log, first uint64) []byte {
	dst = binary.BigEndian.AppendUint64(appendRoomTable(dst, tableRun, room), log)
	return binary.BigEndian.AppendUint64(dst, first)
}

func appendArrivalKey(dst []byte, room uint32, arrival uint64) []byte {
	return binary.BigEndian.AppendUint64(appendRoomTable(dst, tableArrival, room), arrival)
}

func appendRecordKey(dst []byte, room uint32, kind store.Kind, id wire.ID) []byte {
	dst = append(appendRoomTable(dst, tableRecord, room), byte(kind))
	return append(dst, id[:]...)
}

func appendValueKey(dst []byte, key string) []byte {
	return append(append(dst, tableValue), key...)
}

// successor turns prefix, in place, into the least key above all keys with that prefix.
func successor(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i]++; prefix[i] != 0 {
			return prefix[:i+1]
		}
	}
	return nil
}

func appendRoomState(dst []byte, s *roomState) []byte {
	dst = binary.BigEndian.AppendUint32(dst, s.number)
	dst = binary.AppendUvarint(dst, s.lastArrival)
	return binary.AppendUvarint(dst, s.nextLog)
}

func decodeRoomState(b []byte) (s roomState, err error) {
	r := reader{b: b}
	s.number = uint32(r.fixed(4))
	s.lastArrival = r.uvarint()
	s.nextLog = r.uvarint()
	return s, r.end()
}

func appendLogState(dst []byte, s *logState) []byte {
	dst = binary.BigEndian.AppendUint64(dst, s.number)
	dst = append(dst, s.Author[:]...)
	dst = append(dst, s.Link[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.LastReceived))
	dst = binary.AppendUvarint(dst, s.Floor)
	dst = binary.AppendUvarint(dst, s.Last)
	dst = binary.AppendUvarint(dst, s.Bytes)
	dst = binary.AppendUvarint(dst, s.LastArrival)
	return append(dst, s.Note...)
}

func decodeLogState(log wire.ID, b []byte) (s logState, err error) {
	r := reader{b: b}
	s.number = r.fixed(8)
	s.Log = log
	s.Author = r.id()
	s.Link = r.id()
	s.LastReceived = int64(r.fixed(8))
	s.Floor = r.uvarint()
	s.Last = r.uvarint()
	s.Bytes = r.uvarint()
	s.LastArrival = r.uvarint()
	s.Note = string(r.b)
	return s, r.err
}

// runValueSize is the encoded size of a run whose arrival number is given apart.
func runValueSize(run *store.Run, arrival uint64) int {
	return runFixed + uvarintSize(run.Last-run.First) + uvarintSize(arrival) + len(run.Bytes)
}

// putRunValue encodes a run into dst, which has runValueSize bytes.
func putRunValue(dst []byte, run *store.Run, arrival uint64) {
	binary.BigEndian.PutUint64(dst, uint64(run.Received))
	copy(dst[8:], run.Link[:])
	n := runFixed
	n += binary.PutUvarint(dst[n:], run.Last-run.First)
	n += binary.PutUvarint(dst[n:], arrival)
	copy(dst[n:], run.Bytes)
}

// decodeRun fills in what key and value of table r say; Bytes alias value.
func decodeRun(key, value []byte, run *store.Run) (log uint64, err error) {
	if len(key) != runKeySize {
		return 0, fmt.Errorf("a run's key of %d bytes", len(key))
	}
	log = binary.BigEndian.Uint64(key[5:])
	run.First = binary.BigEndian.Uint64(key[13:])
	r := reader{b: value}
	run.Received = int64(r.fixed(8))
	run.Link = r.id()
	run.Last = run.First + r.uvarint()
	run.Arrival = r.uvarint()
	run.Bytes = r.b
	if run.Last < run.First {
		return log, errors.New("a run's last number overflows")
	}
	return log, r.err
}

func uvarintSize(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// reader takes a stored value apart; its error sticks.
type reader struct {
	b   []byte
	err error
}

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.err = errShort
		r.b = nil
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) fixed(n int) (v uint64) {
	for _, c := range r.take(n) {
		v = v<<8 | uint64(c)
	}
	return v
}

func (r *reader) id() (id wire.ID) {
	copy(id[:], r.take(wire.IDSize))
	return id
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.err = errShort
		r.b = nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) end() error {
	if r.err == nil && len(r.b) != 0 {
		return errors.New("a stored value has bytes left over")
	}
	return r.err
}
