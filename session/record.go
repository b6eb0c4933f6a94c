package session

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"parley/wire"
	"parley/wire/seal"
)

// A recordBuf holds one record on the wire, or a part of the bytes that arrive.
type recordBuf [wire.MaxRecord]byte

// recordBufs is the pool from which connections take buffers while data flows.
var recordBufs = sync.Pool{New: func() any { return new(recordBuf) }}

// A chain is the secret from which one direction's next keys follow.
type chain [32]byte

// advance replaces the chain by the next generation's and returns that
// generation's keys (package documentation, "Rekeying").
func (c *chain) advance() *seal.Keys {
	expand := func(use string) (out [32]byte) {
		info := string(binary.BigEndian.AppendUint32(nil, uint32(len(use)))) + use
		key, err := hkdf.Expand(sha256.New, c[:], info, len(out))
		if err != nil {
			panic(err) // only for lengths that Expand cannot give
		}
		copy(out[:], key)
		clear(key)
		return out
	}
	keys := &seal.Keys{Enc: expand("enc"), Mac: expand("mac"), IV: expand("iv")}
	*c = expand("next")
	return keys
}

// A usage counts what is sealed under one generation's keys.
type usage struct {
	generation uint64
	counter    uint64 // records so far, which is the next one's number
	bytes      uint64 // of them on the wire
}

func (u *usage) count(n int) {
	u.counter++
	u.bytes += uint64(n)
}

func (u *usage) next() { *u = usage{generation: u.generation + 1} }

// A sendHalf seals and writes records. mu guards everything but the counts.
type sendHalf struct {
	mu      sync.Mutex
	sealer  *seal.Sealer
	chain   chain
	used    usage
	mark    [headerSize + minRecord]byte // the empty record that rekeys
	pending []byte                       // sealed, cut off by a deadline, to be written first
	err     error                        // sticks: a record may be on the wire in part

	maxRecords, maxBytes uint64 // of a generation; tests lower them

	bytes, records atomic.Uint64 // written
}

// send seals the n > 0 bytes of plaintext at buf[headerSize:] and writes the
// record. After a timeout the record counts as sent: the rest of it goes in
// front of the next one. Any other error sticks. mu is held.
func (h *sendHalf) send(w net.Conn, buf *recordBuf, n int) error {
	if err := h.flush(w); err != nil {
		return err
	}
	if h.used.counter+2 > h.maxRecords || h.used.bytes+wire.MaxRecord+uint64(len(h.mark)) > h.maxBytes {
		mark := h.seal(h.mark[:], 0)
		h.sealer = seal.NewSealer(h.chain.advance())
		h.used.next()
		h.pending = append(h.pending, mark...)
		if err := h.flush(w); err != nil {
			if isTimeout(err) {
				h.pending = append(h.pending, h.seal(buf[:], n)...)
			}
			return err
		}
	}
	return h.write(w, h.seal(buf[:], n))
}

// seal makes the record of n bytes of plaintext at buf[headerSize:] in place.
func (h *sendHalf) seal(buf []byte, n int) []byte {
	sealed := h.sealer.Seal(buf[headerSize:headerSize+n], h.used.generation, h.used.counter)
	binary.BigEndian.PutUint32(buf, uint32(len(sealed)))
	h.used.count(headerSize + len(sealed))
	h.records.Add(1)
	return buf[:headerSize+len(sealed)]
}

// flush writes what a timeout left.
func (h *sendHalf) flush(w net.Conn) error {
	if h.err != nil || len(h.pending) == 0 {
		return h.err
	}
	rest := h.pending
	h.pending = nil
	return h.write(w, rest)
}

func (h *sendHalf) write(w net.Conn, b []byte) error {
	n, err := w.Write(b)
	h.bytes.Add(uint64(n))
	switch {
	case err == nil:
	case isTimeout(err):
		h.pending = append([]byte(nil), b[n:]...)
	default:
		h.err = err
	}
	return err
}

// A recvHalf reads and opens records. mu guards everything but the counts.
type recvHalf struct {
	mu     sync.Mutex
	opener *seal.Opener
	chain  chain
	used   usage
	err    error // sticks

	buf  []byte     // small, or all of big
	big  *recordBuf // from the pool, while a record needs it
	r, w int        // buf[r:w] has arrived and is not taken yet

	small [idleBuffer]byte

	bytes, records atomic.Uint64 // read
}

// next returns the next record's plaintext, which is never empty and stays
// valid until the next call. A timeout does not stick, any other error does. At
// the end between two records the error is io.EOF. mu is held.
func (h *recvHalf) next(conn net.Conn) ([]byte, error) {
	for h.err == nil {
		record, err := h.take()
		if err != nil {
			h.err = err
			break
		}
		if record == nil {
			if err := h.fill(conn); err != nil {
				return nil, err
			}
			continue
		}
		plain, err := h.open(record)
		if err != nil {
			h.err = err
			break
		}
		if len(plain) > 0 {
			return plain, nil
		}
	}
	return nil, h.err
}

// take returns the next whole sealed record that has arrived, or nil after
// having made room for the rest of it.
func (h *recvHalf) take() ([]byte, error) {
	have := h.w - h.r
	if have < headerSize {
		h.makeRoom(headerSize)
		return nil, nil
	}
	n := int64(binary.BigEndian.Uint32(h.buf[h.r:]))
	switch {
	case n > wire.MaxRecord-headerSize:
		return nil, broken(wire.CodeTooLarge, ErrRecord, "length %d", n)
	case n < minRecord || n%seal.BlockSize != 0:
		return nil, broken(wire.CodeProtocol, ErrRecord, "length %d", n)
	}
	size := headerSize + int(n)
	if have < size {
		h.makeRoom(size)
		return nil, nil
	}
	record := h.buf[h.r+headerSize : h.r+size]
	h.r += size
	return record, nil
}

// makeRoom readies the buffer for the size bytes of which buf[r:w] is the start.
func (h *recvHalf) makeRoom(size int) {
	switch {
	case h.r == h.w && h.big != nil && size <= len(h.small):
		h.release()
	case size > len(h.small) && h.big == nil:
		h.big = recordBufs.Get().(*recordBuf)
		h.w = copy(h.big[:], h.buf[h.r:h.w])
		h.r, h.buf = 0, h.big[:]
	case h.r == h.w:
		h.r, h.w = 0, 0
	case h.r+size > len(h.buf):
		h.w = copy(h.buf, h.buf[h.r:h.w])
		h.r = 0
	}
	if h.buf == nil {
		h.buf = h.small[:]
	}
}

// release gives the large buffer back. What it holds is lost.
func (h *recvHalf) release() {
	if h.big != nil {
		recordBufs.Put(h.big)
		h.big = nil
	}
	h.buf, h.r, h.w = h.small[:], 0, 0
}

func (h *recvHalf) fill(conn net.Conn) error {
	n, err := conn.Read(h.buf[h.w:])
	h.bytes.Add(uint64(n))
	h.w += n
	switch {
	case n > 0 || err == nil:
		return nil // an error comes again
	case isTimeout(err):
		return err
	case err == io.EOF && h.r != h.w:
		err = io.ErrUnexpectedEOF
	}
	h.err = err
	return err
}

// open opens a record in place. An empty one advances the keys.
func (h *recvHalf) open(record []byte) ([]byte, error) {
	plain, err := h.opener.Open(record, h.used.generation, h.used.counter)
	if err != nil {
		return nil, broken(wire.CodeProtocol, ErrRecord, "record %d of generation %d", h.used.counter, h.used.generation)
	}
	h.used.count(headerSize + len(record))
	h.records.Add(1)
	if h.used.counter > MaxGenerationRecords || h.used.bytes > MaxGenerationBytes {
		return nil, broken(wire.CodeProtocol, ErrRekey, "after %d records, %d bytes", h.used.counter, h.used.bytes)
	}
	if len(plain) > 0 {
		return plain, nil
	}
	if h.used.counter == 1 {
		return nil, broken(wire.CodeProtocol, ErrRekey, "nothing was sealed under these keys")
	}
	h.opener = seal.NewOpener(h.chain.advance())
	h.used.next()
	return nil, nil
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
